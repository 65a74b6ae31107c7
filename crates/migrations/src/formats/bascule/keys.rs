//! `key=value` pairs behind a section's name. A value with blanks stands in double quotes, in which `""` is one quote.

/// Keys and values, in the order in which they stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

impl Pairs {
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == key).map(|(_, value)| value.as_str())
    }
}

/// Reads them; the error goes on from "…, and".
pub(crate) fn parse(text: &str) -> Result<Pairs, String> {
    let mut pairs = Pairs::default();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|at: char| at == '=' || at.is_whitespace()).unwrap_or(rest.len());
        let (key, tail) = rest.split_at(end);
        let Some(tail) = tail.strip_prefix('=').filter(|_| !key.is_empty()) else {
            return Err(format!("`{key}` is no `key=value`"));
        };
        let (value, tail) =
            value(tail).ok_or_else(|| format!("the value of `{key}` has no closing quote"))?;
        if pairs.get(key).is_some() {
            return Err(format!("`{key}` stands there twice"));
        }
        pairs.0.push((key.to_owned(), value));
        rest = tail.trim_start();
    }
    Ok(pairs)
}

fn value(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    loop {
        let (inside, tail) = rest.split_once('"')?;
        value.push_str(inside);
        match tail.strip_prefix('"') {
            Some(tail) => {
                value.push('"');
                rest = tail;
            }
            None => return Some((value, tail)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_blanks_and_quotes() {
        let pairs = parse(r#"table=users using="trim({name}) || ' ' || ""x""" key="#).unwrap();
        assert_eq!(pairs.get("using"), Some(r#"trim({name}) || ' ' || "x""#));
        assert_eq!(pairs.get("key"), Some(""));
        assert_eq!(pairs.keys().collect::<Vec<_>>(), ["table", "using", "key"]);
        assert!(parse("after the window").is_err());
        assert!(parse("a=\"b").is_err());
    }
}
