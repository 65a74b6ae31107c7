//! Findings that somebody took upon themselves: `-- bascule:allow RULE until=YYYY-MM-DD reason="…"` before a statement.
//!
//! Both date and reason are asked for. One that is over, or that names no rule, allows nothing and is a finding itself.

use bascule_migrations::Migration;
use bascule_sql::{Comment, comments};
use jiff::civil::Date;

use crate::{
    Context, Finding, Severity,
    rule::{EVERY, Rule},
    rules,
};

const MARK: &str = "bascule:allow";

pub(crate) const RULE: Rule = Rule {
    name: "allow-comment",
    dialects: EVERY,
    title: "a comment that allows a finding is incomplete, over, or of no use",
    reason: "A finding that is allowed for ever, or without a reason, is one that nobody looks at again.",
    safe: "Write `-- bascule:allow RULE until=YYYY-MM-DD reason=\"…\"` before the statement, with a rule of this page, \
           a day to come and a reason; take it out when it is over.",
    severity: "warning; a hint where it allows nothing",
    check: |_| Vec::new(),
};

struct Suppression {
    line: usize,
    /// The line of the statement that it stands before.
    target: Option<usize>,
    text: String,
    said: Result<Allowed, String>,
}

struct Allowed {
    rule: String,
}

/// The suppressions of one file.
pub(crate) struct Suppressions<'a> {
    migration: &'a Migration,
    all: Vec<Suppression>,
}

impl<'a> Suppressions<'a> {
    /// Those of a migration whose statements begin on these lines.
    pub(crate) fn of(migration: &'a Migration, lines: &[usize], context: &Context) -> Self {
        let found = if migration.up.contains(MARK) {
            comments(&migration.up, context.dialect).unwrap_or_default()
        } else {
            Vec::new()
        };
        let all = found.iter().filter_map(|comment| suppression(comment, lines, context.today)).collect();
        Self { migration, all }
    }

    /// The findings that are left, with those about the comments themselves.
    pub(crate) fn apply(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        for suppression in &self.all {
            let problem = match &suppression.said {
                Ok(allowed) => {
                    let before = findings.len();
                    findings.retain(|finding| {
                        finding.rule != allowed.rule || Some(finding.line) != suppression.target
                    });
                    (findings.len() == before).then(|| {
                        let reason =
                            format!("`{}` finds nothing at the statement that follows", allowed.rule);
                        (Severity::Hint, reason)
                    })
                }
                Err(problem) => Some((Severity::Warning, problem.clone())),
            };
            if let Some((severity, reason)) = problem {
                findings.push(Finding {
                    rule: RULE.name.to_owned(),
                    severity,
                    path: self.migration.path.clone(),
                    line: suppression.line,
                    excerpt: suppression.text.clone(),
                    reason,
                    safe: RULE.safe.to_owned(),
                    fix: None,
                });
            }
        }
        findings.sort_by_key(|finding| finding.line);
        findings
    }
}

fn suppression(comment: &Comment, lines: &[usize], today: Date) -> Option<Suppression> {
    let inner = comment.text.trim_start_matches(['-', '#', '/', '*']).trim_end_matches(['*', '/']).trim();
    let words = inner.strip_prefix(MARK)?;
    let target = lines.iter().copied().filter(|line| *line >= comment.line).min();
    Some(Suppression {
        line: comment.line,
        target,
        text: one_line(&comment.text),
        said: allowed(words, today),
    })
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control()).collect::<Vec<_>>().join(" ")
}

fn allowed(words: &str, today: Date) -> Result<Allowed, String> {
    let words = words.trim();
    let (rule, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    if rule.is_empty() || rule.contains('=') {
        return Err("it names no rule".to_owned());
    }
    if !rules::ALL.iter().any(|known| known.name == rule) {
        return Err(format!("there is no rule `{rule}`"));
    }
    let until = rest
        .split_whitespace()
        .find_map(|word| word.strip_prefix("until="))
        .ok_or_else(|| "it has no end (`until=YYYY-MM-DD`)".to_owned())?;
    let until: Date = until.parse().map_err(|_| format!("`{until}` is no day (`until=YYYY-MM-DD`)"))?;
    let reason = rest
        .split_once("reason=\"")
        .and_then(|(_, behind)| behind.split_once('"'))
        .map_or("", |(text, _)| text);
    if reason.trim().is_empty() {
        return Err("it has no reason (`reason=\"…\"`)".to_owned());
    }
    if until < today {
        return Err(format!("it was for until {until}"));
    }
    Ok(Allowed { rule: rule.to_owned() })
}

#[cfg(test)]
mod tests {
    use bascule_sql::Dialect;

    use crate::{Severity, lint, testing};

    fn found(before: &str) -> Vec<(String, Severity)> {
        let migration = testing::migration(&format!("{before}\nCREATE INDEX i ON t (a);"), Dialect::Postgres);
        let context = testing::context(Dialect::Postgres);
        let names = ["allow-comment", "index-blocks-writes"];
        let findings = lint(&[migration], &context);
        let kept = findings.into_iter().filter(|finding| names.contains(&finding.rule.as_str()));
        kept.map(|finding| (finding.rule, finding.severity)).collect()
    }

    #[test]
    fn one_with_day_and_reason_allows() {
        assert_eq!(
            found("-- bascule:allow index-blocks-writes until=2030-01-01 reason=\"a small table\""),
            []
        );
        assert_eq!(found("/* bascule:allow index-blocks-writes reason=\"x\" until=2026-06-01 */"), []);
    }

    #[test]
    fn any_other_allows_nothing_and_is_found() {
        for wrong in [
            "-- bascule:allow",
            "-- bascule:allow until=2030-01-01 reason=\"x\"",
            "-- bascule:allow no-such-rule until=2030-01-01 reason=\"x\"",
            "-- bascule:allow index-blocks-writes reason=\"x\"",
            "-- bascule:allow index-blocks-writes until=2030-01-01",
            "-- bascule:allow index-blocks-writes until=2030-01-01 reason=\" \"",
            "-- bascule:allow index-blocks-writes until=soon reason=\"x\"",
            "-- bascule:allow index-blocks-writes until=2026-05-31 reason=\"it is over\"",
        ] {
            let expected = [
                ("allow-comment".to_owned(), Severity::Warning),
                ("index-blocks-writes".to_owned(), Severity::Warning),
            ];
            assert_eq!(found(wrong), expected, "{wrong}");
        }
    }

    #[test]
    fn one_that_allows_nothing_is_a_hint() {
        let unused = found("-- bascule:allow drop-table until=2030-01-01 reason=\"x\"");
        assert_eq!(unused[0], ("allow-comment".to_owned(), Severity::Hint));
        assert_eq!(found("SELECT 1; -- a comment about bascule:allow").len(), 1);
    }
}
