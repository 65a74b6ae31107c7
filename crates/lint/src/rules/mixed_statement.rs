//! One statement adds and takes.

use bascule_sql::{Action, Class, Needed, separate};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "mixed-statement",
    dialects: EVERY,
    title: "one statement adds and takes",
    reason: "What it adds has to be there when the new release starts, what it takes has to stay until the \
            former one is gone: the statement fits into no phase.",
    safe: "Make two statements of it: what adds comes first, what takes goes with the contract.",
    severity: "block; a hint where a file without phases is taken apart when it is applied",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let effect = site.effect();
    // Where the file says the phase, the statement is read as one.
    let taken = effect.class == Class::Destructive && effect.needed == Needed::AtStart;
    if !(site.is_mixed() || taken) || !effect.touches.iter().any(|table| site.is_used(table)) {
        return Vec::new();
    }
    let parts = separate(site.statement(), site.dialect());
    let instead = (parts.len() > 1 && independent(site))
        .then(|| parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(";\n"));
    let hit = if site.is_mixed() && parts.len() > 1 {
        Hit::hint("it adds something and takes something: it is taken apart when it is applied")
    } else {
        Hit::block("it adds something and takes something, which are done in two phases")
    };
    vec![hit.instead(instead)]
}

/// Whether what is done first does not count on what is done later.
fn independent(site: &Site<'_>) -> bool {
    site.actions().all(|action| {
        matches!(
            action,
            Action::AddColumn { .. }
                | Action::SetDefault { .. }
                | Action::DropNotNull { .. }
                | Action::DropColumn { .. }
        )
    })
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
                ("ALTER TABLE t ADD COLUMN a int, DROP COLUMN b", Severity::Hint),
                ("@expand ALTER TABLE t ADD COLUMN a int, DROP COLUMN b", Severity::Block),
            ],
            &[
                "ALTER TABLE t DROP a, DROP b",
                "ALTER TABLE t ADD a int, ADD b int",
                "CREATE TABLE t (a int, b int); ALTER TABLE t ADD c int, DROP b",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("ALTER TABLE t ADD a int, DROP b, ALGORITHM=INPLACE", Severity::Block)],
            &[],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[("ALTER TABLE t ADD a int, DROP b;", "ALTER TABLE t ADD a int;\nALTER TABLE t DROP b;")],
        );
    }
}
