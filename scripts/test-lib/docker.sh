# A Docker Engine for the tests of containers: the one that runs, else one of the tests' own, which ends with them.
# Scenarios that restart an engine start one for themselves.

docker_for_tests() {
  # The services that come with the packages are not to start.
  export RUNLEVEL=1
  install dockerd docker.io && install docker docker.io && install iptables iptables && install ip iproute2 || return 1
  install docker-registry docker-registry && install busybox busybox-static || return 1
  install strip binutils || return 1
  docker info >/dev/null 2>&1 && return

  DOCKER_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/docker-for-tests.XXXXXX")
  export DOCKER_HOST=unix://$DOCKER_FOLDER/docker.sock
  dockerd --host "$DOCKER_HOST" --data-root "$DOCKER_FOLDER/data" --exec-root "$DOCKER_FOLDER/exec" \
    --pidfile "$DOCKER_FOLDER/pid" >"$DOCKER_FOLDER/log" 2>&1 </dev/null &
  DOCKER_PID=$!
  trap end_docker EXIT
  trap 'exit 130' INT TERM
  local tries
  for ((tries = 0; tries < 150; tries++)); do
    docker info >/dev/null 2>&1 && return
    kill -0 "$DOCKER_PID" 2>/dev/null || break
    sleep 0.2
  done
  say "the Docker Engine did not start; the end of its log:"
  tail -n 5 "$DOCKER_FOLDER/log" >&2
  unset DOCKER_HOST
  return 1
}

end_docker() {
  kill "$DOCKER_PID" 2>/dev/null || true
  wait "$DOCKER_PID" 2>/dev/null || true
  rm -rf "$DOCKER_FOLDER"
}
