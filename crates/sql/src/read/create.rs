//! `CREATE`, but for tables.

use super::{
    alter_table::index_columns, column::data_type, create_table::create_table, cursor::Cursor, object,
};
use crate::{Action, CreateIndex, Dialect, Name, ObjectKind, TypeDefinition, lexer::Kind};

/// What stands between `CREATE` and the kind of thing.
#[derive(Default)]
struct Manner {
    or_replace: bool,
    temporary: bool,
    materialized: bool,
    unique: bool,
    method: Option<String>,
}

/// Behind `CREATE`.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Option<Action> {
    let manner = manner(cursor);
    if cursor.word("TABLE") {
        return create_table(cursor, manner.temporary);
    }
    if cursor.word("INDEX") {
        return index(cursor, manner).map(Action::CreateIndex);
    }
    if cursor.word("VIEW") {
        return view(cursor, &manner);
    }
    if cursor.is_any(&["FUNCTION", "PROCEDURE", "PACKAGE"]) {
        let procedure = cursor.word("PROCEDURE");
        cursor.any(&["FUNCTION", "PACKAGE"]);
        cursor.if_not_exists();
        let function = cursor.name()?;
        return Some(Action::CreateFunction { function, or_replace: manner.or_replace, procedure });
    }
    if cursor.word("TRIGGER") {
        return trigger(cursor, &manner);
    }
    if cursor.word("TYPE") {
        return Some(Action::CreateType { name: cursor.name()?, definition: definition(cursor) });
    }
    if cursor.word("DOMAIN") {
        let name = cursor.name()?;
        cursor.word("AS");
        let base = data_type(cursor)?;
        let constrained = cursor.later("CHECK") || cursor.later_words(&["NOT", "NULL"]);
        return Some(Action::CreateType { name, definition: TypeDefinition::Domain { base, constrained } });
    }
    other(cursor, &manner)
}

fn manner(cursor: &mut Cursor<'_>) -> Manner {
    let mut manner = Manner::default();
    loop {
        if cursor.words(&["OR", "REPLACE"]) {
            manner.or_replace = true;
        } else if cursor.any(&["TEMP", "TEMPORARY"]) {
            manner.temporary = true;
        } else if cursor.word("MATERIALIZED") {
            manner.materialized = true;
        } else if cursor.word("UNIQUE") {
            manner.unique = true;
        } else if cursor.dialect == Dialect::Mysql && cursor.is_any(&["FULLTEXT", "SPATIAL"]) {
            manner.method = Some(cursor.here().to_lowercase());
            cursor.advance();
        } else if cursor.words(&["SQL", "SECURITY"]) {
            cursor.advance();
        } else if cursor.is_any(&["DEFINER", "ALGORITHM"]) && cursor.ahead(1) == "=" {
            cursor.advance();
            cursor.advance();
            definer(cursor);
        } else if !cursor.any(&[
            "GLOBAL",
            "LOCAL",
            "UNLOGGED",
            "RECURSIVE",
            "CONSTRAINT",
            "TRUSTED",
            "PROCEDURAL",
        ]) {
            return manner;
        }
    }
}

/// `user@host`, `CURRENT_USER()`, `MERGE`.
fn definer(cursor: &mut Cursor<'_>) {
    cursor.advance();
    if cursor.symbol("@") {
        cursor.advance();
    }
    if cursor.is_symbol("(") && cursor.ahead(1) == ")" {
        cursor.group();
    }
}

fn index(cursor: &mut Cursor<'_>, manner: Manner) -> Option<CreateIndex> {
    let concurrently = cursor.word("CONCURRENTLY");
    let if_not_exists = cursor.if_not_exists();
    let index = if cursor.is("ON") && cursor.kind() == Some(Kind::Word) { None } else { cursor.name() };
    let mut method = manner.method;
    // MySQL writes the method before the table as well.
    if cursor.word("USING") {
        method = cursor.identifier();
    }
    if !cursor.word("ON") {
        return None;
    }
    let only = cursor.word("ONLY");
    let table = cursor.name()?;
    if cursor.word("USING") {
        method = cursor.identifier();
    }
    let columns = index_columns(cursor);
    let partial = cursor.later("WHERE");
    Some(CreateIndex {
        index,
        table,
        columns,
        unique: manner.unique,
        concurrently,
        if_not_exists,
        method: method.map(|method| method.to_lowercase()),
        partial,
        only,
    })
}

fn view(cursor: &mut Cursor<'_>, manner: &Manner) -> Option<Action> {
    let if_not_exists = cursor.if_not_exists();
    let view = cursor.name()?;
    let star = cursor.find_word("AS") && has_star(cursor);
    Some(Action::CreateView {
        view,
        or_replace: manner.or_replace,
        materialized: manner.materialized,
        temporary: manner.temporary,
        star,
        if_not_exists,
    })
}

/// `SELECT *`, `SELECT a.*`; not `count(*)` or a product.
fn has_star(cursor: &mut Cursor<'_>) -> bool {
    while !cursor.at_end() {
        let star = cursor.ahead(1) == "*";
        if star
            && (cursor.is_any(&["SELECT", "DISTINCT", "ALL"])
                || cursor.is_symbol(".")
                || cursor.is_symbol(","))
        {
            return true;
        }
        cursor.advance();
    }
    false
}

fn trigger(cursor: &mut Cursor<'_>, manner: &Manner) -> Option<Action> {
    cursor.if_not_exists();
    let trigger = cursor.name()?;
    let table = if cursor.find_word("ON") { cursor.name() } else { None };
    Some(Action::CreateTrigger { trigger, table, or_replace: manner.or_replace })
}

fn definition(cursor: &mut Cursor<'_>) -> TypeDefinition {
    if !cursor.word("AS") {
        return TypeDefinition::Other;
    }
    if cursor.word("ENUM") {
        let mut values = Vec::new();
        if let Some(inside) = cursor.group() {
            let mut inner = Cursor::new(inside, cursor.dialect);
            while let Some(value) = inner.text() {
                values.push(value);
                inner.symbol(",");
            }
        }
        return TypeDefinition::Enum { values };
    }
    if cursor.word("RANGE") {
        return TypeDefinition::Range;
    }
    if cursor.is_symbol("(") { TypeDefinition::Composite } else { TypeDefinition::Other }
}

fn other(cursor: &mut Cursor<'_>, manner: &Manner) -> Option<Action> {
    let kind = object::kind(cursor)?;
    let if_not_exists = cursor.if_not_exists();
    let mut name: Option<Name> = None;
    if !matches!(kind, ObjectKind::Cast | ObjectKind::Operator) && !cursor.is("AUTHORIZATION") {
        name = cursor.name();
    }
    let before = match kind {
        ObjectKind::Policy => "ON",
        ObjectKind::Rule => "TO",
        ObjectKind::Statistics => "FROM",
        _ => "",
    };
    let table = if cursor.find_word(before) { cursor.name() } else { None };
    Some(Action::CreateObject { kind, name, table, or_replace: manner.or_replace, if_not_exists })
}
