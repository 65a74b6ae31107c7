//! Lines of at most 80 columns. What stands between backquotes is one word: a command has to work as written.

/// The width of a page.
pub const WIDTH: usize = 80;

/// Breaks text at spaces so that each line fits behind `indent` spaces. The first line is not indented; a word that is
/// too long for a line stays whole. Line ends in the text are kept.
pub fn wrap(text: &str, first: usize, indent: usize) -> String {
    let mut wrapped = String::new();
    for (i, line) in text.lines().enumerate() {
        if i > 0 {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
        }
        let mut column = if i == 0 { first } else { indent };
        for (n, word) in words(line).into_iter().enumerate() {
            let width = word.chars().count();
            if n > 0 && column + 1 + width > WIDTH {
                wrapped.push('\n');
                wrapped.push_str(&" ".repeat(indent));
                column = indent;
            } else if n > 0 {
                wrapped.push(' ');
                column += 1;
            }
            wrapped.push_str(word);
            column += width;
        }
    }
    wrapped
}

/// Splits at spaces outside of backquotes. Spaces at the front of a line belong to its first word.
fn words(line: &str) -> Vec<&str> {
    let front = line.len() - line.trim_start_matches(' ').len();
    let mut words = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '`' => quoted = !quoted,
            ' ' if !quoted && at >= front => {
                words.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&line[start..]);
    words
}

/// The text, cut to so many characters with `…` at its end when it is longer. For one line.
pub fn shortened(text: &str, width: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= width && line.len() == text.len() {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(width.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_at_spaces_but_not_in_a_command() {
        let text = "one two three four five six seven eight nine ten eleven twelve then `bascule run show run-1 --follow` again";
        let wrapped = wrap(text, 8, 2);
        assert_eq!(
            wrapped,
            "one two three four five six seven eight nine ten eleven twelve then\n  `bascule run show run-1 --follow` again"
        );
        assert_eq!(wrap("a\n  b", 0, 2), "a\n    b");
    }

    #[test]
    fn shortens_to_the_width() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdefg", 6), "abcde…");
        assert_eq!(shortened("ab\ncd", 6), "ab…");
    }
}
