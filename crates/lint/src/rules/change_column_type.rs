//! A column gets another type.

use bascule_sql::{Action, Class};

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
    types::{Change, change},
};

pub(super) const RULE: Rule = Rule {
    name: "change-column-type",
    dialects: POSTGRES,
    title: "a column gets another type",
    reason: "Most changes write the table anew while nobody can read or write, some four seconds for each \
            million rows; the former release reads and writes the old type; and the server refuses it \
            where a view needs the column.",
    safe: "Add a column of the new type, keep both alike with a trigger, fill in the rows with a \
            backfill, move the release over, and drop the old one later. A longer varchar(n), varchar to \
            text and more digits before the point are free.",
    severity: "block while the former release runs, unless the change is free or only makes a text wider; \
            then by the rows",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::AlterColumnType { table, column, data_type, using } = action else { return None };
        let known = site.history.column_type(table, column, site.dialect());
        let free = known.is_some_and(|known| change(known, data_type, site.dialect()) == Change::Free);
        if (free && using.is_none()) || !site.is_used(table) {
            return None;
        }
        let widens = site.effect().class == Class::Expand;
        if site.former_uses(table) && !widens && site.rows(table) != Some(0) {
            return Some(Hit::block(format!(
                "the former release reads and writes the old type of {table}.{column}"
            )));
        }
        let severity =
            site.waiting(table, Cost::Build, if widens { Severity::Hint } else { Severity::Warning })?;
        let rows = site.about_rows(table);
        let reason = match (widens, known) {
            (true, None) => format!("{table} is written anew, {rows}, unless the column was a text before"),
            _ => format!("{table} is written anew, {rows}, while nobody can read or write"),
        };
        Some(Hit::new(severity, reason))
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
                ("ALTER TABLE t ALTER COLUMN a TYPE bigint", Severity::Block),
                ("ALTER TABLE t ALTER COLUMN a TYPE text", Severity::Hint),
                ("ALTER TABLE large ALTER COLUMN a TYPE text", Severity::Block),
                ("@contract ALTER TABLE t ALTER a TYPE bigint", Severity::Warning),
                (
                    "CREATE TABLE t (a varchar(9)); @expand ALTER TABLE u ALTER a TYPE varchar(5) USING left(a, 5)",
                    Severity::Block,
                ),
            ],
            &[
                "CREATE TABLE t (a int); ALTER TABLE t ALTER a TYPE bigint",
                "ALTER TABLE small ALTER COLUMN a TYPE text",
                "ALTER TABLE empty ALTER a TYPE bigint",
            ],
        );
    }

    #[test]
    fn a_type_that_is_known_may_be_free() {
        let context = testing::context(Dialect::Postgres);
        let texts =
            ["CREATE TABLE t (a varchar(20))", "ALTER TABLE t ALTER a TYPE varchar(40), ALTER a TYPE text"];
        let migrations = texts.map(|text| testing::migration(text, Dialect::Postgres));
        let findings = crate::lint(&migrations, &context);
        assert!(findings.iter().all(|finding| finding.rule != RULE.name), "{findings:?}");
    }
}
