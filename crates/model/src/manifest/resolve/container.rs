//! How a service's containers are made.

use std::collections::BTreeMap;
use std::ops::Range;

use super::resolver::Resolver;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic, nearest};
use crate::manifest::types::{Located, ServiceSettings, Value};
use crate::release::{Container, RootUser, Writing};

impl Resolver<'_> {
    /// None where instances are no containers.
    pub(super) fn container(
        &mut self,
        name: &ServiceName,
        settings: &ServiceSettings,
        env: &BTreeMap<String, Value>,
    ) -> Option<Container> {
        if !self.target().runs_containers() {
            return None;
        }
        self.check_secret_files(name, settings, env);
        self.check_root(name, settings);
        self.check_volumes(name, settings);
        self.check_memory(settings);
        let is = |flag: &Option<Located<bool>>| flag.as_ref().is_some_and(|flag| flag.value);
        Some(Container {
            user: settings.user.as_ref().map(|user| user.value.to_string()),
            root: if is(&settings.allow_root) { RootUser::Allowed } else { RootUser::Refused },
            capabilities: texts(settings.capabilities.as_ref()),
            files: if is(&settings.read_only) { Writing::ReadOnly } else { Writing::Allowed },
            volumes: settings.volumes.iter().flatten().map(|volume| volume.value.get().clone()).collect(),
            extra_hosts: texts(settings.extra_hosts.as_ref()),
            secret_files: texts(settings.secret_files.as_ref()),
        })
    }

    fn check_secret_files(
        &mut self,
        service: &ServiceName,
        settings: &ServiceSettings,
        env: &BTreeMap<String, Value>,
    ) {
        // Which names an env file sets is not known before it is read.
        if self.variables.is_outside_unknown() && self.settings.env_file.is_some() {
            return;
        }
        for name in settings.secret_files.iter().flatten().filter(|name| !env.contains_key(&name.value)) {
            let label = match nearest(&name.value, env.keys().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "not set".to_owned(),
            };
            let message = format!("`{service}` is to get {} as a file, and nothing sets it", name.value);
            let help = format!("write env = {{ {0} = \"${{{0}}}\" }}, or set it in the env file", name.value);
            self.problems
                .push(Diagnostic::new(Code::UndefinedVariable, &name.span, message).label(label).help(help));
        }
    }

    /// Who is named as root and may not be would be refused when it starts: that can be said now.
    fn check_root(&mut self, service: &ServiceName, settings: &ServiceSettings) {
        let may = settings.allow_root.as_ref().is_some_and(|allow| allow.value);
        if let Some(user) = settings.user.as_ref().filter(|user| user.value.is_root() && !may) {
            let message = format!("`{service}` is to run as root, and may not");
            let problem = Diagnostic::new(Code::Conflict, &user.span, message).label("this is root");
            self.problems.push(problem.help("name another user, or write allow_root = true"));
        }
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
    fn check_volumes(&mut self, service: &ServiceName, settings: &ServiceSettings) {
        let has_files = settings.secret_files.as_ref().is_some_and(|names| !names.is_empty());
        let covers =
            |target: &str| ["/run", "/run/secrets"].contains(&target) || target.starts_with("/run/secrets/");
        let volumes = settings.volumes.iter().flatten();
        for volume in volumes.filter(|volume| has_files && covers(&volume.value.get().target)) {
            let message = format!("a volume of `{service}` stands where its `secret_files` are");
            let problem = Diagnostic::new(Code::Conflict, &volume.span, message).label("covers /run/secrets");
            self.problems.push(problem.help("let the container see it somewhere else"));
        }
    }

    /// What only containers have must not be set where there are none.
    pub(super) fn check_no_container(&mut self, settings: &ServiceSettings) {
        let pids = settings.resources.as_ref().and_then(|resources| resources.pids.as_ref());
        if self.target().runs_containers() || self.manifest_has_containers() {
            return;
        }
        let places: [(&str, Option<Range<usize>>); 8] = [
            ("user", settings.user.as_ref().map(|it| it.span.clone())),
            ("allow_root", settings.allow_root.as_ref().map(|it| it.span.clone())),
            ("capabilities", first(settings.capabilities.as_ref())),
            ("read_only", settings.read_only.as_ref().map(|it| it.span.clone())),
            ("volumes", first(settings.volumes.as_ref())),
            ("extra_hosts", first(settings.extra_hosts.as_ref())),
            ("secret_files", first(settings.secret_files.as_ref())),
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
        if let Some(drift) = self.settings.drift.as_ref().filter(|_| !self.target().runs_containers()) {
            let message = "`drift` has no use: this environment runs no containers";
            let problem = Diagnostic::new(Code::Conflict, &drift.span, message).label("for containers only");
            self.problems.push(problem.help("write target = \"docker\" here, or leave this out"));
        }
    }

    fn manifest_has_containers(&self) -> bool {
        let targets = self.manifest.environments.values().filter_map(|settings| settings.target.as_ref());
        targets.into_iter().any(|target| target.value.runs_containers())
    }
}

fn texts<T: std::fmt::Display>(list: Option<&Vec<Located<T>>>) -> Vec<String> {
    list.into_iter().flatten().map(|text| text.value.to_string()).collect()
}

fn first<T>(list: Option<&Vec<Located<T>>>) -> Option<Range<usize>> {
    list?.first().map(|text| text.span.clone())
}
