# Migrations beside dbmate, sqlx-cli and one psql session, on the same PostgreSQL, and a backfill. The server is one of the bench's own
# with its usual settings: every commit is on disk before it is answered.

MIGRATION_FILES=1000
NOTHING_ROUNDS=41
LINTED_FILES=350
BACKFILL_ROWS=1000000

section_database() {
  need_postgres
  start_postgres
  find_peers
  make_migrations
  measure_applying
  measure_nothing_to_do
  measure_reading
  measure_backfill
  stop_postgres
  render_database | document database
}

need_postgres() {
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
  if [[ -z $found ]]; then
    ((EUID == 0)) || die "PostgreSQL is missing; as root: apt-get install postgresql"
    say "installing postgresql"
    # Only the programs: no cluster is made.
    mkdir -p /etc/postgresql-common
    [[ -e /etc/postgresql-common/createcluster.conf ]] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qy --no-install-recommends postgresql >/dev/null
    found=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
  fi
  POSTGRES=$found
}

start_postgres() {
  PGDATA=$SCRATCH/postgres
  mkdir "$PGDATA"
  AS_POSTGRES=()
  if ((EUID == 0)); then
    # It does not run as root.
    AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chmod 711 "$SCRATCH"
    chown postgres "$PGDATA"
  fi
  "${AS_POSTGRES[@]}" "$POSTGRES/initdb" -D "$PGDATA/data" -U postgres -A trust -E UTF8 --no-locale >/dev/null
  PGPORT_OWN=$(free_port)
  "${AS_POSTGRES[@]}" "$POSTGRES/postgres" -D "$PGDATA/data" -k "$PGDATA" -h 127.0.0.1 -p "$PGPORT_OWN" >"$PGDATA/log" 2>&1 &
  POSTGRES_PID=$!
  STARTED+=("$POSTGRES_PID")
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    ask_postgres postgres "SELECT 1" >/dev/null 2>&1 && return
    sleep 0.05
  done
  cat "$PGDATA/log" >&2
  die "PostgreSQL did not come up; its log is above"
}

stop_postgres() { stop "$POSTGRES_PID"; }

ask_postgres() { "$POSTGRES/psql" -qtAX -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PGPORT_OWN" -U postgres -d "$1" -c "$2"; }

# fresh_database NAME: an empty one; its address is in DATABASE_URL.
fresh_database() {
  ask_postgres postgres "DROP DATABASE IF EXISTS $1" 2>/dev/null
  ask_postgres postgres "CREATE DATABASE $1"
  export DATABASE_URL="postgres://postgres@127.0.0.1:$PGPORT_OWN/$1?sslmode=disable"
}

# Programs of others, where they can be had: dbmate from npm, sqlx when somebody has built it.
find_peers() {
  DBMATE=$(command -v dbmate || true)
  if [[ -z $DBMATE ]] && command -v npm >/dev/null; then
    say "fetching dbmate"
    npm install --silent --no-audit --no-fund --prefix "$SCRATCH/npm" dbmate >/dev/null 2>&1 || true
    # The program itself, not the script that starts it.
    DBMATE=$(find "$SCRATCH/npm" -type f -name dbmate -perm -u+x -size +1M 2>/dev/null | head -1)
  fi
  SQLX=$(command -v sqlx || true)
  [[ -n $DBMATE ]] || say "dbmate is not at hand: without it"
  [[ -n $SQLX ]] || say "sqlx-cli is not at hand (cargo install sqlx-cli): without it"
}

peers() {
  echo bascule
  [[ -z $DBMATE ]] || echo dbmate
  [[ -z $SQLX ]] || echo sqlx
}

version_of() {
  case $1 in
    bascule) "$BASCULE" --version | awk '{ print $2 }' ;;
    dbmate) "$DBMATE" --version | awk '{ print $NF }' ;;
    sqlx) "$SQLX" --version | awk '{ print $NF }' ;;
    psql) "$POSTGRES/psql" --version | awk '{ print $3 }' ;;
  esac
}

