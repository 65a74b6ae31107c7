//! `SHOP_FAULT_EXIT_AT_START=3`: leaves before it listens, as a program does whose configuration is wrong: a crash loop
//! for whoever starts it again.

use super::{BootEnd, Lookup, value};
use crate::{ShopError, log};

/// With which code to leave at the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExitAtStart {
    /// `None`: stays.
    pub code: Option<u8>,
}

impl ExitAtStart {
    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(Self { code: value::exit_code(lookup, "SHOP_FAULT_EXIT_AT_START")? })
    }

    pub(super) fn end(self) -> BootEnd {
        let Some(code) = self.code else { return BootEnd::Ready };
        log::line("loading the list of goods: no such table: goods");
        log::line(&format!("cannot start; leaving with code {code}"));
        BootEnd::Exit(code)
    }
}
