//! What is added to the Deployments of an environment, and what of that the manifest says already.

use super::resolver::Resolver;
use super::service::Services;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::read::patch_changes;
use crate::manifest::types::PatchSettings;
use crate::release::DeploymentPatch;

impl Resolver<'_> {
    pub(super) fn patches(&mut self, services: &Services) -> Vec<DeploymentPatch> {
        let settings = self.settings.kubernetes.as_ref().and_then(|kubernetes| kubernetes.patches.as_ref());
        let patches: Vec<&PatchSettings> = settings.into_iter().flatten().collect();
        for patch in &patches {
            self.check_patched_env(patch, services);
        }
        let patch = |settings: &&PatchSettings| DeploymentPatch {
            service: settings.service.as_ref().map(|service| service.value.clone()),
            changes: patch_changes(&settings.metadata, &settings.spec),
        };
        patches.iter().map(patch).collect()
    }

    /// A variable has one place where it is said.
    fn check_patched_env(&mut self, patch: &PatchSettings, services: &Services) {
        let is_meant =
            |name: &ServiceName| patch.service.as_ref().is_none_or(|service| service.value == *name);
        for (name, (service, _)) in services.iter().filter(|(name, _)| is_meant(name)) {
            for variable in patch.env.iter().filter(|variable| variable.is_ours) {
                let given = variable.name.value.as_str();
                // Of a secret that is a file the path is given.
                let is_given = service.env.contains_key(given)
                    || given.strip_suffix("_FILE").is_some_and(|of| service.env.contains_key(of));
                if is_given {
                    let message =
                        format!("a patch gives `{given}` to `{name}`, which has it from the manifest");
                    let problem = Diagnostic::new(Code::Conflict, &variable.name.span, message);
                    self.problems.push(
                        problem
                            .label("given twice")
                            .help("leave it out here, or take it out of `env` and the secrets"),
                    );
                }
            }
        }
    }
}
