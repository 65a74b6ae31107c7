# docs/benchmarks.md: a head that is written anew, and one part for each section, replaced when that section ran.

DOCUMENT=docs/benchmarks.md

machine() {
  local cpu memory
  cpu=$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)
  memory=$(awk '$1 == "MemTotal:" { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)
  echo "${cpu:-unknown processor}, $(nproc) cores, $memory, Linux $(uname -r | cut -d- -f1)"
}

# part SECTION: the part of a section as it is in the document now.
part() {
  [[ -f $DOCUMENT ]] || return 0
  awk -v begin="<!-- begin $1 -->" -v end="<!-- end $1 -->" '
    $0 == begin { on = 1 } on { print } $0 == end { on = 0 }' "$DOCUMENT"
}

# document SECTION <TEXT: writes the text as that section's part.
document() {
  local section=$1 name
  { echo "<!-- begin $section -->"; cat; echo "<!-- end $section -->"; } >"$SCRATCH/part-$section"
  for name in "${SECTIONS[@]}"; do
    [[ $name == "$section" ]] || part "$name" >"$SCRATCH/part-$name"
  done
  {
    cat <<'END'
# Benchmarks

Written by `scripts/bench`, never by hand. nginx and haproxy run in the same run on the same machine, each proxy with one
worker on one core; client and upstream share the other core. Ratios are what carries over to other machines; absolute
figures are those of this one.
END
    for name in "${SECTIONS[@]}"; do
      if [[ -s $SCRATCH/part-$name ]]; then echo; cat "$SCRATCH/part-$name"; fi
    done
  } >"$SCRATCH/document"
  mkdir -p docs
  cp "$SCRATCH/document" "$DOCUMENT"
  sed -n '/^<!-- begin/,/^<!-- end/p' "$SCRATCH/part-$section" | grep -v '^<!--'
}

measured() { echo "Measured $(date -u +%Y-%m-%d) on $(machine); other programs used $OTHERS % of it before the run."; }
