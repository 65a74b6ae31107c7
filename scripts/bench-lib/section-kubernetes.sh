# The way back in a cluster, beside `kubectl rollout undo` of the same app in the same namespace, in turn. The cluster is the one of
# KUBECONFIG; its node runs on this machine's Docker Engine, where the image is made.

KUBERNETES_PODS=2
KUBERNETES_RETURNS=4 # in each round
NODE_PORTS_FROM=30000

section_kubernetes() {
  need_cluster
  make_bench_image
  NAMESPACE=bascule-bench-$$
  kubectl create namespace "$NAMESPACE" >/dev/null
  begin_project "$KUBERNETES_PODS"
  rm "$PROJECT/shop"
  NODE_PORT=$(free_node_port) PEER_PORT=$(free_node_port)
  make_peer
  kubernetes_release
  took bascule deploy bench >/dev/null
  local round
  : >"$SCRATCH/kubernetes-returns"
  for ((round = 1; round <= ROUNDS * KUBERNETES_RETURNS; round++)); do
    return_of_bascule
    return_of_kubectl
    say "way back $round: Service after $(value service_ms "$SCRATCH/return") ms, last answer of the former after" \
      "$(calculate "$(value last_of_former_ms "$SCRATCH/return")" 0) ms; kubectl rollout undo: command" \
      "$(calculate "$(value undo_command_ms "$SCRATCH/undo")" 0) ms, last answer after $(calculate "$(value undo_last_of_former_ms "$SCRATCH/undo")" 0) ms"
    cat "$SCRATCH/return" "$SCRATCH/undo" >>"$SCRATCH/kubernetes-returns"
  done
  end_project
  kubectl delete namespace "$NAMESPACE" --wait=false >/dev/null
  docker rmi --force "$DOCKER_IMAGE" >/dev/null 2>&1 || true
  render_kubernetes | document kubernetes
}

need_cluster() {
  command -v kubectl >/dev/null || die "kubectl is missing; as root: apt-get install kubernetes-client"
  kubectl --request-timeout=10s get nodes >/dev/null 2>&1 || die "the cluster that KUBECONFIG names does not answer"
}

