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
    names: &["app", "env", "build", "services", "verify", "rollout", "environments"],
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

pub(crate) const EXPECT: Keys =
    Keys { place: "expect = { … }", names: &["status", "within", "json", "contains"] };

pub(crate) const ROLLOUT: Keys = Keys {
    place: "[rollout]",
    names: &[
        "strategy",
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

pub(crate) const ENVIRONMENT: Keys = Keys {
    place: "[environments.NAME]",
    names: &[
        "target",
        "drift",
        "listen",
        "hosts",
        "env",
        "env_file",
        "instances",
        "build",
        "services",
        "verify",
        "rollout",
    ],
};

/// All kinds of section.
pub(crate) const ALL: [&Keys; 11] =
    [&TOP, &BUILD, &REGISTRY, &SERVICE, &STOP, &RESOURCES, &HEALTH, &CHECK, &EXPECT, &ROLLOUT, &ENVIRONMENT];

/// The keys whose values are never shown.
pub(crate) const HIDDEN: [&str; 8] =
    ["env", "header", "body", "args", "secrets", "registry", "username", "password"];
