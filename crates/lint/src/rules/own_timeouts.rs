//! The file sets how long is waited for locks or for statements.

use bascule_sql::{Action, Dialect};

use crate::{
    rule::{Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "own-timeouts",
    dialects: &[Dialect::Postgres, Dialect::Mysql],
    title: "the file sets how long is waited for locks or for statements",
    reason: "Bascule sets that for each kind of statement: short with retries where others would queue up \
            behind, none where a build or a check lets others go on. A timeout of the file breaks the one \
            or the other.",
    safe: "Take it out; `lock_timeout` in [database] is for all.",
    severity: "a hint; a warning where it waits without end",
    check,
};

const NAMES: [&str; 6] = [
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "lock_wait_timeout",
    "innodb_lock_wait_timeout",
    "max_statement_time",
];

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::Set(setting) = action else { return None };
        if !NAMES.contains(&setting.name.as_str()) {
            return None;
        }
        let value = setting.value.as_deref().unwrap_or("").trim_matches(['\'', '"', ' ']);
        let endless =
            matches!(value.to_ascii_lowercase().as_str(), "0" | "0ms" | "0s" | "default" | "31536000");
        Some(if endless && setting.name != "statement_timeout" {
            Hit::warning(format!("with `{}` of {value} all who use the table wait without end", setting.name))
        } else {
            Hit::hint(format!("`{}` is set for each statement by its kind", setting.name))
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
            Dialect::Postgres,
            &[
                ("SET lock_timeout = '5s'", Severity::Hint),
                ("SET lock_timeout TO 0", Severity::Warning),
                ("SET LOCAL statement_timeout = 0", Severity::Hint),
            ],
            &["SET search_path TO s", "RESET ALL"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("SET SESSION lock_wait_timeout = 31536000", Severity::Warning)],
            &["SET NAMES utf8"],
        );
    }
}
