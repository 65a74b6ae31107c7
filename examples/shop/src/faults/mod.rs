//! Faults that can be switched on: one file for each. All are off unless their variable is set.
//!
//! | variable | what happens |
//! |---|---|
//! | `SHOP_FAULT_NEVER_HEALTHY=1` | `/health` answers 503 for ever |
//! | `SHOP_FAULT_ERROR_RATE=5%` | that share of answers is a 500, evenly spread; never `/health` nor `/ws` |
//! | `SHOP_FAULT_CRASH_AFTER_MS=3000` | the process aborts that long after it began to listen |
//! | `SHOP_FAULT_EXIT_AT_START=3` | leaves at once with that exit code, saying why on standard output |
//! | `SHOP_FAULT_BOOT_MS=1500` | takes that long before it listens |
//! | `SHOP_FAULT_LATENCY_MS=400` | every answer but `/health` comes that much later |
//! | `SHOP_FAULT_WRONG_PORT=1` | listens on some other port than it was told |
//! | `SHOP_FAULT_IGNORE_SIGTERM=1` | does not stop when told; only a kill ends it |
//! | `SHOP_FAULT_LEAK=16Mi` | takes that much memory each second and never gives it back |
//! | `SHOP_FAULT_FILE=/path` | while that file exists every answer but `/health` is a 500: an outage of something all releases share |
//! | `SHOP_FAULT_LOG_FLOOD=1` | writes about 2 MB of log lines each second |
//!
//! A 500 made here carries `x-shop-fault: error-rate` or `x-shop-fault: file`. "On" is `1` or `true`, "off" is `0`,
//! `false` or nothing.

mod boot;
mod crash;
mod error_rate;
mod exit_at_start;
mod file;
mod ignore_sigterm;
mod latency;
mod leak;
mod log_flood;
mod never_healthy;
mod value;
mod wrong_port;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::task::JoinSet;

pub use crash::Crash;
pub use error_rate::ErrorRate;
pub use file::File;
pub use ignore_sigterm::IgnoreSigterm;
pub use latency::Latency;
pub use leak::Leak;
pub use log_flood::LogFlood;
pub use never_healthy::NeverHealthy;
pub use wrong_port::WrongPort;

pub use boot::Boot;
pub use exit_at_start::ExitAtStart;

use crate::ShopError;

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// All the faults; by default none is on.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// `SHOP_FAULT_NEVER_HEALTHY`
    pub never_healthy: NeverHealthy,
    /// `SHOP_FAULT_ERROR_RATE`
    pub error_rate: ErrorRate,
    /// `SHOP_FAULT_CRASH_AFTER_MS`
    pub crash: Crash,
    /// `SHOP_FAULT_EXIT_AT_START`
    pub exit_at_start: ExitAtStart,
    /// `SHOP_FAULT_BOOT_MS`
    pub boot: Boot,
    /// `SHOP_FAULT_LATENCY_MS`
    pub latency: Latency,
    /// `SHOP_FAULT_WRONG_PORT`
    pub wrong_port: WrongPort,
    /// `SHOP_FAULT_IGNORE_SIGTERM`
    pub ignore_sigterm: IgnoreSigterm,
    /// `SHOP_FAULT_LEAK`
    pub leak: Leak,
    /// `SHOP_FAULT_FILE`
    pub file: File,
    /// `SHOP_FAULT_LOG_FLOOD`
    pub log_flood: LogFlood,
}

/// What the boot came to.
pub(crate) enum BootEnd {
    Ready,
    Exit(u8),
}

impl Faults {
    pub(crate) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(Self {
            never_healthy: NeverHealthy::read(lookup)?,
            error_rate: ErrorRate::read(lookup)?,
            crash: Crash::read(lookup)?,
            exit_at_start: ExitAtStart::read(lookup)?,
            boot: Boot::read(lookup)?,
            latency: Latency::read(lookup)?,
            wrong_port: WrongPort::read(lookup)?,
            ignore_sigterm: IgnoreSigterm::read(lookup)?,
            leak: Leak::read(lookup)?,
            file: File::read(lookup),
            log_flood: LogFlood::read(lookup)?,
        })
    }

    pub(crate) async fn boot(&self) -> BootEnd {
        self.boot.wait().await;
        self.exit_at_start.end()
    }

    /// The answer that a fault gives instead of the shop's own, if one does.
    pub(crate) async fn intercept(&self, path: &str) -> Option<Response> {
        if path == "/health" {
            return None;
        }
        self.latency.wait().await;
        if self.file.is_there() {
            return Some(injected("file", "something that every release needs is out of order\n"));
        }
        if path != "/ws" && self.error_rate.strikes() {
            return Some(injected("error-rate", "this answer was chosen to fail\n"));
        }
        None
    }

    /// Starts what goes on beside serving, as tasks of the current runtime.
    pub(crate) fn background(&self) -> Background {
        let mut tasks = JoinSet::new();
        self.leak.start(&mut tasks);
        self.log_flood.start(&mut tasks);
        Background(tasks)
    }
}

/// Tasks of faults; they end with it.
pub(crate) struct Background(JoinSet<()>);

impl Background {
    pub(crate) fn abort_all(mut self) {
        self.0.abort_all();
    }
}

fn injected(fault: &'static str, text: &'static str) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, [("x-shop-fault", fault)], text).into_response()
}
