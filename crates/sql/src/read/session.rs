//! Transactions, settings, locks and care.

use super::cursor::Cursor;
use crate::{Action, Control, Dialect, Maintenance, Reindex, Setting, lexer::Kind};

/// Where a transaction begins or ends.
pub(super) fn control(cursor: &mut Cursor<'_>) -> Option<Action> {
    let control = if cursor.words(&["PREPARE", "TRANSACTION"])
        || cursor.words(&["COMMIT", "PREPARED"])
        || cursor.words(&["ROLLBACK", "PREPARED"])
        || cursor.word("XA")
    {
        Control::TwoPhase
    } else if cursor.word("BEGIN") || cursor.words(&["START", "TRANSACTION"]) {
        // MariaDB's block is no transaction.
        if cursor.is("NOT") {
            return Some(Action::Run { procedure: None });
        }
        Control::Begin
    } else if cursor.any(&["COMMIT", "END"]) {
        Control::Commit
    } else if cursor.any(&["ROLLBACK", "ABORT"]) {
        cursor.any(&["WORK", "TRANSACTION"]);
        if cursor.word("TO") { Control::RollbackTo } else { Control::Rollback }
    } else if cursor.word("SAVEPOINT") {
        Control::Savepoint
    } else if cursor.word("RELEASE") {
        Control::Release
    } else {
        return None;
    };
    Some(Action::Control(control))
}

/// A setting.
pub(super) fn setting(cursor: &mut Cursor<'_>) -> Option<Action> {
    if cursor.word("PRAGMA") {
        let name = cursor.name()?;
        let value = if cursor.symbol("=") { Some(cursor.rest()) } else { cursor.group() };
        return Some(Action::Set(Setting {
            name: name.name.to_lowercase(),
            value: value.map(str::to_owned),
            local: false,
            global: false,
            pragma: true,
        }));
    }
    let reset = cursor.is_any(&["RESET", "DISCARD"]);
    if cursor.dialect == Dialect::Mysql && cursor.word("USE") {
        let value = Some(cursor.rest().to_owned());
        return Some(Action::Set(Setting {
            name: "use".to_owned(),
            value,
            local: false,
            global: false,
            pragma: false,
        }));
    }
    if cursor.dialect == Dialect::Sqlite && cursor.is_any(&["ATTACH", "DETACH"]) {
        let name = cursor.here().to_lowercase();
        cursor.advance();
        let value = Some(cursor.rest().to_owned());
        return Some(Action::Set(Setting { name, value, local: false, global: false, pragma: false }));
    }
    if !reset && !cursor.is("SET") {
        return None;
    }
    cursor.advance();
    let local = cursor.word("LOCAL");
    let mut global = cursor.any(&["GLOBAL", "PERSIST", "PERSIST_ONLY"]);
    cursor.word("SESSION");
    while cursor.symbol("@") {}
    if cursor.any(&["GLOBAL", "PERSIST"]) {
        global = true;
        cursor.symbol(".");
    } else if cursor.any(&["SESSION", "LOCAL"]) {
        cursor.symbol(".");
    }
    let name = if cursor.words(&["TIME", "ZONE"]) {
        "timezone".to_owned()
    } else {
        cursor.name()?.written.to_lowercase()
    };
    if cursor.symbol(":") || cursor.is_symbol("=") {
        cursor.symbol("=");
    } else {
        cursor.word("TO");
    }
    let value = (!reset && !cursor.at_end()).then(|| cursor.rest().to_owned());
    Some(Action::Set(Setting { name, value, local, global, pragma: false }))
}

/// Locks, and care for tables.
pub(super) fn care(cursor: &mut Cursor<'_>) -> Option<Action> {
    if cursor.word("LOCK") {
        cursor.any(&["TABLE", "TABLES"]);
        return Some(lock(cursor));
    }
    if cursor.word("REINDEX") {
        return Some(reindex(cursor));
    }
    let maintenance = if cursor.word("VACUUM") {
        let options = cursor.group().unwrap_or("").to_uppercase();
        let off = options.contains("FULL FALSE") || options.contains("FULL OFF");
        let full = cursor.word("FULL") || (options.contains("FULL") && !off);
        while cursor.any(&["FREEZE", "VERBOSE", "ANALYZE"]) {}
        // SQLite writes the whole file anew.
        if full || cursor.dialect == Dialect::Sqlite { Maintenance::VacuumFull } else { Maintenance::Vacuum }
    } else if cursor.any(&["ANALYZE", "ANALYSE"]) {
        cursor.group();
        cursor.word("VERBOSE");
        cursor.any(&["LOCAL", "NO_WRITE_TO_BINLOG", "TABLE", "TABLES"]);
        Maintenance::Analyze
    } else if cursor.any(&["CLUSTER", "REPACK"]) {
        cursor.group();
        cursor.word("VERBOSE");
        Maintenance::Cluster
    } else if cursor.word("OPTIMIZE") {
        cursor.any(&["LOCAL", "NO_WRITE_TO_BINLOG"]);
        cursor.any(&["TABLE", "TABLES"]);
        Maintenance::Optimize
    } else if cursor.any(&["CHECKPOINT", "FLUSH", "CHECK", "REPAIR", "CACHE", "LISTEN", "NOTIFY", "UNLISTEN"])
    {
        return Some(Action::Maintain { maintenance: Maintenance::Other, tables: Vec::new() });
    } else {
        return None;
    };
    // `VACUUM INTO 'file'` and `VACUUM schema` of SQLite name no table.
    let tables =
        if cursor.kind() == Some(Kind::Text) || cursor.is("INTO") { Vec::new() } else { cursor.names() };
    Some(Action::Maintain { maintenance, tables })
}

fn lock(cursor: &mut Cursor<'_>) -> Action {
    let mut tables = Vec::new();
    let mut mode = None;
    loop {
        cursor.word("ONLY");
        let Some(name) = cursor.name() else { break };
        tables.push(name);
        if cursor.dialect == Dialect::Mysql {
            cursor.word("AS");
            while !cursor.at_end() && !cursor.is_symbol(",") {
                if cursor.is_any(&["READ", "WRITE"]) {
                    mode = Some(cursor.here().to_uppercase());
                }
                cursor.advance();
            }
        }
        if !cursor.symbol(",") {
            break;
        }
    }
    if cursor.word("IN") {
        let rest = cursor.rest().to_uppercase();
        mode = rest.split(" MODE").next().map(|words| words.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    Action::Lock { tables, mode }
}

fn reindex(cursor: &mut Cursor<'_>) -> Action {
    let options = cursor.group().unwrap_or("").to_uppercase();
    let mut what = String::new();
    if cursor.dialect == Dialect::Postgres
        && cursor.is_any(&["INDEX", "TABLE", "SCHEMA", "DATABASE", "SYSTEM"])
    {
        what = cursor.here().to_uppercase();
        cursor.advance();
    }
    let concurrently = cursor.word("CONCURRENTLY") || options.contains("CONCURRENTLY");
    Action::Reindex(Reindex { what, name: cursor.name(), concurrently })
}
