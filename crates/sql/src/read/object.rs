//! Kinds of things, by the words that name them; and `DROP`, `ALTER` of such things.

use super::cursor::Cursor;
use crate::{Action, Dialect, Name, ObjectKind, TypeChange};

const KINDS: [(&[&str], ObjectKind); 37] = [
    (&["SCHEMA"], ObjectKind::Schema),
    (&["DATABASE"], ObjectKind::Database),
    (&["SEQUENCE"], ObjectKind::Sequence),
    (&["EXTENSION"], ObjectKind::Extension),
    (&["ROLE"], ObjectKind::Role),
    (&["USER", "MAPPING"], ObjectKind::ForeignServer),
    (&["USER"], ObjectKind::Role),
    (&["GROUP"], ObjectKind::Role),
    (&["POLICY"], ObjectKind::Policy),
    (&["RULE"], ObjectKind::Rule),
    (&["EVENT", "TRIGGER"], ObjectKind::EventTrigger),
    (&["EVENT"], ObjectKind::Event),
    (&["MATERIALIZED", "VIEW"], ObjectKind::MaterializedView),
    (&["VIEW"], ObjectKind::View),
    (&["FUNCTION"], ObjectKind::Function),
    (&["PROCEDURE"], ObjectKind::Function),
    (&["ROUTINE"], ObjectKind::Function),
    (&["TRIGGER"], ObjectKind::Trigger),
    (&["AGGREGATE"], ObjectKind::Aggregate),
    (&["OPERATOR", "CLASS"], ObjectKind::Operator),
    (&["OPERATOR", "FAMILY"], ObjectKind::Operator),
    (&["OPERATOR"], ObjectKind::Operator),
    (&["CAST"], ObjectKind::Cast),
    (&["COLLATION"], ObjectKind::Collation),
    (&["CONVERSION"], ObjectKind::Collation),
    (&["STATISTICS"], ObjectKind::Statistics),
    (&["PUBLICATION"], ObjectKind::Publication),
    (&["SUBSCRIPTION"], ObjectKind::Subscription),
    (&["FOREIGN", "DATA", "WRAPPER"], ObjectKind::ForeignServer),
    (&["FOREIGN", "TABLE"], ObjectKind::ForeignTable),
    (&["SERVER"], ObjectKind::ForeignServer),
    (&["TEXT", "SEARCH"], ObjectKind::TextSearch),
    (&["LANGUAGE"], ObjectKind::Language),
    (&["TABLESPACE"], ObjectKind::Tablespace),
    (&["ACCESS", "METHOD"], ObjectKind::AccessMethod),
    (&["VIRTUAL", "TABLE"], ObjectKind::VirtualTable),
    (&["DEFAULT", "PRIVILEGES"], ObjectKind::Privileges),
];

/// The kind of thing that is named here.
pub(super) fn kind(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    let found = KINDS.iter().find(|(words, _)| cursor.words(words)).map(|(_, kind)| *kind)?;
    if found == ObjectKind::TextSearch {
        cursor.advance();
    }
    Some(found)
}

/// Behind `DROP`.
pub(super) fn drop(cursor: &mut Cursor<'_>) -> Option<Action> {
    let temporary = cursor.any(&["TEMPORARY", "TEMP"]);
    if cursor.any(&["TABLE", "TABLES"]) {
        let if_exists = cursor.if_exists();
        let tables = cursor.names();
        return Some(Action::DropTable { tables, if_exists, cascade: cursor.word("CASCADE"), temporary });
    }
    if cursor.word("INDEX") {
        let concurrently = cursor.word("CONCURRENTLY");
        let if_exists = cursor.if_exists();
        let indexes = cursor.names();
        let table = if cursor.word("ON") { cursor.name() } else { None };
        return Some(Action::DropIndex {
            indexes,
            table,
            concurrently,
            if_exists,
            cascade: cursor.word("CASCADE"),
        });
    }
    let domain = cursor.is("DOMAIN");
    if domain || cursor.is("TYPE") {
        cursor.advance();
        let if_exists = cursor.if_exists();
        let names = cursor.names();
        return Some(Action::DropType { names, domain, if_exists, cascade: cursor.word("CASCADE") });
    }
    let procedure = cursor.is("PROCEDURE");
    let kind = kind(cursor)?;
    let if_exists = cursor.if_exists();
    let names = if kind == ObjectKind::Cast { Vec::new() } else { cursor.names() };
    match kind {
        ObjectKind::View | ObjectKind::MaterializedView => {
            let materialized = kind == ObjectKind::MaterializedView;
            Some(Action::DropView { views: names, materialized, if_exists, cascade: cursor.word("CASCADE") })
        }
        ObjectKind::Function | ObjectKind::Aggregate => Some(Action::DropFunction {
            functions: names,
            procedure,
            if_exists,
            cascade: cursor.word("CASCADE"),
        }),
        ObjectKind::Trigger => {
            let table = if cursor.word("ON") { cursor.name() } else { None };
            Some(Action::DropTrigger { trigger: names.into_iter().next()?, table, if_exists })
        }
        _ => {
            let table = if cursor.word("ON") { cursor.name() } else { None };
            Some(Action::DropObject { kind, names, table, if_exists, cascade: cursor.later("CASCADE") })
        }
    }
}

