//! Findings for people, at most 80 columns wide where words allow it.

use std::fmt::Write as _;

use crate::{Finding, Severity};

const COLUMNS: usize = 80;

/// The findings as text, with a line that counts them.
#[must_use]
pub fn text(findings: &[Finding]) -> String {
    let mut page = String::new();
    for finding in findings {
        let _ = writeln!(page, "{:<7}  {}", finding.severity, finding.rule);
        let _ = writeln!(page, "  {}:{}", finding.path, finding.line);
        let _ = writeln!(page, "  {}", finding.excerpt);
        wrapped(&mut page, "  ", &sentence(&finding.reason));
        wrapped(&mut page, "  -> ", &finding.safe);
        if finding.fix.is_some() {
            page.push_str("  -> `--fix` writes it so.\n");
        }
        page.push('\n');
    }
    page.push_str(&count(findings));
    page
}

fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let dot = if reason.ends_with('.') { "" } else { "." };
    format!("{first}{}{dot}", letters.as_str())
}

fn wrapped(page: &mut String, before: &str, words: &str) {
    let indent = " ".repeat(before.len());
    let mut line = before.to_owned();
    let mut empty = true;
    for word in words.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            page.push_str(line.trim_end());
            page.push('\n');
            line.clone_from(&indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    page.push_str(line.trim_end());
    page.push('\n');
}

fn count(findings: &[Finding]) -> String {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let many = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    };
    if findings.is_empty() {
        return "Nothing found.\n".to_owned();
    }
    format!(
        "{}, {}, {}\n",
        many(of(Severity::Block), "block"),
        many(of(Severity::Warning), "warning"),
        many(of(Severity::Hint), "hint"),
    )
}
