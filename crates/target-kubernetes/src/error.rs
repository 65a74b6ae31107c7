//! What can go wrong in this room, by what was being done, and how each is told to a person. The API server's own words are kept.

use std::borrow::Cow;

use bascule_engine::ports::PortError;
use bascule_instances::StateError;
use bascule_model::ids::EnvironmentKey;
use bascule_model::problem::{Code, Problem};

/// Errors of the Kubernetes target.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// There is no usable kubeconfig, or what it says cannot be used.
    #[error("no way to the cluster: {words}")]
    Access {
        /// Why.
        words: String,
    },
    /// The API server did not answer, or answered that it cannot now, for as long as was tried.
    #[error("could not {doing}: the API server does not answer ({words})")]
    Away {
        /// As in "could not …".
        doing: String,
        /// The last reason.
        words: String,
    },
    /// Nobody answers for a server that the environment's pods know by name.
    #[error("there is no way to the {server}: {why}")]
    NoWay {
        /// Which one.
        server: String,
        /// Why.
        why: String,
    },
    /// The API server said no.
    #[error("could not {doing}: {words}")]
    Refused {
        /// As in "could not …".
        doing: String,
        /// The HTTP status of its answer.
        status: u16,
        /// What it said.
        words: String,
    },
    /// The account may not do what is needed.
    #[error("the account at the cluster may not: {}", missing.join(", "))]
    Forbidden {
        /// `verb resource`, each.
        missing: Vec<String>,
        /// Where.
        namespace: String,
    },
    /// The namespace is not there, or is going.
    #[error("the namespace {namespace} {what}")]
    Namespace {
        /// Which one.
        namespace: String,
        /// `is not there`, or `is being removed`.
        what: &'static str,
    },
    /// A name that is needed belongs to somebody else.
    #[error("the {what} {name} is there already, and {whose}")]
    NameTaken {
        /// `Service`, `Deployment`, …
        what: Cow<'static, str>,
        /// Its name.
        name: String,
        /// Whose it is, as a sentence's end.
        whose: String,
    },
    /// Somebody else wrote to what says who is live.
    #[error("the {object} was changed behind Bascule's back{}: {what}", by(.manager.as_deref()))]
    TrafficTaken {
        /// Which one: `Service shop-web`.
        object: String,
        /// What of it says who is live: `spec.selector`.
        field: &'static str,
        /// The field manager that the API server names.
        manager: Option<String>,
        /// What is not as it was written.
        what: String,
    },
    /// What the manifest names leads no users to the app, or not as it has to.
    #[error("the {route} cannot lead users to the new release: {why}")]
    UnfitRoute {
        /// Which one: `Ingress shop`.
        route: String,
        /// Why not.
        why: String,
        /// What has to be written into it.
        backend: String,
    },
    /// What the manifest names cannot be taken over.
    #[error("the Deployment {deployment} cannot be taken over: {why}")]
    CannotAdopt {
        /// Which one.
        deployment: String,
        /// Why not.
        why: String,
    },
    /// There is no room for a second release beside the first.
    #[error("there is no room for the new release: {}", lacks.join("; "))]
    NoRoom {
        /// One sentence for each quota that would be passed.
        lacks: Vec<String>,
    },
    /// Objects of the files of `manifests` that cannot be made.
    #[error("`manifests` cannot be applied: {}", refusals.join("; "))]
    Manifests {
        /// One sentence for each.
        refusals: Vec<String>,
    },
    /// Somebody else says how many pods there are.
    #[error(
        "{deployment} is scaled by the HorizontalPodAutoscaler {scaler}, and a release that comes pod by pod changes its size as well"
    )]
    Scaled {
        /// Who.
        scaler: String,
        /// What.
        deployment: String,
    },
    /// The API server would not take what is to be made.
    #[error("the cluster would not take the new release: {}", refusals.join("; "))]
    WouldRefuse {
        /// One for each object, with the API server's own words.
        refusals: Vec<String>,
    },
    /// Too few pods to be given the traffic.
    #[error("{deployment} was not given the traffic: {ready} of {wanted} pods are ready")]
    NotReady {
        /// Whose.
        deployment: String,
        /// How many are.
        ready: usize,
        /// How many should be.
        wanted: usize,
    },
    /// The environment stands somewhere else than the new release is to.
    #[error(
        "{environment} stands in {stands}, and the new release is for {wanted}: users cannot be moved by one write"
    )]
    Moved {
        /// Which one.
        environment: String,
        /// Where it is.
        stands: String,
        /// Where the manifest wants it.
        wanted: String,
    },
    /// After the switch users still reach somebody else.
    #[error("{release} was not the only one behind {service} within {seconds} s: {seen}")]
    NotProven {
        /// Who should be.
        release: String,
        /// The Service.
        service: String,
        /// How long was waited.
        seconds: u64,
        /// What was seen instead.
        seen: String,
    },
    /// Pods that were told to end are still there.
    #[error("{release} is not stopped: these pods do not go: {}", pods.join(", "))]
    NotGone {
        /// Whose.
        release: String,
        /// Their names.
        pods: Vec<String>,
    },
    /// An engine with another journal is at work in the environment.
    #[error("{holder} has {key}: it said so {age} s ago")]
    LeaseHeld {
        /// Which environment.
        key: EnvironmentKey,
        /// Who, in words.
        holder: String,
        /// How long ago its Lease was renewed, in seconds.
        age: u64,
    },
    /// A newer lease was seen in the cluster.
    #[error("another engine has taken the environment over")]
    Fenced,
    /// The records of the instances.
    #[error(transparent)]
    State(#[from] StateError),
    /// Values could not be sealed.
    #[error("{0}")]
    Vault(Problem),
}

