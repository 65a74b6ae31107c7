//! Conditions of a project's own over a JSON value, `value < 300000`: a subset of the Common Expression Language.
//!
//! Literals, `value`, members and elements, arithmetic, comparisons, `&&`, `||`, `!`, `in`, `? :`, lists, `size`, `has`,
//! `int`, `double`, `string`, and on texts `contains`, `startsWith`, `endsWith`. No loops and no patterns: how long it takes
//! is bounded by the size of the expression and of the value.

mod evaluate;
mod token;
mod tree;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::tree::Tree;

/// The longest expression, bytes.
pub const LONGEST: usize = 1_000;
/// How deep it may be nested.
const DEEPEST: usize = 32;
/// How many steps an evaluation may take, where an element that is compared is one.
const STEPS: usize = 100_000;

/// A condition that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    text: String,
    tree: Tree,
}

// Equality is that of the texts of their numbers, so that it is reflexive.
impl Eq for Expression {}

/// A text that is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("character {at}: {what}")]
pub struct BadExpression {
    /// Where, in characters from 1.
    pub at: usize,
    /// What is wrong there.
    pub what: String,
}

/// An expression that says neither yes nor no of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undecided(pub(crate) String);

impl Expression {
    /// Whether it holds for a value.
    ///
    /// # Errors
    /// Where it is undecided: a member that is not there, a comparison of a text with a number, a result that is neither true
    /// nor false, too many steps.
    pub fn holds(&self, value: &Value) -> Result<bool, Undecided> {
        evaluate::holds(&self.tree, value, STEPS)
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Expression {
    type Err = BadExpression;

    fn from_str(text: &str) -> Result<Self, BadExpression> {
        if text.len() > LONGEST {
            return Err(BadExpression { at: 1, what: format!("it is longer than {LONGEST} bytes") });
        }
        let tree = tree::read(&token::tokens(text)?)?;
        Ok(Self { text: text.trim().to_owned(), tree })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for Expression {
    type Error = BadExpression;
    fn try_from(text: String) -> Result<Self, BadExpression> {
        text.parse()
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn holds(text: &str, value: &Value) -> Result<bool, String> {
        text.parse::<Expression>()
            .map_err(|error| format!("unread {error}"))?
            .holds(value)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_holds_and_what_does_not() {
        let value =
            json!({ "total": 299_999, "share": 0.5, "name": "main.js", "tags": ["a", "b"], "no": null });
        for yes in [
            "value.total < 300000",
            "value.total + 1 == 300000 && value.share <= 0.5",
            "!(value.total > 300000) || false",
            "value['name'].endsWith(\".js\") && value.name.startsWith('main') && value.name.contains('n.')",
            "'a' in value.tags && !('z' in value.tags) && 'total' in value",
            "size(value.tags) == 2 && size(value.name) == 7 && value.tags[1] == 'b'",
            "value.total % 1000 == 999 && 7 / 2 == 3 && 7.0 / 2 == 3.5 && -1 < 0 && 2 - -1 == 3",
            "has(value.total) && !has(value.missing) && value.no == null",
            "value.share > 0.4 ? true : value.missing",
            "true || value.missing == 1",
            "value.missing == 1 || true",
            "!(false && value.missing == 1)",
            "value.total in [1, 299999] && 1 == 1.0 && 1 < 1.5",
            "int(value.share * 10.0) == 5 && double(3) == 3.0 && string(3) == '3'",
            "value.name + 'x' == 'main.jsx' && 'a' < 'b' && value.tags == ['a', 'b']",
        ] {
            assert_eq!(holds(yes, &value), Ok(true), "{yes}");
        }
        assert_eq!(holds("value < 300000", &json!(300_000)), Ok(false));
        for undecided in [
            "value",
            "value.total",
            "value.missing == 1",
            "value.name < 3",
            "value.total / 0 == 1",
            "9223372036854775807 + 1 > 0",
            "value.tags[2] == 'c'",
            "value.no < 1",
            "-'a' == 1",
            "size(value.total) == 1",
            "int('a') == 1",
        ] {
            assert!(holds(undecided, &value).is_err_and(|error| !error.starts_with("unread")), "{undecided}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused_with_its_place() {
        for bad in [
            "",
            " ",
            "value <",
            "value < < 3",
            "(value",
            "value)",
            "value.",
            "value[1",
            "other < 3",
            "'a",
            "3 4",
            "value = 3",
            "value.matches('x')",
            "size()",
            "value.size(3)",
            "1 < 2 < 3",
            "[1, 2",
            "\"\\q\"",
            "a ? b",
            "99999999999999999999",
            "value & 1",
            "\u{0}",
        ] {
            assert!(bad.parse::<Expression>().is_err(), "{bad}");
        }
        let error = "value < 'a".parse::<Expression>().unwrap_err();
        assert_eq!(error.at, 9, "{error}");
        let deep = format!("{}1{} == 1", "(".repeat(200), ")".repeat(200));
        assert!(deep.parse::<Expression>().unwrap_err().what.contains("nested"));
        assert!("!".repeat(900).parse::<Expression>().is_err());
        assert!("x".repeat(LONGEST + 1).parse::<Expression>().is_err());
    }

    #[test]
    fn what_takes_too_long_ends() {
        let value = json!((0..200_000).collect::<Vec<u32>>());
        assert!(holds("-1 in value", &value).unwrap_err().contains("steps"));
    }

    proptest! {
        #[test]
        fn no_text_brings_it_down(text in "[ -~]{0,60}") {
            let _ = holds(&text, &json!({ "a": [1, "b", null] }));
        }

        #[test]
        fn no_expression_brings_it_down(text in "(value|1|'a'|\\[1\\]|\\(|\\)|<|==|&&|!|-|\\+|\\.a|size\\(| in |\\?|:){0,20}") {
            let _ = holds(&text, &json!({ "a": 1 }));
        }
    }
}
