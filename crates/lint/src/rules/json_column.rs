//! A column has the type json.

use bascule_sql::{Action, Column};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "json-column",
    dialects: POSTGRES,
    title: "a column has the type json",
    reason: "json has no equality: SELECT DISTINCT, UNION and GROUP BY over such a column fail, also in \
            queries that are there.",
    safe: "Use jsonb.",
    severity: "a hint",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let columns = |action: &'_ Action| -> Vec<Column> {
        match action {
            Action::CreateTable(made) => made.columns.clone(),
            Action::AddColumn { column, .. } => vec![column.clone()],
            _ => Vec::new(),
        }
    };
    site.actions().flat_map(columns).filter_map(|column| hit(&column)).collect()
}

fn hit(column: &Column) -> Option<Hit> {
    let is_json = column.data_type.as_ref().is_some_and(|data_type| data_type.name == "json");
    is_json.then(|| Hit::hint(format!("`{}` cannot be compared", column.name)))
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
            Dialect::Postgres,
            &[
                ("ALTER TABLE t ADD COLUMN a json", Severity::Hint),
                ("CREATE TABLE t (a json, b jsonb)", Severity::Hint),
            ],
            &["CREATE TABLE t (a jsonb)"],
        );
    }
}
