//! Constraints of tables.

use super::cursor::Cursor;
use crate::{Constraint, ConstraintKind, Dialect, Name};

/// Whether a constraint begins here, with or without a name.
pub(super) fn begins(cursor: &Cursor<'_>) -> bool {
    cursor.is("CONSTRAINT")
        || (cursor.is("PRIMARY") && cursor.is_word_ahead(1, "KEY"))
        || (cursor.is("FOREIGN") && cursor.is_word_ahead(1, "KEY"))
        || (cursor.is("UNIQUE") && cursor.dialect != Dialect::Mysql)
        || (cursor.is("CHECK") && cursor.ahead(1) == "(")
        || (cursor.is("EXCLUDE") && cursor.dialect == Dialect::Postgres)
        || (cursor.is("NOT") && cursor.is_word_ahead(1, "NULL"))
}

/// The constraint here.
pub(super) fn constraint(cursor: &mut Cursor<'_>) -> Option<Constraint> {
    let mut name = None;
    if cursor.word("CONSTRAINT") {
        cursor.if_not_exists();
        let bare = ["PRIMARY", "FOREIGN", "UNIQUE", "CHECK"];
        // MySQL allows the word without a name.
        if !(cursor.dialect == Dialect::Mysql && cursor.is_any(&bare)) {
            name = cursor.identifier();
        }
    }
    let kind = kind(cursor, &mut name)?;
    let mut using_index = None;
    if cursor.words(&["USING", "INDEX"]) && !cursor.is("TABLESPACE") {
        using_index = cursor.identifier();
    }
    let start = cursor.position();
    let mut not_valid = false;
    while !(cursor.at_end() || cursor.is_symbol(",") || cursor.is_symbol(")")) {
        if cursor.words(&["NOT", "VALID"]) || cursor.words(&["NOT", "ENFORCED"]) {
            not_valid = true;
        } else {
            cursor.skip();
        }
    }
    debug_assert!(cursor.position() >= start, "a constraint is read to its end");
    Some(Constraint { name, kind, not_valid, using_index })
}

fn kind(cursor: &mut Cursor<'_>, name: &mut Option<String>) -> Option<ConstraintKind> {
    if cursor.words(&["PRIMARY", "KEY"]) {
        cursor.words(&["USING", "BTREE"]);
        return Some(ConstraintKind::PrimaryKey { columns: cursor.columns() });
    }
    if cursor.word("UNIQUE") {
        cursor.any(&["INDEX", "KEY"]);
        cursor.words(&["NULLS", "NOT", "DISTINCT"]);
        cursor.words(&["NULLS", "DISTINCT"]);
        if cursor.dialect == Dialect::Mysql && !cursor.is_symbol("(") && !cursor.is("USING") {
            let own = cursor.identifier();
            name.get_or_insert(own?);
        }
        return Some(ConstraintKind::Unique { columns: cursor.columns() });
    }
    if cursor.word("CHECK") {
        return Some(ConstraintKind::Check { expression: cursor.group().unwrap_or("").to_owned() });
    }
    if cursor.words(&["FOREIGN", "KEY"]) {
        cursor.if_not_exists();
        if !cursor.is_symbol("(") {
            let own = cursor.identifier();
            name.get_or_insert(own?);
        }
        let columns = cursor.columns();
        cursor.word("REFERENCES");
        let references = cursor.name().unwrap_or_else(|| Name::bare(""));
        let referred = cursor.columns();
        return Some(ConstraintKind::ForeignKey { columns, references, referred });
    }
    if cursor.word("EXCLUDE") {
        return Some(ConstraintKind::Exclude);
    }
    if cursor.words(&["NOT", "NULL"]) {
        return Some(ConstraintKind::NotNull { column: cursor.identifier()? });
    }
    None
}
