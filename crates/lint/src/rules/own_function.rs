//! A function is called that SQLite does not have.

use bascule_sql::{Action, called_functions};

use crate::{
    rule::{Hit, Rule, SQLITE},
    site::{Site, find_word},
};

pub(super) const RULE: Rule = Rule {
    name: "own-function",
    dialects: SQLITE,
    title: "a function is called that SQLite does not have",
    reason: "Functions that the application gives its connections are not there when Bascule runs the \
            migration: it fails.",
    safe: "Write it with functions that SQLite has, or let the application do that step.",
    severity: "warning",
    check,
};

/// The functions of SQLite and its usual extensions, and words that stand before a parenthesis.
const KNOWN: &str = "
    abs changes char coalesce concat concat_ws format glob hex if ifnull iif instr last_insert_rowid
    length like likelihood likely lower ltrim max min nullif octet_length printf quote random
    randomblob replace round rtrim sign soundex sqlite_version strftime substr substring
    total_changes trim typeof unhex unicode unlikely upper zeroblob date time datetime julianday
    unixepoch timediff avg count group_concat string_agg sum total row_number rank dense_rank
    percent_rank cume_dist ntile lag lead first_value last_value nth_value json jsonb json_array
    jsonb_array json_array_length json_extract jsonb_extract json_insert jsonb_insert json_object
    jsonb_object json_patch jsonb_patch json_remove jsonb_remove json_replace jsonb_replace json_set
    jsonb_set json_type json_valid json_quote json_group_array jsonb_group_array json_group_object
    jsonb_group_object json_each json_tree json_error_position acos acosh asin asinh atan atan2
    atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power radians sin
    sinh sqrt tan tanh trunc raise cast exists in values over filter not and or as on key check
    primary unique using when then else select from where set all any distinct case union except
    intersect into match between is references conflict default always generated rtree fts3 fts4
    fts5 bm25 highlight snippet offsets matchinfo
";

fn check(site: &Site<'_>) -> Vec<Hit> {
    let rows = |action: &Action| {
        matches!(
            action,
            Action::Insert { .. } | Action::Update { .. } | Action::Delete { .. } | Action::Select { .. }
        )
    };
    if !site.actions().all(rows) {
        return Vec::new();
    }
    let tables: Vec<&str> = site.effect().touches.iter().map(|table| table.name.as_str()).collect();
    let own = |call: &String| {
        !KNOWN.split_whitespace().any(|known| known == call)
            && !tables.iter().any(|table| table.eq_ignore_ascii_case(call))
    };
    let calls = called_functions(site.statement(), site.dialect());
    let named = |call: String| Hit::warning(format!("`{call}` is no function of SQLite"));
    // A name with columns behind it, as in `WITH x (a)`, is none.
    let with = find_word(&site.statement().text, "WITH") == Some(0);
    if with { Vec::new() } else { calls.into_iter().find(own).map(named).into_iter().collect() }
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
            Dialect::Sqlite,
            &[
                ("UPDATE t SET a = BIN2B64(a)", Severity::Warning),
                ("INSERT INTO t SELECT uuid_generate(a) FROM u", Severity::Warning),
            ],
            &[
                "UPDATE t SET a = lower(trim(b)) WHERE c IN (SELECT max(d) FROM u)",
                "INSERT INTO t (a, b) VALUES (1, 2)",
                "CREATE TABLE t (a, b)",
            ],
        );
    }
}
