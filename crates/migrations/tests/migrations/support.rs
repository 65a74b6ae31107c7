//! Folders in code, and sets as text.

use bascule_migrations::{File, Format, FormatWish, Migration, MigrationSet, Part, Transactions, Turn, read};
use bascule_sql::Dialect;

/// Files of these paths and texts.
pub fn folder(files: &[(&str, &str)]) -> Vec<File> {
    files.iter().map(|(path, text)| File::new(*path, text.as_bytes())).collect()
}

/// Reads them, the convention found by itself.
pub fn auto(files: &[(&str, &str)]) -> MigrationSet {
    read(&folder(files), FormatWish::Auto, Dialect::Postgres).unwrap_or_else(|error| panic!("{error}"))
}

/// Reads them as one convention.
pub fn named(format: Format, files: &[(&str, &str)]) -> MigrationSet {
    read(&folder(files), FormatWish::Named(format), Dialect::Postgres)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Why they cannot be read.
pub fn refused(wish: FormatWish, files: &[(&str, &str)]) -> String {
    read(&folder(files), wish, Dialect::Postgres).map(|set| shown(&set)).unwrap_err().to_string()
}

/// A set as text.
pub fn shown(set: &MigrationSet) -> String {
    let mut text = format!("{}: {}\n", set.format, set.why);
    if !set.equally.is_empty() {
        text += &format!(
            "equally: {}\n",
            set.equally.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
        );
    }
    for migration in &set.migrations {
        text += &one(migration);
    }
    for note in &set.notes {
        text += &format!("note {note}\n");
    }
    text
}

/// A migration as text.
pub fn one(migration: &Migration) -> String {
    let mut text = format!("{} `{}` {}", migration.version, migration.name, migration.path);
    match migration.origin.turn {
        Turn::Ordered => {}
        Turn::Unordered => text += " (any order)",
        Turn::Repeatable => text += " (again when changed)",
    }
    if migration.transactions == Transactions::None {
        text += " (no transaction)";
    }
    text.push('\n');
    let mut list = |what: &str, statements: &[bascule_sql::Statement]| {
        for statement in statements {
            text += &format!("  {what} {}: {}\n", statement.line, statement.text.replace('\n', "⏎"));
        }
    };
    for part in &migration.parts {
        match part {
            Part::Expand { statements } => list("expand", statements),
            Part::Contract { statements } => list("contract", statements),
            Part::Backfill(backfill) => {
                let what = format!(
                    "backfill {} by {} {:?} {}",
                    backfill.table,
                    backfill.key.join(","),
                    backfill.gate,
                    backfill.batch
                );
                list(&what, std::slice::from_ref(&backfill.statement));
            }
        }
    }
    match &migration.down {
        None => {}
        Some(down) if down.is_empty() => text += "  down: nothing\n",
        Some(down) => {
            for statement in down {
                text += &format!("  down {}: {}\n", statement.line, statement.text.replace('\n', "⏎"));
            }
        }
    }
    for check in &migration.checks {
        text += &format!("  check {}: {}\n", check.line, check.text);
    }
    for note in &migration.notes {
        text += &format!("  note {note}\n");
    }
    text
}
