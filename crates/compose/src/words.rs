//! Commands as words.

use bascule_yaml::{Node, Value};

/// The words of a command that is written as a text: compose splits it as a shell would, and runs no shell. None: quotes do not
/// close.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut is_open) = (Vec::new(), String::new(), false);
    let mut quote: Option<char> = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.push(c),
            (_, '\\') => word.push(characters.next()?),
            (Some(_), c) => word.push(c),
            (None, '"' | '\'') => (quote, is_open) = (Some(c), true),
            (None, c) if c.is_whitespace() => {
                if is_open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                is_open = false;
            }
            (None, c) => word.push(c),
        }
    }
    if quote.is_some() {
        return None;
    }
    if is_open || !word.is_empty() {
        words.push(word);
    }
    Some(words)
}

/// The words of a command in either form.
pub(crate) fn command_words(node: &Node) -> Option<Vec<String>> {
    match &node.value {
        Value::List(elements) => elements.iter().map(|element| element.text().map(str::to_owned)).collect(),
        Value::Text(text) => words(text),
        _ => Some(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_command_is_split_as_a_shell_does() {
        for (text, expected) in [
            ("npm run start", Some(vec!["npm", "run", "start"])),
            ("sh -c \"echo 'a b' && x\"", Some(vec!["sh", "-c", "echo 'a b' && x"])),
            ("a\\ b '' c", Some(vec!["a b", "", "c"])),
            ("open 'quote", None),
            ("", Some(vec![])),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
