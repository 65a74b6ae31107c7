//! The fields that a patch may not set, each with its reason and what to do instead.

/// A key, why it is not taken, and what to do instead.
pub(super) type Rule = (&'static str, &'static str, &'static str);

pub(super) const OUT: &str = "leave it out";

pub(super) const SPEC: [Rule; 6] = [
    (
        "replicas",
        "how many pods there are follows from what is live",
        "write `instances` or `scale` of the service",
    ),
    ("selector", "a Deployment finds its pods by it", OUT),
    ("strategy", "a Deployment never gets other pods: the next release is another one", OUT),
    (
        "progressDeadlineSeconds",
        "it is how long a release may take to start",
        "write `deadline` of [rollout]",
    ),
    ("minReadySeconds", "when a pod counts is told by its health", "write `health` of the service"),
    ("revisionHistoryLimit", "a Deployment has no history: that is in the journal", OUT),
];

pub(super) const POD: [Rule; 6] = [
    ("restartPolicy", "pods of a Deployment are always started again", OUT),
    ("activeDeadlineSeconds", "pods of a Deployment have no end", OUT),
    (
        "terminationGracePeriodSeconds",
        "it is how an instance is stopped",
        "write `stop.grace` of the service",
    ),
    (
        "imagePullSecrets",
        "the manifest has a word for it",
        "write `kubernetes.pull_secrets` of the environment",
    ),
    ("ephemeralContainers", "a Deployment has none", "write `containers` or `initContainers`"),
    (
        "hostNetwork",
        "two releases stand side by side, and would want the same ports of a node",
        "let users come in through the Service",
    ),
];

const OF_ALL_CONTAINERS: &str =
    "write `user` or `allow_root` of the service; another container has a `securityContext` of its own";

pub(super) const POD_SECURITY: [Rule; 3] = [
    ("runAsUser", "it would count for the service as well", OF_ALL_CONTAINERS),
    ("runAsGroup", "it would count for the service as well", OF_ALL_CONTAINERS),
    ("runAsNonRoot", "it would count for the service as well", OF_ALL_CONTAINERS),
];

pub(super) const APP: [Rule; 9] = [
    ("image", "what runs is the release's artifact", "write it in [build]"),
    ("imagePullPolicy", "an image is named by its digest", OUT),
    ("command", "the manifest has a word for it", "write `command` of the service"),
    ("args", "the manifest has a word for it", "write `command` of the service"),
    (
        "ports",
        "the manifest has a word for it",
        "write `port` of the service; others need not be told to be reached",
    ),
    (
        "envFrom",
        "which variables come that way nobody can tell",
        "write `env` of the service, or name each variable in `env` with `valueFrom`",
    ),
    ("readinessProbe", "the manifest has a word for it", "write `health` of the service"),
    ("startupProbe", "the manifest has a word for it", "write `health` of the service"),
    ("restartPolicy", "a service is always started again", OUT),
];

pub(super) const APP_SECURITY: [Rule; 7] = [
    ("allowPrivilegeEscalation", "no service gets new privileges", OUT),
    ("privileged", "no service is above its container", OUT),
    ("capabilities", "the manifest has a word for it", "write `capabilities` of the service"),
    ("readOnlyRootFilesystem", "the manifest has a word for it", "write `read_only` of the service"),
    ("runAsUser", "the manifest has a word for it", "write `user` of the service"),
    ("runAsGroup", "the manifest has a word for it", "write `user` of the service, as in \"1000:1000\""),
    ("runAsNonRoot", "the manifest has a word for it", "write `allow_root` of the service"),
];

pub(super) const AMOUNTS: [Rule; 2] = [
    ("memory", "the manifest has a word for it", "write `resources.memory` of the service"),
    ("cpu", "the manifest has a word for it", "write `resources.cpu` of the service"),
];
