//! A schema, a type, a view or a value of a type gets another name.

use bascule_sql::{Action, ObjectKind, TableChange, TypeChange};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "rename-other",
    dialects: POSTGRES,
    title: "a schema, a type, a view or a value of a type gets another name",
    reason: "The former release uses the old name, and fails from that moment on.",
    safe: "Add the new one beside the old one (a second value of the enumeration, a view, a wrapping \
            function), move the release over, and drop the old one in the contract.",
    severity: "block while the former release runs",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let what = match action {
            Action::AlterType { name, change: TypeChange::Rename { .. } } => name.to_string(),
            Action::AlterType { change: TypeChange::RenameValue { value, .. }, .. } => format!("'{value}'"),
            Action::AlterObject { kind, name: Some(name), to: Some(_) } if *kind != ObjectKind::Role => {
                name.to_string()
            }
            Action::ChangeTable { table, change: TableChange::Schema { .. } } if !site.is_new(table) => {
                table.to_string()
            }
            _ => return None,
        };
        site.former_runs().then(|| Hit::block(format!("the former release uses {what}")))
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
                ("ALTER TYPE t RENAME VALUE 'a' TO 'b'", Severity::Block),
                ("ALTER TYPE t RENAME TO u", Severity::Block),
                ("ALTER SCHEMA s RENAME TO r", Severity::Block),
                ("ALTER TABLE t SET SCHEMA s", Severity::Block),
                ("ALTER VIEW v RENAME TO w", Severity::Block),
            ],
            &[
                "ALTER TYPE t ADD VALUE 'b' AFTER 'a'",
                "@contract ALTER TYPE t RENAME TO u",
                "ALTER INDEX i RENAME TO j",
            ],
        );
    }
}
