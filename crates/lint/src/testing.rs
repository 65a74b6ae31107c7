//! Short texts made migrations, for the tables of the rules' tests.
//!
//! `@expand`, `@contract` and `@backfill` begin a part; without them a text is a plain file. A table named `large`,
//! `small` or `empty` makes a database with such tables known; `#no-down#` makes the way back an empty one.

use bascule_migrations::Migration;
use bascule_sql::{Dialect, Name, split};
use jiff::civil::date;

use crate::{Context, Database, Live, Rule, Severity, TableFacts, lint};

/// A migration of a text, which is its whole up side.
pub(crate) fn migration(text: &str, dialect: Dialect) -> Migration {
    let cleaned = text.replace("#no-down# ", "");
    let down = if cleaned == text {
        serde_json::json!([{ "text": "SELECT 1", "line": 1 }])
    } else {
        serde_json::json!([])
    };
    let text = cleaned.as_str();
    let mut parts = Vec::new();
    let mut before = 1;
    for (number, part) in text.split('@').enumerate() {
        let (phase, body) = match part.split_once(char::is_whitespace) {
            Some((word @ ("expand" | "contract" | "backfill"), body)) if number > 0 => (word, body),
            _ => ("expand", part),
        };
        let mut statements = split(body, dialect).expect("a text that can be split");
        for statement in &mut statements {
            statement.line += before - 1;
        }
        before += part.matches('\n').count();
        if phase == "backfill" {
            parts.push(serde_json::json!({
                "phase": phase, "table": "t", "key": ["id"], "batch": 1000, "gate": "switch", "statement": statements[0],
            }));
        } else if !statements.is_empty() {
            parts.push(serde_json::json!({ "phase": phase, "statements": statements }));
        }
    }
    let plain = !text.contains('@');
    let format = if plain { "goose" } else { "bascule" };
    serde_json::from_value(serde_json::json!({
        "version": "1", "name": "test", "path": "1_test.sql", "up": text, "down_file": null, "parts": parts,
        "down": down, "checks": [], "transactions": "usual", "checksum": "", "origin": { "format": format, "turn": "ordered" },
    }))
    .expect("a migration")
}

pub(crate) fn context(dialect: Dialect) -> Context {
    Context::of(dialect, date(2026, 6, 1))
}

fn context_for(text: &str, dialect: Dialect) -> Context {
    let sizes = [("large", 50_000_000), ("small", 100), ("empty", 0)];
    let known = sizes.into_iter().filter(|(name, _)| text.contains(name));
    let tables: Vec<TableFacts> = known
        .map(|(name, rows)| TableFacts {
            name: Name::bare(name),
            rows: Some(rows),
            columns: Vec::new(),
            indexes: Vec::new(),
            row_versions: None,
        })
        .collect();
    let database = if tables.is_empty() { Database::Unknown } else { Database::Tables(tables) };
    Context { database, live: Live::Release, ..context(dialect) }
}

/// What a rule finds in a text: the severities, and the text with the fixes.
pub(crate) fn found(rule: &Rule, text: &str, context: &Context) -> (Vec<Severity>, String) {
    let migration = migration(text, context.dialect);
    let findings: Vec<_> = lint(std::slice::from_ref(&migration), context)
        .into_iter()
        .filter(|one| one.rule == rule.name)
        .collect();
    (findings.iter().map(|one| one.severity).collect(), crate::fixed(text, &findings))
}

/// Texts in which the rule finds something once, how severe it is; and texts in which it finds nothing.
pub(crate) fn table(rule: &Rule, dialect: Dialect, hits: &[(&str, Severity)], none: &[&str]) {
    for (text, severity) in hits {
        let (severities, _) = found(rule, text, &context_for(text, dialect));
        assert_eq!(severities, [*severity], "{}: {text}", rule.name);
    }
    for text in none {
        let (severities, _) = found(rule, text, &context_for(text, dialect));
        assert_eq!(severities, [], "{}: {text}", rule.name);
    }
}

/// Texts and what `--fix` makes of them, which the rule then leaves alone.
pub(crate) fn fixes(rule: &Rule, dialect: Dialect, rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        let (_, fixed) = found(rule, text, &context_for(text, dialect));
        assert_eq!(&fixed, expected, "{}", rule.name);
        let (severities, again) = found(rule, &fixed, &context_for(text, dialect));
        assert_eq!(again, fixed, "{}: fixed twice", rule.name);
        assert_eq!(severities, [], "{}: {fixed}", rule.name);
    }
}