# The same statements in the convention of each.
make_migrations() {
  local folder=$SCRATCH/migrations number name
  MIGRATIONS=$folder
  mkdir -p "$folder"/{dbmate,plain} "$folder/bascule/migrations" "$folder/read/migrations"
  for ((number = 1; number <= MIGRATION_FILES; number++)); do
    name=$(printf '2026%010d_t%d.sql' "$number" "$number")
    local sql="CREATE TABLE t$number (id bigint PRIMARY KEY, name text NOT NULL, made_at timestamptz NOT NULL DEFAULT now());"
    echo "$sql" >"$folder/plain/$name"
    printf -- '-- migrate:up\n%s\n\n-- migrate:down\nDROP TABLE t%d;\n' "$sql" "$number" >"$folder/dbmate/$name"
    printf -- '-- expand\n%s\n\n-- down\nDROP TABLE t%d;\n' "$sql" "$number" >"$folder/bascule/migrations/$name"
  done
  for ((number = 1; number <= LINTED_FILES; number++)); do
    printf '2026%010d_s%d.sql' "$number" "$number" >/dev/null
    realistic "$number" >"$folder/read/migrations/$(printf '2026%010d_s%d.sql' "$number" "$number")"
  done
  manifest "$folder/bascule"
  manifest "$folder/read"
}

# realistic NUMBER: what a migration usually is: a table with an index, a column, a constraint, a backfill.
realistic() {
  local table=$((($1 - 1) / 5 * 5 + 1))
  case $(($1 % 5)) in
    1)
      cat <<END
-- expand
CREATE TABLE s$table (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL, -- as it is shown
  email text,
  state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'open', 'closed')),
  made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX s${table}_made_at ON s$table (made_at);
-- down
DROP TABLE s$table;
END
      ;;
    2) printf -- '-- expand\nALTER TABLE s%d ADD COLUMN full_name text;\n-- down\nALTER TABLE s%d DROP COLUMN full_name;\n' "$table" "$table" ;;
    3) printf -- '-- expand\nCREATE INDEX CONCURRENTLY s%d_email ON s%d (lower(email));\n-- down\nDROP INDEX s%d_email;\n' "$table" "$table" "$table" ;;
    4) printf -- '-- expand\nALTER TABLE s%d ADD CONSTRAINT s%d_email CHECK (email LIKE $$%%@%%$$) NOT VALID;\n-- down\nALTER TABLE s%d DROP CONSTRAINT s%d_email;\n' "$table" "$table" "$table" "$table" ;;
    0) printf -- '-- backfill table=s%d key=id\nUPDATE s%d SET full_name = name WHERE full_name IS NULL;\n' "$table" "$table" ;;
  esac
}

manifest() {
  cat >"$1/bascule.toml" <<'END'
app = "bench"
[services.web]
command = ["true"]
[database]
url = "${DATABASE_URL}"
migrations = "migrations"
[environments.bench]
END
}

# command_of TOOL: sets COMMAND to what applies its migrations.
command_of() {
  case $1 in
    bascule) COMMAND=("$BASCULE" migrate up bench --project "$MIGRATIONS/bascule") ;;
    dbmate) COMMAND=("$DBMATE" --migrations-dir "$MIGRATIONS/dbmate" --no-dump-schema up) ;;
    sqlx) COMMAND=("$SQLX" migrate run --source "$MIGRATIONS/plain") ;;
  esac
}

