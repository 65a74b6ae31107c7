//! A point in time has no time zone.

use bascule_sql::{Action, Column};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "timestamp-without-zone",
    dialects: POSTGRES,
    title: "a point in time has no time zone",
    reason: "timestamp without time zone is read in whatever zone a session has: the same row means another \
            moment elsewhere.",
    safe: "Use timestamptz.",
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
    let name = column.data_type.as_ref().map_or("", |data_type| data_type.name.as_str());
    matches!(name, "timestamp" | "timestamp without time zone")
        .then(|| Hit::hint(format!("what `{}` means depends on the session", column.name)))
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
                ("CREATE TABLE t (a timestamp)", Severity::Hint),
                ("ALTER TABLE t ADD a timestamp(3) without time zone", Severity::Hint),
            ],
            &["CREATE TABLE t (a timestamptz, b timestamp with time zone, c date)"],
        );
    }
}
