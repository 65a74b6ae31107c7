//! A timestamp changes by itself.

use bascule_sql::{Action, Column};

use crate::{
    rule::{Hit, MYSQL, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "implicit-timestamp",
    dialects: MYSQL,
    title: "a timestamp changes by itself",
    reason: "Without explicit_defaults_for_timestamp (MySQL before 8.0.2, MariaDB before 10.10), the first \
            TIMESTAMP NOT NULL of a table gets the time of every change.",
    safe: "Write its default: DEFAULT CURRENT_TIMESTAMP, with ON UPDATE CURRENT_TIMESTAMP only where that \
            is meant.",
    severity: "a hint; nothing where the server is known to be newer",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    if site.context.is_mysql_since(8, 1) {
        return Vec::new();
    }
    let columns = |action: &'_ Action| -> Vec<Column> {
        match action {
            Action::CreateTable(made) => made.columns.clone(),
            Action::AddColumn { column, .. } => vec![column.clone()],
            _ => Vec::new(),
        }
    };
    let implicit = |column: &Column| {
        column.data_type.as_ref().is_some_and(|data_type| data_type.name == "timestamp")
            && column.not_null
            && column.default.is_none()
            && !column.on_update
    };
    let found = site.actions().flat_map(columns).find(implicit);
    found
        .map(|column| Hit::hint(format!("`{}` may get the time of every change", column.name)))
        .into_iter()
        .collect()
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
            Dialect::Mysql,
            &[("CREATE TABLE t (a timestamp NOT NULL)", Severity::Hint)],
            &[
                "CREATE TABLE t (a timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)",
                "CREATE TABLE t (a datetime NOT NULL)",
                "CREATE TABLE t (a timestamp NULL)",
            ],
        );
    }
}
