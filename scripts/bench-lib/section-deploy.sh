# What Bascule adds to a deploy over the time that the app itself takes to boot, and the time of a warm rollback.

section_deploy() {
  local count round base whole
  : >"$SCRATCH/deploy-rows"
  for count in 1 50; do
    begin_project "$count"
    local boots="" deploys="" added="" commands="" moved=""
    # The first one makes the folders and finds no former release: it is not counted.
    release
    took bascule deploy bench >/dev/null
    for ((round = 1; round <= ROUNDS; round++)); do
      "$HELPER" boot "$SHOP" "$count" $BOOT_MS >"$SCRATCH/boot"
      base=$(value boot_ms "$SCRATCH/boot")
      release
      whole=$(took bascule deploy bench)
      boots+="$base"$'\n'
      deploys+="$whole"$'\n'
      added+="$(calculate "$whole - $base" 1)"$'\n'
      "$HELPER" moment "127.0.0.1:$DOOR" "$BASCULE" rollback bench --project "$PROJECT" --state "$STATE" \
        >"$SCRATCH/moment" 2>>"$SCRATCH/log"
      commands+="$(value command_ms "$SCRATCH/moment")"$'\n'
      moved+="$(value last_of_former_ms "$SCRATCH/moment")"$'\n'
      say "round $round, $count instances: boot $(calculate "$base" 0) ms, deploy $(calculate "$whole" 0) ms," \
        "rollback $(calculate "$(value command_ms "$SCRATCH/moment")" 0) ms," \
        "moved after $(calculate "$(value last_of_former_ms "$SCRATCH/moment")" 0) ms"
    done
    end_project
    middle() { calculate "$(printf '%s' "$1" | median)" 0; }
    echo "| $count | $(middle "$boots") ms | $(middle "$deploys") ms | $(middle "$added") ms" \
      "| $(middle "$moved") ms | $(middle "$commands") ms |" >>"$SCRATCH/deploy-rows"
  done
  render_deploy | document deploy
}

render_deploy() {
  cat <<END
## Deploys and rollbacks

$(measured) Medians of $ROUNDS rounds, both cores for all. The shop waits $BOOT_MS ms before it listens; "boot" is so many of them started
at once by hand, until each is healthy. A deploy is the whole command, with no bake: artifact, start, readiness, one verify check,
switch, the check again, settle, and taking away the release that stood in the other slot. "Traffic back" is from the start of
\`bascule rollback\` to the last answer of the release that was left, as a client sees it.

| instances | boot | deploy | added by Bascule | warm rollback: traffic back | its command |
|--:|--:|--:|--:|--:|--:|
END
  cat "$SCRATCH/deploy-rows"
}
