//! Columns, as they are described in `CREATE TABLE`, `ADD COLUMN`, `MODIFY`.

use super::{cursor::Cursor, default::default_value};
use crate::{Column, DataType, Dialect, Generated, lexer::Kind};

/// Words that go on a type's name.
const TYPE_WORDS: [&str; 12] = [
    "precision",
    "varying",
    "unsigned",
    "signed",
    "zerofill",
    "character",
    "char",
    "varchar",
    "large",
    "object",
    "to",
    "local",
];
/// Fields of `interval`.
const INTERVAL: [&str; 6] = ["year", "month", "day", "hour", "minute", "second"];
/// Words with which an attribute of a column begins; SQLite's types are whatever words stand before.
const ATTRIBUTES: [&str; 18] = [
    "CONSTRAINT",
    "PRIMARY",
    "NOT",
    "NULL",
    "UNIQUE",
    "CHECK",
    "DEFAULT",
    "COLLATE",
    "REFERENCES",
    "GENERATED",
    "AS",
    "ON",
    "AUTOINCREMENT",
    "AUTO_INCREMENT",
    "COMMENT",
    "KEY",
    "FIRST",
    "AFTER",
];

/// A type.
pub(super) fn data_type(cursor: &mut Cursor<'_>) -> Option<DataType> {
    if cursor.is_any(&ATTRIBUTES) || !matches!(cursor.kind(), Some(Kind::Word | Kind::Name | Kind::Text)) {
        return None;
    }
    let start = cursor.position();
    let first = cursor.name()?;
    let mut words = vec![first.name.to_lowercase()];
    let mut arguments = Vec::new();
    loop {
        if cursor.is_symbol("(") && arguments.is_empty() {
            arguments = list(cursor);
        } else if goes_on(cursor, &words) {
            words.push(cursor.here().to_lowercase());
            cursor.advance();
        } else {
            break;
        }
    }
    let mut array = false;
    while cursor.symbol("[") {
        array = true;
        while !cursor.at_end() && !cursor.symbol("]") {
            cursor.advance();
        }
    }
    if cursor.word("ARRAY") {
        array = true;
        while cursor.symbol("[") || cursor.symbol("]") {}
    }
    Some(DataType { name: words.join(" "), arguments, array, written: cursor.since(start).to_owned() })
}

fn goes_on(cursor: &Cursor<'_>, words: &[String]) -> bool {
    if cursor.kind() != Some(Kind::Word) {
        return false;
    }
    let here = cursor.here().to_lowercase();
    let last = words.last().map_or("", String::as_str);
    match cursor.dialect {
        Dialect::Sqlite => !cursor.is_any(&ATTRIBUTES),
        // `CHARACTER SET` is an attribute, `NATIONAL CHARACTER` a type.
        Dialect::Mysql if matches!(here.as_str(), "character" | "char" | "varchar") => {
            matches!(last, "national" | "long") && !cursor.is_word_ahead(1, "SET")
        }
        _ if matches!(here.as_str(), "with" | "without") => {
            cursor.is_word_ahead(1, "TIME") || cursor.is_word_ahead(1, "LOCAL")
        }
        _ if here == "time" => matches!(last, "with" | "without" | "local"),
        _ if here == "zone" => last == "time",
        _ if words[0] == "interval" && INTERVAL.contains(&here.as_str()) => true,
        _ => TYPE_WORDS.contains(&here.as_str()),
    }
}

fn list(cursor: &mut Cursor<'_>) -> Vec<String> {
    let Some(inside) = cursor.group() else { return Vec::new() };
    let mut inner = Cursor::new(inside, cursor.dialect);
    let mut found = Vec::new();
    while !inner.at_end() {
        let start = inner.position();
        inner.skip_to_comma();
        found.push(inner.since(start).to_owned());
        if !inner.symbol(",") {
            inner.advance();
        }
    }
    found
}

