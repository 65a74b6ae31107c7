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
        if self.variables.is_outside_unknown() {
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
