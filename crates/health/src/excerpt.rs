//! Short, harmless pieces of texts that come from outside.

/// The longest excerpt, in characters.
const LONGEST: usize = 200;

/// The first characters on one line: white space folded, control characters (a terminal would obey them) left out.
pub(crate) fn excerpt(text: &str) -> String {
    let folded = text.split_whitespace().flat_map(|word| [" ", word]).skip(1).flat_map(str::chars);
    let mut shown: String = folded.filter(|c| !c.is_control()).take(LONGEST + 1).collect();
    if shown.chars().count() > LONGEST {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// The last lines that say something, each as an [`excerpt`].
pub(crate) fn last_lines(text: &str, count: usize) -> Vec<String> {
    let mut lines: Vec<_> =
        text.lines().rev().map(excerpt).filter(|line| !line.is_empty()).take(count).collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_harmless() {
        assert_eq!(excerpt("  a\r\n\tb \u{1b}[31mred\u{0} "), "a b [31mred");
        let long = excerpt(&"é".repeat(500));
        assert_eq!((long.chars().count(), long.ends_with("é…")), (201, true));
        assert_eq!(excerpt(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(last_lines("a\nb\n\n c \n \n", 2), ["b", "c"]);
    }
}
