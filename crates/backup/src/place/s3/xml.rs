//! The little that is read of S3's answers: the texts of elements of a name. Pure.

/// The texts of all elements called that, in order.
pub(super) fn values(text: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    let mut found = Vec::new();
    while let Some((_, behind)) = rest.split_once(&open) {
        let Some((value, behind)) = behind.split_once(&close) else { break };
        found.push(plain(value));
        rest = behind;
    }
    found
}

/// Without entities. What is none stays as it is.
fn plain(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, behind)) = rest.split_once('&') {
        plain.push_str(before);
        let entity = behind.split_once(';').and_then(|(name, after)| Some((sign(name)?, after)));
        match entity {
            Some((sign, after)) => {
                plain.push(sign);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = behind;
            }
        }
    }
    plain + rest
}

fn sign(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let number = match digits.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            char::from_u32(number.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found() {
        let text = "<R><Key>a&amp;b&#x41;&#66;&nope; &</Key><Size>1</Size><Key>c</Key><Key>open";
        assert_eq!(values(text, "Key"), ["a&bAB&nope; &", "c"]);
        assert!(values(text, "Code").is_empty());
    }
}
