//! Tasks, complete: one command, run in the surroundings of one service.

use super::command::IN_TASK;
use super::resolver::Resolver;
use super::service::Services;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::read::undeclared;
use crate::manifest::types::{Reading, TASK_TIMEOUT, Task, TaskSettings};

impl Resolver<'_> {
    pub(super) fn tasks(&mut self, services: &Services) -> Vec<Task> {
        let (manifest, settings) = (self.manifest, self.settings);
        let tasks = settings.tasks.as_ref().or(manifest.tasks.as_ref());
        tasks
            .into_iter()
            .flatten()
            .filter(|task| task.reading == Reading::Complete)
            .filter_map(|task| self.task(task, services))
            .collect()
    }

    fn task(&mut self, settings: &TaskSettings, services: &Services) -> Option<Task> {
        let shown = settings.name.as_ref().map_or("without a name", |name| name.value.as_str());
        if settings.name.is_none() {
            let problem = Diagnostic::new(Code::MissingKey, &settings.span, "a task has no name");
            self.problems.push(
                problem
                    .label("`name` is missing")
                    .help("plans and reports call it by its name, as in name = \"migrate\""),
            );
        }
        let command = settings
            .command
            .as_ref()
            .map(|command| self.command(command, &format!("the command of the task `{shown}`"), &IN_TASK));
        if command.is_none() {
            let problem =
                Diagnostic::new(Code::MissingKey, &settings.span, format!("the task `{shown}` runs nothing"));
            self.problems.push(
                problem
                    .label("`command` is missing")
                    .help("write what is run, as in command = [\"./manage.py\", \"migrate\"]"),
            );
        }
        let service = self.service_of_task(settings, shown, services);
        Some(Task {
            name: settings.name.as_ref()?.value.clone(),
            service: service?,
            command: command?,
            before: settings.before.as_ref().map(|before| before.value).unwrap_or_default(),
            timeout: settings.timeout.as_ref().map_or(TASK_TIMEOUT, |timeout| timeout.value),
        })
    }

    fn service_of_task(
        &mut self,
        settings: &TaskSettings,
        shown: &str,
        services: &Services,
    ) -> Option<ServiceName> {
        let names: Vec<&str> = services.keys().map(ServiceName::as_str).collect();
        if let Some(given) = &settings.service {
            if services.contains_key(&given.value) {
                return Some(given.value.clone());
            }
            self.problems.push(undeclared(given.value.as_str(), &given.span, &names));
            return None;
        }
        let mut with_traffic = services.iter().filter(|(_, (service, _))| service.traffic.is_some());
        let found = match (services.len(), with_traffic.next(), with_traffic.next()) {
            (1, ..) => services.keys().next(),
            (_, Some((name, _)), None) => Some(name),
            _ => None,
        };
        let all_are_read = services.values().all(|(_, settings)| settings.reading == Reading::Complete);
        if found.is_none() && !services.is_empty() && all_are_read {
            let names = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            let message =
                format!("it is not clear with which service's configuration the task `{shown}` runs");
            self.problems.push(
                Diagnostic::new(Code::MissingKey, &settings.span, message)
                    .label("`service` is missing")
                    .help(format!("write service = one of {names}")),
            );
        }
        found.cloned()
    }
}
