//! Artifacts that are made before any release has them: by a pipeline, which deploys the same one several times.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bascule_model::problem::Problem;

use crate::draft::Wish;
use crate::engine::Engine;
use crate::ports::Making;
use crate::redaction;

/// What is kept though no release has it.
#[derive(Debug, Default)]
pub(crate) struct Unreleased(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    making: usize,
    made: BTreeSet<String>,
}

impl Unreleased {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that are kept; none while one is being made: it looks like nobody's.
    pub(crate) fn kept(&self) -> Option<Vec<String>> {
        let inner = self.inner();
        (inner.making == 0).then(|| inner.made.iter().cloned().collect())
    }
}

/// Counts one that is being made, for as long as it lives.
struct Count<'a>(&'a Unreleased);

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.0.inner().making -= 1;
    }
}

impl Engine {
    /// Makes the artifact of a wish without deploying it, and gives its digest. It is kept until [`Self::keep_unreleased`] says
    /// otherwise.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn make_artifact(&self, wish: &Wish) -> Result<String, Problem> {
        self.unreleased.inner().making += 1;
        let _count = Count(&self.unreleased);
        let content = &wish.release.content;
        let log = self.logs.join(format!("artifact-{}-build.log", content.get(..12).unwrap_or(content)));
        let redactor = redaction::redactor(&wish.release, &wish.configuration);
        let making = Making {
            key: wish.key(),
            source: &wish.source,
            values: &wish.configuration,
            plan_hash: content,
            log: &log,
            redactor: &redactor,
            note: &|_| {},
        };
        let made = self.ports.artifacts.make(&making).await.map_err(Problem::from)?;
        self.unreleased.inner().made.insert(made.digest.clone());
        Ok(made.digest)
    }

    /// Keeps these and no others of those that no release has. While one is being made, all that were made are kept.
    pub fn keep_unreleased(&self, artifacts: BTreeSet<String>) {
        let mut inner = self.unreleased.inner();
        if inner.making == 0 {
            inner.made = artifacts;
        } else {
            inner.made.extend(artifacts);
        }
    }
}
