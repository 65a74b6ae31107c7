//! A column is added in a way that SQLite refuses.

use bascule_sql::{Action, DefaultValue, Generated};

use crate::{
    rule::{Hit, Rule, SQLITE},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "add-column-limits",
    dialects: SQLITE,
    title: "a column is added in a way that SQLite refuses",
    reason: "ADD COLUMN takes no PRIMARY KEY, no UNIQUE and no stored generated column; in a table with \
            rows no default that is an expression or the current time, and with foreign keys on no \
            reference with a default.",
    safe: "Add the column without it, fill it in with a backfill, and make a unique index beside it; or \
            make the table anew.",
    severity: "block; a warning where it depends on the rows or on a setting",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::AddColumn { table, column, .. } = action else { return None };
        if column.primary_key || column.unique {
            return Some(Hit::block(format!("the server takes no key at `{}`", column.name)));
        }
        if column.generated == Some(Generated::Stored) {
            return Some(Hit::block(format!("the server adds no stored column like `{}`", column.name)));
        }
        let written = match &column.default {
            Some(
                DefaultValue::Constant { written }
                | DefaultValue::Volatile { written }
                | DefaultValue::Unknown { written },
            ) => written,
            _ => return None,
        };
        if is_expression(written) && site.rows(table) != Some(0) {
            return Some(Hit::block(format!(
                "the server refuses the default of `{}` where {table} has rows",
                column.name
            )));
        }
        let refers = column.references.is_some();
        refers.then(|| {
            Hit::warning(format!("the server refuses a reference with a default at `{}`", column.name))
        })
    };
    site.actions().filter_map(hit).collect()
}

/// What is not the same for every row that is there: the time, or anything in parentheses that is no literal.
fn is_expression(written: &str) -> bool {
    let upper = written.to_ascii_uppercase();
    let now = ["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME"].contains(&upper.as_str());
    now || (upper.starts_with('(')
        && upper.contains(|c: char| c.is_ascii_alphabetic())
        && !upper.contains('\''))
        || upper.matches('(').count() > 1
}

#[cfg(test)]
mod tests {
    use bascule_sql::Dialect;

    use super::RULE;
    use crate::{Severity, testing};

    #[test]
    fn it_is_found_where_it_hurts() {
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[
                ("ALTER TABLE t ADD a UNIQUE", Severity::Block),
                ("ALTER TABLE t ADD a INTEGER PRIMARY KEY", Severity::Block),
                ("ALTER TABLE t ADD a AS (b) STORED", Severity::Block),
                ("ALTER TABLE t ADD a DEFAULT CURRENT_TIMESTAMP", Severity::Block),
                ("ALTER TABLE t ADD a DEFAULT (datetime('now'))", Severity::Block),
                ("ALTER TABLE t ADD a DEFAULT 5 REFERENCES u (id)", Severity::Warning),
            ],
            &[
                "ALTER TABLE t ADD a",
                "ALTER TABLE t ADD a DEFAULT 5",
                "ALTER TABLE t ADD a DEFAULT (0)",
                "ALTER TABLE t ADD a REFERENCES u (id)",
                "ALTER TABLE empty ADD a DEFAULT CURRENT_TIMESTAMP",
            ],
        );
    }
}
