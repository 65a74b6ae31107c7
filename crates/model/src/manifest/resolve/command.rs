//! Commands: arguments that anyone on the machine can read, and that therefore hold nothing private.

use super::resolver::Resolver;
use super::template::{self, Piece};
use super::variables::Outcome;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{CommandSettings, InstanceText, Located};

/// The variables that are open in a command, and what to say of the others.
pub(super) struct Open {
    pub(super) names: &'static [&'static str],
    pub(super) otherwise: &'static str,
}

/// In a build there is no instance yet.
pub(super) const IN_BUILD: Open = Open { names: &[], otherwise: "a build belongs to no instance" };

/// In the address of a database or of its backups.
pub(super) const IN_DATABASE: Open = Open { names: &[], otherwise: "a database belongs to no instance" };

/// In a check's command.
pub(super) const IN_CHECK: Open = Open {
    names: &["BASCULE_APP", "BASCULE_ENVIRONMENT", "BASCULE_RELEASE", "BASCULE_SLOT", "BASCULE_URL"],
    otherwise: "a check belongs to no single instance: BASCULE_URL is where the release answers",
};

/// In a task's command.
pub(super) const IN_TASK: Open = Open {
    names: &["BASCULE_APP", "BASCULE_ENVIRONMENT", "BASCULE_RELEASE", "BASCULE_SLOT"],
    otherwise: "a task belongs to no instance",
};

/// In what an instance of a service with a port is given.
pub(super) const IN_INSTANCE: Open = Open {
    names: &[
        "PORT",
        "BASCULE_APP",
        "BASCULE_ENVIRONMENT",
        "BASCULE_RELEASE",
        "BASCULE_SLOT",
        "BASCULE_INSTANCE",
    ],
    otherwise: "only the command of a check has it",
};

/// In what an instance of a service without a port is given.
pub(super) const IN_WORKER: Open = Open {
    names: &["BASCULE_APP", "BASCULE_ENVIRONMENT", "BASCULE_RELEASE", "BASCULE_SLOT", "BASCULE_INSTANCE"],
    otherwise: "give the service a `port` when it takes requests",
};

impl Resolver<'_> {
    /// The program and its arguments.
    pub(super) fn command(
        &mut self,
        command: &CommandSettings,
        usage: &str,
        open: &Open,
    ) -> Vec<InstanceText> {
        match command {
            CommandSettings::Shell(line) => {
                let line = self.argument(line, usage, open);
                vec![InstanceText::literal("/bin/sh"), InstanceText::literal("-c"), line]
            }
            CommandSettings::Program(arguments) => {
                arguments.iter().map(|argument| self.argument(argument, usage, open)).collect()
            }
        }
    }

    /// The build's command, in which nothing stays open.
    pub(super) fn build_command(&mut self, command: &CommandSettings) -> Vec<String> {
        let arguments = self.command(command, "the command of [build]", &IN_BUILD);
        arguments.into_iter().map(|argument| argument.render(|_| None)).collect()
    }

    fn argument(&mut self, text: &Located<String>, usage: &str, open: &Open) -> InstanceText {
        self.check_open(text, usage, open);
        match self.variables.fill(text, usage, None, &mut self.problems) {
            Outcome::Public(argument) => argument,
            Outcome::Private(_) => {
                self.problems.push(self.private(text, usage));
                InstanceText::default()
            }
            Outcome::Open => InstanceText::default(),
        }
    }

    /// Reports the instance variables that are not to be had here.
    pub(super) fn check_open(&mut self, text: &Located<String>, usage: &str, open: &Open) {
        for piece in template::pieces(&text.value) {
            if let Piece::Instance(name) = piece
                && !open.names.contains(&name)
            {
                let message = format!("`{name}` is not to be had in {usage}");
                let problem = Diagnostic::new(Code::Conflict, &text.span, message).label("used here");
                self.problems.push(problem.help(open.otherwise));
            }
        }
    }

    fn private(&self, text: &Located<String>, usage: &str) -> Diagnostic {
        let variables: Vec<_> = template::pieces(&text.value)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Variable(name, place) => Some((name, place)),
                _ => None,
            })
            .collect();
        let (name, place) = variables.first().cloned().unwrap_or(("NAME", 0..text.value.len()));
        let span = self.manifest.source.within(&text.span, &text.value, &place);
        Diagnostic::new(Code::PrivateInCommand, &span, format!("`{name}` must not stand in {usage}"))
            .label("anyone on the machine can read it there")
            .help(format!(
                "it does not come from the manifest itself, so it counts as a secret: write env = {{ {name} = \
                 \"${{{name}}}\" }} and let the program read {name} from its environment"
            ))
    }
}
