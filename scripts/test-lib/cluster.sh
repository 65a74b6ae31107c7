# A Kubernetes cluster for the tests of that target: the one that KUBECONFIG names. Its node has to run on this machine's Docker
# Engine, which makes the images. None is started here.

cluster_for_tests() {
  if [ -z "${KUBECONFIG:-}" ]; then
    say "KUBECONFIG names no cluster"
    return 1
  fi
  install kubectl kubernetes-client || return 1
  kubectl --request-timeout=10s get nodes >/dev/null 2>&1 && return
  say "the cluster that KUBECONFIG names does not answer"
  unset KUBECONFIG
  return 1
}
