//! What runs have to do with an app's database: what a plan asks of it, which release its schema bears, and the runs that only
//! change it.

use bascule_journal::EnvironmentRecord;
use bascule_model::ids::{EnvironmentKey, ReleaseId};
use bascule_model::manifest::{BackupWhen, Rehearse};
use bascule_model::plan::{RunKind, Standing};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::Release;
use bascule_model::run::Outcome;
use bascule_model::schema::PlannedMigration;

use crate::draft::Wish;
use crate::engine::{Begun, Engine, nothing};
use crate::planner;
use crate::ports::{Fills, Migrating, Surveyed, Surveying};
use crate::steps::SchemaNeeded;

impl Engine {
    pub(crate) async fn survey_schema(
        &self,
        wish: &Wish,
        environment: &EnvironmentRecord,
        live: Option<&Release>,
    ) -> Result<Option<Surveyed>, Problem> {
        let Some(source) = &wish.source.migrations else { return Ok(None) };
        let surveying = Surveying {
            key: wish.key(),
            project: &wish.source.project,
            source,
            values: &wish.configuration,
            cluster: wish.release.cluster.as_ref(),
            live,
            record: &environment.schema,
            is_known: environment.schema.was_used || !environment.settled.is_empty(),
        };
        Ok(Some(self.ports.migrations.survey(&surveying).await?))
    }

    /// The contracts of the live release that wait, when nothing else stands that could need what they take away.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn waiting_contracts(&self, environment: &EnvironmentRecord) -> Result<Vec<String>, Problem> {
        if self.beside_live(environment).await?.is_some() || environment.standby.is_some() {
            return Ok(Vec::new());
        }
        // A release that is still baked may be taken back to one that needs what goes.
        let settled = environment.settled.last() == environment.live.as_ref().map(|live| &live.release);
        let live = self.live_release(environment).await?;
        let schema = live.and_then(|live| live.schema).filter(|_| settled);
        Ok(schema.map(|schema| environment.schema.waiting(&schema).cloned().collect()).unwrap_or_default())
    }

    /// Begins to take out of the database what only former releases needed.
    ///
    /// # Errors
    /// `NOTHING_LIVE`, or that a former release still stands by.
    pub async fn contract(&self, key: &EnvironmentKey, actor: &str) -> Result<Begun, Problem> {
        let environment = self.environment(key).await?;
        let Some(live) = environment.live.clone() else { return Err(nothing(key, "nothing is live")) };
        if let Some(beside) = self.beside_live(&environment).await? {
            return Err(Problem::new(
                Code::SchemaRefuses,
                format!("{} still stands by and may need what the contract takes away", beside.release),
                "it is stopped when its window is over; the contract follows by itself",
            ));
        }
        let waiting = self.waiting_contracts(&environment).await?;
        let named =
            |version: String| PlannedMigration { version, name: String::new(), statements: Vec::new() };
        let plan = planner::contract(&environment, &live, waiting.into_iter().map(named).collect());
        self.begin(plan, actor, None).await
    }

    /// Begins to take back what a release that was rolled back from did to the database. It is stopped first.
    ///
    /// # Errors
    /// When there is nothing that the live release does not know.
    pub async fn revert_schema(&self, key: &EnvironmentKey, actor: &str) -> Result<Begun, Problem> {
        self.let_tidying_end(key).await?;
        let environment = self.environment(key).await?;
        let Some(live) = self.live_release(&environment).await? else {
            return Err(nothing(key, "nothing is live"));
        };
        let from = self.applied_beyond(&environment, &live).await?;
        let Some(from) = from else {
            return Err(Problem::new(
                Code::NothingToRollBackTo,
                format!(
                    "{}: the live release knows everything that was done to the database",
                    planner::named(key)
                ),
                format!("`bascule migrate status {}` shows what is applied", key.environment),
            ));
        };
        let standby = self.beside_live(&environment).await?;
        self.begin(planner::revert(&environment, &from, standby), actor, None).await
    }

    /// Begins to bring back what the contracts of these versions dropped softly, in this order. They wait then, until another deploy
    /// has settled.
    ///
    /// # Errors
    /// `NOTHING_LIVE`; `LEASE_HELD` when another run has the environment.
    pub async fn undrop(
        &self,
        key: &EnvironmentKey,
        versions: Vec<String>,
        actor: &str,
    ) -> Result<Begun, Problem> {
        self.let_tidying_end(key).await?;
        let environment = self.environment(key).await?;
        let Some(live) = environment.live.clone() else { return Err(nothing(key, "nothing is live")) };
        self.begin(planner::undrop(&environment, &live, versions), actor, None).await
    }

    /// Whether only the database is left of a rollback: the live release came with one, and it does not know all that was done to the
    /// database.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn only_revert_left(&self, key: &EnvironmentKey) -> Result<bool, Problem> {
        let environment = self.environment(key).await?;
        let Some(live) = self.live_release(&environment).await? else { return Ok(false) };
        let runs = self.journal.runs(key, 100).await?;
        let brought = runs.iter().find(|run| {
            run.state.outcome == Some(Outcome::Live)
                && matches!(run.plan.kind, RunKind::Deploy | RunKind::Rollback)
        });
        let came_back = brought.is_some_and(|run| {
            run.plan.kind == RunKind::Rollback && run.plan.release.as_ref() == Some(&live.id)
        });
        Ok(came_back && self.applied_beyond(&environment, &live).await?.is_some())
    }

    /// The newest release that carries migrations which were applied and which the live one does not know.
    async fn applied_beyond(
        &self,
        environment: &EnvironmentRecord,
        live: &Release,
    ) -> Result<Option<ReleaseId>, Problem> {
        let known =
            |version: &String| live.schema.as_ref().is_some_and(|schema| schema.versions.contains(version));
        let mut releases = self.journal.releases(&environment.key, 1000).await?;
        releases.sort_by_key(|record| std::cmp::Reverse(record.release.number));
        Ok(releases.into_iter().map(|record| record.release).find_map(|release| {
            let beyond = release
                .schema
                .as_ref()?
                .versions
                .iter()
                .any(|version| environment.schema.applied.contains(version) && !known(version));
            beyond.then_some(release.id)
        }))
    }

    /// Does what is due in the database of the live release without a run; says what it did.
    ///
    /// # Errors
    /// When the records or the database cannot be read.
    pub async fn tend_schema(&self, environment: &EnvironmentRecord) -> Result<Vec<String>, Problem> {
        let live: Option<&Standing> = environment.live.as_ref();
        let Some((_, loaded)) = self.loaded(&environment.key, live.map(|live| &live.release)).await? else {
            return Ok(Vec::new());
        };
        if loaded.release.schema.is_none() {
            return Ok(Vec::new());
        }
        let note = |_: String| {};
        let migrating = Migrating {
            key: &environment.key,
            run: None,
            project: environment.project.as_deref().map(std::path::Path::new),
            release: &loaded.release,
            values: loaded.values()?,
            live: Some(&loaded.release),
            held: &environment.schema.held,
            note: &note,
        };
        Ok(self.ports.migrations.tend(&migrating).await?)
    }
}

