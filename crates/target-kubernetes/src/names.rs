//! What things are called in the cluster, and the labels by which ours are told from everybody else's. Pure.

use std::collections::BTreeMap;

use bascule_model::ids::{AppName, EnvironmentKey, ReleaseId, ServiceName, Slot, TaskName};
use bascule_model::plan::hex;
use sha2::{Digest as _, Sha256};

pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub(crate) const NAME: &str = "app.kubernetes.io/name";
pub(crate) const APP: &str = "bascule.dev/app";
pub(crate) const ENVIRONMENT: &str = "bascule.dev/environment";
pub(crate) const SERVICE: &str = "bascule.dev/service";
pub(crate) const RELEASE: &str = "bascule.dev/release";
pub(crate) const SLOT: &str = "bascule.dev/slot";
/// Annotation: a hash of how the object was made.
pub(crate) const SPEC: &str = "bascule.dev/spec";
/// Annotation: the state folder that it is of.
pub(crate) const OWNER: &str = "bascule.dev/owner";
/// Annotations of a Lease: the generation by the journal of its owner, the run, and who asked for it.
pub(crate) const GENERATION: &str = "bascule.dev/generation";
pub(crate) const RUN: &str = "bascule.dev/run";
pub(crate) const ACTOR: &str = "bascule.dev/actor";
/// Annotation of what is kept of a run: the control plane that has the environment.
pub(crate) const HOME: &str = "bascule.dev/home";
/// Annotation of a Service: who is live, and what stands where.
pub(crate) const TRAFFIC: &str = "bascule.dev/traffic";
/// Annotation of what was taken over: what it was before, so that it can be made again.
pub(crate) const ADOPTED: &str = "bascule.dev/adopted";
/// Annotation: it is of the files of `manifests`.
pub(crate) const EXTRA: &str = "bascule.dev/extra";
/// Label of a command beside the instances: the service that it is of.
pub(crate) const EXEC: &str = "bascule.dev/exec";
/// Label of such a command that is a task of a deploy: which one.
pub(crate) const TASK: &str = "bascule.dev/task";
/// Annotation of such a command: the control plane that attends to it.
pub(crate) const PROCESS: &str = "bascule.dev/process";
/// The release that a Service selects when nobody is live.
pub(crate) const NOBODY: &str = "none";
/// The selector of everything of ours.
pub(crate) const OURS: &str = "app.kubernetes.io/managed-by=bascule";

/// DNS labels, and so names of Services, are no longer.
const LONGEST: usize = 63;

/// The Deployment of a service of a release.
pub(crate) fn deployment(app: &AppName, service: &ServiceName, release: &ReleaseId) -> String {
    short(format!("{app}-{service}-{release}"))
}

/// The Service in front of a service.
pub(crate) fn service(app: &AppName, service: &ServiceName) -> String {
    short(format!("{app}-{service}"))
}

/// One of the two Services of a service that users come to through a route.
pub(crate) fn slot_service(app: &AppName, service: &ServiceName, slot: Slot) -> String {
    short(format!("{app}-{service}-{slot}"))
}

/// The Lease of an environment.
pub(crate) fn lease(key: &EnvironmentKey) -> String {
    short(format!("{}-{}", key.app, key.environment))
}

/// The Secret in which an environment's last run is kept.
pub(crate) fn mirror(key: &EnvironmentKey) -> String {
    short(format!("{}-{}-run", key.app, key.environment))
}

/// A ConfigMap or Secret, by its contents.
pub(crate) fn configuration(app: &AppName, service: &ServiceName, contents: &str) -> String {
    let digest = hex(&Sha256::digest(contents));
    short(format!("{app}-{service}-{}", &digest[..10]))
}

/// The Job of a command beside the instances.
pub(crate) fn exec(app: &AppName, service: &ServiceName, number: &str) -> String {
    command(&format!("{app}-{service}"), "exec", number)
}

/// The Job of a task.
pub(crate) fn task(app: &AppName, task: &TaskName, number: &str) -> String {
    command(&format!("{app}-{task}"), "task", number)
}

