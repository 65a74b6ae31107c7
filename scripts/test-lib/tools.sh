# Other tools, as their users run them: those for migrations migrate databases that Bascule then takes over, those for Python are what
# the pipeline of examples/guestbook runs. Into a folder of this machine's user, once. What cannot be had is named by the tests that
# miss it.

tools_for_tests() {
  TOOLS_FOLDER=${XDG_CACHE_HOME:-$HOME/.cache}/bascule-test-tools
  if ! command -v dbmate >/dev/null 2>&1; then
    install npm npm || return 1
    local found
    found=$(dbmate_of_npm)
    if [ -z "$found" ]; then
      say "fetching dbmate from npm"
      npm install --silent --no-audit --no-fund --prefix "$TOOLS_FOLDER/npm" dbmate >/dev/null 2>&1 || return 1
      found=$(dbmate_of_npm)
    fi
    [ -n "$found" ] || return 1
    PATH=$PATH:$(dirname "$found")
  fi
}

dbmate_of_npm() { # the program itself, not the script beside it
  find "$TOOLS_FOLDER/npm" -type f -name dbmate -perm -u+x -size +1M 2>/dev/null | head -n 1
}

tools_of_guestbook() { # in the versions that the example pins, and made anew when they change
  TOOLS_FOLDER=${XDG_CACHE_HOME:-$HOME/.cache}/bascule-test-tools
  local wanted=examples/guestbook/requirements-dev.txt folder=$TOOLS_FOLDER/guestbook
  install python3 python3 || return 1
  if ! cmp -s "$wanted" "$folder/made-of.txt"; then
    say "fetching the tools of examples/guestbook with pip"
    rm -rf "$folder"
    python3 -m venv "$folder" >/dev/null 2>&1 || return 1
    "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >/dev/null 2>&1 || return 1
    cp "$wanted" "$folder/made-of.txt"
  fi
  PATH=$folder/bin:$PATH
}
