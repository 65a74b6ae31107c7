//! What pods and Deployments say of a release's instances. Pure.
//!
//! A pod's state is told apart by whether it can pass by itself: a wrong image name cannot, an image that cannot be fetched may for a
//! while, a container that ends again and again does not.

use std::collections::{BTreeMap, HashMap};

use bascule_model::evidence::{Exit, InstanceState, InstanceStatus, OwnCheck, Status};
use bascule_model::ids::InstanceId;
use bascule_model::release::{Release, Service};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use kube::ResourceExt as _;

use crate::names;
use crate::objects::pod;

/// So long an image that cannot be fetched is waited for: registries have their moments.
const PULL: SignedDuration = SignedDuration::from_secs(30);
/// So many exits make a crash loop.
const EXITS: i32 = 3;
/// Reasons that do not pass by themselves.
const FATAL: [&str; 5] = [
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];
/// What is said where they do all the same: a node that is busy comes to it later.
const BUSY: [&str; 3] = ["timed out", "deadline exceeded", "already in use"];
/// Reasons that may pass by themselves.
const PULLING: [&str; 4] = ["ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"];

/// An instance, and the pod that it is.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) status: InstanceStatus,
    /// Name and UID of its pod, where it has one.
    pub(crate) pod: Option<(String, String)>,
    /// The name of the app's container in it.
    pub(crate) container: String,
}

/// The instances of a release, in the order of services and numbers. `numbers`: which number a pod was given before, by UID; new
/// ones are added.
pub(crate) fn instances(
    release: &Release,
    pods: &[Pod],
    deployments: &[Deployment],
    numbers: &mut HashMap<String, u32>,
    now: Timestamp,
) -> Vec<Instance> {
    let mut all = Vec::new();
    for service in &release.services {
        let of_service = |labels: &BTreeMap<String, String>| {
            labels.get(names::SERVICE).is_some_and(|it| it == service.name.as_str())
        };
        let deployment = deployments.iter().find(|one| of_service(one.labels()));
        let mut own: Vec<&Pod> =
            pods.iter().filter(|pod| of_service(pod.labels()) && !is_over(pod)).collect();
        // Those that go come last: they keep their numbers only while nobody stays who needs them.
        own.sort_by_key(|pod| (goes(pod), pod.creation_timestamp().map(|it| it.0), pod.name_any()));
        let wanted = deployment.and_then(|one| one.spec.as_ref()?.replicas).unwrap_or(0);
        let wanted = u32::try_from(wanted).unwrap_or(0);
        let shown = own.len().max(usize::try_from(wanted).unwrap_or(usize::MAX));
        let mut given = BTreeMap::new();
        for pod in &own {
            let uid = pod.uid().unwrap_or_default();
            let known = numbers.get(&uid).copied().filter(|n| !given.contains_key(n));
            let first = if goes(pod) { wanted + 1 } else { 1 };
            let n = known.unwrap_or_else(|| {
                (first..).find(|n| !given.contains_key(n) && !is_promised(numbers, &own, *n)).unwrap_or(first)
            });
            numbers.insert(uid, n);
            given.insert(n, *pod);
        }
        let most = u32::try_from(shown).unwrap_or(0);
        let missing = (1..=most).filter(|n| !given.contains_key(n)).collect::<Vec<_>>();
        for (n, pod) in &given {
            all.push(of_pod(release, service, *n, pod, now));
        }
        for n in missing.into_iter().take(shown - own.len()) {
            all.push(of_nobody(release, service, n, deployment));
        }
    }
    all.sort_by(|a, b| (&a.status.service, a.status.n).cmp(&(&b.status.service, b.status.n)));
    all
}

/// Whether a pod that stays has that number already.
fn is_promised(numbers: &HashMap<String, u32>, pods: &[&Pod], n: u32) -> bool {
    let mut stay = pods.iter().filter(|pod| !goes(pod));
    stay.any(|pod| pod.uid().and_then(|uid| numbers.get(&uid).copied()) == Some(n))
}

/// Whether it was told to end.
fn goes(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// What a pod says of the app's container: others may have put theirs beside it, and the order is the server's.
pub(crate) fn app(pod: &Pod) -> Option<&ContainerStatus> {
    let name = container(pod);
    pod.status.as_ref()?.container_statuses.as_ref()?.iter().find(|one| one.name == name)
}

/// The name of the app's container: ours, and in a pod that was taken over the first one.
pub(crate) fn container(pod: &Pod) -> &str {
    let all = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let is_ours = all.iter().any(|one| one.name == pod::CONTAINER);
    all.first().filter(|_| !is_ours).map_or(pod::CONTAINER, |one| &one.name)
}

/// One that ended for good is replaced by another.
fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Failed" | "Succeeded"))
}

fn of_pod(release: &Release, service: &Service, n: u32, pod: &Pod, now: Timestamp) -> Instance {
    let container = app(pod);
    let last_exit = container.and_then(last_exit);
    let restarts = container.map_or(0, |container| u32::try_from(container.restart_count).unwrap_or(0));
    let started_at = container
        .and_then(|container| container.state.as_ref()?.running.as_ref()?.started_at.as_ref())
        .map(crate::moment::of);
    let state = state(pod, container, now);
    let has_started = container.is_some_and(|container| container.started == Some(true));
    let own_check = service.traffic.as_ref().map(|_| readiness(pod, has_started));
    Instance {
        status: InstanceStatus {
            id: InstanceId::new(&release.key, &release.id, &service.name, n),
            service: service.name.clone(),
            n,
            address: None,
            state,
            started_at,
            restarts,
            last_exit,
            own_check,
        },
        pod: Some((pod.name_any(), pod.uid().unwrap_or_default())),
        container: self::container(pod).to_owned(),
    }
}

