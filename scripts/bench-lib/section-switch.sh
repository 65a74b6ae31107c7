# Moving the traffic under load: switches of Bascule, reloads of the other two with a changed upstream. The same client
# makes the same load for all: 32 keep-alive connections at a steady rate, and nothing is sent twice.

SWITCH_RATE=2000
RELOADS=20

section_switch() {
  local proxy proxies line
  read -ra proxies <<<"${PROXIES:-haproxy nginx}"
  : >"$SCRATCH/switch-rows"
  for proxy in "${proxies[@]}"; do
    "start_$proxy"
    reloads "$proxy"
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

$(measured) 32 keep-alive connections, $SWITCH_RATE requests per second, latency from when a request was due; a request whose connection
ended under it is broken, because this client sends nothing twice. "Switch" is the call at the control socket, its place on disk
included; "first answer" is from the decision to the first answer of the other slot.

| | moved | requests | broken | p99.9, quiet | p99.9, moving | ratio | switch, median | first answer, median |
|---|---|--:|--:|--:|--:|--:|--:|--:|
END
  cat "$SCRATCH/switch-rows"
}
