//! A change asks for a copy, or for a lock.

use crate::{
    Severity,
    rule::{Hit, MYSQL, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "algorithm-copies",
    dialects: MYSQL,
    title: "a change asks for a copy, or for a lock",
    reason: "ALGORITHM=COPY and LOCK=SHARED keep writers out until the table is copied, LOCK=EXCLUSIVE \
            readers as well.",
    safe: "Ask for ALGORITHM=INSTANT, or ALGORITHM=INPLACE, LOCK=NONE; where the server refuses both, use \
            gh-ost or pt-online-schema-change.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let reading = site.reading();
    let asked = reading.algorithm.as_deref() == Some("COPY")
        || matches!(reading.lock.as_deref(), Some("SHARED" | "EXCLUSIVE"));
    let table = site.effect().touches.first().filter(|_| asked);
    let severity = table.and_then(|table| site.waiting(table, Cost::Build, Severity::Warning));
    severity.map(|severity| Hit::new(severity, "others wait until it is done")).into_iter().collect()
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
                ("ALTER TABLE t ADD a int, ALGORITHM=COPY", Severity::Warning),
                ("CREATE INDEX i ON large (a) LOCK=SHARED", Severity::Block),
            ],
            &["ALTER TABLE t ADD a int, ALGORITHM=INSTANT", "ALTER TABLE small ADD a int, ALGORITHM=COPY"],
        );
    }
}
