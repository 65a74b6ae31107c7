//! Whether an environment takes a release: asked after its plan is made and before anything is written.

use async_trait::async_trait;
use bascule_model::plan::Plan;
use bascule_model::problem::Problem;
use bascule_model::release::Release;

use crate::draft::Wish;

/// A release as it would be deployed, and its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// The release; its artifact is empty while that is still to be made.
    pub release: Release,
    /// The release of another environment that its artifact settled as there; none where nothing is promoted.
    pub settled: Option<Release>,
}

/// What decides on it.
#[async_trait]
pub trait Admission: Send + Sync {
    /// Fails with the first thing that keeps the release out.
    async fn admit(&self, wish: &Wish, prepared: &Prepared) -> Result<(), Problem>;
}

/// Where nothing is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Everything;

#[async_trait]
impl Admission for Everything {
    async fn admit(&self, _: &Wish, _: &Prepared) -> Result<(), Problem> {
        Ok(())
    }
}
