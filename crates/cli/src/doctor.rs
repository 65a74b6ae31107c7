//! The checks of `bascule doctor`. Each looks at one thing and says what it found; none changes anything.

mod capacity;
mod cgroups;
#[cfg(feature = "kubernetes")]
mod cluster;
#[cfg(feature = "docker")]
mod docker;
mod journal;
mod manifest;
mod processes;
mod state;

use serde::Serialize;

use crate::context::Context;

/// What a finding means for a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Good,
    /// A deploy works; something would be better.
    Warning,
    /// A deploy would fail.
    Stops,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// What it means.
    pub grade: Grade,
    /// What was seen.
    pub says: String,
    /// What to do about it.
    pub fix: Option<String>,
}

impl Finding {
    fn good(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, grade: Grade::Good, says: says.into(), fix: None }
    }

    fn warning(check: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, grade: Grade::Warning, says: says.into(), fix: Some(fix.into()) }
    }

    fn stops(check: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, grade: Grade::Stops, says: says.into(), fix: Some(fix.into()) }
    }
}

/// Makes all checks.
pub async fn examine(context: &Context) -> Vec<Finding> {
    let mut findings = vec![state::folder(context), state::room(context)];
    findings.extend(journal::database(context).await);
    let reached = processes::control_plane(context).await;
    findings.push(reached.finding);
    findings.push(processes::edge(context).await);
    findings.push(capacity::open_files());
    findings.push(capacity::backlog());
    findings.push(capacity::pidfd());
    findings.extend(cgroups::controllers());
    #[cfg(feature = "docker")]
    findings.extend(docker::engine(context).await);
    #[cfg(feature = "kubernetes")]
    findings.extend(cluster::clusters(context).await);
    findings.extend(manifest::project(context, &reached.listening));
    findings
}
