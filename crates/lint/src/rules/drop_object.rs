//! A view, a function, a type or a trigger goes while the former release may use it.

use bascule_sql::{Action, Dialect, Name, ObjectKind};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "drop-object",
    dialects: EVERY,
    title: "a view, a function, a type or a trigger goes while the former release may use it",
    reason: "The former release fails from that moment on, or its rows are no longer what the trigger made \
            of them.",
    safe: "Drop it in the contract. To change one, use CREATE OR REPLACE, or make a second one under \
            another name.",
    severity: "block while the former release runs; a warning where the same name is made anew by the same \
            migration",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let names = match action {
            Action::DropView { views: names, .. }
            | Action::DropFunction { functions: names, .. }
            | Action::DropType { names, .. } => names.clone(),
            Action::DropTrigger { trigger, table, .. } => {
                if table.as_ref().is_some_and(|table| site.is_new(table)) {
                    return None;
                }
                vec![trigger.clone()]
            }
            Action::DropObject {
                kind: ObjectKind::Sequence | ObjectKind::Extension | ObjectKind::Schema,
                names,
                ..
            } => names.clone(),
            _ => return None,
        };
        if !site.former_runs() || names.iter().all(|name| is_made_before(site, name)) {
            return None;
        }
        let first = names.first()?;
        if names.iter().all(|name| is_made_later(site, name)) {
            return Some(Hit::warning(format!(
                "the former release may use {first}, which is not there for a moment"
            )));
        }
        Some(Hit::block(format!("the former release may use {first}")))
    };
    site.actions().filter_map(hit).collect()
}

fn is_made_before(site: &Site<'_>, name: &Name) -> bool {
    site.earlier().flat_map(|read| &read.reading.actions).any(|action| makes(action, name, site.dialect()))
}

fn is_made_later(site: &Site<'_>, name: &Name) -> bool {
    site.later().flat_map(|read| &read.reading.actions).any(|action| makes(action, name, site.dialect()))
}

fn makes(action: &Action, name: &Name, dialect: Dialect) -> bool {
    let made = match action {
        Action::CreateView { view: made, .. }
        | Action::CreateFunction { function: made, .. }
        | Action::CreateType { name: made, .. }
        | Action::CreateTrigger { trigger: made, .. } => made,
        Action::CreateTable(made) => &made.table,
        Action::CreateObject { name: Some(made), .. } => made,
        _ => return false,
    };
    made.matches(name, dialect)
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
                ("@expand DROP VIEW v", Severity::Block),
                ("@expand DROP FUNCTION f(int)", Severity::Block),
                ("@expand DROP VIEW v; CREATE VIEW v AS SELECT 1", Severity::Warning),
                ("@expand DROP TRIGGER g ON t", Severity::Block),
                ("@expand DROP SCHEMA s", Severity::Block),
            ],
            &["DROP VIEW v", "@contract DROP TYPE t", "@expand CREATE VIEW v AS SELECT 1; DROP VIEW v"],
        );
        testing::table(&RULE, Dialect::Mysql, &[("@expand DROP PROCEDURE p", Severity::Block)], &[]);
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("@expand DROP VIEW v", Severity::Block)],
            &["@expand DROP INDEX i"],
        );
    }
}
