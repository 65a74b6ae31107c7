//! `instance.json` of a container: what the supervisor has decided, and by what it knows the container again.

use std::net::Ipv4Addr;

use bascule_instances::records::Waits;
use bascule_instances::restart::History;
use bascule_model::evidence::Exit;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is written of an instance. Holds no value of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InstanceRecord {
    /// Its own address in the environment's network; nobody else's while the slot stands.
    pub(crate) address: Option<Ipv4Addr>,
    /// How often it was started again after an end of its own.
    pub(crate) restarts: u32,
    /// How it ended the last time.
    pub(crate) last_exit: Option<Exit>,
    /// What the restart rules remember.
    pub(crate) history: History,
    /// What it waits for, when it does not run.
    pub(crate) waits: Waits,
    /// The keyed hash of how its container is made; written before the container is.
    pub(crate) spec: Option<String>,
    /// The container that was made; none before the first.
    pub(crate) container: Option<String>,
    /// Its process when it was last seen to run, on the machine of the engine.
    pub(crate) pid: Option<u32>,
    /// Since when that runs.
    pub(crate) started_at: Option<Timestamp>,
    /// The port of this machine that leads to it, where it is published.
    pub(crate) host_port: Option<u16>,
    /// When the last run ended that was decided upon, as the engine says it.
    pub(crate) ended: Option<String>,
    /// Somebody stopped or removed it, and the policy is to leave it so.
    #[serde(default)]
    pub(crate) left: Option<Left>,
}

/// What somebody did, that is only reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Left {
    /// The container is gone.
    Removed,
    /// The container was stopped.
    Stopped,
}
