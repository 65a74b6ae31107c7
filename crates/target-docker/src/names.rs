//! What things are called at the engine, and the labels by which ours are told from everybody else's.

use std::collections::HashMap;

use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, ServiceName, Slot};

/// Whose it is: the state folder's id. Nothing without it is ever touched.
pub(crate) const OWNER: &str = "bascule.owner";
pub(crate) const APP: &str = "bascule.app";
pub(crate) const ENVIRONMENT: &str = "bascule.environment";
pub(crate) const RELEASE: &str = "bascule.release";
const SLOT: &str = "bascule.slot";
pub(crate) const SERVICE: &str = "bascule.service";
const N: &str = "bascule.n";
const GENERATION: &str = "bascule.generation";
/// A keyed hash of how the container was made.
pub(crate) const SPEC: &str = "bascule.spec";
/// A command beside the instances.
pub(crate) const EXEC: &str = "bascule.exec";

/// Which task it is, where it is one.
pub(crate) const TASK: &str = "bascule.task";
pub(crate) const IS_TASK: &str = "bascule.is-task";

/// The network of an environment.
pub(crate) fn network(key: &EnvironmentKey, state_id: &str) -> String {
    format!("{}-{}-{state_id}", key.app, key.environment)
}

/// Labels of everything of an environment.
pub(crate) fn of_environment(key: &EnvironmentKey, state_id: &str) -> HashMap<String, String> {
    [(OWNER, state_id), (APP, key.app.as_str()), (ENVIRONMENT, key.environment.as_str())]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Labels of what belongs to a service of a release.
pub(crate) fn of_service(
    key: &EnvironmentKey,
    state_id: &str,
    release: &ReleaseId,
    slot: Slot,
    service: &ServiceName,
) -> HashMap<String, String> {
    let mut labels = of_environment(key, state_id);
    labels.extend(
        [(RELEASE, release.as_str()), (SLOT, slot.as_str()), (SERVICE, service.as_str())]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    labels
}

/// What is added for an instance.
pub(crate) fn of_instance(n: u32, generation: Generation, spec: &str) -> [(String, String); 3] {
    [
        (N.to_owned(), n.to_string()),
        (GENERATION.to_owned(), generation.to_string()),
        (SPEC.to_owned(), spec.to_owned()),
    ]
}

/// The engine's filter for these labels.
pub(crate) fn filter(labels: &HashMap<String, String>) -> HashMap<String, Vec<String>> {
    let wanted = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    HashMap::from([("label".to_owned(), wanted)])
}

/// The name of a command's container.
pub(crate) fn exec(key: &EnvironmentKey, release: &ReleaseId, service: &ServiceName, chance: u64) -> String {
    let base = InstanceId::new(key, release, service, 0);
    let base = base.as_str().strip_suffix("-0").unwrap_or(base.as_str());
    format!("{base}-exec-{chance:012x}")
}
