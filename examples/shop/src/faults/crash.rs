//! `SHOP_FAULT_CRASH_AFTER_MS=3000`: serves for that long, then aborts, as a program does that meets its bug in use.

use std::time::Duration;

use super::{Lookup, value};
use crate::{ShopError, log};

/// When to crash, counted from when it began to listen.
#[derive(Clone, Debug, Default)]
pub struct Crash {
    /// `None`: never.
    pub after: Option<Duration>,
}

impl Crash {
    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(Self { after: value::milliseconds(lookup, "SHOP_FAULT_CRASH_AFTER_MS")? })
    }

    /// Resolves when the time has come.
    pub(crate) async fn wait(&self) {
        match self.after {
            Some(after) => {
                tokio::time::sleep(after).await;
                log::line("panic: the till is on fire (a fault asked for this crash)");
            }
            None => std::future::pending().await,
        }
    }
}
