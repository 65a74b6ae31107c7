# A project with the shop as its app, and a control plane of the bench's own, for the sections that drive the command line.

BOOT_MS=300

# begin_project INSTANCES: an empty state folder with its control plane, and the project. Sets PROJECT, STATE, DOOR, SERVE.
begin_project() {
  PROJECT=$(mktemp -d "$SCRATCH/project.XXXX")
  STATE=$(mktemp -d "$SCRATCH/state.XXXX")
  DOOR=$(free_port)
  VERSION=0
  INSTANCES=$1
  cp "$SHOP" "$PROJECT/shop"
  serve
}

# serve: starts the control plane, which starts the edge, and waits until it answers.
serve() {
  "$BASCULE" serve --state "$STATE" >>"$SCRATCH/log" 2>&1 &
  SERVE=$!
  STARTED+=("$SERVE")
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    [[ -S $STATE/edge.sock && -S $STATE/bascule.sock ]] && return
    kill -0 "$SERVE" 2>/dev/null || { cat "$SCRATCH/log" >&2; die "the control plane did not start; its log is above"; }
    sleep 0.05
  done
  die "the control plane did not come up within ten seconds"
}

# release: the next version of the manifest. All that is not written here is as Bascule has it by default.
release() {
  VERSION=$((VERSION + 1))
  cat >"$PROJECT/bascule.toml" <<END
app = "shop"
[build]
files = ["shop"]
[services.web]
command = ["./shop"]
port = 3000
instances = $INSTANCES
[services.web.health]
path = "/health"
[[verify]]
name = "users"
get = "/api/users"
expect = { status = 200 }
[rollout]
bake = "0s"
[environments.bench]
listen = "127.0.0.1:$DOOR"
env = { SHOP_VERSION = "v$VERSION", SHOP_FAULT_BOOT_MS = "$BOOT_MS" }
END
}

bascule() { "$BASCULE" "$@" --project "$PROJECT" --state "$STATE" </dev/null; }

# took COMMAND…: runs it quietly and prints the milliseconds it took.
took() {
  local start=${EPOCHREALTIME/./}
  if ! "$@" >"$SCRATCH/said" 2>&1; then
    cat "$SCRATCH/said" >&2
    die "this failed: $*"
  fi
  calculate "(${EPOCHREALTIME/./} - $start) / 1000" 1
}

end_project() {
  local edge
  edge=$("$HELPER" edge-pid "$STATE")
  took bascule down bench >/dev/null
  # The control plane first: it would start the edge again.
  stop "$SERVE"
  kill "$edge" 2>/dev/null || true
  while kill -0 "$edge" 2>/dev/null; do sleep 0.02; done
}
