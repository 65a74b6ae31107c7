# Moving the traffic under load: switches of Bascule, reloads of the other two with a changed upstream. The same client
# makes the same load for all: 32 keep-alive connections at a steady rate, and nothing is sent twice.

SWITCH_RATE=2000
RELOADS=20
SWITCHES=200

section_switch() {
  local proxy
  : >"$SCRATCH/switch-rows"
  for proxy in bascule haproxy nginx; do
    "start_$proxy"
    if [[ $proxy == bascule ]]; then switches_bascule; else reloads "$proxy"; fi
    stop "$ROOT"
  done
  render_switch | document switch
}

# load_into FILE: some seconds of the load.
load_into() {
  taskset -c $CLIENT_CORE "$HELPER" load "127.0.0.1:$PORT" http1=32 rate=$SWITCH_RATE seconds="$2" >"$1"
}

reloads() { # proxy
  local number upstream load seconds
  seconds=$(calculate "$RELOADS * 0.5 + 1" 1)
  load_into "$SCRATCH/quiet" "$seconds"
  load_into "$SCRATCH/moving" "$seconds" &
  load=$!
  STARTED+=("$load")
  sleep 0.5
  for ((number = 1; number <= RELOADS; number++)); do
    upstream=$BLUE
    ((number % 2 == 0)) || upstream=$GREEN
    "again_$1" "$upstream"
    sleep 0.5
  done
  wait "$load"
  row "$1" "$RELOADS reloads" "" ""
}

switches_bascule() {
  local first call
  load_into "$SCRATCH/quiet" "$(calculate "$SWITCHES * 0.05" 1)"
  taskset -c $CLIENT_CORE "$HELPER" switches "$EDGE_STATE" "127.0.0.1:$PORT" $SWITCHES http1=32 rate=$SWITCH_RATE \
    >"$SCRATCH/moving"
  call="$(calculate "$(value switch_median_us "$SCRATCH/moving") / 1000") ms"
  first="$(calculate "$(value first_answer_median_us "$SCRATCH/moving") / 1000") ms"
  row bascule "$SWITCHES switches" "$call" "$first"
}

# row PROXY WHAT SWITCH FIRST: from the figures of the quiet and the moving load.
row() {
  local quiet moving failed
  quiet=$(value p999_us "$SCRATCH/quiet")
  moving=$(value p999_us "$SCRATCH/moving")
  failed=$(value failed "$SCRATCH/moving")
  [[ $(value failed "$SCRATCH/quiet") == 0 ]] || die "$1: requests failed with nothing moving"
  echo "| $(title "$1") | $2 | $(value requests "$SCRATCH/moving") | $failed | $(calculate "$quiet / 1000") ms" \
    "| $(calculate "$moving / 1000") ms | $(calculate "$moving / $quiet") | ${3:-–} | ${4:-–} |" >>"$SCRATCH/switch-rows"
  say "$1: $2, $failed of $(value requests "$SCRATCH/moving") requests broken"
  value failure "$SCRATCH/moving" >&2
}

render_switch() {
  cat <<END
## Moving the traffic under load

$(measured) 32 keep-alive connections, $SWITCH_RATE requests per second; the latency of a request that the
one before it held up counts from when it was due. A request whose connection ended under it is broken, because this client
sends nothing twice. "Switch" is the call at the control socket, its place on disk
included; "first answer" is from the decision to the first answer of the other slot.

| | moved | requests | broken | p99.9, quiet | p99.9, moving | ratio | switch, median | first answer, median |
|---|---|--:|--:|--:|--:|--:|--:|--:|
END
  cat "$SCRATCH/switch-rows"
}