/// Which steps a deploy needs.
pub(crate) fn schema_needed(surveyed: &Surveyed) -> SchemaNeeded {
    let policy = &surveyed.schema.policy;
    let changes = !surveyed.plan.apply.is_empty();
    SchemaNeeded {
        rehearse: changes && policy.rehearse == Rehearse::Always,
        contract: !surveyed.plan.contract.is_empty(),
        backup: changes && policy.backup == BackupWhen::BeforeExpand,
        expand: changes,
        fill: surveyed.fills == Fills::BeforeSwitch,
    }
}

/// Which steps a rollback needs: the schema is asked of our own records, so that a database that is away stops no rollback.
pub(crate) fn needed_by_rollback(
    environment: &EnvironmentRecord,
    goal: &Release,
) -> Result<SchemaNeeded, Problem> {
    if let Some(why) = environment.schema.refuses(goal.schema.as_ref()) {
        return Err(Problem::new(
            Code::SchemaRefuses,
            format!("the schema no longer bears {}: {why}", goal.id),
            "roll back to a later release, or restore a backup (`bascule backup list`)",
        ));
    }
    let taken_back = |version: &String| environment.schema.reverted.contains(version);
    let missing = goal.schema.as_ref().is_some_and(|schema| schema.versions.iter().any(taken_back));
    // What is applied again is filled in again, also when only that failed before; where nothing is to be filled in, the step finds
    // nothing.
    let unfilled = |version: &String| environment.schema.unfilled.contains(version);
    let fill = missing || goal.schema.as_ref().is_some_and(|schema| schema.versions.iter().any(unfilled));
    Ok(SchemaNeeded { expand: missing, fill, ..SchemaNeeded::default() })
}
