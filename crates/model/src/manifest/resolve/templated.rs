//! Texts with a meaning in which `${NAME}` stood: filled in with what the manifest spells out, then read.
//!
//! Plans and the engine show them to everyone, so nothing from outside of the manifest goes in.

use std::str::FromStr;

use super::command::Open;
use super::resolver::Resolver;
use super::template::{self, Piece};
use super::variables::Outcome;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{Located, Templated};

const FOR_ALL: Open = Open { names: &[], otherwise: "it is the same for all instances" };

impl Resolver<'_> {
    /// What it means; none where that is not to be known, or wrong and reported. `what`: as in "a user".
    pub(super) fn templated<T: FromStr + Clone>(
        &mut self,
        text: &Located<Templated<T>>,
        key: &str,
        what: &str,
    ) -> Option<T> {
        let source = match &text.value {
            Templated::Plain(plain) => return Some(plain.clone()),
            Templated::Open(source) => Located { value: source.clone(), span: text.span.clone() },
        };
        let usage = format!("`{key}`");
        self.check_open(&source, &usage, &FOR_ALL);
        if template::pieces(&source.value).iter().any(|piece| matches!(piece, Piece::Instance(_))) {
            return None;
        }
        match self.variables.fill(&source, &usage, None, &mut self.problems) {
            Outcome::Public(filled) => {
                let read = filled.render(|_| None).parse().ok();
                if read.is_none() {
                    let message = format!("{usage} is not {what} once its variables are filled in");
                    self.problems.push(
                        Diagnostic::new(Code::BadValue, &text.span, message)
                            .label(format!("expected {what}"))
                            .help("correct it here, or what `env` says of the variables"),
                    );
                }
                read
            }
            Outcome::Private(_) => {
                let message = format!("{usage} holds a value from outside of the manifest");
                self.problems.push(
                    Diagnostic::new(Code::PrivateInCommand, &text.span, message)
                        .label("plans show it to everyone")
                        .help("what comes from outside counts as a secret: write the value into `env` of the manifest or of the environment"),
                );
                None
            }
            Outcome::Open => None,
        }
    }
}
