//! `SHOP_FAULT_LEAK=16Mi`: takes that much memory each second, for memory limits to end it.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::interval;

use super::{Lookup, value};
use crate::ShopError;

const STEPS_PER_SECOND: usize = 10;

/// How much memory is lost each second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leak {
    /// Bytes each second; `None`: none.
    pub rate: Option<usize>,
}

impl Leak {
    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(Self { rate: value::size(lookup, "SHOP_FAULT_LEAK")? })
    }

    pub(super) fn start(self, tasks: &mut JoinSet<()>) {
        let Some(rate) = self.rate else { return };
        tasks.spawn(async move {
            let mut ticks = interval(Duration::from_secs(1) / STEPS_PER_SECOND as u32);
            let mut lost = Vec::new();
            loop {
                ticks.tick().await;
                // Written to, so that the pages are really there.
                lost.push(vec![1_u8; rate / STEPS_PER_SECOND]);
            }
        });
    }
}
