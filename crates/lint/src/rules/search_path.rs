//! Names are looked for in other schemas from here on.

use bascule_sql::Action;

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "search-path",
    dialects: POSTGRES,
    title: "names are looked for in other schemas from here on",
    reason: "Names without a schema mean other tables after SET search_path, also in the migrations that \
            follow in the same session.",
    safe: "Write the schema before each name.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::Set(setting)
            if setting.name == "search_path" && setting.value.is_some() && !setting.local =>
        {
            Some(Hit::warning("names without a schema mean other tables from here on"))
        }
        Action::Select { calls } if calls.iter().any(|call| call == "set_config") => {
            let text = site.statement().text.to_ascii_lowercase();
            text.contains("search_path")
                .then(|| Hit::warning("names without a schema mean other tables from here on"))
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
            &[
                ("SET search_path TO s", Severity::Warning),
                ("SELECT pg_catalog.set_config('search_path', '', false)", Severity::Warning),
            ],
            &["SET LOCAL search_path TO s", "SET work_mem = 5"],
        );
    }
}