/// Behind `ALTER`, but for tables.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Option<Action> {
    if cursor.word("INDEX") {
        cursor.if_exists();
        let index = cursor.name()?;
        let to = renamed(cursor);
        return Some(Action::AlterIndex { index, to });
    }
    if cursor.word("TYPE") {
        let name = cursor.name()?;
        return Some(Action::AlterType { name, change: type_change(cursor) });
    }
    if cursor.word("DOMAIN") {
        let name = cursor.name()?;
        return Some(Action::AlterType { name, change: domain_change(cursor) });
    }
    if cursor.any(&["SYSTEM", "INSTANCE"]) {
        return Some(Action::AlterObject { kind: ObjectKind::Server, name: None, to: None });
    }
    if cursor.dialect == Dialect::Mysql {
        // `ALTER DEFINER = x EVENT e`.
        while !cursor.at_end() && cursor.is_any(&["DEFINER", "ALGORITHM", "SQL"]) {
            while !cursor.at_end() && !cursor.is_any(&["VIEW", "EVENT"]) {
                cursor.advance();
            }
        }
    }
    let kind = kind(cursor)?;
    cursor.if_exists();
    let name = if kind == ObjectKind::Privileges { None } else { cursor.name() };
    cursor.group();
    Some(Action::AlterObject { kind, name, to: renamed(cursor) })
}

fn renamed(cursor: &mut Cursor<'_>) -> Option<String> {
    cursor.words(&["RENAME", "TO"]).then(|| cursor.identifier()).flatten()
}

fn type_change(cursor: &mut Cursor<'_>) -> TypeChange {
    if cursor.words(&["ADD", "VALUE"]) {
        let if_not_exists = cursor.if_not_exists();
        let value = cursor.text().unwrap_or_default();
        return TypeChange::AddValue { value, placed: cursor.any(&["BEFORE", "AFTER"]), if_not_exists };
    }
    if cursor.words(&["RENAME", "VALUE"]) {
        let value = cursor.text().unwrap_or_default();
        cursor.word("TO");
        return TypeChange::RenameValue { value, to: cursor.text().unwrap_or_default() };
    }
    if let Some(to) = renamed(cursor) {
        return TypeChange::Rename { to };
    }
    let attribute = cursor.any(&["ADD", "DROP", "ALTER", "RENAME"]) && cursor.is("ATTRIBUTE");
    if attribute { TypeChange::Attribute } else { TypeChange::Other }
}

fn domain_change(cursor: &mut Cursor<'_>) -> TypeChange {
    if cursor.word("ADD") {
        return TypeChange::AddDomainConstraint { not_valid: cursor.later_words(&["NOT", "VALID"]) };
    }
    if cursor.words(&["VALIDATE", "CONSTRAINT"]) {
        return TypeChange::ValidateDomainConstraint;
    }
    if cursor.words(&["SET", "NOT", "NULL"]) {
        return TypeChange::SetDomainNotNull;
    }
    if cursor.words(&["DROP", "NOT", "NULL"]) || cursor.words(&["DROP", "CONSTRAINT"]) {
        return TypeChange::LoosenDomain;
    }
    match renamed(cursor) {
        Some(to) => TypeChange::Rename { to },
        None => TypeChange::Other,
    }
}

/// `ON [TABLE | ALL TABLES IN SCHEMA | …] names`, of rights and comments.
pub(super) fn on(cursor: &mut Cursor<'_>) -> Vec<Name> {
    if !cursor.find_word("ON") {
        return Vec::new();
    }
    cursor.word("TABLE");
    if cursor.word("ALL") || kind(cursor).is_some() {
        return Vec::new();
    }
    cursor.names()
}
