//! A right is taken while the former release may need it.

use bascule_sql::{Action, Dialect};

use crate::{
    rule::{Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "revoke-early",
    dialects: &[Dialect::Postgres, Dialect::Mysql],
    title: "a right is taken while the former release may need it",
    reason: "The former release is refused what it could do before.",
    safe: "Take it in the contract.",
    severity: "warning while the former release runs",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::Revoke { on }
            if site.former_runs() && (on.is_empty() || on.iter().any(|table| !site.is_new(table))) =>
        {
            Some(Hit::warning("the former release may need the right"))
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
            &[("@expand REVOKE ALL ON t FROM r", Severity::Warning)],
            &["REVOKE ALL ON t FROM r", "@expand CREATE TABLE t (a int); REVOKE ALL ON t FROM r"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("@expand REVOKE SELECT ON d.* FROM 'x'", Severity::Warning)],
            &["@expand GRANT SELECT ON d.t TO 'x'"],
        );
    }
}
