//! The state of resolving one environment: what has been found, and what was wrong.

use std::collections::BTreeMap;

use super::given::GivenObject;
use super::merge;
use super::variables::{Outcome, Outside, Variables};
use crate::ids::EnvironmentName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{
    Build, EnvironmentSettings, HostName, InstanceText, Located, Manifest, Reading, Secret, SecretName,
    Secrets, Target, Value,
};

/// Resolves one environment of a manifest.
pub(super) struct Resolver<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) settings: &'a EnvironmentSettings,
    /// The environment's name.
    pub(super) environment: &'a str,
    pub(super) variables: Variables<'a>,
    /// What is in the files of `manifests`; none where nobody has looked.
    pub(super) objects: Option<&'a BTreeMap<String, Vec<GivenObject>>>,
    pub(super) secrets: Secrets,
    pub(super) problems: Vec<Diagnostic>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        manifest: &'a Manifest,
        name: &'a EnvironmentName,
        settings: &'a EnvironmentSettings,
        outside: Outside<'a>,
    ) -> Self {
        let variables = Variables::new(manifest, name.as_str(), settings, outside);
        let (secrets, problems) = (Secrets::new(), Vec::new());
        Self { manifest, settings, environment: name.as_str(), variables, objects: None, secrets, problems }
    }

    /// The hosts of the environment.
    pub(super) fn hosts(&self) -> Vec<HostName> {
        self.settings.hosts.iter().flatten().map(|host| host.value.clone()).collect()
    }

    /// A text with its variables replaced, as a value; a private one is kept under `name`.
    pub(super) fn value(&mut self, text: &Located<String>, name: &str) -> Value {
        let outcome = self.variables.fill(text, name, None, &mut self.problems);
        self.keep(outcome, name)
    }

    /// The value of an outcome; a private one is kept under `name`.
    pub(super) fn keep(&mut self, outcome: Outcome, name: &str) -> Value {
        match outcome {
            Outcome::Public(text) => Value::Public(text),
            Outcome::Private(text) => {
                let name = SecretName::new(name);
                self.secrets.insert(name.clone(), Secret::new(text));
                Value::Private(name)
            }
            // Reported, or only asked for its mistakes: the environment is not given out.
            Outcome::Open => Value::Public(InstanceText::default()),
        }
    }

    /// Secrets that nobody gave.
    pub(super) fn check_secrets(&mut self) {
        for (name, span) in self.variables.secrets_not_given() {
            let problem =
                Diagnostic::new(Code::UndefinedVariable, &span, format!("the secret `{name}` was not given"));
            self.problems.push(
                problem.label("has no value").help(format!("bascule secret set {} {name}", self.environment)),
            );
        }
    }

    /// Keeps what private values are made of, so that each piece can be taken out of what is shown.
    pub(super) fn keep_pieces(&mut self) {
        for (name, text) in self.variables.taken() {
            self.secrets.insert(SecretName::new(format!("variables.{name}")), Secret::new(text));
        }
    }

    /// Where instances run.
    pub(super) fn target(&self) -> Target {
        self.settings.target.as_ref().map_or(Target::Process, |target| target.value)
    }

    pub(super) fn build(&mut self) -> Build {
        let settings = merge::build(self.manifest.build.as_ref(), self.settings.build.as_ref());
        if let Some(settings) = settings.as_ref().filter(|settings| settings.reading == Reading::Complete) {
            self.check_build_has_a_use(settings);
        }
        if self.target().runs_containers() {
            return Build { image: self.image(settings.as_ref()), ..Build::default() };
        }
        let Some(settings) = settings else { return Build::default() };
        let command = settings.command.as_ref().map(|command| self.build_command(command));
        if settings.reading == Reading::Complete
            && settings.command.is_some()
            && settings.files.as_ref().is_none_or(Vec::is_empty)
        {
            self.problems.push(
                Diagnostic::new(
                    Code::MissingKey,
                    &settings.span,
                    "[build] has a command, and no files to take along",
                )
                .label("`files` is missing")
                .help("name what the release needs, as in files = [\"target/release/shop\", \"static/\"]"),
            );
        }
        let files = settings.files.into_iter().flatten().map(|file| file.value).collect();
        Build { command, files, image: None }
    }
}
