# What every section needs: programs, cores, a scratch folder, and an end that leaves nothing running.

ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-4}
PROXY_CORE=0
CLIENT_CORE=1
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/bascule-bench.XXXXXX")
STARTED=()

finish() {
  local pid
  for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${STARTED[@]}"; do wait "$pid" 2>/dev/null || true; done
  [[ -z ${NAMESPACE:-} ]] || kubectl delete namespace "$NAMESPACE" --wait=false >/dev/null 2>&1 || true
  rm -rf "$SCRATCH"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { echo "bench: $*" >&2; }
die() { echo "bench: $*" >&2; exit 1; }

need_programs() {
  local missing=() program
  for program in nginx haproxy wrk; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || missing+=("$program")
  done
  if ((${#missing[@]} > 0)); then
    ((EUID == 0)) || die "these programs are missing: ${missing[*]}; as root: apt-get install nginx-light haproxy wrk"
    say "installing ${missing[*]}"
    apt-get update -q >/dev/null
    # Only the programs: the services that come with the packages are not to start.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qy --no-install-recommends \
      "${missing[@]/#nginx/nginx-light}" >/dev/null
  fi
  PATH=$PATH:/usr/sbin
}

need_two_cores() {
  (($(nproc) >= 2)) || die "this needs two cores: one for the proxy, one for the client and the upstream"
}

# How busy the machine is with other things, in percent of all cores over two seconds: figures of a busy machine say little.
look_around() {
  busy_ticks() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 + $9, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' /proc/stat; }
  local busy total busy_then total_then
  read -r busy_then total_then < <(busy_ticks)
  sleep 2
  read -r busy total < <(busy_ticks)
  OTHERS=$(calculate "100 * ($busy - $busy_then) / ($total - $total_then)" 0)
  ((OTHERS <= 5)) || say "other programs use $OTHERS % of this machine: close them, or do not trust these figures"
}

build() {
  say "building"
  # In one go: apart, the packages would want other features of what they share, and build it twice.
  cargo build --quiet --release -p bascule -p shop -p bascule-load --bins --examples
  local built=${CARGO_TARGET_DIR:-target}/release
  BASCULE=$(realpath "$built/bascule")
  SHOP=$(realpath "$built/shop")
  HELPER=$(realpath "$built/examples/bench")
}

# on CORE COMMAND…: starts it there in the background; its process id is in $! and it is ended with the script.
on() {
  local core=$1
  shift
  taskset -c "$core" "$@" >>"$SCRATCH/log" 2>&1 &
  STARTED+=("$!")
}

# stop PID: ends what `on` started, waits, and forgets it: its number may soon be another's.
stop() {
  local pid left=()
  kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
  for pid in "${STARTED[@]}"; do [[ $pid == "$1" ]] || left+=("$pid"); done
  STARTED=("${left[@]}")
}

# A port that is free now.
free_port() { "$HELPER" port; }

# until_answers PORT: waits for a first good answer, ten seconds at most.
until_answers() {
  "$HELPER" answers "127.0.0.1:$1" || { cat "$SCRATCH/log" >&2; die "nobody answers on port $1; the log is above"; }
}

# median: of the numbers on standard input, one a line.
median() { sort -g | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# value KEY FILE: of the lines `key=value` that the helper writes.
value() { awk -F= -v key="$1" '$1 == key { print $2 }' "$2"; }

calculate() { awk "BEGIN { printf \"%.${2:-2}f\", $1 }"; }
