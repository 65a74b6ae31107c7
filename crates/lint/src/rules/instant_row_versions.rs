//! A table has had columns come and go in an instant too often.

use bascule_sql::Action;

use crate::{
    rule::{Hit, MYSQL, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "instant-row-versions",
    dialects: MYSQL,
    title: "a table has had columns come and go in an instant too often",
    reason: "Each such change leaves a version of the rows: after 64 of them (255 from MySQL 9.1 on) the \
            server refuses the next one with error 4092.",
    safe: "Write the table anew once, with ALTER TABLE … FORCE at a time when nobody needs it, or with \
            gh-ost.",
    severity: "warning from the last ten on, block where it is refused",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    if site.context.is_mariadb() {
        return Vec::new();
    }
    let limit = if site.context.is_mysql_since(9, 1) { 255 } else { 64 };
    let hit = |action: &Action| {
        let (Action::AddColumn { table, .. } | Action::DropColumn { table, .. }) = action else {
            return None;
        };
        let used = site.context.table(table)?.row_versions?;
        Some(match limit - used.min(limit) {
            0 => Hit::block(format!(
                "{table} has {used} versions of its rows, and the server refuses another one"
            )),
            left if left <= 10 => {
                Hit::warning(format!("{table} has {used} versions of its rows, of {limit}"))
            }
            _ => return None,
        })
    };
    site.actions().filter_map(hit).take(1).collect()
}

#[cfg(test)]
mod tests {
    use bascule_sql::Dialect;

    use super::RULE;
    use crate::testing;

    #[test]
    fn it_is_found_where_it_hurts() {
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[],
            &["ALTER TABLE t ADD a int", "ALTER TABLE small ADD a int"],
        );
    }

    #[test]
    fn versions_are_counted() {
        use bascule_sql::Name;

        use crate::{Context, Database, TableFacts};

        let context = |row_versions| Context {
            database: Database::Tables(vec![TableFacts {
                name: Name::bare("t"),
                rows: Some(5),
                columns: Vec::new(),
                indexes: Vec::new(),
                row_versions: Some(row_versions),
            }]),
            ..testing::context(Dialect::Mysql)
        };
        let found = |versions| testing::found(&RULE, "ALTER TABLE t ADD a int", &context(versions)).0;
        assert_eq!(found(20), []);
        assert_eq!(found(60), [crate::Severity::Warning]);
        assert_eq!(found(64), [crate::Severity::Block]);
    }
}
