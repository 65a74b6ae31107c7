# What Bascule adds to a job of a pipeline over the shell that runs it: runs of many jobs that do nothing beside runs of one.

PIPELINE_JOBS=100

section_pipeline() {
  local round one many shell added="" shells="" whole=""
  begin_project 1
  for ((round = 1; round <= ROUNDS; round++)); do
    jobs_of 1
    one=$(took bascule ship --jobs 1)
    jobs_of "$PIPELINE_JOBS"
    many=$(took bascule ship --jobs 1)
    shell=$(calculate "$(took same_by_hand) / $PIPELINE_JOBS" 2)
    added+="$(calculate "($many - $one) / ($PIPELINE_JOBS - 1) - $shell" 2)"$'\n'
    shells+="$shell"$'\n'
    whole+="$one"$'\n'
    say "round $round: one job $(calculate "$one" 0) ms, $PIPELINE_JOBS jobs $(calculate "$many" 0) ms, a shell $shell ms"
  done
  stop "$SERVE"
  local edge
  edge=$("$HELPER" edge-pid "$STATE") && kill "$edge" 2>/dev/null || true
  render_pipeline "$(printf '%s' "$shells" | median)" "$(printf '%s' "$added" | median)" \
    "$(printf '%s' "$whole" | median)" | document pipeline
}

# jobs_of COUNT: commits a pipeline of so many jobs.
jobs_of() {
  local job
  release
  {
    echo '[[pipeline.stage]]'
    echo 'name = "bench"'
    for ((job = 1; job <= $1; job++)); do
      printf '[pipeline.stage.jobs.job-%d]\nrun = "true"\n' "$job"
    done
  } >>"$PROJECT/bascule.toml"
  [[ -d $PROJECT/.git ]] || git -C "$PROJECT" init --quiet
  git -C "$PROJECT" add bascule.toml
  git -C "$PROJECT" -c user.name=bench -c user.email=bench@localhost commit --quiet --message bench
}

same_by_hand() {
  local job
  for ((job = 1; job <= PIPELINE_JOBS; job++)); do /bin/sh -e -c true; done
}

render_pipeline() {
  cat <<END
## Jobs of a pipeline

$(measured) Medians of $ROUNDS rounds. Jobs that do nothing, one after the other; "added" is the time between two of them beyond the shell
that runs them: both are on the disk before the next thing rests on them.

| a shell by hand | added to a job by Bascule | a whole run of one job |
|--:|--:|--:|
| $(calculate "$1" 1) ms | $(calculate "$2" 1) ms | $(calculate "$3" 0) ms |
END
}
