//! `SHOP_FAULT_NEVER_HEALTHY=1`: the health check fails for ever, as a release does whose dependency is not there.

use super::{Lookup, value};
use crate::ShopError;

/// Whether the health check fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NeverHealthy {
    /// It tells the truth.
    #[default]
    Off,
    /// It fails.
    On,
}

impl NeverHealthy {
    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(value::switch(lookup, "SHOP_FAULT_NEVER_HEALTHY")?.map_or(Self::Off, |()| Self::On))
    }

    /// The check of the stock that `/health` reports, and why it fails.
    pub(crate) fn stock(self) -> Result<(), &'static str> {
        match self {
            Self::Off => Ok(()),
            Self::On => Err("the list of goods cannot be loaded"),
        }
    }
}
