# Reading reports: 10 MB of LCOV and 5,000 test cases of JUnit XML, as `bascule gate` reads them; and secrets taken out of a job's output.

section_reports() {
  local round small large="" little="" edge
  begin_project 1
  release
  printf '[gates]\ncoverage = ">= 50%%"\ntests = "no failures"\n' >>"$PROJECT/bascule.toml"
  make_reports
  for ((round = 1; round <= 3 * ROUNDS; round++)); do
    small=$(took judge little)
    little+="$small"$'\n'
    large+="$(calculate "$(took judge large) - $small" 2)"$'\n'
  done
  stop "$SERVE"
  edge=$("$HELPER" edge-pid "$STATE") && kill "$edge" 2>/dev/null || true
  cargo build --quiet --release -p bascule-secrets --example redaction
  taskset -c $CLIENT_CORE "${CARGO_TARGET_DIR:-target}/release/examples/redaction" >"$SCRATCH/redaction"
  render_reports "$(printf '%s' "$large" | median)" "$(printf '%s' "$little" | median)" \
    "$(awk '/^log lines/ { print $3 }' "$SCRATCH/redaction")" \
    "$(awk '/^a secret in each line/ { print $6 }' "$SCRATCH/redaction")" | document reports
}

# judge SIZE: the gates over the reports of that size.
judge() {
  bascule gate bench --report "coverage=$SCRATCH/$1.info" --report "tests=$SCRATCH/$1.xml"
}

make_reports() {
  lcov_of 1 10 >"$SCRATCH/little.info"
  lcov_of 500 2200 >"$SCRATCH/large.info"
  junit_of 10 >"$SCRATCH/little.xml"
  junit_of 5000 >"$SCRATCH/large.xml"
  (($(stat -c %s "$SCRATCH/large.info") >= 10000000)) || die "the LCOV report is smaller than 10 MB"
}

# lcov_of FILES LINES: every third line is not covered.
lcov_of() {
  awk -v files="$1" -v lines="$2" 'BEGIN {
    for (file = 1; file <= files; file++) {
      printf "TN:\nSF:src/module_%d/file.rs\n", file
      for (line = 1; line <= lines; line++) printf "DA:%d,%d\n", line, (line % 3) ? line : 0
      print "end_of_record"
    }
  }'
}

# junit_of CASES
junit_of() {
  awk -v cases="$1" 'BEGIN {
    print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>"
    for (one = 1; one <= cases; one++) {
      if (one % 100 == 1) printf "<testsuite name=\"suite %d\">\n", one / 100
      printf "<testcase classname=\"suite_%d\" name=\"does number %d &amp; more\" time=\"0.01\"/>\n", one / 100, one
      if (one % 100 == 0 || one == cases) print "</testsuite>"
    }
    print "</testsuites>"
  }'
}

render_reports() {
  cat <<END
## Reports

$(measured) Medians of $((3 * ROUNDS)) runs of \`bascule gate\`: how much longer it takes over 10 MB of LCOV and 5,000 test cases of JUnit XML
than over ten lines and ten cases, with which the whole command takes $(calculate "$2" 0) ms. Redaction is on one core, with 100 secrets.

| reading both | redaction of log lines | with a secret in each line |
|--:|--:|--:|
| $(calculate "$1" 0) ms | $3 MB/s | $4 MB/s |
END
}
