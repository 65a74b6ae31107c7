//! The runs that this engine drives. An entry lasts as long as its guard, so that a run whose begin was given up in the middle is
//! left over like one that a crash left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bascule_model::ids::RunId;

use crate::executor::Abort;

/// All of them, with the way to end each.
#[derive(Clone, Default)]
pub(crate) struct Driving(Arc<Mutex<HashMap<RunId, Abort>>>);

/// One of them.
pub(crate) struct Entry {
    all: Driving,
    run: RunId,
    abort: Abort,
}

impl Driving {
    /// Enters a run.
    pub(crate) fn enter(&self, run: &RunId) -> Entry {
        let abort = Abort::default();
        self.all().insert(run.clone(), abort.clone());
        Entry { all: self.clone(), run: run.clone(), abort }
    }

    /// Their names.
    pub(crate) fn runs(&self) -> Vec<RunId> {
        self.all().keys().cloned().collect()
    }

    /// The way to end one, if it is driven here.
    pub(crate) fn abort(&self, run: &RunId) -> Option<Abort> {
        self.all().get(run).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RunId, Abort>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The way to end it.
    pub(crate) fn abort(&self) -> Abort {
        self.abort.clone()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut all = self.all.all();
        // Entered anew meanwhile, it belongs to the later one.
        if all.get(&self.run).is_some_and(|abort| abort.is(&self.abort)) {
            all.remove(&self.run);
        }
    }
}
