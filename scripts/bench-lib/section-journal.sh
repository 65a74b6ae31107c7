# `status` and `plan` with a long history.

PAST_RUNS=10000

section_journal() {
  declare -A times=()
  begin_project 1
  release
  took bascule deploy bench >/dev/null
  release
  ask_times short
  # The journal is written with the control plane away; the edge and the instance go on without it.
  stop "$SERVE"
  say "writing $PAST_RUNS past runs"
  "$HELPER" history "$STATE/journal.db" shop/bench $PAST_RUNS >"$SCRATCH/history"
  serve
  ask_times long
  end_project
  render_journal | document journal
}

# ask_times NAME: medians of both commands, after one of each to warm up.
ask_times() {
  local round command
  for command in status plan; do
    took bascule $command bench >/dev/null
    local all=""
    for ((round = 1; round <= 4 * ROUNDS + 1; round++)); do all+="$(took bascule $command bench)"$'\n'; done
    times[$1-$command]=$(printf '%s' "$all" | median)
    say "$command, $1 history: ${times[$1-$command]} ms"
  done
}

render_journal() {
  cat <<END
## Questions to a long journal

$(measured) Medians of $((4 * ROUNDS + 1)) commands, from their start to their end, control plane running; each past run has the events of a
real deploy ($(value events "$SCRATCH/history") in all).

| past runs | \`bascule status\` | \`bascule plan\` |
|--:|--:|--:|
| 1 | ${times[short-status]} ms | ${times[short-plan]} ms |
| $PAST_RUNS | ${times[long-status]} ms | ${times[long-plan]} ms |
END
}
