//! What is done to databases without being asked: what only former releases needed goes when none of them stands by any more, rows
//! are filled in, drops whose time is over are made, backups by schedule.
//!
//! Nothing here is in a hurry: each is tried again after a pause, and what went wrong is said once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bascule_journal::EnvironmentRecord;
use bascule_model::ids::EnvironmentKey;
use bascule_model::plan::RunKind;
use bascule_model::problem::{Code, Problem};

use crate::control::Control;

/// How often an environment's database is thought of.
const LOOK: Duration = Duration::from_secs(2);
/// Time between two tries of a contract that did not come to its end, or left something.
const CONTRACT_AGAIN: Duration = Duration::from_secs(300);
/// Time between two looks for what is due.
const TEND: Duration = Duration::from_secs(30);

/// When what is tried next, by environment.
#[derive(Default)]
pub struct DatabaseKeeper {
    looked_at: Option<Duration>,
    contract_after: HashMap<EnvironmentKey, Duration>,
    tend_after: HashMap<EnvironmentKey, Duration>,
    tending: HashMap<EnvironmentKey, Arc<AtomicBool>>,
}

impl DatabaseKeeper {
    /// Looks after all environments, where it is time.
    pub async fn round(&mut self, control: &Arc<Control>) {
        let now = control.engine.ports().clock.elapsed();
        if self.looked_at.is_some_and(|at| now < at + LOOK) {
            return;
        }
        self.looked_at = Some(now);
        // What keeps the journal from being read is said by the keeper.
        for environment in control.engine.journal().environments().await.unwrap_or_default() {
            if !control.engine.is_home_of(&environment) {
                continue;
            }
            if let Err(problem) = self.look_after(control, &environment, now).await {
                let key = &environment.key;
                crate::log::line(&control.engine, &format!("looking after the database of {key}: {problem}"));
            }
        }
    }

    async fn look_after(
        &mut self,
        control: &Arc<Control>,
        environment: &EnvironmentRecord,
        now: Duration,
    ) -> Result<(), Problem> {
        let key = &environment.key;
        if environment.live.is_none() || control.engine.journal().active(key).await?.is_some() {
            return Ok(());
        }
        if self.contract_after.get(key).is_none_or(|after| now >= *after)
            && !control.engine.waiting_contracts(environment).await?.is_empty()
        {
            self.contract_after.insert(key.clone(), now + CONTRACT_AGAIN);
            match control.engine.contract(key, "bascule (rollback window over)").await {
                Ok(begun) => {
                    control.spawn(begun, RunKind::Contract, key.clone());
                }
                // Somebody was quicker.
                Err(problem) if matches!(problem.code, Code::LeaseHeld | Code::PlanStale) => {}
                Err(problem) => return Err(problem),
            }
            return Ok(());
        }
        self.tend(control, environment, now);
        Ok(())
    }

    /// In the background, one at a time for each environment: rows may take hours.
    fn tend(&mut self, control: &Arc<Control>, environment: &EnvironmentRecord, now: Duration) {
        let key = environment.key.clone();
        let busy = self.tending.entry(key.clone()).or_default().clone();
        if self.tend_after.get(&key).is_some_and(|after| now < *after) || busy.swap(true, Ordering::AcqRel) {
            return;
        }
        self.tend_after.insert(key.clone(), now + TEND);
        let (control, environment) = (control.clone(), environment.clone());
        control.clone().tasks.spawn(async move {
            let done = control.engine.tend_schema(&environment).await;
            busy.store(false, Ordering::Release);
            match done {
                Ok(said) => {
                    for line in said {
                        crate::log::line(&control.engine, &format!("database of {key}: {line}"));
                    }
                }
                Err(problem) => {
                    crate::log::line(&control.engine, &format!("database of {key}: {problem}"));
                }
            }
        });
    }
}
