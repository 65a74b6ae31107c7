//! What holds for every rule.

use crate::{RULES, documentation};

#[test]
fn names_are_unique_and_plain() {
    let mut names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RULES.len());
}

#[test]
fn every_rule_says_why_and_how_else() {
    for rule in RULES {
        for text in [rule.reason, rule.safe] {
            assert!(text.ends_with(['.', ')']) || text.ends_with('`'), "{}: {text}", rule.name);
            assert!(!text.contains("  "), "{}: {text}", rule.name);
        }
        assert!(!rule.title.ends_with('.') && !rule.severity.ends_with('.'), "{}", rule.name);
        assert!(!rule.dialects.is_empty(), "{}", rule.name);
    }
}

#[test]
fn the_page_is_that_of_the_rules() {
    let page = include_str!("../../../../docs/lint.md");
    let hint = "run `cargo run -p bascule-lint --example documentation > docs/lint.md`";
    assert!(page == documentation(), "docs/lint.md is old: {hint}");
}