/// A column with its attributes, and whether it is placed (`FIRST`, `AFTER`).
pub(super) fn column(cursor: &mut Cursor<'_>) -> Option<(Column, bool)> {
    let name = cursor.identifier()?;
    let data_type = data_type(cursor);
    let serial = data_type.as_ref().is_some_and(|one| {
        matches!(
            one.name.as_str(),
            "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8"
        )
    });
    let mut column = Column {
        name,
        data_type,
        not_null: serial,
        default: None,
        generated: None,
        identity: false,
        auto_increment: serial,
        primary_key: false,
        unique: serial && cursor.dialect == Dialect::Mysql,
        references: None,
        check: false,
        on_update: false,
        collation: false,
    };
    let mut placed = false;
    while !(cursor.at_end() || cursor.is_symbol(",") || cursor.is_symbol(")")) {
        placed |= attribute(cursor, &mut column);
    }
    Some((column, placed))
}

/// One attribute. Whether it was a place.
fn attribute(cursor: &mut Cursor<'_>, column: &mut Column) -> bool {
    if cursor.word("CONSTRAINT") {
        cursor.identifier();
    } else if cursor.words(&["NOT", "NULL"]) {
        column.not_null = true;
    } else if cursor.words(&["NOT", "DEFERRABLE"])
        || cursor.words(&["NOT", "ENFORCED"])
        || cursor.word("NULL")
    {
    } else if cursor.word("DEFAULT") {
        column.default = Some(default_value(cursor));
    } else if cursor.word("GENERATED") {
        cursor.word("ALWAYS");
        cursor.words(&["BY", "DEFAULT"]);
        cursor.words(&["ON", "NULL"]);
        generated(cursor, column);
    } else if cursor.is("AS") {
        generated(cursor, column);
    } else if cursor.words(&["PRIMARY", "KEY"]) {
        column.primary_key = true;
    } else if cursor.word("UNIQUE") {
        cursor.word("KEY");
        column.unique = true;
    } else if cursor.dialect == Dialect::Mysql && cursor.word("KEY") {
        column.primary_key = true;
    } else if cursor.word("REFERENCES") {
        column.references = cursor.name();
        cursor.group();
    } else if cursor.word("CHECK") {
        cursor.group();
        column.check = true;
    } else if cursor.any(&["AUTO_INCREMENT", "AUTOINCREMENT"]) {
        column.auto_increment = true;
    } else if cursor.words(&["ON", "UPDATE", "CURRENT_TIMESTAMP"]) || cursor.words(&["ON", "UPDATE", "NOW"]) {
        cursor.group();
        column.on_update = true;
    } else if cursor.any(&["ON", "MATCH"]) {
        // `ON DELETE SET NULL`, `ON CONFLICT ABORT`, `MATCH FULL`.
        cursor.any(&["DELETE", "UPDATE", "CONFLICT"]);
        cursor.any(&["SET", "NO"]);
        cursor.advance();
    } else if cursor.words(&["CHARACTER", "SET"]) || cursor.any(&["CHARSET", "COLLATE"]) {
        column.collation = true;
        cursor.name();
    } else if cursor.word("COMMENT") {
        cursor.advance();
    } else if cursor.word("FIRST") {
        return true;
    } else if cursor.word("AFTER") {
        cursor.identifier();
        return true;
    } else {
        cursor.skip();
    }
    false
}

/// `AS IDENTITY` or `AS (…) STORED`.
fn generated(cursor: &mut Cursor<'_>, column: &mut Column) {
    cursor.word("AS");
    if cursor.word("IDENTITY") {
        cursor.group();
        column.identity = true;
        column.not_null = true;
        return;
    }
    cursor.group();
    let stored = cursor.any(&["STORED", "PERSISTENT"]);
    cursor.word("VIRTUAL");
    column.generated = Some(if stored { Generated::Stored } else { Generated::Virtual });
}
