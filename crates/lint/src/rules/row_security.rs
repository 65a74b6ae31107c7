//! Who may see which rows changes.

use bascule_sql::{Action, ObjectKind, TableChange};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "row-security",
    dialects: POSTGRES,
    title: "who may see which rows changes",
    reason: "The former release may see or write fewer rows than before, without an error.",
    safe: "Make the policies first, and switch row security on in the contract; try it with the roles of \
            both releases.",
    severity: "warning while the former release runs",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let table = match action {
            Action::ChangeTable { table, change: TableChange::RowSecurity } => table,
            Action::CreateObject { kind: ObjectKind::Policy, table: Some(table), .. }
            | Action::DropObject { kind: ObjectKind::Policy, table: Some(table), .. } => table,
            _ => return None,
        };
        site.former_uses(table)
            .then(|| Hit::warning(format!("the former release may see other rows of {table}")))
    };
    site.actions().filter_map(hit).collect()
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
                ("@expand ALTER TABLE t ENABLE ROW LEVEL SECURITY", Severity::Warning),
                ("@expand CREATE POLICY p ON t USING (true)", Severity::Warning),
            ],
            &[
                "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
                "@expand CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            ],
        );
    }
}
