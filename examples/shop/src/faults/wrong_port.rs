//! `SHOP_FAULT_WRONG_PORT=1`: runs well, where nobody looks for it.

use super::{Lookup, value};
use crate::ShopError;

/// Which port it listens on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WrongPort {
    /// The one it was told.
    #[default]
    Off,
    /// A free one.
    On,
}

impl WrongPort {
    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(value::switch(lookup, "SHOP_FAULT_WRONG_PORT")?.map_or(Self::Off, |()| Self::On))
    }

    /// The port to bind; 0 is a free one.
    pub(crate) fn choose(self, told: u16) -> u16 {
        match self {
            Self::Off => told,
            Self::On => 0,
        }
    }
}
