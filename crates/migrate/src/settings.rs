//! With what a migrator works: where, for whom, and how patiently.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::address::Address;
use crate::watch::{Silent, Watch};

/// A source of chance.
pub type Chance = Arc<dyn Fn() -> u64 + Send + Sync>;

/// With what a migrator works.
#[derive(Clone)]
pub struct Settings {
    /// The database, directly.
    pub address: Address,
    /// How long a statement that stops others waits for its lock.
    pub lock_timeout: Duration,
    /// How long that is tried again.
    pub lock_budget: Duration,
    /// How long another runner is waited for.
    pub lease_wait: Duration,
    /// Who runs, shown to those who wait (`ann@laptop`, `bascule serve`).
    pub owner: String,
    /// The run that it is for.
    pub run: Option<String>,
    /// The release that it is for.
    pub release: Option<String>,
    /// Is told what happens.
    pub watch: Arc<dyn Watch>,
    /// Spreads the retries of several runners.
    pub chance: Chance,
}

impl Settings {
    /// The usual ones: locks 500 ms at a time for a minute, other runners ten minutes, nobody is told.
    #[must_use]
    pub fn new(address: Address, owner: &str) -> Self {
        Self {
            address,
            lock_timeout: Duration::from_millis(500),
            lock_budget: Duration::from_secs(60),
            lease_wait: Duration::from_secs(600),
            owner: owner.to_owned(),
            run: None,
            release: None,
            watch: Arc::new(Silent),
            chance: Arc::new(|| getrandom::u64().unwrap_or(0)),
        }
    }

    /// What the server shows of our connections.
    #[must_use]
    pub fn application_name(&self) -> String {
        let name = format!("bascule:{}", self.run.as_deref().unwrap_or(&self.owner));
        // PostgreSQL keeps 63 bytes and replaces what is not ASCII.
        name.chars().map(|at| if at.is_ascii_graphic() { at } else { '?' }).take(63).collect()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("address", &self.address)
            .field("lock_timeout", &self.lock_timeout)
            .field("owner", &self.owner)
            .field("run", &self.run)
            .field("release", &self.release)
            .finish_non_exhaustive()
    }
}
