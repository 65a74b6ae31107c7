//! `SHOP_FAULT_LOG_FLOOD=1`: 100 lines of 200 bytes each 10 ms, for logs that must stay within their bounds.

use std::io::Write;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Lookup, value};
use crate::ShopError;

const LINES: usize = 100;
const EACH: Duration = Duration::from_millis(10);

/// Whether the log is flooded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFlood {
    /// It is quiet.
    #[default]
    Off,
    /// It is flooded.
    On,
}

impl LogFlood {
    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(value::switch(lookup, "SHOP_FAULT_LOG_FLOOD")?.map_or(Self::Off, |()| Self::On))
    }

    pub(super) fn start(self, tasks: &mut JoinSet<()>) {
        if self == Self::Off {
            return;
        }
        tasks.spawn(async {
            let mut ticks = interval(EACH);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut number = 0_u64;
            loop {
                ticks.tick().await;
                let mut lines = String::with_capacity(LINES * 201);
                for _ in 0..LINES {
                    let start = format!("shop: flood line {number} ");
                    lines.push_str(&format!("{start:.<200}\n"));
                    number += 1;
                }
                // A reader that is gone is no reason to stop serving.
                let _ = std::io::stdout().lock().write_all(lines.as_bytes());
            }
        });
    }
}
