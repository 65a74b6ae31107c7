//! A database or a whole schema goes.

use bascule_sql::{Action, ObjectKind};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "drop-database",
    dialects: EVERY,
    title: "a database or a whole schema goes",
    reason: "All that is in it is lost at once, and nothing of it can be taken back but from a backup.",
    safe: "Drop what is no longer needed table by table, in the contract; drop a database by hand.",
    severity: "block",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::DropObject { kind: ObjectKind::Database, names, .. }
        | Action::DropObject { kind: ObjectKind::Schema, names, cascade: true, .. } => {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            Some(Hit::block(format!("all that is in {} is lost", names.join(", "))))
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
            &[("DROP SCHEMA s CASCADE", Severity::Block), ("@contract DROP DATABASE d", Severity::Block)],
            &["DROP SCHEMA s", "DROP TABLE t CASCADE"],
        );
        testing::table(&RULE, Dialect::Mysql, &[("DROP DATABASE d", Severity::Block)], &[]);
    }
}
