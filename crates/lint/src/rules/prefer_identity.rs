//! A column is numbered by serial.

use bascule_sql::{Action, Column};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "prefer-identity",
    dialects: POSTGRES,
    title: "a column is numbered by serial",
    reason: "serial makes a sequence whose rights and owner are apart from the table, and lets anybody \
            write any number.",
    safe: "Write bigint GENERATED ALWAYS AS IDENTITY.",
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
    column
        .auto_increment
        .then(|| Hit::hint(format!("the sequence of `{}` has rights of its own", column.name)))
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
            &[("CREATE TABLE t (id bigserial PRIMARY KEY)", Severity::Hint)],
            &["CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)"],
        );
    }
}
