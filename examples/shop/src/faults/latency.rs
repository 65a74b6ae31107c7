//! `SHOP_FAULT_LATENCY_MS=400`: healthy, right, and too slow. `/health` stays quick, or it would be a failing check.

use std::time::Duration;

use super::{Lookup, value};
use crate::ShopError;

/// How much later every answer comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latency {
    /// `None`: not at all.
    pub added: Option<Duration>,
}

impl Latency {
    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(Self { added: value::milliseconds(lookup, "SHOP_FAULT_LATENCY_MS")? })
    }

    pub(super) async fn wait(self) {
        if let Some(added) = self.added {
            tokio::time::sleep(added).await;
        }
    }
}