fn command(begin: &str, what: &str, number: &str) -> String {
    // A Job's pods are called as it is, with six letters more.
    let digest = hex(&Sha256::digest(number));
    let room = LONGEST.saturating_sub(6 + what.len() + 2 + 10);
    format!("{}-{what}-{}", begin[..begin.len().min(room)].trim_end_matches('-'), &digest[..10])
}

/// A name that is too long ends with a hash of the whole.
fn short(name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let digest = hex(&Sha256::digest(&name));
    format!("{}-{}", name[..LONGEST - 9].trim_end_matches('-'), &digest[..8])
}

/// Labels of everything of an environment.
pub(crate) fn of_environment(key: &EnvironmentKey) -> BTreeMap<String, String> {
    labels([
        (MANAGED_BY, "bascule"),
        (NAME, key.app.as_str()),
        (APP, key.app.as_str()),
        (ENVIRONMENT, key.environment.as_str()),
    ])
}

/// Labels of what belongs to a service of a release.
pub(crate) fn of_service(
    key: &EnvironmentKey,
    release: &ReleaseId,
    slot: Slot,
    service: &ServiceName,
) -> BTreeMap<String, String> {
    let mut all = of_environment(key);
    all.extend(labels([(RELEASE, release.as_str()), (SLOT, slot.as_str()), (SERVICE, service.as_str())]));
    all
}

/// What selects everything of a release.
pub(crate) fn of_release(key: &EnvironmentKey, release: &ReleaseId) -> BTreeMap<String, String> {
    labels([(APP, key.app.as_str()), (ENVIRONMENT, key.environment.as_str()), (RELEASE, release.as_str())])
}

/// Labels of what belongs to a service, whatever release is live.
pub(crate) fn of_every_release(key: &EnvironmentKey, service: &ServiceName) -> BTreeMap<String, String> {
    let mut all = of_environment(key);
    all.extend(labels([(SERVICE, service.as_str())]));
    all
}

/// What selects the pods of a service, whatever release they are of.
pub(crate) fn pods_of(key: &EnvironmentKey, service: &ServiceName) -> BTreeMap<String, String> {
    labels([(APP, key.app.as_str()), (ENVIRONMENT, key.environment.as_str()), (SERVICE, service.as_str())])
}

/// What a Service selects: one release of one service. This is what says who is live.
pub(crate) fn selector(
    key: &EnvironmentKey,
    service: &ServiceName,
    release: &str,
) -> BTreeMap<String, String> {
    labels([
        (APP, key.app.as_str()),
        (ENVIRONMENT, key.environment.as_str()),
        (SERVICE, service.as_str()),
        (RELEASE, release),
    ])
}

/// A selector of labels as the API takes it.
pub(crate) fn query(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_kept_for_us() {
        let key = "shop/staging".parse().unwrap();
        let labels = of_service(&key, &ReleaseId::from_text("r1-a"), Slot::Blue, &"web".parse().unwrap());
        let all = labels.keys().map(String::as_str).chain([SPEC, OWNER, HOME, TRAFFIC, EXTRA, EXEC, PROCESS]);
        for name in all {
            assert!(bascule_model::release::patch::is_reserved(name), "{name}");
        }
    }

    #[test]
    fn names_fit_and_stay_apart() {
        let long: AppName = "a".repeat(40).parse().unwrap();
        let (one, other): (ServiceName, ServiceName) = (
            format!("{}a", "s".repeat(39)).parse().unwrap(),
            format!("{}b", "s".repeat(39)).parse().unwrap(),
        );
        let (first, second) = (service(&long, &one), service(&long, &other));
        assert!(first.len() <= LONGEST && second.len() <= LONGEST && first != second, "{first} {second}");
        let (app, web): (AppName, ServiceName) = ("shop".parse().unwrap(), "web".parse().unwrap());
        assert_eq!(service(&app, &web), "shop-web");
        assert_eq!(deployment(&app, &web, &ReleaseId::from_text("r2-abcdef")), "shop-web-r2-abcdef");
        assert_eq!(configuration(&app, &web, "x"), configuration(&app, &web, "x"));
        assert_ne!(configuration(&app, &web, "x"), configuration(&app, &web, "y"));
        assert!(exec(&long, &one, "1").len() + 6 <= LONGEST);
        assert_ne!(exec(&app, &web, "1"), exec(&app, &web, "2"));
    }
}
