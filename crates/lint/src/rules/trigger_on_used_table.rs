//! A trigger is put on a table that is in use.

use bascule_sql::Action;

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "trigger-on-used-table",
    dialects: EVERY,
    title: "a trigger is put on a table that is in use",
    reason: "It runs with every write of the former release as well: what it refuses, changes or takes time \
            for, that release has to bear. With PostgreSQL, making it waits for all writers.",
    safe: "Make sure that it leaves what the former release writes as it is; say so in an allow comment. \
            Make it before a backfill, never after.",
    severity: "warning while the former release runs",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::CreateTrigger { table: Some(table), .. }
            if site.former_uses(table) && site.rows(table) != Some(0) =>
        {
            Some(Hit::warning(format!("it runs with what the former release writes to {table}")))
        }
        _ => None,
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
            &[("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", Severity::Warning)],
            &[
                "CREATE TABLE t (a int); CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
                "@contract CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1", Severity::Warning)],
            &[],
        );
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END", Severity::Warning)],
            &[],
        );
    }
}
