//! `SHOP_FAULT_FILE=/path`: while the file exists every answer but `/health` is a 500. Old and new release share it, so
//! it stands for the outage of a common dependency, which is the fault of neither.

use std::path::PathBuf;

use super::Lookup;

/// The file whose presence is the outage.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// `None`: no outage is possible.
    pub path: Option<PathBuf>,
}

impl File {
    pub(super) fn read(lookup: Lookup<'_>) -> Self {
        Self { path: lookup("SHOP_FAULT_FILE").filter(|path| !path.is_empty()).map(PathBuf::from) }
    }

    pub(super) fn is_there(&self) -> bool {
        self.path.as_deref().is_some_and(std::path::Path::exists)
    }
}
