# Measuring a proxy from outside: processor time and memory from /proc, requests and latency from the client.

# processes ROOT: it and all its children.
processes() {
  echo "$1"
  local child
  for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do processes "$child"; done
}

# cpu_ticks ROOT: user and system time of its processes so far, in ticks of the clock.
cpu_ticks() {
  local pid total=0 used
  for pid in $(processes "$1"); do
    # The name in the second field may hold spaces: count from behind its bracket.
    used=$(awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$pid/stat" 2>/dev/null) || used=0
    total=$((total + used))
  done
  echo "$total"
}

# resident_kib ROOT: resident memory of its processes together.
resident_kib() {
  local pid
  for pid in $(processes "$1"); do awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status"; done |
    awk '{ sum += $1 } END { print sum }'
}

# full_load PORT: 32 keep-alive connections as fast as it goes. Sets REQUESTS, P99_US and ERRORS.
full_load() {
  taskset -c $CLIENT_CORE wrk -t1 -c32 -d"${SECONDS_EACH}s" --latency "http://127.0.0.1:$1/" >"$SCRATCH/wrk"
  REQUESTS=$(awk '/requests in/ { print $1 }' "$SCRATCH/wrk")
  P99_US=$(awk '$1 == "99%" {
    factor = ($2 ~ /us$/) ? 1 : ($2 ~ /ms$/) ? 1000 : 1000000
    printf "%d", $2 * factor }' "$SCRATCH/wrk")
  ERRORS=$(awk '/Socket errors/ { gsub(",", ""); sum += $4 + $6 + $8 + $10 } /Non-2xx/ { sum += $NF } END { print sum + 0 }' "$SCRATCH/wrk")
}

# resident_under_load PORT CONNECTIONS: what the proxy in ROOT has in memory while so many connections ask at the same time.
resident_under_load() {
  taskset -c $CLIENT_CORE wrk -t1 -c"$2" -d"${SECONDS_EACH}s" "http://127.0.0.1:$1/" >"$SCRATCH/wrk" &
  local load=$! most=0 now
  # The most that is seen, so that it does not matter when all of them have had their turn.
  while kill -0 "$load" 2>/dev/null; do
    now=$(resident_kib "$ROOT")
    most=$((now > most ? now : most))
    sleep 0.1
  done
  echo "$most"
}
