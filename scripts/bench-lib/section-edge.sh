# The cost of a proxied request, the latency under that load and at a steady rate, and memory with 1,000 connections, idle
# and all at work.

STEADY_RATE=4000

section_edge() {
  local round proxy before after proxies=(bascule haproxy nginx)
  declare -A cpu=() p99=() steady=() idle=() active=()
  for ((round = 1; round <= ROUNDS; round++)); do
    for proxy in "${proxies[@]}"; do
      "start_$proxy"
      # Once to warm it up: connections to the upstream, caches, memory.
      taskset -c $CLIENT_CORE wrk -t1 -c32 -d1s "http://127.0.0.1:$PORT/" >/dev/null
      before=$(cpu_ticks "$ROOT")
      full_load "$PORT"
      after=$(cpu_ticks "$ROOT")
      ((ERRORS == 0)) || die "$proxy: $ERRORS errors under plain load"
      cpu[$proxy]+="$(calculate "($after - $before) * 1000000 / $(getconf CLK_TCK) / $REQUESTS" 3)"$'\n'
      p99[$proxy]+="$P99_US"$'\n'
      taskset -c $CLIENT_CORE "$HELPER" load "127.0.0.1:$PORT" http1=32 rate=$STEADY_RATE \
        seconds="$SECONDS_EACH" >"$SCRATCH/steady"
      [[ $(value failed "$SCRATCH/steady") == 0 ]] || die "$proxy: requests failed at a steady rate"
      steady[$proxy]+="$(value p99_us "$SCRATCH/steady")"$'\n'
      stop "$ROOT"
      say "round $round $proxy: $(tail -n2 <<<"${cpu[$proxy]}" | head -n1) µs of CPU, p99 $P99_US µs at full load," \
        "$(value p99_us "$SCRATCH/steady") µs at $STEADY_RATE/s"
    done
  done
  for proxy in "${proxies[@]}"; do
    "start_$proxy"
    taskset -c $CLIENT_CORE "$HELPER" hold "127.0.0.1:$PORT" 1000 >"$SCRATCH/hold" &
    local holder=$!
    STARTED+=("$holder")
    until grep -q '^open=1000$' "$SCRATCH/hold"; do
      kill -0 "$holder" 2>/dev/null || die "$proxy: 1,000 connections could not be held open"
      sleep 0.05
    done
    idle[$proxy]=$(resident_kib "$ROOT")
    stop "$holder"
    active[$proxy]=$(resident_under_load "$PORT" 1000)
    stop "$ROOT"
    say "$proxy: ${idle[$proxy]} KiB resident with 1,000 idle connections, ${active[$proxy]} KiB with all at work"
  done
  render_edge | document edge
}

render_edge() {
  local proxy base_cpu base_p99 base_steady
  cat <<END
## Edge

$(measured) Medians of $ROUNDS alternating rounds of $SECONDS_EACH s; a body of about 64 bytes over 32 keep-alive connections.
At $STEADY_RATE requests per second, the latency of a request that the one before it held up counts from when it was due. Memory
is what is resident with 1,000 connections: each kept open after a request or two, or all asking as fast as it goes.

| | CPU per request | × haproxy | × nginx | p99, full load | × haproxy | p99, $STEADY_RATE/s | × haproxy | memory, 1,000 idle | 1,000 at work |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
END
  middle() { printf '%s' "$1" | median; }
  base_cpu=$(middle "${cpu[haproxy]}")
  base_p99=$(middle "${p99[haproxy]}")
  base_steady=$(middle "${steady[haproxy]}")
  for proxy in "${proxies[@]}"; do
    local own_cpu own_p99 own_steady
    own_cpu=$(middle "${cpu[$proxy]}")
    own_p99=$(middle "${p99[$proxy]}")
    own_steady=$(middle "${steady[$proxy]}")
    echo "| $(title "$proxy") | $(calculate "$own_cpu" 1) µs | $(calculate "$own_cpu / $base_cpu")" \
      "| $(calculate "$own_cpu / $(middle "${cpu[nginx]}")")" \
      "| $(calculate "$own_p99 / 1000") ms | $(calculate "$own_p99 / $base_p99")" \
      "| $(calculate "$own_steady / 1000") ms | $(calculate "$own_steady / $base_steady")" \
      "| $(calculate "${idle[$proxy]} / 1024" 1) MiB | $(calculate "${active[$proxy]} / 1024" 1) MiB |"
  done
}
