//! What the server knows of the table and of the columns that a backfill goes by.

use bascule_sql::Dialect;

use super::error::Error;
use super::key::{Key, KeyColumn, Kind};
use crate::{Connection, Row, identifier};

/// A name in its parts, without their quotes.
pub(crate) fn parts(dialect: Dialect, written: &str) -> (Option<String>, String) {
    let mut parts = vec![String::new()];
    let mut quote = None;
    for at in written.trim().chars() {
        match (quote, at) {
            (Some(open), at) if at == open => quote = None,
            (None, '"' | '`') => quote = Some(at),
            (None, '.') => parts.push(String::new()),
            (None, at) if dialect == Dialect::Postgres => {
                parts.iter_mut().last().into_iter().for_each(|part| part.extend(at.to_lowercase()));
            }
            (_, at) => parts.iter_mut().last().into_iter().for_each(|part| part.push(at)),
        }
    }
    let name = parts.pop().unwrap_or_default();
    (parts.pop(), name)
}

/// Reads what a backfill by these columns needs, and refuses what it cannot go by.
pub(super) async fn inspect(connection: &mut Connection, table: &str, key: &[String]) -> Result<Key, Error> {
    let dialect = connection.dialect();
    let columns = match dialect {
        Dialect::Postgres => postgres_columns(connection, table).await?,
        Dialect::Mysql => mysql_columns(connection, table).await?,
        Dialect::Sqlite => sqlite_columns(connection, table).await?,
    };
    if columns.is_empty() {
        return Err(Error::NoTable(table.to_owned()));
    }
    let mut known = Vec::new();
    for name in key {
        let matches = |(column, _): &&(KeyColumn, Nulls)| match dialect {
            Dialect::Postgres => column.name == *name,
            Dialect::Mysql | Dialect::Sqlite => column.name.eq_ignore_ascii_case(name),
        };
        let rowid = dialect == Dialect::Sqlite && name.eq_ignore_ascii_case("rowid");
        match columns.iter().find(matches) {
            Some(found) => known.push(found.clone()),
            None if rowid => {
                known.push((KeyColumn { name: "rowid".to_owned(), kind: Kind::Sqlite }, Nulls::Never));
            }
            None => return Err(Error::NoColumn { table: table.to_owned(), column: name.clone() }),
        }
    }
    for (column, _) in &known {
        if let Kind::Unusable { data_type } = &column.kind {
            return Err(Error::KeyType { column: column.name.clone(), data_type: data_type.clone() });
        }
    }
    let ordered = by_index(connection, table, known).await?;
    for (column, nulls) in &ordered {
        let sql =
            format!("SELECT 1 FROM {table} WHERE {} IS NULL LIMIT 1", identifier(dialect, &column.name));
        let asked = *nulls == Nulls::Possible;
        if asked && !connection.rows(&sql).await.map_err(Error::query("looking for NULL keys"))?.is_empty() {
            return Err(Error::NullKey { table: table.to_owned(), column: column.name.clone() });
        }
    }
    Ok(Key { dialect, columns: ordered.into_iter().map(|(column, _)| column).collect() })
}

/// Whether a column can hold NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Never,
    Possible,
}

impl Nulls {
    fn unless(never: bool) -> Self {
        if never { Self::Never } else { Self::Possible }
    }
}

/// The columns in the order of a unique index that has just these.
async fn by_index(
    connection: &mut Connection,
    table: &str,
    columns: Vec<(KeyColumn, Nulls)>,
) -> Result<Vec<(KeyColumn, Nulls)>, Error> {
    let dialect = connection.dialect();
    let written = connection.literal(table);
    let (schema, name) = parts(dialect, table);
    let sql = match dialect {
        Dialect::Postgres => format!(
            "SELECT i.indexrelid, a.attname FROM pg_index i \
             CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k(attnum, place) \
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
             WHERE i.indrelid = {written}::regclass AND i.indisunique AND i.indisvalid AND i.indpred IS NULL \
             ORDER BY i.indisprimary DESC, i.indexrelid, k.place"
        ),
        Dialect::Mysql => format!(
            "SELECT index_name, column_name FROM information_schema.statistics WHERE non_unique = 0 AND {} \
             ORDER BY index_name = 'PRIMARY' DESC, index_name, seq_in_index",
            mysql_table(schema.as_deref(), &name)
        ),
        // The primary key of a table with one is in no list when it is the row's own number.
        Dialect::Sqlite => format!(
            "SELECT * FROM (SELECT 'primary', name FROM pragma_table_info({n}) WHERE pk > 0 ORDER BY pk) UNION ALL \
             SELECT * FROM (SELECT l.name, i.name FROM pragma_index_list({n}) l, pragma_index_info(l.name) i \
             WHERE l.\"unique\" = 1 AND l.partial = 0 ORDER BY l.name, i.seqno)",
            n = connection.literal(&name)
        ),
    };
    let rows = connection.rows(&sql).await.map_err(Error::query("reading the table's indexes"))?;
    let mut indexes: Vec<(String, Vec<Option<String>>)> = Vec::new();
    for row in rows {
        let mut values = row.into_iter();
        let (index, column) = (values.next().flatten().unwrap_or_default(), values.next().flatten());
        match indexes.last_mut() {
            Some((last, names)) if *last == index => names.push(column),
            _ => indexes.push((index, vec![column])),
        }
    }
    if dialect == Dialect::Sqlite {
        indexes.push((String::new(), vec![Some("rowid".to_owned())]));
    }
    for (_, names) in indexes.iter().filter(|(_, names)| names.len() == columns.len()) {
        let place = |name: &Option<String>| {
            columns.iter().find(|(column, _)| Some(&column.name) == name.as_ref()).cloned()
        };
        if let Some(ordered) = names.iter().map(place).collect::<Option<Vec<_>>>() {
            return Ok(ordered);
        }
    }
    let names: Vec<_> = columns.into_iter().map(|(column, _)| column.name).collect();
    Err(Error::NotUnique { table: table.to_owned(), columns: names.join(", ") })
}

