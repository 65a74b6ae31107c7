//! The control plane's inside, shared by its routes and its loops.

use std::path::PathBuf;
use std::sync::Arc;

use bascule_engine::engine::{Begun, Engine};
use bascule_engine::executor::Driven;
use bascule_model::ids::{EnvironmentKey, RunId};
use bascule_model::plan::RunKind;
use tokio_util::task::TaskTracker;

use crate::edge_link::EdgeLink;
use crate::health_watch::HealthWatch;
use crate::pipelines::Pipelines;
use crate::policy::door::Door;
use crate::traffics::Traffics;

/// Everything that a route needs.
pub struct Control {
    /// The engine.
    pub engine: Engine,
    /// The edge.
    pub edge: Arc<EdgeLink>,
    /// Who directs users' requests.
    pub(crate) traffic: Arc<Traffics>,
    /// The instances' health.
    pub health: HealthWatch,
    /// The runs of pipelines.
    pub pipelines: Pipelines,
    /// The state folder.
    pub state: PathBuf,
    /// Where others approve of plans.
    pub(crate) door: Door,
    /// The program's version.
    pub version: String,
    /// Runs being driven.
    pub tasks: TaskTracker,
}

impl Control {
    /// Drives a run in the background, and tidies up behind it.
    pub fn spawn(self: &Arc<Self>, begun: Begun, kind: RunKind, key: EnvironmentKey) -> RunId {
        let run = begun.run.clone();
        let control = self.clone();
        self.tasks.spawn(async move {
            let driven = control.engine.drive(begun).await;
            if let Driven::Elsewhere(problem) = &driven {
                crate::log::line(&control.engine, &format!("{key}: {problem}"));
            }
            if let Driven::Over(_) = driven
                && kind != RunKind::Rollback
                && let Err(problem) = control.engine.prune(&key).await
            {
                crate::log::line(
                    &control.engine,
                    &format!("pruning {key} after a {}: {problem}", kind.as_str()),
                );
            }
        });
        run
    }
}
