//! What is kept of a run where it runs, for a control plane that does not have its journal: the environment's record, the run with what
//! happened in it, and the releases that stand or that a rollback may go to, with their values.
//!
//! Values are open in it: it is kept where the instances' own values are. What only a build needs is left out.

use std::collections::BTreeSet;

use bascule_journal::{Adopted, EnvironmentRecord, Journal, Recorded, ReleaseRecord, RunRecord, Standard};
use bascule_model::ids::{Generation, ReleaseId, RunId};
use bascule_model::plan::Plan;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Configuration, Release, Source};
use bascule_model::run::{Next, RunState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::engine::Engine;
use crate::ports::Vault;

/// The form; whoever reads another one does not know what it means.
const VERSION: u32 = 1;
/// The most bytes that are kept: a Secret of Kubernetes holds 1 MiB.
pub const LIMIT: usize = 900 * 1024;
/// So many former releases are kept at most, beside those that stand.
const FORMER: usize = 5;
/// Generations are given one after the other by whoever has the environment, and far apart when it is taken over: whoever had it before
/// never gets there.
const STRIDE: u64 = 1 << 32;

/// All of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Mirrored {
    version: u32,
    environment: EnvironmentRecord,
    run: Run,
    events: Vec<Recorded>,
    releases: Vec<Kept>,
}

#[derive(Serialize, Deserialize)]
struct Run {
    id: RunId,
    plan: Plan,
    actor: String,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
    state: RunState,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    release: Release,
    standard: Standard,
    source: Option<Source>,
    configuration: Configuration,
}

/// What whoever takes over says of itself.
pub(crate) struct Takeover {
    /// What the environment's objects say of who made them.
    pub(crate) owner: String,
    /// The generation from which it goes on.
    pub(crate) generation: Generation,
    /// The folder of the manifest, where there is one.
    pub(crate) project: Option<String>,
    /// Who wants it.
    pub(crate) actor: String,
}

/// The generation of whoever takes over from one that has this.
pub(crate) fn generation_after(generation: Generation) -> Generation {
    Generation((generation.0 / STRIDE + 1) * STRIDE)
}

/// What the journal knows of a run now, as bytes.
pub(crate) async fn of(journal: &dyn Journal, vault: &dyn Vault, run: &RunId) -> Result<Vec<u8>, Problem> {
    let Some(RunRecord { id, plan, actor, created_at, finished_at, state }) = journal.run(run).await? else {
        return Err(unusable(format!("the journal has no {run}")));
    };
    let Some(mut environment) = journal.environment(&plan.key).await? else {
        return Err(unusable(format!("the journal does not know {}", plan.key)));
    };
    let events = journal.events(run, 0).await?;
    let standing = standing(&environment, &plan);
    let former = environment.settled.iter().rev().filter(|id| !standing.contains(id)).take(FORMER);
    let wanted: Vec<(ReleaseId, bool)> =
        standing.iter().map(|id| (id.clone(), true)).chain(former.map(|id| (id.clone(), false))).collect();
    let run = Run { id, plan, actor, created_at, finished_at, state };
    let mut mirrored =
        Mirrored { version: VERSION, environment: environment.clone(), run, events, releases: Vec::new() };
    let mut size = encoded(&mirrored)?.len();
    for (id, is_standing) in wanted {
        let Some(record) = journal.release(&environment.key, &id).await? else { continue };
        let kept = kept(vault, record)?;
        let more = encoded(&kept)?.len() + 1;
        if size + more > LIMIT {
            if is_standing {
                return Err(too_large(size + more));
            }
            continue;
        }
        size += more;
        mirrored.releases.push(kept);
    }
    let known: BTreeSet<&ReleaseId> = mirrored.releases.iter().map(|kept| &kept.release.id).collect();
    environment.settled.retain(|id| known.contains(id));
    mirrored.environment = environment;
    let bytes = encoded(&mirrored)?;
    if bytes.len() > LIMIT { Err(too_large(bytes.len())) } else { Ok(bytes) }
}

/// The releases without which nothing can go on: those of the run, and those that stand.
fn standing(environment: &EnvironmentRecord, plan: &Plan) -> Vec<ReleaseId> {
    let of_plan = plan.release.iter().chain(plan.live.iter().chain(&plan.standby).map(|one| &one.release));
    let standby = environment.standby.as_ref().map(|standby| &standby.standing);
    let stands = environment.live.iter().chain(standby).map(|one| &one.release);
    let mut all: Vec<ReleaseId> = Vec::new();
    for id in of_plan.chain(stands) {
        if !all.contains(id) {
            all.push(id.clone());
        }
    }
    all
}

fn kept(vault: &dyn Vault, record: ReleaseRecord) -> Result<Kept, Problem> {
    let configuration = without_builds(vault.open(&record.release.id, &record.sealed)?)?;
    Ok(Kept { release: record.release, standard: record.standard, source: record.source, configuration })
}

