//! Edits of a file, and the text that comes of them.

use crate::{Edit, Finding};

/// The text of a file with the fixes of its findings. Of two fixes at the same place the first one is taken; the rest
/// is found again by the next run. Where the file is not what was read, nothing is changed.
#[must_use]
pub fn fixed(text: &str, findings: &[Finding]) -> String {
    // Places are those in the text with line feeds only.
    if text.contains("\r\n") {
        return fixed(&text.replace("\r\n", "\n"), findings).replace('\n', "\r\n");
    }
    let mut edits: Vec<&Edit> = findings.iter().filter_map(|finding| finding.fix.as_ref()).collect();
    edits.sort_by_key(|edit| edit.start);
    let mut made = String::with_capacity(text.len());
    let mut behind = 0;
    for edit in edits {
        if edit.start < behind || text.get(edit.start..edit.end) != Some(edit.original.as_str()) {
            continue;
        }
        made.push_str(&text[behind..edit.start]);
        made.push_str(&edit.replacement);
        behind = edit.end;
    }
    made.push_str(&text[behind..]);
    made
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fixed;
    use crate::{Edit, Finding, Severity};

    fn finding(start: usize, original: &str, replacement: &str) -> Finding {
        Finding {
            rule: "x".to_owned(),
            severity: Severity::Hint,
            path: "x.sql".to_owned(),
            line: 1,
            excerpt: String::new(),
            reason: String::new(),
            safe: String::new(),
            fix: Some(Edit {
                start,
                end: start + original.len(),
                original: original.to_owned(),
                replacement: replacement.to_owned(),
            }),
        }
    }

    #[test]
    fn edits_are_made_from_the_first_on() {
        assert_eq!(fixed("abcdef", &[finding(4, "e", "X"), finding(0, "a", "Y")]), "YbcdXf");
        assert_eq!(fixed("abcdef", &[finding(1, "bcd", "X"), finding(2, "c", "Y")]), "aXef");
        assert_eq!(fixed("abc", &[]), "abc");
        assert_eq!(fixed("abc", &[finding(1, "x", "X")]), "abc", "another text");
        assert_eq!(fixed("a\r\nb\r\n", &[finding(2, "b", "c\nd")]), "a\r\nc\r\nd\r\n");
    }

    proptest! {
        #[test]
        fn whatever_the_places_nothing_panics(text in "[a-cäß]{0,12}", edits in prop::collection::vec((0_usize..20, "[a-cä]{0,2}"), 0..5)) {
            let findings: Vec<_> = edits.iter().map(|(start, original)| finding(*start, original, "-")).collect();
            let _ = fixed(&text, &findings);
        }
    }
}
