//! The core behind its lock, shared by the handle, the service, the listener and open streams.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::core::Core;

#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<Core>>);

impl Shared {
    pub(crate) fn new(core: Core) -> Self {
        Self(Arc::new(Mutex::new(core)))
    }

    /// A test that failed while it held the lock must not hide behind the next one that needs it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
