//! What `${NAME}` stands for.
//!
//! Asked in this order: `env` of the environment, its env file, `env` of the manifest, the caller's environment. A value
//! that refers to its own name means the next one in that order, so that `TOKEN = "${TOKEN}"` hands a variable on.

use std::collections::BTreeMap;

use super::template::{self, Piece};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::source::Source;
use crate::manifest::types::{EnvironmentSettings, InstanceText, Located, Manifest};

/// The longest text that a process can be given, in bytes.
const LONGEST: usize = 128 * 1024 - 1;

/// What is known beside the manifest.
pub(crate) enum Outside<'a> {
    /// Nothing: the manifest alone is looked at.
    Unknown,
    /// All of it.
    Known {
        /// The entries of the env file.
        env_file: BTreeMap<String, String>,
        /// The caller's environment.
        process: &'a dyn Fn(&str) -> Option<String>,
    },
}

/// What a text has become.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The manifest alone spells it out.
    Public(InstanceText),
    /// Something from outside is in it.
    Private(InstanceText),
    /// Not to be known now, or wrong and reported.
    Open,
}

/// Where a variable can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Environment,
    EnvFile,
    Manifest,
    Process,
}

const LAYERS: [Layer; 4] = [Layer::Environment, Layer::EnvFile, Layer::Manifest, Layer::Process];

/// The variables of an environment.
pub(crate) struct Variables<'a> {
    source: &'a Source,
    environment: Option<&'a BTreeMap<String, Located<String>>>,
    manifest: Option<&'a BTreeMap<String, Located<String>>>,
    has_env_file: bool,
    outside: Outside<'a>,
    name: String,
    /// None while a value is being worked out.
    known: BTreeMap<(Layer, String), Option<Outcome>>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(
        manifest: &'a Manifest,
        name: &str,
        settings: &'a EnvironmentSettings,
        outside: Outside<'a>,
    ) -> Self {
        Self {
            source: &manifest.source,
            environment: settings.env.as_ref(),
            manifest: manifest.env.as_ref(),
            has_env_file: settings.env_file.is_some(),
            outside,
            name: name.to_owned(),
            known: BTreeMap::new(),
        }
    }

    /// Whether only the manifest is known.
    pub(crate) fn is_outside_unknown(&self) -> bool {
        matches!(self.outside, Outside::Unknown)
    }

    /// The names that `env` and the env file set, each with the layer that counts.
    pub(crate) fn configured(&self) -> BTreeMap<String, Layer> {
        let mut names = BTreeMap::new();
        for name in self.manifest.into_iter().flatten().map(|(name, _)| name) {
            names.insert(name.clone(), Layer::Manifest);
        }
        if let Outside::Known { env_file, .. } = &self.outside {
            for name in env_file.keys() {
                names.insert(name.clone(), Layer::EnvFile);
            }
        }
        for name in self.environment.into_iter().flatten().map(|(name, _)| name) {
            names.insert(name.clone(), Layer::Environment);
        }
        names
    }

    /// What a layer says of a name that it sets.
    pub(crate) fn in_layer(
        &mut self,
        layer: Layer,
        name: &str,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Outcome> {
        let text = match layer {
            Layer::Environment => self.environment.and_then(|env| env.get(name)),
            Layer::Manifest => self.manifest.and_then(|env| env.get(name)),
            Layer::EnvFile | Layer::Process => return self.outside(layer, name),
        }?;
        let key = (layer, name.to_owned());
        match self.known.get(&key) {
            Some(Some(outcome)) => Some(outcome.clone()),
            Some(None) => {
                let message = format!("the variable `{name}` leads back to itself");
                problems.push(
                    Diagnostic::new(Code::VariableCycle, &text.span, message)
                        .label("needs itself to be worked out")
                        .help("spell one of the values in the circle out"),
                );
                Some(Outcome::Open)
            }
            None => {
                self.known.insert(key.clone(), None);
                let usage = format!("env.{name}");
                let outcome = self.fill(text, &usage, Some((layer, name)), problems);
                self.known.insert(key, Some(outcome.clone()));
                Some(outcome)
            }
        }
    }

    fn outside(&self, layer: Layer, name: &str) -> Option<Outcome> {
        let Outside::Known { env_file, process } = &self.outside else {
            // The file may set it; the caller's environment, asked last, is taken to.
            let is_possible = layer == Layer::Process || self.has_env_file;
            let unknown = if layer == Layer::Process && !self.has_env_file {
                Outcome::Private(InstanceText::default())
            } else {
                Outcome::Open
            };
            return is_possible.then_some(unknown);
        };
        let value = if layer == Layer::EnvFile { env_file.get(name).cloned() } else { process(name) };
        value.map(|value| Outcome::Private(InstanceText::literal(&value)))
    }

    /// Replaces the variables of a text. `usage` says where it is used; `own` is the variable whose value it is.
    pub(crate) fn fill(
        &mut self,
        text: &Located<String>,
        usage: &str,
        own: Option<(Layer, &str)>,
        problems: &mut Vec<Diagnostic>,
    ) -> Outcome {
        let mut filled = InstanceText::default();
        let (mut is_private, mut is_open) = (false, false);
        for piece in template::pieces(&text.value) {
            match piece {
                Piece::Literal(literal) => filled.push_literal(literal),
                Piece::Instance(name) => filled.push_variable(name),
                Piece::Broken(_) => is_open = true,
                Piece::Variable(name, place) => {
                    let after = own.filter(|(_, own)| *own == name).map(|(layer, _)| layer);
                    match self.value(name, after, problems) {
                        Some(Outcome::Public(value)) => filled.push(&value),
                        Some(Outcome::Private(value)) => {
                            is_private = true;
                            filled.push(&value);
                        }
                        Some(Outcome::Open) => is_open = true,
                        None => {
                            is_open = true;
                            let span = self.source.within(&text.span, &text.value, &place);
                            problems.push(self.undefined(name, usage, &span));
                        }
                    }
                }
            }
            if filled.as_source().len() > LONGEST {
                let message = format!("the value of {usage} is longer than a process can be given");
                let problem =
                    Diagnostic::new(Code::BadValue, &text.span, message).label("longer than 128 KiB");
                problems.push(problem.help("put it in a file of the artifact, and its name here"));
                return Outcome::Open;
            }
        }
        match (is_open, is_private) {
            (true, _) => Outcome::Open,
            (false, true) => Outcome::Private(filled),
            (false, false) => Outcome::Public(filled),
        }
    }

    fn value(&mut self, name: &str, after: Option<Layer>, problems: &mut Vec<Diagnostic>) -> Option<Outcome> {
        LAYERS
            .into_iter()
            .filter(|layer| after.is_none_or(|after| *layer > after))
            .find_map(|layer| self.in_layer(layer, name, problems))
    }

    fn undefined(&self, name: &str, usage: &str, span: &std::ops::Range<usize>) -> Diagnostic {
        let help = format!(
            "export {name} before you call bascule, or set it in `env` or `env_file` of [environments.{}]; \
             for these very characters write $${{{name}}}",
            self.name
        );
        Diagnostic::new(
            Code::UndefinedVariable,
            span,
            format!("the variable `{name}`, used in {usage}, is not set"),
        )
        .label("not set")
        .help(help)
    }
}
