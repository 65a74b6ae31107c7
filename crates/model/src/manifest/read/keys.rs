//! The keys of each section: what the reader takes, what messages list and what the schema is checked against.

/// A kind of section: how it is written, and its keys.
#[derive(Debug)]
pub(crate) struct Keys {
    /// How the section is written, with `NAME` for a name.
    pub(crate) place: &'static str,
    /// Its keys, in the order of the documentation.
    pub(crate) names: &'static [&'static str],
}

pub(crate) const TOP: Keys = Keys {
    place: "the top level",
    names: &[
        "app",
        "env",
        "secrets",
        "build",
        "services",
        "verify",
        "tasks",
        "database",
        "backup",
        "rollout",
        "observe",
        "pipeline",
        "gates",
        "environments",
    ],
};

pub(crate) const BUILD: Keys = Keys {
    place: "[build]",
    names: &[
        "command",
        "files",
        "dockerfile",
        "context",
        "target",
        "args",
        "platform",
        "secrets",
        "image",
        "repository",
        "registry",
    ],
};

pub(crate) const REGISTRY: Keys = Keys { place: "registry = { … }", names: &["username", "password"] };

pub(crate) const SERVICE: Keys = Keys {
    place: "[services.NAME]",
    names: &[
        "command",
        "port",
        "path",
        "hosts",
        "instances",
        "scale",
        "max_unavailable",
        "network",
        "drain",
        "stop",
        "resources",
        "env",
        "health",
        "user",
        "allow_root",
        "capabilities",
        "read_only",
        "volumes",
        "extra_hosts",
        "secret_files",
    ],
};

pub(crate) const SCALE: Keys = Keys { place: "scale = { … }", names: &["min", "max", "cpu"] };

pub(crate) const NETWORK: Keys = Keys { place: "network = { … }", names: &["from"] };

pub(crate) const STOP: Keys = Keys { place: "stop = { … }", names: &["signal", "grace"] };

pub(crate) const RESOURCES: Keys = Keys { place: "resources = { … }", names: &["memory", "cpu", "pids"] };

pub(crate) const HEALTH: Keys = Keys {
    place: "[services.NAME.health]",
    names: &["path", "interval", "timeout", "start_period", "healthy_after", "unhealthy_after"],
};

pub(crate) const CHECK: Keys = Keys {
    place: "[[verify]]",
    names: &[
        "name", "service", "get", "post", "put", "delete", "command", "header", "body", "expect", "retries",
        "over",
    ],
};

pub(crate) const TASK: Keys =
    Keys { place: "[[tasks]]", names: &["name", "service", "command", "before", "timeout"] };

pub(crate) const EXPECT: Keys =
    Keys { place: "expect = { … }", names: &["status", "within", "json", "contains"] };

pub(crate) const ROLLOUT: Keys = Keys {
    place: "[rollout]",
    names: &[
        "strategy",
        "max_unavailable",
        "max_surge",
        "deadline",
        "bake",
        "max_error_rate",
        "max_p95",
        "min_requests",
        "on_no_data",
        "warm",
        "keep",
    ],
};

pub(crate) const DATABASE: Keys = Keys {
    place: "[database]",
    names: &[
        "url",
        "pooled_url",
        "shadow_url",
        "migrations",
        "format",
        "lock_timeout",
        "watch",
        "backup",
        "rehearse",
        "smoke",
        "soft_drop_for",
    ],
};

pub(crate) const BACKUP: Keys = Keys {
    place: "[backup]",
    names: &["to", "key", "every", "keep", "max_age", "access_key", "secret_key", "region"],
};

pub(crate) const ENVIRONMENT: Keys = Keys {
    place: "[environments.NAME]",
    names: &[
        "target",
        "drift",
        "listen",
        "namespace",
        "context",
        "kubernetes",
        "hosts",
        "env",
        "env_file",
        "secrets",
        "instances",
        "build",
        "services",
        "verify",
        "tasks",
        "database",
        "backup",
        "rollout",
        "observe",
        "gates",
        "promote_from",
        "policy",
    ],
};

