//! SQLite's texts as words: without comments, quoting of names, case and white space, none of which makes a schema another.

/// The words of a text: names and keywords in lower case without quotes, literals as they are, each other sign by itself.
pub(crate) fn words(sql: &str) -> Vec<String> {
    let signs: Vec<char> = sql.chars().collect();
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(&sign) = signs.get(at) {
        let next = signs.get(at + 1).copied();
        match sign {
            _ if sign.is_whitespace() => at += 1,
            '-' if next == Some('-') => at = past(&signs, at, |signs| signs[0] == '\n'),
            '/' if next == Some('*') => at = past(&signs, at + 2, |signs| signs.starts_with(&['*', '/'])) + 1,
            '\'' => {
                let end = closing(&signs, at, '\'');
                words.push(signs[at..end].iter().collect());
                at = end;
            }
            '"' | '`' | '[' => {
                let quote = if sign == '[' { ']' } else { sign };
                let end = closing(&signs, at, quote);
                let name: String = signs[at + 1..(end - 1).max(at + 1)].iter().collect();
                words.push(name.replace(&format!("{quote}{quote}"), &quote.to_string()).to_lowercase());
                at = end;
            }
            _ if is_word(sign) => {
                let end =
                    signs[at..].iter().position(|sign| !is_word(*sign)).map_or(signs.len(), |end| at + end);
                words.push(signs[at..end].iter().collect::<String>().to_lowercase());
                at = end;
            }
            _ => {
                words.push(sign.to_string());
                at += 1;
            }
        }
    }
    words
}

/// A table's text as ranked lines: each column and constraint one of rank 1, what stands after them of rank 0.
pub(super) fn elements(sql: &str) -> Vec<(u8, String)> {
    let words = words(sql);
    let Some(open) = words.iter().position(|word| word == "(") else { return vec![(0, words.join(" "))] };
    if words.get(1).is_some_and(|word| word == "virtual") {
        return vec![(0, words[1..].join(" "))];
    }
    let (mut lines, mut line, mut depth) = (Vec::new(), Vec::new(), 1_usize);
    let mut rest = words[open + 1..].iter();
    for word in rest.by_ref() {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && word == "," {
            lines.push((1, line.join(" ")));
            line.clear();
        } else {
            line.push(word.as_str());
        }
    }
    lines.push((1, line.join(" ")));
    let options: Vec<&str> = rest.map(String::as_str).collect();
    lines.push((0, format!("table {}", options.join(" ")).trim_end().to_owned()));
    lines
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_' || sign == '$'
}

/// Behind the first place from `at` where that holds, or the end.
fn past(signs: &[char], at: usize, holds: impl Fn(&[char]) -> bool) -> usize {
    (at..signs.len()).find(|at| holds(&signs[*at..])).map_or(signs.len(), |at| at + 1)
}

/// Behind the quote that closes the one at `at`; a doubled one does not.
fn closing(signs: &[char], at: usize, quote: char) -> usize {
    let mut end = at + 1;
    while end < signs.len() {
        if signs[end] != quote {
            end += 1;
        } else if signs.get(end + 1) == Some(&quote) && quote != ']' {
            end += 2;
        } else {
            return end + 1;
        }
    }
    signs.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_case_comments_and_space_do_not_count() {
        for (one, other) in [
            ("CREATE VIEW v AS SELECT 1", "create  view \"V\"\nas -- all\n select /* one */ 1"),
            ("CREATE INDEX [a b] ON t (x)", "CREATE INDEX `a b` ON \"t\"(x)"),
        ] {
            assert_eq!(words(one), words(other));
        }
        assert_ne!(words("SELECT 'A'"), words("SELECT 'a'"));
        assert_eq!(words("'it''s' \"a\"\"b\""), ["'it''s'", "a\"b"]);
        assert_eq!(words("a /* open"), ["a"]);
        assert_eq!(words("'open"), ["'open"]);
    }

    #[test]
    fn a_table_is_its_elements() {
        let sql = "CREATE TABLE \"users\"(id INTEGER PRIMARY KEY, price NUMERIC(10,2) CHECK (price > 0), a TEXT DEFAULT 'x, y') STRICT";
        let lines: Vec<String> =
            elements(sql).into_iter().map(|(rank, line)| format!("{rank} {line}")).collect();
        assert_eq!(
            lines,
            [
                "1 id integer primary key",
                "1 price numeric ( 10 , 2 ) check ( price > 0 )",
                "1 a text default 'x, y'",
                "0 table strict",
            ]
        );
    }
}
