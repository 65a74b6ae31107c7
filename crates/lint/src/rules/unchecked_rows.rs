//! Rows are written without a check of their references.

use bascule_sql::Action;

use crate::{
    rule::{Hit, MYSQL, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "unchecked-rows",
    dialects: MYSQL,
    title: "rows are written without a check of their references",
    reason: "With foreign_key_checks=0 whatever is written stays, also what refers to nothing: it is never \
            looked at again.",
    safe: "Set it back to 1 as soon as possible, and look for rows without their counterpart with a query \
            in `-- check`.",
    severity: "a hint where it is set back, else a warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let off = |action: &Action, wanted: &[&str]| {
        matches!(action, Action::Set(setting)
            if matches!(setting.name.as_str(), "foreign_key_checks" | "unique_checks")
                && setting.value.as_deref().is_some_and(|value| wanted.contains(&value.to_ascii_lowercase().as_str())))
    };
    if !site.actions().any(|action| off(action, &["0", "off", "false"])) {
        return Vec::new();
    }
    let back = site.later().flat_map(|read| &read.reading.actions).any(|action| {
        off(action, &["1", "on", "true"]) || matches!(action, Action::Set(setting)
            if setting.name == "foreign_key_checks" && setting.value.as_deref().is_some_and(|value| value.starts_with('@')))
    });
    let reason = "what refers to nothing is written and stays";
    vec![if back { Hit::hint(reason) } else { Hit::warning(reason) }]
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
                ("SET foreign_key_checks = 0", Severity::Warning),
                ("SET FOREIGN_KEY_CHECKS=0; SELECT 1; SET FOREIGN_KEY_CHECKS=1", Severity::Hint),
            ],
            &["SET foreign_key_checks = 1", "SET NAMES utf8"],
        );
    }
}
