//! What `${NAME}` stands for.
//!
//! Asked in this order: the caller's environment for names that the manifest declares, the secrets, the env file, `env` of the
//! environment, `env` of the manifest, the caller's environment. A value that refers to its own name means the next one in that
//! order, so that `TOKEN = "${TOKEN}"` hands a variable on.

use std::collections::BTreeMap;

use super::given::{GivenSecret, Origin, may_come_from_caller};
use super::template::{self, Piece};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::source::Source;
use crate::manifest::types::{EnvironmentSettings, InstanceText, Located, Manifest, SecretSettings};

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
        /// The secrets that were fetched.
        secrets: &'a BTreeMap<String, GivenSecret>,
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
    /// The caller's environment, over what the manifest declares.
    Caller,
    Secret,
    EnvFile,
    Environment,
    Manifest,
    /// The caller's environment, where nobody else knows the name.
    Process,
}

const LAYERS: [Layer; 6] =
    [Layer::Caller, Layer::Secret, Layer::EnvFile, Layer::Environment, Layer::Manifest, Layer::Process];

/// The variables of an environment.
pub(crate) struct Variables<'a> {
    source: &'a Source,
    environment: Option<&'a BTreeMap<String, Located<String>>>,
    manifest: Option<&'a BTreeMap<String, Located<String>>>,
    has_env_file: bool,
    /// The names of `[secrets]`.
    secrets: BTreeMap<&'a str, &'a SecretSettings>,
    outside: Outside<'a>,
    name: String,
    /// None while a value is being worked out.
    known: BTreeMap<(Layer, String), Option<Outcome>>,
    /// What came from outside and was used, by name.
    taken: BTreeMap<String, InstanceText>,
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
            secrets: manifest.secrets(name),
            outside,
            name: name.to_owned(),
            known: BTreeMap::new(),
            taken: BTreeMap::new(),
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
        for name in self.environment.into_iter().flatten().map(|(name, _)| name) {
            names.insert(name.clone(), Layer::Environment);
        }
        match &self.outside {
            Outside::Known { env_file, secrets, .. } => {
                names.extend(env_file.keys().map(|name| (name.clone(), Layer::EnvFile)));
                names.extend(secrets.keys().map(|name| (name.clone(), Layer::Secret)));
            }
            Outside::Unknown => {
                names.extend(self.secrets.keys().map(|name| ((*name).to_owned(), Layer::Secret)));
            }
        }
        // Those of `[secrets]` that the caller's environment has need not be given by anybody else.
        let declared = names.keys().cloned().chain(self.secrets.keys().map(|name| (*name).to_owned()));
        let from_caller: Vec<String> = declared.filter(|name| self.caller(name).is_some()).collect();
        names.extend(from_caller.into_iter().map(|name| (name, Layer::Caller)));
        names
    }

    /// Which layer says what each configured name is.
    pub(crate) fn origins(&self) -> BTreeMap<String, Origin> {
        let origin = |layer| match layer {
            Layer::Caller | Layer::Process => Origin::Caller,
            Layer::Secret => Origin::Secret,
            Layer::EnvFile => Origin::EnvFile,
            Layer::Environment => Origin::Environment,
            Layer::Manifest => Origin::Manifest,
        };
        self.configured().into_iter().map(|(name, layer)| (name, origin(layer))).collect()
    }

    /// The versions of the secrets whose value counts, where they have one.
    pub(crate) fn secret_versions(&self) -> BTreeMap<String, u32> {
        let Outside::Known { secrets, .. } = &self.outside else { return BTreeMap::new() };
        let of_secrets = self.configured().into_iter().filter(|(_, layer)| *layer == Layer::Secret);
        of_secrets.filter_map(|(name, _)| Some((name.clone(), secrets.get(&name)?.version?))).collect()
    }

    /// The secrets that the manifest names and nobody gave, with the places where they are named.
    pub(crate) fn secrets_not_given(&self) -> Vec<(&'a str, std::ops::Range<usize>)> {
        let Outside::Known { secrets, .. } = &self.outside else { return Vec::new() };
        let missing = self.secrets.iter().filter(|(name, _)| !secrets.contains_key(**name));
        missing
            .filter(|(name, _)| self.caller(name).is_none())
            .map(|(name, settings)| (*name, settings.span.clone()))
            .collect()
    }

    /// The secrets that `[secrets]` names for this environment.
    pub(crate) fn secrets(&self) -> &BTreeMap<&'a str, &'a SecretSettings> {
        &self.secrets
    }

    /// What came from outside and was used, by name: the pieces that private values are made of.
    pub(crate) fn taken(&mut self) -> BTreeMap<String, InstanceText> {
        std::mem::take(&mut self.taken)
    }

    /// What the caller's environment says of a name that the manifest declares.
    fn caller(&self, name: &str) -> Option<String> {
        let Outside::Known { process, .. } = &self.outside else { return None };
        let in_env =
            |env: Option<&BTreeMap<String, Located<String>>>| env.is_some_and(|env| env.contains_key(name));
        let is_declared =
            in_env(self.environment) || in_env(self.manifest) || self.secrets.contains_key(name);
        (is_declared && may_come_from_caller(name)).then(|| process(name)).flatten()
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
            Layer::Caller | Layer::Secret | Layer::EnvFile | Layer::Process => {
                return self.outside(layer, name);
            }
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

    fn outside(&mut self, layer: Layer, name: &str) -> Option<Outcome> {
        let Outside::Known { env_file, secrets, process } = &self.outside else {
            if layer == Layer::Secret {
                let is_named = self.secrets.contains_key(name);
                return is_named.then(|| Outcome::Private(InstanceText::default()));
            }
            // The file may set it; the caller's environment, asked last, is taken to.
            let is_possible = layer == Layer::Process || self.has_env_file;
            let unknown = if layer == Layer::Process && !self.has_env_file {
                Outcome::Private(InstanceText::default())
            } else {
                Outcome::Open
            };
            return is_possible.then_some(unknown);
        };
        let value = match layer {
            Layer::Secret => secrets.get(name).map(|secret| secret.value.clone()),
            Layer::EnvFile => env_file.get(name).cloned(),
            Layer::Caller => self.caller(name),
            _ => process(name),
        };
        let text = InstanceText::literal(&value?);
        self.taken.insert(name.to_owned(), text.clone());
        Some(Outcome::Private(text))
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
            "export {name} before you call bascule, set it in `env` or `env_file` of [environments.{0}], or keep it as a \
             secret: bascule secret set {0} {name}; for these very characters write $${{{name}}}",
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
