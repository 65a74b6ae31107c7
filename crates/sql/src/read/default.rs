//! Default values: the same for every row, or another one for each.

use super::cursor::Cursor;
use crate::DefaultValue;

/// Words behind which a default is at its end.
const ENDS: [&str; 22] = [
    "NOT",
    "NULL",
    "CONSTRAINT",
    "PRIMARY",
    "UNIQUE",
    "REFERENCES",
    "CHECK",
    "GENERATED",
    "COLLATE",
    "COMMENT",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "ON",
    "FIRST",
    "AFTER",
    "KEY",
    "DEFERRABLE",
    "INITIALLY",
    "VISIBLE",
    "INVISIBLE",
    "STORAGE",
    "COMPRESSION",
];

/// Functions that give another value for each row.
const VOLATILE: [&str; 24] = [
    "random",
    "random_normal",
    "gen_random_uuid",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
    "gen_random_bytes",
    "clock_timestamp",
    "timeofday",
    "nextval",
    "currval",
    "lastval",
    "txid_current",
    "uuid",
    "uuid_short",
    "uuid_v4",
    "uuid_v7",
    "rand",
    "random_bytes",
    "sysdate",
    "randomblob",
    "setval",
];

/// Functions that give the same value all through a statement.
const STEADY: [&str; 48] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "transaction_timestamp",
    "statement_timestamp",
    "current_user",
    "current_setting",
    "lower",
    "upper",
    "coalesce",
    "nullif",
    "concat",
    "timezone",
    "date_trunc",
    "date_part",
    "extract",
    "make_interval",
    "make_date",
    "make_timestamptz",
    "to_timestamp",
    "to_char",
    "to_date",
    "cast",
    "row",
    "array",
    "array_fill",
    "json_build_object",
    "jsonb_build_object",
    "json_build_array",
    "jsonb_build_array",
    "json_object",
    "json_array",
    "to_jsonb",
    "to_json",
    "decode",
    "encode",
    "round",
    "floor",
    "ceil",
    "abs",
    "date",
    "datetime",
    "strftime",
    "unix_timestamp",
    "utc_timestamp",
];

/// The value here, up to the next attribute of the column.
pub(super) fn default_value(cursor: &mut Cursor<'_>) -> DefaultValue {
    let start = cursor.position();
    while !(cursor.at_end() || cursor.is_symbol(",") || cursor.is_symbol(")")) {
        if cursor.position() > start && cursor.is_any(&ENDS) {
            break;
        }
        cursor.skip();
    }
    of(cursor.since(start), cursor)
}

fn of(written: &str, cursor: &Cursor<'_>) -> DefaultValue {
    let kept = written.to_owned();
    let inner = Cursor::new(written, cursor.dialect);
    let bare = written.trim_start_matches('(').trim_end_matches(')').trim();
    if bare.eq_ignore_ascii_case("null") || bare.to_lowercase().starts_with("null::") {
        return DefaultValue::Null;
    }
    let calls = inner.calls();
    if calls.iter().any(|call| VOLATILE.contains(&call.as_str())) {
        DefaultValue::Volatile { written: kept }
    } else if calls.iter().all(|call| STEADY.contains(&call.as_str()) || is_type(call)) {
        DefaultValue::Constant { written: kept }
    } else {
        DefaultValue::Unknown { written: kept }
    }
}

/// Names of types that stand before parentheses (`CAST(x AS varchar(10))`).
fn is_type(name: &str) -> bool {
    [
        "varchar",
        "varying",
        "character",
        "char",
        "numeric",
        "decimal",
        "bit",
        "varbit",
        "timestamp",
        "timestamptz",
        "time",
        "interval",
        "binary",
    ]
    .contains(&name)
}
