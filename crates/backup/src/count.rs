//! How many rows the tables have, with a sum over their contents that does not hang on the order of the rows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bascule_migrate::{Connection, DatabaseError, identifier, literal};
use bascule_sql::Dialect;

/// Rows and, where there is one, the sum over them, of each table by its name.
pub(crate) type Counts = BTreeMap<String, (u64, Option<String>)>;

/// So many tables are asked for in one question.
const AT_ONCE: usize = 50;

/// What of the session decides how values are written as text.
const POSTGRES: &str = "\
SET LOCAL search_path = ''; SET LOCAL row_security = off; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; \
SET LOCAL TimeZone = 'UTC'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 3; SET LOCAL lc_monetary = 'C'";

/// What an extension has is made by it, and no part of a dump.
const TABLES_OF_POSTGRES: &str = "\
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS ( \
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
ORDER BY 1";

const COLUMNS_OF_MYSQL: &str = "\
SELECT t.table_name, c.column_name, c.data_type FROM information_schema.tables t \
JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name \
WHERE t.table_schema = DATABASE() AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') \
ORDER BY t.table_name, c.ordinal_position";

const TABLES_OF_SQLITE: &str = "\
SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY name";

/// Counts all of them. With PostgreSQL within a transaction, of which that is what it sees.
pub(crate) async fn count(connection: &mut Connection) -> Result<Counts, DatabaseError> {
    let questions = match connection.dialect() {
        Dialect::Postgres => postgres(connection).await?,
        Dialect::Mysql => mysql(connection).await?,
        Dialect::Sqlite => sqlite(connection).await?,
    };
    let mut counts = Counts::new();
    for questions in questions.chunks(AT_ONCE) {
        for row in connection.rows(&questions.join(" UNION ALL ")).await? {
            let [Some(name), Some(count), sum] = <[_; 3]>::try_from(row).unwrap_or_default() else {
                continue;
            };
            counts.insert(name, (count.parse().unwrap_or_default(), sum));
        }
    }
    Ok(counts)
}

async fn postgres(connection: &mut Connection) -> Result<Vec<String>, DatabaseError> {
    connection.run(POSTGRES).await?;
    let names = connection.rows(TABLES_OF_POSTGRES).await?;
    let question = |name: String| {
        let shown = literal(Dialect::Postgres, &name);
        // Sixty bits of a hash of each row, added up: an order has no part in it, and two rows that are the same do not cancel out.
        format!(
            "SELECT {shown}, count(*), COALESCE(sum(('x' || left(md5(ROW(x.*)::text), 15))::bit(60)::bigint::numeric), 0)::text \
             FROM ONLY {name} AS x"
        )
    };
    Ok(names.into_iter().filter_map(|row| row.into_iter().next().flatten()).map(question).collect())
}

async fn mysql(connection: &mut Connection) -> Result<Vec<String>, DatabaseError> {
    connection.run("SET SESSION time_zone = '+00:00'").await?;
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in connection.rows(COLUMNS_OF_MYSQL).await? {
        let [Some(table), Some(column), Some(kind)] = <[_; 3]>::try_from(row).unwrap_or_default() else {
            continue;
        };
        let column = identifier(Dialect::Mysql, &column);
        let value = match kind.to_ascii_lowercase().as_str() {
            "json" => format!("HEX(CAST({column} AS CHAR))"),
            kind if WHOLE.iter().any(|whole| kind.contains(whole)) => format!("HEX({column})"),
            _ => format!("HEX(CAST({column} AS BINARY))"),
        };
        columns.entry(table).or_default().push(format!("COALESCE({value}, '-')"));
    }
    let question = |(table, values): (String, Vec<String>)| {
        let mut question = String::new();
        let _ = write!(
            question,
            "SELECT {}, COUNT(*), CAST(COALESCE(SUM(CAST(CONV(LEFT(MD5(CONCAT_WS(',', {})), 15), 16, 10) AS UNSIGNED)), 0) AS CHAR) FROM {}",
            literal(Dialect::Mysql, &table),
            values.join(", "),
            identifier(Dialect::Mysql, &table)
        );
        question
    };
    Ok(columns.into_iter().map(question).collect())
}

/// Types whose bytes are their value.
const WHOLE: [&str; 8] =
    ["blob", "binary", "bit", "geometry", "point", "polygon", "linestring", "geomcollection"];

/// The content is a file, whose own hash says more than a sum could.
async fn sqlite(connection: &mut Connection) -> Result<Vec<String>, DatabaseError> {
    let names = connection.rows(TABLES_OF_SQLITE).await?;
    let question = |name: String| {
        let (shown, name) = (literal(Dialect::Sqlite, &name), identifier(Dialect::Sqlite, &name));
        format!("SELECT {shown}, count(*), NULL FROM {name}")
    };
    Ok(names.into_iter().filter_map(|row| row.into_iter().next().flatten()).map(question).collect())
}
