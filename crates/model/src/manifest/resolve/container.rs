//! How a service's containers are made.

use std::ops::Range;

use super::resolver::Resolver;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{Located, ServiceSettings, Target, Templated, User};
use crate::release::{Container, RootUser, Volume, Writing};

impl Resolver<'_> {
    /// None where instances are no containers. What they get as files is not in it yet.
    pub(super) fn container(&mut self, name: &ServiceName, settings: &ServiceSettings) -> Option<Container> {
        if !self.target().runs_containers() {
            return None;
        }
        self.check_pods(settings);
        let user = settings.user.as_ref().and_then(|user| self.user(name, settings, user));
        let volumes = self.volumes(name, settings);
        self.check_memory(settings);
        let is = |flag: &Option<Located<bool>>| flag.as_ref().is_some_and(|flag| flag.value);
        Some(Container {
            user: user.map(|user| user.to_string()),
            root: if is(&settings.allow_root) { RootUser::Allowed } else { RootUser::Refused },
            capabilities: texts(settings.capabilities.as_ref()),
            files: if is(&settings.read_only) { Writing::ReadOnly } else { Writing::Allowed },
            volumes,
            extra_hosts: texts(settings.extra_hosts.as_ref()),
            ..Container::default()
        })
    }

    /// Who is named as root and may not be would be refused when it starts: that can be said now.
    fn user(
        &mut self,
        service: &ServiceName,
        settings: &ServiceSettings,
        text: &Located<Templated<User>>,
    ) -> Option<User> {
        let user = self.templated(text, "user", "a user")?;
        let may = settings.allow_root.as_ref().is_some_and(|allow| allow.value);
        if user.is_root() && !may {
            let message = format!("`{service}` is to run as root, and may not");
            let problem = Diagnostic::new(Code::Conflict, &text.span, message).label("this is root");
            self.problems.push(problem.help("name another user, or write allow_root = true"));
        }
        Some(user)
    }

    /// The engine refuses less when it makes a container.
    fn check_memory(&mut self, settings: &ServiceSettings) {
        const LEAST: u64 = 6 << 20;
        let memory = settings.resources.as_ref().and_then(|resources| resources.memory.as_ref());
        if let Some(memory) = memory.filter(|memory| memory.value.bytes() < LEAST) {
            let message = format!("`memory` = {} is too little for a container", memory.value);
            self.problems
                .push(Diagnostic::new(Code::BadValue, &memory.span, message).label("expected 6Mi or more"));
        }
    }

    /// The files of `secret_files` stand where no volume may cover them.
    fn volumes(&mut self, service: &ServiceName, settings: &ServiceSettings) -> Vec<Volume> {
        let has_files = settings.secret_files.as_ref().is_some_and(|names| !names.is_empty());
        let covers =
            |target: &str| ["/run", "/run/secrets"].contains(&target) || target.starts_with("/run/secrets/");
        let mut found: Vec<(Volume, &Range<usize>)> = Vec::new();
        for text in settings.volumes.iter().flatten() {
            let Some(volume) = self.templated(text, "volumes", "a volume") else { continue };
            let volume = volume.get().clone();
            if has_files && covers(&volume.target) {
                let message = format!("a volume of `{service}` stands where its `secret_files` are");
                let problem =
                    Diagnostic::new(Code::Conflict, &text.span, message).label("covers /run/secrets");
                self.problems.push(problem.help("let the container see it somewhere else"));
            }
            if let Some((_, first)) = found.iter().find(|(earlier, _)| earlier.target == volume.target) {
                let message = format!("two of `volumes` are seen at {}", volume.target);
                let problem = Diagnostic::new(Code::Conflict, &text.span, message);
                self.problems.push(problem.label("leave this one out").related(first, "first here"));
            }
            found.push((volume, &text.span));
        }
        found.into_iter().map(|(volume, _)| volume).collect()
    }

    /// What only containers have must not be set where there are none.
    pub(super) fn check_no_container(&mut self, settings: &ServiceSettings) {
        let pids = settings.resources.as_ref().and_then(|resources| resources.pids.as_ref());
        if self.target().runs_containers() || self.manifest_has_containers() {
            return;
        }
        let places: [(&str, Option<Range<usize>>); 7] = [
            ("user", settings.user.as_ref().map(|it| it.span.clone())),
            ("allow_root", settings.allow_root.as_ref().map(|it| it.span.clone())),
            ("capabilities", first(settings.capabilities.as_ref())),
            ("read_only", settings.read_only.as_ref().map(|it| it.span.clone())),
            ("volumes", first(settings.volumes.as_ref())),
            ("extra_hosts", first(settings.extra_hosts.as_ref())),
            ("resources.pids", pids.map(|it| it.span.clone())),
        ];
        for (key, span) in places {
            let Some(span) = span else { continue };
            let message = format!("`{key}` has no use: no environment runs containers");
            let problem = Diagnostic::new(Code::Conflict, &span, message).label("for containers only");
            self.problems
                .push(problem.help("write target = \"docker\" in an environment, or leave this out"));
        }
    }

    /// A process that ended is always started anew: there is nothing to choose.
    pub(super) fn check_drift(&mut self) {
        if let Some(drift) = self.settings.drift.as_ref().filter(|_| self.target() != Target::Docker) {
            let message = "`drift` has no use: it is for containers of this machine";
            let problem = Diagnostic::new(Code::Conflict, &drift.span, message).label("for Docker only");
            self.problems.push(problem.help("write target = \"docker\" here, or leave this out"));
        }
    }

    fn manifest_has_containers(&self) -> bool {
        let targets = self.manifest.environments.values().filter_map(|settings| settings.target.as_ref());
        targets.into_iter().any(|target| target.value.runs_containers())
    }
}

pub(super) fn texts<T: std::fmt::Display>(list: Option<&Vec<Located<T>>>) -> Vec<String> {
    list.into_iter().flatten().map(|text| text.value.to_string()).collect()
}

fn first<T>(list: Option<&Vec<Located<T>>>) -> Option<Range<usize>> {
    list?.first().map(|text| text.span.clone())
}
