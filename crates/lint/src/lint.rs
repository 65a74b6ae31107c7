//! Every rule at every statement, in the order of application.

use std::cell::OnceCell;

use bascule_migrations::Migration;
use bascule_sql::Statement;

use crate::{
    Context, Edit, Finding,
    history::History,
    phases::reads,
    rule::{Hit, Rule},
    rules::ALL,
    site::Site,
    suppress::Suppressions,
};

/// What the rules find in migrations that are applied in this order.
///
/// With [`crate::Database::Tables`] the migrations are what is pending; without, any.
#[must_use]
pub fn lint(migrations: &[Migration], context: &Context) -> Vec<Finding> {
    let rules: Vec<&Rule> =
        ALL.iter().copied().filter(|rule| rule.dialects.contains(&context.dialect)).collect();
    let mut history = History::default();
    let mut findings = Vec::new();
    for (number, migration) in migrations.iter().enumerate() {
        history.migration = number;
        let all = reads(migration, context);
        let lines = LineStarts::default();
        let mut found = Vec::new();
        for index in 0..all.len() {
            let site = Site { context, history: &history, migration, all: &all, index };
            for rule in &rules {
                found.extend((rule.check)(&site).into_iter().map(|hit| finding(rule, hit, &site, &lines)));
            }
            history.take(&all[index].reading.actions, context.dialect);
        }
        let lines: Vec<usize> = all.iter().map(|read| read.statement.line).collect();
        findings.extend(Suppressions::of(migration, &lines, context).apply(found));
    }
    findings
}

fn finding(rule: &Rule, hit: Hit, site: &Site<'_>, lines: &LineStarts) -> Finding {
    let statement = site.statement();
    Finding {
        rule: rule.name.to_owned(),
        severity: hit.severity,
        path: site.migration.path.clone(),
        line: statement.line,
        excerpt: excerpt(&statement.text),
        reason: hit.reason,
        safe: rule.safe.to_owned(),
        fix: hit.instead.and_then(|text| lines.edit(&site.migration.up, statement, text)),
    }
}

/// Where the lines of a file begin; counted when the first edit asks for it.
#[derive(Default)]
struct LineStarts(OnceCell<Vec<usize>>);

impl LineStarts {
    fn of(&self, up: &str, line: usize) -> Option<usize> {
        let starts = self
            .0
            .get_or_init(|| std::iter::once(0).chain(up.match_indices('\n').map(|(at, _)| at + 1)).collect());
        starts.get(line.saturating_sub(1)).copied()
    }

    /// The statement's place in its file, where it stands there as it is.
    fn edit(&self, up: &str, statement: &Statement, replacement: String) -> Option<Edit> {
        let line_start = self.of(up, statement.line)?;
        let line_end = self.of(up, statement.line + 1).unwrap_or(up.len());
        // It begins on that line; a file whose variables were filled in holds another text.
        let within = (line_end + statement.text.len()).min(up.len());
        let within = (within..=up.len()).find(|at| up.is_char_boundary(*at))?;
        let at = up[line_start..within].find(&statement.text)? + line_start;
        (at <= line_end).then(|| Edit {
            start: at,
            end: at + statement.text.len(),
            original: statement.text.clone(),
            replacement,
        })
    }
}

/// The first words, on one line, without what a terminal would take for commands.
fn excerpt(text: &str) -> String {
    const MOST: usize = 72;
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST {
        return line;
    }
    let kept: String = line.chars().take(MOST - 1).collect();
    format!("{}…", kept.trim_end())
}