async fn postgres_columns(
    connection: &mut Connection,
    table: &str,
) -> Result<Vec<(KeyColumn, Nulls)>, Error> {
    let written = connection.literal(table);
    // With -1 as modifier a type is written so that a cast to it cuts nothing off.
    let sql = format!(
        "SELECT attname, format_type(atttypid, -1), attnotnull FROM pg_attribute \
         WHERE attrelid = to_regclass({written}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    );
    let rows = connection.rows(&sql).await.map_err(Error::query("reading the table's columns"))?;
    let column = |row: Row| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let (name, data_type) = (next(), next());
        (KeyColumn { name, kind: Kind::Postgres { data_type } }, Nulls::unless(next() == "t"))
    };
    Ok(rows.into_iter().map(column).collect())
}

async fn mysql_columns(connection: &mut Connection, table: &str) -> Result<Vec<(KeyColumn, Nulls)>, Error> {
    let (schema, name) = parts(Dialect::Mysql, table);
    let sql = format!(
        "SELECT column_name, data_type, is_nullable, character_set_name, collation_name FROM information_schema.columns \
         WHERE {} ORDER BY ordinal_position",
        mysql_table(schema.as_deref(), &name)
    );
    let rows = connection.rows(&sql).await.map_err(Error::query("reading the table's columns"))?;
    let mut columns = Vec::new();
    for row in rows {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let (name, data_type, nullable, charset, collation) = (next(), next(), next(), next(), next());
        let kind = match data_type.to_ascii_lowercase().as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" => Kind::Number,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
                Kind::Text { charset, collation }
            }
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Kind::Bytes,
            "date" | "datetime" | "timestamp" | "time" | "uuid" | "inet4" | "inet6" => Kind::Quoted,
            _ => Kind::Unusable { data_type },
        };
        columns.push((KeyColumn { name, kind }, Nulls::unless(nullable == "NO")));
    }
    Ok(columns)
}

async fn sqlite_columns(connection: &mut Connection, table: &str) -> Result<Vec<(KeyColumn, Nulls)>, Error> {
    let (_, name) = parts(Dialect::Sqlite, table);
    // Only the row's own number is never NULL for being the primary key.
    let sql = format!(
        "SELECT name, \"notnull\" OR (pk = 1 AND upper(type) = 'INTEGER') FROM pragma_table_info({})",
        connection.literal(&name)
    );
    let rows = connection.rows(&sql).await.map_err(Error::query("reading the table's columns"))?;
    let column = |row: Row| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let name = values.next().unwrap_or_default();
        (KeyColumn { name, kind: Kind::Sqlite }, Nulls::unless(values.next().as_deref() == Some("1")))
    };
    Ok(rows.into_iter().map(column).collect())
}

fn mysql_table(schema: Option<&str>, name: &str) -> String {
    let text = |text: &str| crate::literal(Dialect::Mysql, text);
    let schema = schema.map_or_else(|| "DATABASE()".to_owned(), text);
    format!("table_schema = {schema} AND table_name = {}", text(name))
}

/// About how many rows there are; none where nobody knows.
pub(super) async fn estimate(connection: &mut Connection, table: &str) -> Result<Option<u64>, Error> {
    let written = connection.literal(table);
    let dialect = connection.dialect();
    let sql = match dialect {
        Dialect::Postgres => format!(
            "SELECT CASE WHEN reltuples > 0 THEN reltuples::bigint END FROM pg_class WHERE oid = {written}::regclass"
        ),
        Dialect::Mysql => {
            let (schema, name) = parts(dialect, table);
            let table = mysql_table(schema.as_deref(), &name);
            format!("SELECT table_rows FROM information_schema.tables WHERE {table}")
        }
        Dialect::Sqlite => format!("SELECT count(*) FROM {table}"),
    };
    let rows = connection.value(&sql).await.map_err(Error::query("estimating the rows"))?;
    Ok(rows.and_then(|rows| rows.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart() {
        for (dialect, written, schema, name) in [
            (Dialect::Postgres, "Users", None, "users"),
            (Dialect::Postgres, r#"app."Us.ers""#, Some("app"), "Us.ers"),
            (Dialect::Mysql, "`shop`.Users", Some("shop"), "Users"),
            (Dialect::Sqlite, "\"odd name\"", None, "odd name"),
        ] {
            assert_eq!(parts(dialect, written), (schema.map(str::to_owned), name.to_owned()));
        }
    }
}