fn by(manager: Option<&str>) -> String {
    manager.map_or_else(String::new, |manager| format!(" by {manager}"))
}

impl KubernetesError {
    /// The answer's HTTP status, where the server refused.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The same for a person: code, sentence, remedy.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (code, remedy) = match self {
            Self::State(error) => return error.problem(),
            Self::Vault(problem) => return problem.clone(),
            Self::Fenced => return PortError::Fenced.into(),
            Self::Access { .. } => (
                Code::ClusterUnavailable,
                "set KUBECONFIG, or `context` in bascule.toml to one that `kubectl config get-contexts` lists; a control plane that \
                 runs keeps the KUBECONFIG that it was started with"
                    .to_owned(),
            ),
            Self::Away { .. } => (
                Code::ClusterUnavailable,
                "look whether `kubectl version` answers, then run the same command again".to_owned(),
            ),
            Self::NoWay { .. } => (
                Code::DatabaseUnavailable,
                "look at it with `kubectl get service,pods`, or name a server that this machine reaches in `url` of [database]"
                    .to_owned(),
            ),
            Self::Refused { status: 403, .. } => (
                Code::ClusterForbidden,
                "give the account the role that `bascule render rbac ENV` prints".to_owned(),
            ),
            Self::Refused { .. } => (
                Code::ClusterRefused,
                "mend what the API server names, then run the same command again".to_owned(),
            ),
            Self::Forbidden { .. } => (
                Code::ClusterForbidden,
                "give the account the role that `bascule render rbac ENV` prints, as in `bascule render rbac ENV | kubectl apply -f -`"
                    .to_owned(),
            ),
            Self::Namespace { namespace, .. } => (
                Code::ClusterRefused,
                format!("make it with `kubectl create namespace {namespace}`, or name another one in bascule.toml"),
            ),
            Self::NameTaken { name, .. } => (
                Code::NameTaken,
                format!("look at it with `kubectl get all,cm,secret -A | grep {name}`; remove it, or give the app another name or namespace"),
            ),
            Self::UnfitRoute { route, backend, .. } => (
                Code::ClusterRefused,
                format!(
                    "{backend}; then run the same command again. The {route} stays yours: Bascule swaps these names, and notes who is \
                     live in an annotation"
                ),
            ),
            Self::TrafficTaken { object, field, .. } => (
                Code::TrafficTaken,
                format!(
                    "keep that writer away from {field} of the {object} and put back what `bascule status` says was live, with `kubectl \
                     patch --field-manager=bascule`; then `bascule resolve RUN --retry-undo` where a run is stuck"
                ),
            ),
            Self::CannotAdopt { deployment, .. } => (
                Code::ClusterRefused,
                format!("look at `kubectl describe deployment {deployment}`; without `adopt` a release of its own is made. Nothing was changed"),
            ),
            Self::NoRoom { .. } => (
                Code::ClusterNoRoom,
                "raise the quota, or lower `instances` or `resources` of the new release".to_owned(),
            ),
            Self::Scaled { scaler, .. } => (
                Code::ClusterRefused,
                format!(
                    "write strategy = \"blue-green\", which leaves the number to the scaler, or remove it: kubectl delete hpa {scaler}"
                ),
            ),
            Self::WouldRefuse { .. } => (
                Code::ClusterWouldRefuse,
                "mend what the API server names, in the manifest or in the rules of the cluster, then run the same command again: nothing \
                 was made"
                    .to_owned(),
            ),
            Self::Manifests { .. } => (
                Code::ClusterWouldRefuse,
                "change them in the files of `manifests`, or have the cluster know their kind, then run the same command again: nothing \
                 was made"
                    .to_owned(),
            ),
            Self::NotGone { .. } => (
                Code::ClusterRefused,
                "look at `kubectl describe pod` of one of them: its node may be away; then run the same command again".to_owned(),
            ),
            Self::NotReady { .. } => {
                (Code::SwitchNotProven, "look at `kubectl get pods` and `bascule logs`, then deploy again".to_owned())
            }
            Self::Moved { environment, .. } => (
                Code::Usage,
                format!("give the new place an environment of its own, or take this one down first: bascule down {environment}"),
            ),
            Self::LeaseHeld { .. } => (
                Code::LeaseHeld,
                "wait until its run is over, or end it there; one that is dead is passed by 15 s after its last word".to_owned(),
            ),
            Self::NotProven { .. } => (
                Code::SwitchNotProven,
                "look at `kubectl get endpointslices` and at the Service's selector".to_owned(),
            ),
        };
        Problem::new(code, self.to_string(), remedy)
    }
}

impl From<KubernetesError> for Problem {
    fn from(error: KubernetesError) -> Self {
        error.problem()
    }
}

impl From<KubernetesError> for PortError {
    fn from(error: KubernetesError) -> Self {
        match error {
            KubernetesError::Fenced => Self::Fenced,
            other => Self::Problem(other.problem()),
        }
    }
}
