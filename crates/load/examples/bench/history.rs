//! A long history: the newest run of an environment, written so many times again through the journal itself, event by
//! event, as an engine would. The control plane must not be running.

use std::path::Path;

use anyhow::{Context, Result};
use bascule_journal::records::{Commit, LeaseEnd, RunRecord, Take};
use bascule_journal::{Journal, SqliteJournal};
use bascule_model::ids::{EnvironmentKey, RunId};
use bascule_model::run::{Event, RunState};

use crate::say;

pub async fn write(file: &Path, key: &str, count: usize) -> Result<()> {
    let key: EnvironmentKey = key.parse()?;
    let journal = SqliteJournal::open(file).await?;
    let runs = journal.runs(&key, 1).await?;
    let model = runs.first().context("there is no run to copy")?;
    let events = journal.events(&model.id, 0).await?;
    let environment = journal.environment(&key).await?.context("the environment was never used")?;
    for number in 0..count {
        let steps = model.state.steps.iter().map(|step| (step.name.clone(), step.touches));
        let mut state = RunState::new(model.state.on_failure, steps);
        // Ids sort by time: these are older than every real one.
        let id = RunId::from_text(format!("run-0000{number:07}"));
        let mut run = RunRecord { id: id.clone(), state: state.clone(), finished_at: None, ..model.clone() };
        run.plan.live.clone_from(&environment.live);
        let at = run.created_at;
        let lease = journal.begin(&run, "bench", at, Take::IfFree, None).await?;
        let mut commits = Vec::with_capacity(events.len());
        for recorded in &events {
            state.on(&recorded.event)?;
            let ended = matches!(recorded.event, Event::Finished { .. });
            commits.push(Commit {
                key: key.clone(),
                generation: lease.generation,
                run: id.clone(),
                event: recorded.event.clone(),
                at: recorded.at,
                state: state.clone(),
                environment: environment.clone(),
                release: None,
                ends_lease: if ended { LeaseEnd::Release } else { LeaseEnd::Keep },
            });
        }
        // Together: what is asked later is the same, and the disk is waited for once a run.
        journal.commit_together(&commits).await?;
    }
    say("runs", count)?;
    say("events", count * events.len())
}
