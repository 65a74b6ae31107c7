//! `SHOP_FAULT_IGNORE_SIGTERM=1`: does not stop when told, so that whoever stops it has to kill it after the grace.

use super::{Lookup, value};
use crate::ShopError;

/// Whether SIGTERM and SIGINT are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IgnoreSigterm {
    /// They end the shop.
    #[default]
    No,
    /// They are logged and ignored.
    Yes,
}

impl IgnoreSigterm {
    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(value::switch(lookup, "SHOP_FAULT_IGNORE_SIGTERM")?.map_or(Self::No, |()| Self::Yes))
    }
}
