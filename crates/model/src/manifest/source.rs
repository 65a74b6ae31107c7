//! The text of a manifest, for excerpts in messages, with the places whose values are not to be shown.
//!
//! Holds: nothing outside this module gets at an excerpt but through [`Source::masked`], and `Debug` shows no text.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What a hidden value is shown as.
const MASK: &str = "***";

/// A manifest's text and name.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    file_name: Arc<str>,
    text: Arc<str>,
    masks: Arc<[Range<usize>]>,
}

/// The text with its hidden places masked, and how to find a place of the real text in it.
pub(crate) struct Masked<'a> {
    pub(crate) text: String,
    masks: &'a [Range<usize>],
}

/// A place in a text as an editor counts: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Source {
    pub(crate) fn new(file_name: &str, text: &str, mut masks: Vec<Range<usize>>) -> Self {
        masks.sort_by_key(|mask| (mask.start, std::cmp::Reverse(mask.end)));
        let mut disjoint: Vec<Range<usize>> = Vec::new();
        for mask in masks {
            match disjoint.last_mut() {
                Some(last) if mask.start < last.end => last.end = last.end.max(mask.end),
                _ => disjoint.push(mask),
            }
        }
        Self { file_name: file_name.into(), text: text.into(), masks: disjoint.into() }
    }

    /// The file's name, as it was given.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The length of the text in bytes: every span ends at or before it.
    #[must_use]
    pub fn length(&self) -> usize {
        self.text.len()
    }

    /// The line that a place is on. Never for a message: it may have a secret in it.
    pub(crate) fn line_at(&self, at: usize) -> &str {
        let (before, behind) = self.text.split_at(at.min(self.text.len()));
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = behind.find('\n').map_or(self.text.len(), |newline| before.len() + newline);
        &self.text[start..end]
    }

    pub(crate) fn position(&self, at: usize) -> Position {
        let before = &self.text[..at.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    pub(crate) fn masked(&self) -> Masked<'_> {
        let mut text = String::with_capacity(self.text.len());
        let mut at = 0;
        for mask in self.masks.iter() {
            text.push_str(&self.text[at..mask.start]);
            text.push_str(MASK);
            // A value over several lines stays over several lines, so that the line numbers are right.
            text.extend(self.text[mask.clone()].matches('\n'));
            at = mask.end;
        }
        text.push_str(&self.text[at..]);
        Masked { text, masks: &self.masks }
    }

    /// The part of a string's span that a part of its value stands in: the whole span when the string has escapes.
    pub(crate) fn within(&self, span: &Range<usize>, value: &str, part: &Range<usize>) -> Range<usize> {
        let written = self.text.get(span.start + 1..span.end.saturating_sub(1).max(span.start + 1));
        if written == Some(value) {
            span.start + 1 + part.start..span.start + 1 + part.end
        } else {
            span.clone()
        }
    }
}

impl Masked<'_> {
    /// Where a span of the real text is in the masked one. What touches a hidden place is all of its mask.
    pub(crate) fn place(&self, real: &str, span: &Range<usize>) -> Range<usize> {
        let mut shift = 0_isize;
        let (mut start, mut end) = (None, None);
        for mask in self.masks {
            let newlines = real[mask.clone()].matches('\n').count();
            let shown_start = mask.start.saturating_add_signed(shift);
            if start.is_none() && span.start < mask.end {
                start = Some(if span.start < mask.start {
                    span.start.saturating_add_signed(shift)
                } else {
                    shown_start
                });
            }
            if end.is_none() && span.end <= mask.end {
                let is_before = span.end <= mask.start;
                end = Some(if is_before {
                    span.end.saturating_add_signed(shift)
                } else {
                    shown_start + MASK.len()
                });
            }
            let lengths = (isize::try_from(MASK.len() + newlines), isize::try_from(mask.len()));
            if let (Ok(shown), Ok(length)) = lengths {
                shift += shown - length;
            }
        }
        let start = start.unwrap_or_else(|| span.start.saturating_add_signed(shift)).min(self.text.len());
        let end = end.unwrap_or_else(|| span.end.saturating_add_signed(shift)).min(self.text.len());
        start..end.max(start)
    }
}

impl Source {
    /// The masked text, and a span's place in it.
    pub(crate) fn excerpt(&self, spans: &[Range<usize>]) -> (String, Vec<Range<usize>>) {
        let masked = self.masked();
        let places = spans.iter().map(|span| masked.place(&self.text, span)).collect();
        (masked.text, places)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("file_name", &self.file_name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_found_again_in_the_masked_text() {
        let text = "a = \"secret\"\nb = \"x\\ny\" # c\n";
        let masks = std::iter::once(4..12).collect();
        let source = Source::new("f", text, masks);
        let (shown, places) = source.excerpt(&[0..1, 4..12, 6..8, 13..14, 0..13]);
        assert_eq!(shown, "a = ***\nb = \"x\\ny\" # c\n");
        let parts: Vec<&str> = places.into_iter().map(|place| &shown[place]).collect();
        assert_eq!(parts, ["a", "***", "***", "b", "a = ***\n"]);
    }

    #[test]
    fn a_masked_value_keeps_its_lines() {
        let text = "a = \"\"\"one\ntwo\"\"\"\nb = 1";
        let masks = std::iter::once(4..17).collect();
        let (shown, places) = Source::new("f", text, masks).excerpt(&[18..19, 0..1]);
        assert_eq!(shown, "a = ***\n\nb = 1");
        assert_eq!(&shown[places[0].clone()], "b");
    }

    #[test]
    fn positions_count_from_one_in_characters() {
        let source = Source::new("f", "é = 1\nb", vec![]);
        assert_eq!(source.position(3), Position { line: 1, column: 3 });
        assert_eq!(source.position(7), Position { line: 2, column: 1 });
        assert_eq!(source.position(99), Position { line: 2, column: 2 });
    }
}
