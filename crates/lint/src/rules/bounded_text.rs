//! A text has a greatest length in its type.

use bascule_sql::{Action, Column};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "bounded-text",
    dialects: POSTGRES,
    title: "a text has a greatest length in its type",
    reason: "varchar(n) is no faster than text, and a shorter length later needs a new column or a check of \
            all rows. char(n) fills up with blanks.",
    safe: "Use text, with a CHECK (length(c) <= n) where the length matters: it can be changed without \
            writing the table anew.",
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
    let data_type = column.data_type.as_ref()?;
    let bounded =
        matches!(data_type.name.as_str(), "varchar" | "character varying" | "char" | "character" | "bpchar");
    (bounded && !data_type.arguments.is_empty())
        .then(|| Hit::hint(format!("the length of `{}` is part of its type", column.name)))
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
                ("CREATE TABLE t (a varchar(20))", Severity::Hint),
                ("ALTER TABLE t ADD COLUMN a character(3)", Severity::Hint),
            ],
            &["CREATE TABLE t (a text, b varchar)"],
        );
    }
}
