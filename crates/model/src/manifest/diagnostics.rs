//! What is wrong with a manifest: every mistake, with a stable code, its place, what was expected and what to write.
//!
//! Holds: no message, label or help contains a value of `env`, `header` or `body`, nor one of an env file.

mod nearest;
mod render;

use std::fmt;
use std::ops::Range;

use serde::Serialize;

pub(crate) use nearest::{list, nearest};
pub use render::Color;

use super::source::{Position, Source};

/// What kind of mistake it is. Its text is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Code {
    /// The text is not TOML.
    #[serde(rename = "MANIFEST_SYNTAX")]
    Syntax,
    /// A key stands twice.
    #[serde(rename = "MANIFEST_DUPLICATE_KEY")]
    DuplicateKey,
    /// A key that no one reads.
    #[serde(rename = "MANIFEST_UNKNOWN_KEY")]
    UnknownKey,
    /// A number where a text belongs, and the like.
    #[serde(rename = "MANIFEST_WRONG_TYPE")]
    WrongType,
    /// The right type, but no such value.
    #[serde(rename = "MANIFEST_BAD_VALUE")]
    BadValue,
    /// Something that has to be there is not.
    #[serde(rename = "MANIFEST_MISSING_KEY")]
    MissingKey,
    /// Two settings that do not go together.
    #[serde(rename = "MANIFEST_CONFLICT")]
    Conflict,
    /// A service that the manifest does not have.
    #[serde(rename = "MANIFEST_UNKNOWN_SERVICE")]
    UnknownService,
    /// An environment that the manifest does not have.
    #[serde(rename = "MANIFEST_UNKNOWN_ENVIRONMENT")]
    UnknownEnvironment,
    /// A known word for something that this build does not have.
    #[serde(rename = "MANIFEST_NOT_AVAILABLE")]
    NotAvailable,
    /// `${NAME}` and no one says what it is.
    #[serde(rename = "MANIFEST_UNDEFINED_VARIABLE")]
    UndefinedVariable,
    /// A variable that leads back to itself.
    #[serde(rename = "MANIFEST_VARIABLE_CYCLE")]
    VariableCycle,
    /// A command would show a private value in its arguments.
    #[serde(rename = "MANIFEST_PRIVATE_IN_COMMAND")]
    PrivateInCommand,
    /// The env file is not there, or not readable as one.
    #[serde(rename = "MANIFEST_ENV_FILE")]
    EnvFile,
    /// A secret stands in the manifest in clear.
    #[serde(rename = "MANIFEST_SECRET_LITERAL")]
    SecretLiteral,
    /// A file of `manifests` is not there, or holds what is not taken.
    #[serde(rename = "MANIFEST_OBJECTS")]
    Objects,
}

impl Code {
    /// The code as text, as in `MANIFEST_UNKNOWN_KEY`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "MANIFEST_SYNTAX",
            Self::DuplicateKey => "MANIFEST_DUPLICATE_KEY",
            Self::UnknownKey => "MANIFEST_UNKNOWN_KEY",
            Self::WrongType => "MANIFEST_WRONG_TYPE",
            Self::BadValue => "MANIFEST_BAD_VALUE",
            Self::MissingKey => "MANIFEST_MISSING_KEY",
            Self::Conflict => "MANIFEST_CONFLICT",
            Self::UnknownService => "MANIFEST_UNKNOWN_SERVICE",
            Self::UnknownEnvironment => "MANIFEST_UNKNOWN_ENVIRONMENT",
            Self::NotAvailable => "MANIFEST_NOT_AVAILABLE",
            Self::UndefinedVariable => "MANIFEST_UNDEFINED_VARIABLE",
            Self::VariableCycle => "MANIFEST_VARIABLE_CYCLE",
            Self::PrivateInCommand => "MANIFEST_PRIVATE_IN_COMMAND",
            Self::EnvFile => "MANIFEST_ENV_FILE",
            Self::SecretLiteral => "MANIFEST_SECRET_LITERAL",
            Self::Objects => "MANIFEST_OBJECTS",
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind it is.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    /// Where, in bytes of the source.
    pub span: Range<usize>,
    /// What was expected there, in a few words beside the underlined place.
    pub label: String,
    /// Another place that has to do with it, and how.
    pub related: Option<(Range<usize>, String)>,
    /// What to write.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn new(code: Code, span: &Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            span: span.clone(),
            label: String::new(),
            related: None,
            help: None,
        }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn related(mut self, span: &Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some((span.clone(), label.into()));
        self
    }
}

/// All mistakes of a manifest, at least one, in the order of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    source: Source,
    list: Vec<Diagnostic>,
}

/// A mistake as an editor or a program wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiagnosticRecord<'a> {
    /// The code.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: &'a str,
    /// The manifest's name.
    pub file: &'a str,
    /// Where it begins: line, from 1.
    pub line: usize,
    /// Where it begins: column in characters, from 1.
    pub column: usize,
    /// Where it ends: the place behind its last character.
    pub end: Position,
    /// What was expected, and what to write; empty when there is nothing to add.
    pub help: String,
}

impl Diagnostics {
    /// Sorts by place, and says nothing twice.
    pub(crate) fn new(source: Source, mut list: Vec<Diagnostic>) -> Self {
        for diagnostic in &mut list {
            let end = diagnostic.span.end.min(source.length());
            diagnostic.span = diagnostic.span.start.min(end)..end;
        }
        list.sort_by_key(|diagnostic| {
            (diagnostic.span.start, diagnostic.span.end, diagnostic.code, diagnostic.message.clone())
        });
        list.dedup_by(|next, kept| {
            next.code == kept.code && next.span == kept.span && next.message == kept.message
        });
        Self { source, list }
    }

    /// The mistakes.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// The manifest's name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.source.file_name()
    }

    /// The mistakes as records, for JSON.
    #[must_use]
    pub fn records(&self) -> Vec<DiagnosticRecord<'_>> {
        self.list.iter().map(|diagnostic| self.record(diagnostic)).collect()
    }

    fn record<'a>(&'a self, diagnostic: &'a Diagnostic) -> DiagnosticRecord<'a> {
        let start = self.source.position(diagnostic.span.start);
        let parts =
            [Some(diagnostic.label.as_str()).filter(|label| !label.is_empty()), diagnostic.help.as_deref()];
        DiagnosticRecord {
            code: diagnostic.code,
            message: &diagnostic.message,
            file: self.source.file_name(),
            line: start.line,
            column: start.column,
            end: self.source.position(diagnostic.span.end),
            help: parts.into_iter().flatten().collect::<Vec<_>>().join("; "),
        }
    }

    /// The messages for a person: each with the source's line and the place underlined, for a width of 80 columns.
    #[must_use]
    pub fn render(&self, color: Color) -> String {
        render::render(&self.source, &self.list, color)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mistakes = match self.list.len() {
            1 => "1 mistake".to_owned(),
            n => format!("{n} mistakes"),
        };
        write!(f, "{mistakes} in {}", self.source.file_name())?;
        if let Some(first) = self.list.first() {
            write!(f, "; line {}: {}", self.source.position(first.span.start).line, first.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
