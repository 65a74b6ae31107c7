//! What of its configuration a service gets as files.

use std::collections::BTreeMap;

use super::container::texts;
use super::resolver::Resolver;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic, nearest};
use crate::manifest::types::{Delivery, ServiceSettings, Value};

impl Resolver<'_> {
    /// Those that the service names, and those secrets that are to be files everywhere.
    pub(super) fn secret_files(
        &self,
        settings: &ServiceSettings,
        env: &BTreeMap<String, Value>,
    ) -> Vec<String> {
        let mut names = texts(settings.secret_files.as_ref());
        for (name, secret) in self.variables.secrets() {
            if secret.delivery == Delivery::File
                && env.contains_key(*name)
                && !names.iter().any(|one| one == name)
            {
                names.push((*name).to_owned());
            }
        }
        names
    }

    pub(super) fn check_secret_files(
        &mut self,
        service: &ServiceName,
        settings: &ServiceSettings,
        env: &BTreeMap<String, Value>,
    ) {
        // Which names an env file and the store have is not known before they are read; what is nearly a name that is known
        // is a slip all the same.
        let is_unknown = self.variables.is_outside_unknown();
        if is_unknown && self.settings.env_file.is_some() {
            return;
        }
        for name in settings.secret_files.iter().flatten().filter(|name| !env.contains_key(&name.value)) {
            let label = match nearest(&name.value, env.keys().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if is_unknown => continue,
                None => "not set".to_owned(),
            };
            let message = format!("`{service}` is to get {} as a file, and nothing sets it", name.value);
            let help = format!(
                "write env = {{ {0} = \"${{{0}}}\" }}, set it in the env file, or keep it in the store",
                name.value
            );
            self.problems
                .push(Diagnostic::new(Code::UndefinedVariable, &name.span, message).label(label).help(help));
        }
    }
}