# A port of nodes that nobody on this machine listens on.
free_node_port() {
  local port
  while :; do
    port=$((NODE_PORTS_FROM + RANDOM % 2767))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

kubernetes_release() {
  release
  sed -i -e "s|^files = .*|image = \"$DOCKER_IMAGE\"|" \
    -e "s|^listen = .*|target = \"kubernetes\"\nnamespace = \"$NAMESPACE\"\nkubernetes.service = { type = \"NodePort\", node_port = $NODE_PORT }|" \
    "$PROJECT/bascule.toml"
}

# The same app as people have it: one Deployment that is changed, and a Service.
make_peer() {
  kubectl --namespace "$NAMESPACE" apply -f - >/dev/null <<END
apiVersion: apps/v1
kind: Deployment
metadata: { name: peer }
spec:
  replicas: $KUBERNETES_PODS
  selector: { matchLabels: { app: peer } }
  template:
    metadata: { labels: { app: peer } }
    spec:
      containers:
        - name: web
          image: $DOCKER_IMAGE
          imagePullPolicy: Never
          command: ["./shop"]
          env:
            - { name: PORT, value: "3000" }
            - { name: SHOP_VERSION, value: v0 }
            - { name: SHOP_FAULT_BOOT_MS, value: "$BOOT_MS" }
          readinessProbe: { httpGet: { path: /health, port: 3000 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: peer }
spec:
  type: NodePort
  selector: { app: peer }
  ports: [{ port: 80, targetPort: 3000, nodePort: $PEER_PORT }]
END
  kubectl --namespace "$NAMESPACE" rollout status deployment/peer --timeout=120s >/dev/null
}

# A deploy, and the way back from it: when the Service points back, as a watch of it says, and when the last new connection met who was left.
return_of_bascule() {
  local former watch
  former=$(kubectl --namespace "$NAMESPACE" get service shop-web --output 'jsonpath={.spec.selector.bascule\.dev/release}')
  kubernetes_release
  took bascule deploy bench >/dev/null
  : >"$SCRATCH/watching"
  watch_service "$former" &
  watch=$!
  until [[ -s $SCRATCH/watching ]]; do sleep 0.05; done
  "$HELPER" anew "127.0.0.1:$NODE_PORT" "$(rollback_program)" >"$SCRATCH/return" 2>>"$SCRATCH/log" \
    || { cat "$SCRATCH/log" >&2; die "the way back failed; the log is above"; }
  wait "$watch"
  echo "service_ms=$(calculate "($(cat "$SCRATCH/pointed") - $(cat "$SCRATCH/began")) / 1000" 1)" >>"$SCRATCH/return"
}

# watch_service RELEASE: writes the moment at which the Service is seen to select that release.
watch_service() {
  local seen
  while read -r seen; do
    [[ -s $SCRATCH/watching ]] || echo yes >"$SCRATCH/watching"
    if [[ $seen == "$1" ]]; then
      echo "${EPOCHREALTIME/./}" >"$SCRATCH/pointed"
      return
    fi
  done < <(exec kubectl --namespace "$NAMESPACE" get service shop-web --watch \
    --output 'jsonpath={.spec.selector.bascule\.dev/release}{"\n"}')
}

# The command, with the moment at which it begins.
rollback_program() {
  cat >"$SCRATCH/rollback" <<END
#!/usr/bin/env bash
echo "\${EPOCHREALTIME/./}" >"$SCRATCH/began"
exec "$BASCULE" rollback bench --project "$PROJECT" --state "$STATE" </dev/null
END
  chmod +x "$SCRATCH/rollback"
  echo "$SCRATCH/rollback"
}

return_of_kubectl() {
  kubectl --namespace "$NAMESPACE" set env deployment/peer "SHOP_VERSION=v$VERSION" >/dev/null
  kubectl --namespace "$NAMESPACE" rollout status deployment/peer --timeout=120s >/dev/null
  # Until the pods before it are gone, whose answers would be taken for others.
  until [[ $(kubectl --namespace "$NAMESPACE" get pods --selector app=peer --output name | wc -l) == "$KUBERNETES_PODS" ]]; do sleep 0.2; done
  cat >"$SCRATCH/undo-command" <<END
#!/usr/bin/env bash
kubectl --namespace "$NAMESPACE" rollout undo deployment/peer
kubectl --namespace "$NAMESPACE" rollout status deployment/peer --timeout=120s
END
  chmod +x "$SCRATCH/undo-command"
  "$HELPER" anew "127.0.0.1:$PEER_PORT" "$SCRATCH/undo-command" >"$SCRATCH/undo" 2>>"$SCRATCH/log" \
    || { cat "$SCRATCH/log" >&2; die "kubectl rollout undo failed; the log is above"; }
  sed -i 's/^/undo_/' "$SCRATCH/undo"
}

# percentile P: of the numbers on standard input, one a line.
percentile() { sort -g | awk -v p="$1" '{ v[NR] = $1 } END { n = int((NR * p + 99) / 100); print v[n < 1 ? 1 : n] }'; }

render_kubernetes() {
  of() { value "$1" "$SCRATCH/kubernetes-returns"; }
  whole() { calculate "$1" 0; }
  local count=$((ROUNDS * KUBERNETES_RETURNS)) server
  server=$(kubectl version 2>/dev/null | grep -i '^server' | grep -o 'v[0-9][0-9.]*' | head -1)
  cat <<END
## The way back in a cluster

$(measured) Kubernetes ${server:-of an unknown version}, one node; $count times in turn, each after a deploy of a new version of the shop with
$KUBERNETES_PODS pods. "Points back" is from the start of the command to a watch of the Service seeing its selector; "last answer" is that of the
release that was left, on new connections through the node's port; a connection is broken when it is refused or ends before its answer.

| | points back, p50 | p95 | last answer, p50 | p95 | broken |
|---|--:|--:|--:|--:|--:|
| \`bascule rollback\` | $(whole "$(of service_ms | percentile 50)") ms | $(whole "$(of service_ms | percentile 95)") ms | $(whole "$(of last_of_former_ms | percentile 50)") ms | $(whole "$(of last_of_former_ms | percentile 95)") ms | $(of broken | awk '{ n += $1 } END { print n }') |
| \`kubectl rollout undo\` | – | – | $(whole "$(of undo_last_of_former_ms | percentile 50)") ms | $(whole "$(of undo_last_of_former_ms | percentile 95)") ms | $(of undo_broken | awk '{ n += $1 } END { print n }') |
END
}
