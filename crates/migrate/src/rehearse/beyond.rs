//! Which statements reach beyond the database that they are run in: a copy would not keep them from the real thing.

use bascule_sql::Dialect;

use crate::schema::words;

/// Why a statement is not run in a rehearsal. `databases` are the others of the server, where a name can lead to them.
pub(super) fn reaches(dialect: Dialect, text: &str, databases: &[String]) -> Option<String> {
    let words = words(text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match dialect {
        Dialect::Postgres => postgres(&words),
        Dialect::Mysql => mysql(&words, databases),
        Dialect::Sqlite => sqlite(&words),
    }
}

const SERVER_WIDE: [&str; 6] = ["role", "user", "group", "database", "tablespace", "subscription"];

fn postgres(words: &[&str]) -> Option<String> {
    for (at, word) in words.iter().enumerate() {
        let (next, after) =
            (words.get(at + 1).copied().unwrap_or(""), words.get(at + 2).copied().unwrap_or(""));
        // A text within the text may be run by it.
        if let Some(inner) = word.strip_prefix('\'')
            && let Some(why) =
                postgres(&crate::schema::words(inner).iter().map(String::as_str).collect::<Vec<_>>())
        {
            return Some(why);
        }
        let first = at == 0
            || matches!(words[at - 1], ";" | "begin" | "then" | "else" | "loop")
            || words[at - 1].contains('$');
        if !first {
            continue;
        }
        match (*word, next) {
            ("create" | "alter" | "drop", what) if SERVER_WIDE.contains(&what) && after != "mapping" => {
                return Some(format!("a {what} is the server's, not the database's"));
            }
            ("comment", "on") if SERVER_WIDE.contains(&after) => {
                return Some(format!("a {after} is the server's, not the database's"));
            }
            ("alter", "system") => return Some("the settings are the whole server's".to_owned()),
            ("reassign" | "drop", "owned") => {
                return Some("what a role owns is not of one database".to_owned());
            }
            ("grant" | "revoke", _) if !statement(&words[at..]).contains(&"on") => {
                return Some("who is a member of a role is the server's, not the database's".to_owned());
            }
            ("copy", _) if to_file(statement(&words[at..])) => {
                return Some("it writes outside of the database".to_owned());
            }
            _ => {}
        }
    }
    None
}

fn statement<'a>(words: &'a [&'a str]) -> &'a [&'a str] {
    words.split(|word| *word == ";").next().unwrap_or_default()
}

fn to_file(words: &[&str]) -> bool {
    let to = words.iter().rposition(|word| *word == "to").and_then(|at| words.get(at + 1));
    to.is_some_and(|to| to.starts_with('\'') || *to == "program")
}

fn mysql(words: &[&str], databases: &[String]) -> Option<String> {
    let first = words.first().copied().unwrap_or("");
    let second = words.get(1).copied().unwrap_or("");
    match (first, second) {
        (
            "create" | "alter" | "drop" | "rename",
            "user" | "role" | "database" | "schema" | "server" | "tablespace",
        )
        | (
            "use" | "grant" | "revoke" | "flush" | "purge" | "reset" | "kill" | "install" | "uninstall"
            | "shutdown",
            _,
        )
        | ("set", "global" | "persist" | "password" | "default") => {
            return Some("it changes the server, not the database".to_owned());
        }
        _ => {}
    }
    if words.windows(2).any(|pair| pair[0] == "into" && matches!(pair[1], "outfile" | "dumpfile")) {
        return Some("it writes outside of the database".to_owned());
    }
    let named = words.windows(2).find(|pair| {
        pair[1] == "." && databases.iter().any(|database| database.eq_ignore_ascii_case(pair[0]))
    });
    named.map(|pair| {
        format!("it names the database {} itself, so that it would not be run in the copy", pair[0])
    })
}

fn sqlite(words: &[&str]) -> Option<String> {
    let attaches = matches!(words.first().copied(), Some("attach" | "detach"))
        || (words.first() == Some(&"vacuum") && words.contains(&"into"))
        || words.contains(&"load_extension");
    attaches.then(|| "it reaches for another file".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_out_is_seen_and_what_does_not_is_run() {
        let databases = ["shop".to_owned(), "other".to_owned()];
        for (dialect, text, reaches_out) in [
            (Dialect::Postgres, "CREATE ROLE app", true),
            (Dialect::Postgres, "DO $$ BEGIN IF true THEN CREATE ROLE app; END IF; END $$", true),
            (Dialect::Postgres, "DO $$BEGIN EXECUTE 'create user x'; END$$", true),
            (Dialect::Postgres, "GRANT app TO ann", true),
            (Dialect::Postgres, "GRANT SELECT ON users TO app", false),
            (Dialect::Postgres, "ALTER SYSTEM SET work_mem = '1GB'", true),
            (Dialect::Postgres, "ALTER DATABASE shop SET search_path = app", true),
            (Dialect::Postgres, "CREATE USER MAPPING FOR ann SERVER s", false),
            (Dialect::Postgres, "ALTER TABLE t DROP \"user\"", false),
            (Dialect::Postgres, "ALTER TABLE t ADD CONSTRAINT role CHECK (a > 0)", false),
            (Dialect::Postgres, "COPY t TO '/tmp/x'", true),
            (Dialect::Postgres, "INSERT INTO log VALUES ('we create tables')", false),
            (Dialect::Mysql, "CREATE USER ann", true),
            (Dialect::Mysql, "UPDATE `shop`.users SET a = 1", true),
            (Dialect::Mysql, "UPDATE users u SET u.a = 1", false),
            (Dialect::Mysql, "SELECT * FROM t INTO OUTFILE '/tmp/x'", true),
            (Dialect::Mysql, "SET GLOBAL max_connections = 5", true),
            (Dialect::Sqlite, "ATTACH 'x.db' AS x", true),
            (Dialect::Sqlite, "CREATE TABLE attach_log (id)", false),
        ] {
            assert_eq!(reaches(dialect, text, &databases).is_some(), reaches_out, "{text}");
        }
    }
}
