//! An index is built while nobody can write.

use bascule_sql::{Action, Dialect};

use crate::{
    Severity,
    rule::{Hit, Rule},
    site::{Cost, Site},
    write::without_words,
};

pub(super) const RULE: Rule = Rule {
    name: "index-blocks-writes",
    dialects: &[Dialect::Postgres, Dialect::Mysql],
    title: "an index is built while nobody can write",
    reason: "CREATE INDEX keeps writers out of the table until the index is built: some seconds for each \
            million rows. So do FULLTEXT and SPATIAL indexes with MySQL.",
    safe: "Build it with CREATE INDEX CONCURRENTLY, which waits for nobody and is run on its own, outside \
            of a transaction; Bascule looks afterwards whether it is valid. With MySQL, build it when \
            nobody writes.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::CreateIndex(index) = action else { return None };
        let online =
            site.is(Dialect::Mysql) && !matches!(index.method.as_deref(), Some("fulltext" | "spatial"));
        if index.concurrently || index.only || online {
            return None;
        }
        let severity = site.waiting(&index.table, Cost::Build, Severity::Warning)?;
        let rows = site.about_rows(&index.table);
        let reason = format!("nobody can write to {} until the index is built over {rows}", index.table);
        Some(Hit::new(severity, reason).instead(concurrently(site)))
    };
    site.actions().filter_map(hit).collect()
}

/// `IF NOT EXISTS` goes with it: it would take an index for good that a failed attempt left behind.
fn concurrently(site: &Site<'_>) -> Option<String> {
    if !site.is(Dialect::Postgres) || site.in_own_transaction() {
        return None;
    }
    site.with_word_behind("INDEX", "CONCURRENTLY").map(|text| without_words(&text, "IF NOT EXISTS"))
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
                ("CREATE INDEX i ON t (a)", Severity::Warning),
                ("CREATE UNIQUE INDEX IF NOT EXISTS i ON s.t (lower(a))", Severity::Warning),
                ("CREATE INDEX ON large (a)", Severity::Block),
            ],
            &[
                "CREATE INDEX CONCURRENTLY i ON t (a)",
                "CREATE TABLE t (a int); CREATE INDEX i ON t (a)",
                "CREATE INDEX i ON small (a)",
                "CREATE INDEX i ON empty (a)",
                "CREATE INDEX i ON ONLY t (a)",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[
                ("CREATE FULLTEXT INDEX i ON t (a)", Severity::Warning),
                ("ALTER TABLE large ADD SPATIAL INDEX (a)", Severity::Block),
            ],
            &["CREATE INDEX i ON t (a)"],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[
                ("CREATE INDEX i ON t (a);\nSELECT 1;", "CREATE INDEX CONCURRENTLY i ON t (a);\nSELECT 1;"),
                (
                    "create unique index if not exists i on t (a)",
                    "create unique index CONCURRENTLY i on t (a)",
                ),
            ],
        );
    }
}
