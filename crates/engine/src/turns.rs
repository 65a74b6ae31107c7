//! Who does something with an environment, one after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bascule_model::ids::EnvironmentKey;

/// A turn for each environment.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<EnvironmentKey, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Whoever locks it has the environment's turn.
    pub fn of(&self, key: &EnvironmentKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(key.clone()).or_default())
    }
}