/// Without what only a build needs: its secrets, the account at the registry, and what is made of neither variables, checks nor the
/// database.
fn without_builds(mut configuration: Configuration) -> Result<Configuration, Problem> {
    configuration.build_secrets.clear();
    configuration.registry = None;
    let used = encoded(&(&configuration.env, &configuration.verify, &configuration.database))?;
    let used = String::from_utf8_lossy(&used).into_owned();
    configuration.secrets.retain(|_, text| {
        let written = serde_json::to_string(text.as_source()).unwrap_or_default();
        used.contains(written.trim_matches('"'))
    });
    Ok(configuration)
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value)
        .map_err(|error| unusable(format!("it cannot be written down: {}", unreadable(&error))))
}

fn too_large(bytes: usize) -> Problem {
    Problem::new(
        Code::MirrorUnusable,
        format!(
            "what another machine would need to go on has {bytes} bytes, and at most {LIMIT} can be kept"
        ),
        "nothing to do for the run itself; a journal in PostgreSQL has no such bound",
    )
}

/// Where it is damaged, and in what way. What is wrong there may be a part of a secret value.
fn unreadable(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Io => "it cannot be read",
        Category::Syntax => "it is no JSON",
        Category::Data => "it is not of the form that it says",
        Category::Eof => "it ends too early",
    };
    format!("{what}, at line {}, column {}", error.line(), error.column())
}

fn unusable(why: impl std::fmt::Display) -> Problem {
    Problem::new(
        Code::MirrorUnusable,
        format!("what is kept of the last run cannot be used: {why}"),
        "go on from the machine that began it",
    )
}

impl Mirrored {
    /// Reads what was kept.
    ///
    /// # Errors
    /// `MIRROR_UNUSABLE` when it is damaged, or of a newer version.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        let form: Form = serde_json::from_slice(bytes).map_err(|error| unusable(unreadable(&error)))?;
        if form.version != VERSION {
            return Err(unusable(format!(
                "its form is {}, and this version of Bascule knows {VERSION}",
                form.version
            )));
        }
        serde_json::from_slice(bytes).map_err(|error| unusable(unreadable(&error)))
    }

    /// The run.
    pub(crate) fn run(&self) -> &RunId {
        &self.run.id
    }

    /// The generation of the lease under which it was written.
    pub(crate) fn generation(&self) -> Generation {
        self.environment.generation
    }

    /// What happened in it.
    pub(crate) fn events(&self) -> &[Recorded] {
        &self.events
    }

    /// The releases.
    pub(crate) fn releases(&self) -> Vec<&Release> {
        self.releases.iter().map(|kept| &kept.release).collect()
    }

    /// Whether the run is over.
    pub(crate) fn is_over(&self) -> bool {
        self.run.state.outcome.is_some()
    }

    /// Replaces what was kept by what a journal knows of the same run.
    pub(crate) fn told_by(&mut self, environment: &EnvironmentRecord, run: RunRecord, events: Vec<Recorded>) {
        self.environment = environment.clone();
        self.run.finished_at = run.finished_at;
        self.run.state = run.state;
        self.events = events;
    }

    /// Whether a person has to decide on the run.
    pub(crate) fn awaits_person(&self) -> bool {
        self.run.state.next() == Next::AwaitPerson
    }

    /// Whether the run knows that this release may have the traffic: it found it there, or has begun to move it.
    pub(crate) fn explains(&self, live: Option<&ReleaseId>) -> bool {
        let plan = &self.run.plan;
        let recorded = self.environment.live.as_ref().map(|one| &one.release);
        let former = plan.live.as_ref().map(|one| &one.release);
        let began = |names: &[&str]| {
            self.run.state.steps.iter().any(|step| names.contains(&step.name.as_str()) && step.attempts > 0)
        };
        live == recorded
            || (plan.is_the_switch_alone() && live == plan.release.as_ref())
            || (began(&["switch", "roll"]) && (live == plan.release.as_ref() || live == former))
            || (began(&["switch-off", "stop-all"]) && live.is_none())
    }
}

impl Engine {
    /// Takes over what another control plane has kept of an environment; an unfinished run is left over here from now on.
    ///
    /// # Errors
    /// When more is known here, when the run went another way here, and when values cannot be sealed.
    pub(crate) async fn adopt(&self, mirrored: Mirrored, takeover: Takeover) -> Result<(), Problem> {
        let Mirrored { mut environment, run, events, releases, .. } = mirrored;
        environment.owner = Some(takeover.owner);
        environment.generation = takeover.generation;
        environment.home = None;
        environment.project.clone_from(&takeover.project);
        let Run { id, plan, actor, created_at, finished_at, state } = run;
        let mut records = Vec::with_capacity(releases.len());
        for Kept { release, standard, source, configuration } in releases {
            let sealed = self.ports.vault.seal(&release.id, &configuration)?;
            let source = source.map(|source| Source {
                project: takeover.project.as_ref().map_or(source.project, Into::into),
                ..source
            });
            records.push(ReleaseRecord { release, sealed, standard, source });
        }
        let adopted = Adopted {
            environment,
            run: RunRecord { id, plan, actor, created_at, finished_at, state },
            events,
            releases: records,
            at: self.ports.clock.now(),
            actor: takeover.actor,
        };
        Ok(self.journal.adopt(&adopted).await?)
    }
}

#[cfg(test)]
mod tests;
