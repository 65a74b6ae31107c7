//! A column is described anew.

use bascule_sql::{Action, Class};

use crate::{
    Severity,
    rule::{Hit, MYSQL, Rule},
    site::{Cost, Site},
    types::{Change, change},
};

pub(super) const RULE: Rule = Rule {
    name: "modify-column",
    dialects: MYSQL,
    title: "a column is described anew",
    reason: "MODIFY and CHANGE say all of a column at once: what is left out (NOT NULL, a default, a \
            character set) is lost. Another type copies the table while nobody can write, and the former \
            release reads and writes the old one. So does an enumeration whose values are in another \
            order, and a VARCHAR that needs a second byte for its length.",
    safe: "Repeat everything that stays. For another type, add a column, keep both alike with triggers, \
            fill in the rows with a backfill and drop the old one later; or use gh-ost.",
    severity: "block for another type or NOT NULL while the former release runs, else by the rows; nothing \
            for a longer VARCHAR or more values, where what was is known",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::ModifyColumn { table, column, to, .. } = action else { return None };
        if !column.eq_ignore_ascii_case(&to.name) || !site.is_used(table) || site.rows(table) == Some(0) {
            return None;
        }
        let known = site.history.column_type(table, column, site.dialect());
        if let (Some(known), Some(data_type)) = (known, &to.data_type)
            && change(known, data_type, site.dialect()) == Change::Free
        {
            return None;
        }
        let widens = site.effect().class == Class::Expand;
        if site.former_uses(table) && !widens {
            return Some(Hit::block(format!("the former release writes {table}.{column} as it was")));
        }
        let severity = site.waiting(table, Cost::Build, Severity::Warning)?;
        Some(Hit::new(
            severity,
            format!("nobody can write to {table} if it has to be copied, {}", site.about_rows(table)),
        ))
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
            Dialect::Mysql,
            &[
                ("ALTER TABLE t MODIFY a bigint", Severity::Block),
                ("ALTER TABLE t MODIFY a varchar(300)", Severity::Warning),
                ("@contract ALTER TABLE t MODIFY a varchar(20) NOT NULL", Severity::Warning),
                ("ALTER TABLE large MODIFY a text", Severity::Block),
            ],
            &[
                "CREATE TABLE t (a int); ALTER TABLE t MODIFY a bigint",
                "ALTER TABLE small MODIFY a varchar(300)",
                "ALTER TABLE t CHANGE a b int",
            ],
        );
    }

    #[test]
    fn a_type_that_is_known_may_be_free() {
        let context = testing::context(Dialect::Mysql);
        let texts = ["CREATE TABLE t (a varchar(20))", "ALTER TABLE t MODIFY a varchar(40)"];
        let migrations = texts.map(|text| testing::migration(text, Dialect::Mysql));
        assert!(crate::lint(&migrations, &context).iter().all(|finding| finding.rule != RULE.name));
    }
}
