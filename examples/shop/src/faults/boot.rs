//! `SHOP_FAULT_BOOT_MS=1500`: takes its time before it listens, as programs do that warm a cache.

use std::time::Duration;

use super::{Lookup, value};
use crate::{ShopError, log};

/// How long the start takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Boot {
    /// `None`: no longer than it must.
    pub takes: Option<Duration>,
}

impl Boot {
    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(Self { takes: value::milliseconds(lookup, "SHOP_FAULT_BOOT_MS")? })
    }

    pub(super) async fn wait(self) {
        if let Some(takes) = self.takes {
            log::line("starting: loading the list of goods");
            tokio::time::sleep(takes).await;
        }
    }
}
