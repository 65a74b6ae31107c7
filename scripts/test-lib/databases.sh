# The database servers that tests start for themselves in temporary folders: the distribution's packages. None of them is to run
# by itself.

databases_for_tests() {
  # The services that come with the packages are not to start, and nobody is there to be asked.
  export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
  local failed=0
  # Its server is in no folder of PATH; its tool for clusters is.
  install pg_ctlcluster postgresql || failed=1
  install mariadbd mariadb-server || failed=1
  install pgbouncer pgbouncer || failed=1
  install prometheus prometheus || failed=1
  return $failed
}