fn of_nobody(release: &Release, service: &Service, n: u32, deployment: Option<&Deployment>) -> Instance {
    let state = match deployment.and_then(failure) {
        Some(reason) => InstanceState::CannotStart { reason },
        None => InstanceState::Waiting { reason: "its pod is not made yet".to_owned() },
    };
    Instance {
        status: InstanceStatus {
            id: InstanceId::new(&release.key, &release.id, &service.name, n),
            service: service.name.clone(),
            n,
            address: None,
            state,
            started_at: None,
            restarts: 0,
            last_exit: None,
            own_check: None,
        },
        pod: None,
        container: pod::CONTAINER.to_owned(),
    }
}

/// Why the Deployment can make no pods: only what it says of the form that it has now.
fn failure(deployment: &Deployment) -> Option<String> {
    let status = deployment.status.as_ref()?;
    if status.observed_generation < deployment.metadata.generation {
        return None;
    }
    let failed = status
        .conditions
        .iter()
        .flatten()
        .find(|one| one.type_ == "ReplicaFailure" && one.status == "True")?;
    let reason = failed.reason.as_deref().unwrap_or("ReplicaFailure");
    Some(format!("{reason}: {}", failed.message.as_deref().unwrap_or("the cluster does not say why")))
}

fn state(pod: &Pod, container: Option<&ContainerStatus>, now: Timestamp) -> InstanceState {
    if goes(pod) {
        return InstanceState::Stopping { pid: 0 };
    }
    let Some(container) = container else { return InstanceState::Waiting { reason: unscheduled(pod) } };
    let Some(ContainerState { running, terminated, waiting }) = &container.state else {
        return InstanceState::Waiting { reason: "its container is not made yet".to_owned() };
    };
    let exit = || last_exit(container).unwrap_or(Exit::Unknown);
    if running.is_some() {
        return InstanceState::Running { pid: 0 };
    }
    if terminated.is_some() {
        return ended(container, exit(), now);
    }
    let reason =
        waiting.as_ref().and_then(|waiting| waiting.reason.as_deref()).unwrap_or("ContainerCreating");
    let message = waiting.as_ref().and_then(|waiting| waiting.message.as_deref()).unwrap_or_default();
    let words = if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") };
    let age = pod
        .creation_timestamp()
        .map_or(SignedDuration::ZERO, |created| now.duration_since(crate::moment::of(&created)));
    match reason {
        "PostStartHookError" if words.contains("not found") || words.contains("no such file") => {
            InstanceState::CannotStart {
                reason: format!(
                    "its image has no `sleep`, with which a pod waits for what is in flight before it ends, and this Kubernetes has no \
                     wait of its own (1.30 has): put one into the image, or write strategy = \"blue-green\" ({words})"
                ),
            }
        }
        // What ended by itself takes the hook with it.
        "PostStartHookError" => ended(container, exit(), now),
        "CrashLoopBackOff" => ended(container, exit(), now),
        _ if is_fatal(&words) => InstanceState::CannotStart { reason: words },
        _ if (PULLING.contains(&reason) || FATAL.contains(&reason)) && age > PULL => {
            InstanceState::CannotStart { reason: words }
        }
        _ => InstanceState::Waiting { reason: words },
    }
}

fn ended(container: &ContainerStatus, exit: Exit, now: Timestamp) -> InstanceState {
    if container.restart_count + 1 >= EXITS {
        InstanceState::CrashLoop { exit }
    } else {
        InstanceState::BackOff { exit, until: now }
    }
}

fn last_exit(container: &ContainerStatus) -> Option<Exit> {
    let of = |state: &Option<ContainerState>| state.as_ref()?.terminated.clone();
    Some(exit_of(&of(&container.state).or_else(|| of(&container.last_state))?))
}

/// How a container ended.
pub(crate) fn exit_of(ended: &ContainerStateTerminated) -> Exit {
    let out_of_memory = ended.reason.as_deref() == Some("OOMKilled");
    // What a shell and a container engine say of a signal.
    match ended.exit_code {
        code @ 129..=192 => Exit::Signal { signal: code - 128, out_of_memory },
        _ if out_of_memory => Exit::Signal { signal: 9, out_of_memory },
        code => Exit::Code { code },
    }
}

/// Whether what a container waits for does not pass by itself.
pub(crate) fn is_fatal(words: &str) -> bool {
    FATAL.iter().any(|reason| words.starts_with(reason)) && !BUSY.iter().any(|busy| words.contains(busy))
}

/// Why a pod has no container: what the scheduler says, where it says something.
pub(crate) fn unscheduled(pod: &Pod) -> String {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let refused = conditions.into_iter().find(|one| one.type_ == "PodScheduled" && one.status == "False");
    match refused {
        Some(one) => format!(
            "{}: {}",
            one.reason.as_deref().unwrap_or("Unschedulable"),
            one.message.as_deref().unwrap_or("no node takes it")
        ),
        None => "it has no node yet".to_owned(),
    }
}

/// Whether a pod stays and can be given requests.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    !goes(pod) && conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True")
}

/// What the node's probes say. Who has not answered once is still starting.
fn readiness(pod: &Pod, has_started: bool) -> OwnCheck {
    let unready = if has_started { Status::Fail } else { Status::NoData };
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().find(|one| one.type_ == "Ready");
    match ready {
        Some(one) if one.status == "True" => OwnCheck { status: Status::Pass, output: "ready".to_owned() },
        Some(one) => {
            let said = one.message.as_deref().or(one.reason.as_deref()).unwrap_or("not ready");
            OwnCheck { status: unready, output: said.to_owned() }
        }
        None => OwnCheck { status: unready, output: "not ready".to_owned() },
    }
}
