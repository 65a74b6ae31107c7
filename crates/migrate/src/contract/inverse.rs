//! Changes of a contract that drop nothing, and what takes them back. Pure.

use bascule_sql::{Action, ConstraintKind, Dialect, Name};

use crate::identifier;

/// What takes a statement back.
pub struct Inverse {
    /// The table that it is about.
    pub table: Name,
    /// What it changes there, in words.
    pub what: String,
    /// In order.
    pub sql: Vec<String>,
}

/// What takes these actions of one statement back; none when one of them has no inverse that is known without asking.
pub fn inverse(actions: &[Action], dialect: Dialect) -> Option<Inverse> {
    if let [Action::RenameTable { .. }, Action::RenameTable { .. }, ..] = actions {
        return renames(actions);
    }
    let [action] = actions else { return None };
    let quote = |name: &str| identifier(dialect, name);
    let alter = |table: &Name, rest: String| vec![format!("ALTER TABLE {} {rest}", table.written)];
    let (table, what, sql) = match action {
        Action::RenameTable { table, to } => {
            let sql = match dialect {
                Dialect::Mysql => format!("RENAME TABLE {} TO {}", to.written, table.written),
                Dialect::Postgres | Dialect::Sqlite => {
                    let schema = table.schema.as_deref().map(|schema| format!("{}.", quote(schema)));
                    let renamed = format!("{}{}", schema.unwrap_or_default(), quote(&to.name));
                    format!("ALTER TABLE {renamed} RENAME TO {}", quote(&table.name))
                }
            };
            (table, "the name".to_owned(), vec![sql])
        }
        Action::RenameColumn { table, column, to } => {
            let sql = alter(table, format!("RENAME COLUMN {} TO {}", quote(to), quote(column)));
            (table, format!("the name {column}"), sql)
        }
        Action::SetNotNull { table, column } if dialect == Dialect::Postgres => {
            let sql = alter(table, format!("ALTER COLUMN {} DROP NOT NULL", quote(column)));
            (table, format!("NOT NULL of {column}"), sql)
        }
        Action::AddConstraint { table, constraint } => {
            let name = constraint.name.as_deref()?;
            let drop = match (dialect, &constraint.kind) {
                (Dialect::Mysql, ConstraintKind::ForeignKey { .. }) => "FOREIGN KEY",
                (Dialect::Mysql, ConstraintKind::Unique { .. }) => "INDEX",
                (Dialect::Mysql, ConstraintKind::PrimaryKey { .. }) => return None,
                _ => "CONSTRAINT",
            };
            (table, format!("constraint {name}"), alter(table, format!("DROP {drop} {}", quote(name))))
        }
        Action::CreateIndex(index) if !index.if_not_exists => {
            let name = index.index.as_ref()?;
            let sql = match dialect {
                Dialect::Mysql => format!("DROP INDEX {} ON {}", quote(&name.name), index.table.written),
                Dialect::Postgres | Dialect::Sqlite => {
                    let schema = name.schema.as_ref().or(index.table.schema.as_ref());
                    let schema = schema.map(|schema| format!("{}.", quote(schema))).unwrap_or_default();
                    // An index that became a constraint is gone with it.
                    format!("DROP INDEX IF EXISTS {schema}{}", quote(&name.name))
                }
            };
            (&index.table, format!("index {}", name.name), vec![sql])
        }
        Action::CreateTrigger { trigger, table: Some(table), or_replace: false } => {
            let on =
                if dialect == Dialect::Postgres { format!(" ON {}", table.written) } else { String::new() };
            (
                table,
                format!("trigger {}", trigger.name),
                vec![format!("DROP TRIGGER {}{on}", trigger.written)],
            )
        }
        Action::CreateFunction { function, or_replace: false, procedure: false } => {
            (function, "the function".to_owned(), vec![format!("DROP FUNCTION {}", function.written)])
        }
        _ => return None,
    };
    Some(Inverse { table: table.clone(), what, sql })
}

/// `RENAME TABLE a TO b, c TO a`: the other way round, the last one first.
fn renames(actions: &[Action]) -> Option<Inverse> {
    // Each alone: what takes them back may have to wait for something that comes back between two of them.
    let pair = |action: &Action| match action {
        Action::RenameTable { table, to } => {
            Some(format!("RENAME TABLE {} TO {}", to.written, table.written))
        }
        _ => None,
    };
    let pairs = actions.iter().rev().map(pair).collect::<Option<Vec<_>>>()?;
    let table = actions.iter().find_map(|action| match action {
        Action::RenameTable { table, .. } => Some(table.clone()),
        _ => None,
    })?;
    Some(Inverse { table, what: "the name".to_owned(), sql: pairs })
}

#[cfg(test)]
mod tests {
    use bascule_sql::{Statement, read};

    use super::*;

    fn of(dialect: Dialect, text: &str) -> Option<String> {
        let statement = Statement { text: text.to_owned(), line: 1 };
        inverse(&read(&statement, dialect).actions, dialect).map(|inverse| inverse.sql.join("; "))
    }

    #[test]
    fn what_has_an_inverse_is_taken_back_by_it() {
        use Dialect::{Mysql, Postgres};
        for (dialect, text, inverse) in [
            (
                Postgres,
                "ALTER TABLE app.users RENAME TO people",
                Some(r#"ALTER TABLE "app"."people" RENAME TO "users""#),
            ),
            (Mysql, "RENAME TABLE v TO w, t TO v", Some("RENAME TABLE v TO t; RENAME TABLE w TO v")),
            (
                Postgres,
                "ALTER TABLE t RENAME COLUMN a TO \"B\"",
                Some(r#"ALTER TABLE t RENAME COLUMN "B" TO "a""#),
            ),
            (
                Postgres,
                "ALTER TABLE t ALTER a SET NOT NULL",
                Some(r#"ALTER TABLE t ALTER COLUMN "a" DROP NOT NULL"#),
            ),
            (
                Postgres,
                "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)",
                Some(r#"ALTER TABLE t DROP CONSTRAINT "k""#),
            ),
            (
                Postgres,
                "CREATE UNIQUE INDEX CONCURRENTLY k ON s.t (a)",
                Some(r#"DROP INDEX IF EXISTS "s"."k""#),
            ),
            (Mysql, "CREATE INDEX k ON t (a)", Some("DROP INDEX `k` ON t")),
            (Postgres, "UPDATE t SET a = 1", None),
            (Postgres, "ALTER TABLE t ADD UNIQUE (a)", None),
        ] {
            assert_eq!(of(dialect, text).as_deref(), inverse, "{text}");
        }
    }
}
