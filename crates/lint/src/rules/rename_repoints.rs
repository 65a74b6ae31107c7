//! A table is renamed away and made anew under its name.

use bascule_sql::Action;

use crate::{
    rule::{Hit, Rule, SQLITE},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "rename-repoints",
    dialects: SQLITE,
    title: "a table is renamed away and made anew under its name",
    reason: "From SQLite 3.26 on, foreign keys, views and triggers of other tables follow a table that is \
            renamed: they then refer to the old one, which is dropped.",
    safe: "Make the new table under another name, copy, drop the old one and rename the new one to its \
            name.",
    severity: "block; nothing behind PRAGMA legacy_alter_table = ON",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let legacy = site.earlier().flat_map(|read| &read.reading.actions).any(|action| {
        matches!(action, Action::Set(setting) if setting.name == "legacy_alter_table"
            && setting.value.as_deref().is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "on" | "1" | "true")))
    });
    let hit = |action: &Action| {
        let Action::RenameTable { table, to } = action else { return None };
        let again = site.later().flat_map(|read| &read.reading.actions).any(
            |action| matches!(action, Action::CreateTable(made) if made.table.matches(table, site.dialect())),
        );
        (again && !legacy && !site.is_new(table)).then(|| {
            Hit::block(format!(
                "foreign keys and views of other tables that name {table} name {to} from then on"
            ))
        })
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
            Dialect::Sqlite,
            &[(
                "ALTER TABLE t RENAME TO t_old; CREATE TABLE t (a); INSERT INTO t SELECT a FROM t_old; DROP TABLE t_old",
                Severity::Block,
            )],
            &[
                "PRAGMA legacy_alter_table=ON; ALTER TABLE t RENAME TO t_old; CREATE TABLE t (a)",
                "CREATE TABLE n (a); DROP TABLE t; ALTER TABLE n RENAME TO t",
            ],
        );
    }
}
