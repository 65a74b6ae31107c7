//! What is added to the Deployments of an environment, and what of that the manifest says already.

use super::merge;
use super::resolver::Resolver;
use super::service::Services;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::read::patch_changes;
use crate::manifest::types::{PatchSettings, Strategy};
use crate::release::DeploymentPatch;

impl Resolver<'_> {
    pub(super) fn patches(&mut self, services: &Services) -> Vec<DeploymentPatch> {
        let settings = self.settings.kubernetes.as_ref().and_then(|kubernetes| kubernetes.patches.as_ref());
        let patches: Vec<&PatchSettings> = settings.into_iter().flatten().collect();
        for patch in &patches {
            self.check_patched_env(patch, services);
            self.check_patched_end(patch);
        }
        let patch = |settings: &&PatchSettings| DeploymentPatch {
            service: settings.service.as_ref().map(|service| service.value.clone()),
            changes: patch_changes(&settings.metadata, &settings.spec),
        };
        patches.iter().map(patch).collect()
    }

    /// Pod by pod, requests in flight are waited for by what the cluster itself does before it ends a pod.
    fn check_patched_end(&mut self, patch: &PatchSettings) {
        let rollout = merge::rollout(self.manifest.rollout.as_ref(), self.settings.rollout.as_ref());
        let place = patch.lifecycle.as_ref().filter(|_| rollout.strategy == Strategy::Rolling);
        if let Some(span) = place {
            let message = "a patch says how the service's container ends, and with \"rolling\" its `drain` is waited for there";
            let problem = Diagnostic::new(Code::Conflict, span, message).label("not with \"rolling\"");
            self.problems.push(problem.help("write `drain` and `stop` of the service, and leave this out"));
        }
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
