# What Bascule adds to containers over the engine itself: one deploy beside creating and starting the same container by hand,
# and many starts at once beside as many by hand. "By hand" speaks to the engine's socket directly, with the same settings.

DOCKER_MANY=20

section_docker() {
  need_engine
  make_bench_image
  : >"$SCRATCH/docker-rows"
  local count
  for count in 1 $DOCKER_MANY; do docker_rounds "$count"; done
  docker rmi --force "$DOCKER_IMAGE" >/dev/null 2>&1 || true
  render_docker | document docker
}

need_engine() {
  docker info >/dev/null 2>&1 || die "no Docker Engine answers: start one (\`systemctl start docker\`), or leave this section out"
  ENGINE_SOCKET=${DOCKER_HOST:-unix:///var/run/docker.sock}
  ENGINE_SOCKET=${ENGINE_SOCKET#unix://}
}

engine() { # METHOD PATH [JSON]
  curl --silent --fail --unix-socket "$ENGINE_SOCKET" -X "$1" -H 'Content-Type: application/json' \
    ${3:+--data "$3"} "http://engine/v1.41$2"
}

# by_hand NAME: creates and starts one container with what Bascule gives it.
by_hand() {
  engine POST "/containers/create?name=$1" "{\"Image\":\"$DOCKER_IMAGE\",\"Cmd\":[\"./shop\"],
    \"Env\":[\"PORT=3000\",\"SHOP_VERSION=v0\",\"SHOP_FAULT_BOOT_MS=$BOOT_MS\"],
    \"HostConfig\":{\"NetworkMode\":\"bascule-bench\",\"CapDrop\":[\"ALL\"],\"SecurityOpt\":[\"no-new-privileges\"],
      \"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"10m\",\"max-file\":\"3\"}}}}" >/dev/null
  engine POST "/containers/$1/start"
}

address_of() { docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }

# many_by_hand COUNT: milliseconds until all are started, and until all answer; then removes them.
many_by_hand() {
  local begun=${EPOCHREALTIME/./} n pids=() names=()
  for ((n = 1; n <= $1; n++)); do
    names+=("bascule-bench-$n")
    by_hand "bascule-bench-$n" &
    pids+=("$!")
  done
  for n in "${pids[@]}"; do wait "$n" || die "the engine refused a container by hand"; done
  HAND_STARTED=$(calculate "(${EPOCHREALTIME/./} - $begun) / 1000" 1)
  for n in "${names[@]}"; do "$HELPER" answers "$(address_of "$n"):3000" || die "$n does not answer"; done
  HAND_ANSWERED=$(calculate "(${EPOCHREALTIME/./} - $begun) / 1000" 1)
  docker rm --force "${names[@]}" >/dev/null
}

docker_rounds() { # COUNT
  local count=$1 round whole hand="" started="" added="" own=""
  docker network create bascule-bench >/dev/null
  begin_project "$count"
  rm "$PROJECT/shop"
  docker_release
  took bascule deploy bench >/dev/null
  for ((round = 1; round <= ROUNDS; round++)); do
    many_by_hand "$count"
    docker_release
    whole=$(took bascule deploy bench --output json)
    own+="$(step_ms start)"$'\n'
    hand+="$HAND_STARTED"$'\n'
    added+="$(calculate "$whole - $HAND_ANSWERED" 1)"$'\n'
    started+="$HAND_ANSWERED"$'\n'
    say "round $round, $count containers: by hand started after $HAND_STARTED ms and answering after $HAND_ANSWERED ms;" \
      "deploy $whole ms, its step start $(step_ms start) ms"
  done
  end_project
  docker network rm bascule-bench >/dev/null
  middle() { calculate "$(printf '%s' "$1" | median)" 0; }
  echo "| $count | $(middle "$hand") ms | $(middle "$own") ms" \
    "| $(calculate "$(middle "$own") / $(middle "$hand")") | $(middle "$started") ms | $(middle "$added") ms |" \
    >>"$SCRATCH/docker-rows"
}

docker_release() {
  release
  sed -i -e "s|^files = .*|image = \"$DOCKER_IMAGE\"|" -e 's|^listen = |target = "docker"\nlisten = |' "$PROJECT/bascule.toml"
}

# step_ms STEP: how long a step of the deploy whose lines are in $SCRATCH/said took.
step_ms() {
  python3 - "$1" "$SCRATCH/said" <<'END'
import json, sys
from datetime import datetime
step, file = sys.argv[1:]
times = {}
for line in open(file):
    if not line.startswith("{"):
        continue
    recorded = json.loads(line).get("recorded", {})
    if recorded.get("step") == step:
        at = recorded["at"].replace("Z", "+00:00")
        whole, _, rest = at.partition(".")
        fraction = rest.split("+")[0][:6]
        times[recorded["kind"]] = datetime.fromisoformat(f"{whole}.{fraction:<06}+00:00".replace(" ", "0"))
print(round((times["step_done"] - times["step_started"]).total_seconds() * 1000))
END
}

render_docker() {
  cat <<END
## Containers

$(measured) Medians of $ROUNDS rounds, both cores for all. By hand: so many requests at once to the engine's socket that create and
start the same containers, then until each answers. A deploy is the whole command, with no bake, as above; its step \`start\` is
what creates and starts the containers.

| containers | started by hand | step \`start\` | ratio | answering, by hand | added by a whole deploy |
|--:|--:|--:|--:|--:|--:|
END
  cat "$SCRATCH/docker-rows"
}
