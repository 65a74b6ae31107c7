//! Changes of a column's type that cost nothing and break nobody.

use bascule_sql::{DataType, Dialect};

/// What a change of a type means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Only the catalog changes, and whoever knew the old type can go on.
    Free,
    /// The table is written anew, or that and whoever knew the old type is not known.
    Costly,
}

fn is_text(name: &str) -> bool {
    matches!(name, "text" | "varchar" | "character varying" | "citext")
}

fn length(data_type: &DataType) -> Option<u64> {
    data_type.arguments.first().and_then(|argument| argument.parse().ok())
}

/// What the change from one type to another means.
pub(crate) fn change(from: &DataType, to: &DataType, dialect: Dialect) -> Change {
    if from.array != to.array {
        return Change::Costly;
    }
    let free = match dialect {
        Dialect::Postgres => postgres(from, to),
        Dialect::Mysql => mysql(from, to),
        Dialect::Sqlite => false,
    };
    if free || (from.name == to.name && from.arguments == to.arguments) {
        Change::Free
    } else {
        Change::Costly
    }
}

fn postgres(from: &DataType, to: &DataType) -> bool {
    if is_text(&from.name) && is_text(&to.name) && from.name != "citext" && to.name != "citext" {
        return match (length(from), length(to)) {
            (_, None) => true,
            (Some(before), Some(after)) => after >= before,
            (None, Some(_)) => false,
        };
    }
    // More digits before the point, as many behind it.
    let numeric = |name: &str| matches!(name, "numeric" | "decimal");
    if numeric(&from.name) && numeric(&to.name) {
        return match (from.arguments.as_slice(), to.arguments.as_slice()) {
            (_, []) => true,
            ([before, scale @ ..], [after, other @ ..]) => {
                let digits = |text: &String| text.parse::<u64>().unwrap_or(0);
                scale == other && digits(after) >= digits(before)
            }
            _ => false,
        };
    }
    matches!((from.name.as_str(), to.name.as_str()), ("cidr", "inet"))
}

/// A longer `VARCHAR`, as long as its length takes one byte before and after, or two.
fn mysql(from: &DataType, to: &DataType) -> bool {
    match (from.name.as_str(), to.name.as_str(), length(from), length(to)) {
        // In the worst case a character has four bytes.
        ("varchar", "varchar", Some(before), Some(after)) => {
            after >= before && ((after * 4 < 256) || before >= 256)
        }
        ("enum" | "set", _, _, _) => {
            from.name == to.name && to.arguments.starts_with(&from.arguments) && to.arguments.len() <= 255
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bascule_sql::{Action, Dialect, Statement, read};

    use super::{Change, change};

    fn data_type(text: &str, dialect: Dialect) -> bascule_sql::DataType {
        let statement = Statement { text: format!("ALTER TABLE t ADD COLUMN c {text}"), line: 1 };
        match read(&statement, dialect).actions.remove(0) {
            Action::AddColumn { column, .. } => column.data_type.expect("a type"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn some_changes_are_free() {
        let rows = [
            (Dialect::Postgres, "varchar(20)", "varchar(40)", Change::Free),
            (Dialect::Postgres, "character varying(20)", "text", Change::Free),
            (Dialect::Postgres, "varchar", "text", Change::Free),
            (Dialect::Postgres, "varchar(40)", "varchar(20)", Change::Costly),
            (Dialect::Postgres, "text", "varchar(20)", Change::Costly),
            (Dialect::Postgres, "text", "text[]", Change::Costly),
            (Dialect::Postgres, "int", "bigint", Change::Costly),
            (Dialect::Postgres, "numeric(10, 2)", "numeric(12, 2)", Change::Free),
            (Dialect::Postgres, "numeric(10, 2)", "numeric(12, 4)", Change::Costly),
            (Dialect::Postgres, "numeric(10, 2)", "numeric", Change::Free),
            (Dialect::Postgres, "cidr", "inet", Change::Free),
            (Dialect::Postgres, "int", "int", Change::Free),
            (Dialect::Mysql, "varchar(20)", "varchar(60)", Change::Free),
            (Dialect::Mysql, "varchar(60)", "varchar(300)", Change::Costly),
            (Dialect::Mysql, "varchar(300)", "varchar(400)", Change::Free),
            (Dialect::Mysql, "enum('a')", "enum('a','b')", Change::Free),
            (Dialect::Mysql, "enum('a','b')", "enum('b','a')", Change::Costly),
            (Dialect::Mysql, "int", "bigint", Change::Costly),
        ];
        for (dialect, from, to, expected) in rows {
            let found = change(&data_type(from, dialect), &data_type(to, dialect), dialect);
            assert_eq!(found, expected, "{dialect}: {from} to {to}");
        }
    }
}
