//! The tables of the journal, for each server, and how they come to be.

use bascule_sql::Dialect;

use crate::connection::Connection;
use crate::error::Error;

/// The layout that this version writes.
const LAYOUT: u32 = 1;

/// The name of one of our tables: in a schema of its own where there are such, else with our name before it.
#[must_use]
pub fn table(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("bascule.{name}"),
        Dialect::Mysql | Dialect::Sqlite => format!("bascule_{name}"),
    }
}

/// A table: its name and its columns. `KEY` stands for a text that can be a key, `TEXT` for any, `TIME` for a time.
const TABLES: [(&str, &str); 7] = [
    (
        "migration",
        "version KEY NOT NULL PRIMARY KEY, position bigint NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, \
         checksum TEXT NOT NULL, state KEY NOT NULL, contract KEY NOT NULL, origin KEY NOT NULL, \
         attempt integer NOT NULL, up TEXT NOT NULL, down TEXT, parts TEXT NOT NULL, owner TEXT NOT NULL, \
         run TEXT, release_name TEXT, engine TEXT NOT NULL, applied_at TIME, contracted_at TIME, reverted_at TIME",
    ),
    (
        "step",
        "version KEY NOT NULL, attempt integer NOT NULL, phase KEY NOT NULL, number integer NOT NULL, \
         line integer NOT NULL, statement TEXT NOT NULL, state KEY NOT NULL, seen_before TEXT, \
         epoch bigint NOT NULL, retries integer NOT NULL, lock_wait bigint NOT NULL, error TEXT, \
         owner TEXT NOT NULL, run TEXT, release_name TEXT, started_at TIME NOT NULL, finished_at TIME, \
         PRIMARY KEY (version, attempt, phase, number)",
    ),
    (
        "lease",
        "id integer NOT NULL PRIMARY KEY, epoch bigint NOT NULL, owner TEXT, run TEXT, session bigint, \
         watcher bigint, taken_at TIME, released_at TIME",
    ),
    ("heartbeat", "id integer NOT NULL PRIMARY KEY, epoch bigint NOT NULL, heard_at TIME NOT NULL"),
    ("compat", "version KEY NOT NULL PRIMARY KEY, contracted_at TIME NOT NULL, run TEXT, release_name TEXT"),
    (
        "accepted",
        "version KEY NOT NULL, checksum SHORT NOT NULL, owner TEXT NOT NULL, noted_at TIME NOT NULL, \
         PRIMARY KEY (version, checksum)",
    ),
    ("layout", "version integer NOT NULL PRIMARY KEY, made_at TIME NOT NULL"),
];

/// Makes the tables where they are missing. Whoever calls it has the lock between runners.
///
/// # Errors
/// [`Error::Journal`] when a later version of ours made them; what the server says.
pub async fn ensure(connection: &mut Connection) -> Result<(), Error> {
    let dialect = connection.dialect();
    let layout = format!("SELECT max(version) FROM {}", table(dialect, "layout"));
    match connection.value(&layout).await {
        Ok(Some(found)) => {
            let newer = found.parse::<u32>().is_ok_and(|found| found > LAYOUT);
            return if newer {
                Err(Error::Journal(format!("it has the layout {found}, and this version knows {LAYOUT}")))
            } else {
                Ok(())
            };
        }
        Ok(None) => {}
        Err(error) if undefined(&error) => {}
        Err(error) => return Err(Error::of("reading the journal", error)),
    }
    // One transaction where the server can; each statement alone does no harm when it is there already.
    connection.run(&creation(dialect)).await.map_err(Error::query("making the journal"))?;
    Ok(())
}

/// Whether the server says that there is no such table (or no schema, or no database file yet).
pub fn undefined(error: &crate::error::DatabaseError) -> bool {
    error.is_any(&["42P01", "3F000", "1146"]) || (error.is("1") && error.message.contains("no such table"))
}

fn creation(dialect: Dialect) -> String {
    let mut text = String::new();
    if dialect == Dialect::Postgres {
        text.push_str("BEGIN;\nCREATE SCHEMA IF NOT EXISTS bascule;\n");
    }
    if dialect == Dialect::Sqlite {
        text.push_str("BEGIN IMMEDIATE;\n");
    }
    for (name, columns) in TABLES {
        let columns = types(dialect, columns);
        let suffix = if dialect == Dialect::Mysql { " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4" } else { "" };
        text.push_str(&format!("CREATE TABLE IF NOT EXISTS {} ({columns}){suffix};\n", table(dialect, name)));
    }
    let now = super::clock::now(dialect);
    let ignore = match dialect {
        Dialect::Postgres => ("INSERT INTO", " ON CONFLICT DO NOTHING"),
        Dialect::Mysql => ("INSERT IGNORE INTO", ""),
        Dialect::Sqlite => ("INSERT OR IGNORE INTO", ""),
    };
    let mut insert = |name: &str, columns: &str, values: &str| {
        text.push_str(&format!(
            "{} {} ({columns}) VALUES ({values}){};\n",
            ignore.0,
            table(dialect, name),
            ignore.1
        ));
    };
    insert("lease", "id, epoch", "1, 0");
    insert("heartbeat", "id, epoch, heard_at", &format!("1, 0, {now}"));
    insert("layout", "version, made_at", &format!("{LAYOUT}, {now}"));
    if dialect.transactional_ddl() {
        text.push_str("COMMIT");
    }
    text
}

fn types(dialect: Dialect, columns: &str) -> String {
    let (key, short, text, time) = match dialect {
        Dialect::Postgres => ("text", "text", "text", "timestamptz"),
        Dialect::Mysql => (
            "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "varchar(128) CHARACTER SET ascii COLLATE ascii_bin",
            "longtext",
            "datetime(6)",
        ),
        Dialect::Sqlite => ("text", "text", "text", "text"),
    };
    let word = |word: &str| match word {
        "KEY" => key.to_owned(),
        "SHORT" => short.to_owned(),
        "TEXT" => text.to_owned(),
        "TIME" => time.to_owned(),
        other => other.to_owned(),
    };
    let mut out = String::new();
    let mut words = columns.split(' ').peekable();
    while let Some(at) = words.next() {
        // `PRIMARY KEY` is the server's word.
        let (plain, comma) = at.strip_suffix(',').map_or((at, ""), |plain| (plain, ","));
        let meant = if plain == "PRIMARY" {
            words
                .next_if(|next| next.starts_with("KEY"))
                .map_or_else(|| plain.to_owned(), |next| format!("PRIMARY {next}"))
        } else {
            word(plain)
        };
        out.push_str(&meant);
        out.push_str(comma);
        out.push(' ');
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_the_server() {
        let columns = "a KEY NOT NULL PRIMARY KEY, b TEXT, PRIMARY KEY (a, b)";
        assert_eq!(
            types(Dialect::Postgres, columns),
            "a text NOT NULL PRIMARY KEY, b text, PRIMARY KEY (a, b)"
        );
    }
}