pub(crate) const OBSERVE: Keys =
    Keys { place: "[observe]", names: &["prometheus", "by", "requests", "errors", "latency", "probe"] };

pub(crate) const PROBE: Keys = Keys { place: "probe = { … }", names: &["rate", "path"] };

pub(crate) const KUBERNETES: Keys = Keys {
    place: "[environments.NAME.kubernetes]",
    names: &["service", "switch", "route", "pull_secrets", "mirror", "patches", "manifests", "adopt"],
};

pub(crate) const PATCH: Keys =
    Keys { place: "[[environments.NAME.kubernetes.patches]]", names: &["service", "metadata", "spec"] };

pub(crate) const CLUSTER_SERVICE: Keys = Keys {
    place: "service = { … } in [environments.NAME.kubernetes]",
    names: &["name", "type", "node_port"],
};

pub(crate) const CLUSTER_ROUTE: Keys =
    Keys { place: "route = { … } in [environments.NAME.kubernetes]", names: &["kind", "name", "services"] };

pub(crate) const GATES: Keys = Keys {
    place: "[gates]",
    names: &[
        "coverage",
        "new_coverage",
        "tests",
        "security_score",
        "critical",
        "high",
        "medium",
        "p95",
        "error_rate",
        "custom",
    ],
};

pub(crate) const GATE: Keys =
    Keys { place: "a gate of [gates]", names: &["condition", "required", "max_age", "min_requests"] };

pub(crate) const CUSTOM_GATE: Keys =
    Keys { place: "[gates.custom.NAME]", names: &["value", "condition", "required", "max_age"] };

pub(crate) const POLICY: Keys = Keys {
    place: "[environments.NAME.policy]",
    names: &["approvals", "approvals_for", "freeze", "allow_dirty", "checklist", "left_out"],
};

pub(crate) const SECRET: Keys = Keys { place: "NAME = { … } in [secrets]", names: &["from", "as"] };

pub(crate) const PIPELINE: Keys = Keys { place: "[pipeline]", names: &["stage"] };

pub(crate) const STAGE: Keys =
    Keys { place: "[[pipeline.stage]]", names: &["name", "jobs", "build", "deploy"] };

pub(crate) const JOB: Keys = Keys {
    place: "[pipeline.stage.jobs.NAME]",
    names: &[
        "run",
        "needs",
        "timeout",
        "attempt_timeout",
        "retry",
        "cache",
        "reports",
        "secrets",
        "env",
        "finally",
        "inputs",
    ],
};

pub(crate) const RETRY: Keys = Keys { place: "retry = { … }", names: &["attempts", "backoff", "on"] };

pub(crate) const JOB_CACHE: Keys =
    Keys { place: "cache = { … }", names: &["key", "paths", "env", "tools"] };

pub(crate) const REPORTS: Keys =
    Keys { place: "reports = { … }", names: &["coverage", "tests", "security", "load", "custom"] };

/// All kinds of section.
pub(crate) const ALL: [&Keys; 31] = [
    &TOP,
    &BUILD,
    &REGISTRY,
    &SERVICE,
    &SCALE,
    &NETWORK,
    &PROBE,
    &STOP,
    &RESOURCES,
    &HEALTH,
    &CHECK,
    &EXPECT,
    &TASK,
    &DATABASE,
    &BACKUP,
    &ROLLOUT,
    &ENVIRONMENT,
    &KUBERNETES,
    &CLUSTER_SERVICE,
    &PATCH,
    &GATES,
    &GATE,
    &CUSTOM_GATE,
    &POLICY,
    &SECRET,
    &PIPELINE,
    &STAGE,
    &JOB,
    &RETRY,
    &JOB_CACHE,
    &REPORTS,
];

/// The keys whose values are never shown.
pub(crate) const HIDDEN: [&str; 16] = [
    "env",
    "header",
    "body",
    "args",
    "secrets",
    "registry",
    "username",
    "password",
    "url",
    "pooled_url",
    "shadow_url",
    "to",
    "key",
    "access_key",
    "secret_key",
    "from",
];
