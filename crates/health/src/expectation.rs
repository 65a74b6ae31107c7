//! Whether what came back is what a check expects. Neither the expected text nor anything that was sent is in the answer.

use bascule_model::manifest::JsonPath;
use bascule_model::release::Expect;

use crate::request::Rest;

/// What is wrong with the text that came back, one sentence each; empty when it is as expected.
pub(crate) fn unmet(expect: &Expect, what: &str, text: &[u8], rest: Rest) -> Vec<String> {
    let mut unmet = Vec::new();
    if let Some(path) = &expect.json {
        unmet.extend(json_is_missing(path, what, text, rest));
    }
    if let Some(wanted) = &expect.contains {
        let found = String::from_utf8_lossy(text).contains(wanted.as_str());
        if !found {
            let read = if rest == Rest::LeftUnread {
                format!(" in its first {} bytes", text.len())
            } else {
                String::new()
            };
            unmet.push(format!("{what} does not contain the expected text{read}"));
        }
    }
    unmet
}

fn json_is_missing(path: &str, what: &str, text: &[u8], rest: Rest) -> Option<String> {
    let Ok(parsed) = path.parse::<JsonPath>() else {
        return Some(format!("{path:?} is not a JSON path"));
    };
    if rest == Rest::LeftUnread {
        return Some(format!(
            "{what} is longer than {} bytes, too long to look for {path} in it",
            text.len()
        ));
    }
    match serde_json::from_slice::<serde_json::Value>(text) {
        // The parser's words tell the place, not the text.
        Err(error) => Some(format!("{what} is not JSON ({error})")),
        Ok(json) => match parsed.select(&json) {
            None => Some(format!("{what} has nothing at {path}")),
            Some(serde_json::Value::Null) => Some(format!("{what} has null at {path}")),
            Some(_) => None,
        },
    }
}