migrate() {
  case $1 in
    psql) cat "$MIGRATIONS"/plain/*.sql | "$POSTGRES/psql" -qX -v ON_ERROR_STOP=1 "$DATABASE_URL" ;;
    *)
      command_of "$1"
      "${COMMAND[@]}" </dev/null
      ;;
  esac
}

measure_applying() {
  local round tool
  declare -gA APPLYING=()
  for ((round = 1; round <= ROUNDS; round++)); do
    for tool in psql $(peers); do
      fresh_database "bench_$tool"
      APPLYING[$tool]+="$(took migrate "$tool")"$'\n'
      say "round $round, $MIGRATION_FILES files, $tool: $(printf '%s' "${APPLYING[$tool]}" | tail -1) ms"
    done
  done
}

# The databases of the last round have everything applied.
measure_nothing_to_do() {
  local round tool
  declare -gA NOTHING=()
  for ((round = 0; round <= NOTHING_ROUNDS; round++)); do
    for tool in $(peers); do
      export DATABASE_URL="postgres://postgres@127.0.0.1:$PGPORT_OWN/bench_$tool?sslmode=disable"
      command_of "$tool"
      # In turn, so that all of them meet the same machine; the first of each is not counted.
      local one
      one=$("$HELPER" took "${COMMAND[@]}" 2>"$SCRATCH/said") || { cat "$SCRATCH/said" >&2; die "this failed: ${COMMAND[*]}"; }
      ((round == 0)) || NOTHING[$tool]+="$one"$'\n'
    done
  done
  for tool in $(peers); do
    say "nothing to do, $tool: $(printf '%s' "${NOTHING[$tool]}" | median) ms"
  done
  export DATABASE_URL="postgres://postgres@127.0.0.1:$PGPORT_OWN/bench_bascule?sslmode=disable"
  ROUND_TRIP=$("$HELPER" round-trip "$(address_file)")
}

# The address in a file: an argument list is for everybody to see.
address_file() {
  local file=$SCRATCH/address
  (umask 077 && echo "$DATABASE_URL" >"$file")
  echo "$file"
}

measure_reading() {
  local round
  fresh_database bench_read
  PLANNING="" LINTING=""
  for ((round = 1; round <= 4 * ROUNDS + 1; round++)); do
    PLANNING+="$(took "$BASCULE" migrate plan bench --project "$MIGRATIONS/read")"$'\n'
    # Findings end with a status of their own.
    LINTING+="$(took linted)"$'\n'
  done
  say "$LINTED_FILES files: plan $(printf '%s' "$PLANNING" | median) ms, lint $(printf '%s' "$LINTING" | median) ms"
}

linted() {
  local status=0
  "$BASCULE" migrate lint --project "$MIGRATIONS/read" || status=$?
  ((status == 0 || status == 4))
}

measure_backfill() {
  local round
  : >"$SCRATCH/backfills"
  for ((round = 1; round <= ROUNDS; round++)); do
    fresh_database bench_rows
    ask_postgres bench_rows "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, full_name text);
      INSERT INTO users (id, name) SELECT g, md5(g::text) FROM generate_series(1, $BACKFILL_ROWS) g; ANALYZE users; CHECKPOINT"
    "$HELPER" backfill "$(address_file)" users id \
      "UPDATE users SET full_name = name WHERE full_name IS NULL" >"$SCRATCH/backfill-$round"
    say "backfill, round $round: $(value rows_per_second "$SCRATCH/backfill-$round") rows/s," \
      "p99 $(value p99 "$SCRATCH/backfill-$round") ms"
    cat "$SCRATCH/backfill-$round" >>"$SCRATCH/backfills"
  done
}

render_database() {
  local tool base
  middle_of() { calculate "$(printf '%s' "$1" | median)" 0; }
  base=$(middle_of "${APPLYING[psql]}")
  cat <<END
## Migrations

$(measured) PostgreSQL $("$POSTGRES/postgres" --version | awk '{ print $3 }') over TCP on the same machine, with its usual settings. Medians of $ROUNDS rounds in turn: $MIGRATION_FILES files of
one \`CREATE TABLE\` each, on an empty database; then $NOTHING_ROUNDS runs with nothing to do, of each in turn, from the start of the program to its end. psql is one session that gets all
statements, each its own transaction, and writes no journal. A round trip to the server is $ROUND_TRIP ms.

| | $MIGRATION_FILES files | × psql | nothing to do |
|---|--:|--:|--:|
END
  for tool in psql $(peers); do
    local nothing="–"
    [[ $tool == psql ]] || nothing="$(calculate "$(printf '%s' "${NOTHING[$tool]}" | median)" 1) ms"
    echo "| ${tool/bascule/Bascule} $(version_of "$tool") | $(middle_of "${APPLYING[$tool]}") ms" \
      "| $(calculate "$(middle_of "${APPLYING[$tool]}") / $base") | $nothing |"
  done
  [[ -n $DBMATE ]] || echo "| dbmate | not at hand | – | – |"
  [[ -n $SQLX ]] || echo "| sqlx-cli | not at hand | – | – |"
  cat <<END

$LINTED_FILES files of tables, columns, indexes, constraints and backfills, the whole command: \`migrate plan\` $(middle_of "$PLANNING") ms, \`migrate lint\` $(middle_of "$LINTING") ms.
A backfill of $BACKFILL_ROWS rows, medians of $ROUNDS rounds: $(value rows_per_second "$SCRATCH/backfills" | median) rows per second, batches of $(value p50 "$SCRATCH/backfills" | median) ms (p50) and $(value p99 "$SCRATCH/backfills" | median) ms (p99).
END
}
