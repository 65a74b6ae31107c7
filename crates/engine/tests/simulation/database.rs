//! The simulated database: versions are applied, taken back, and their contracts are made.

use async_trait::async_trait;
use bascule_engine::ports::{Fills, Migrating, Migrations, PortError, Surveyed, Surveying};
use bascule_model::run::Evidence;
use bascule_model::schema::{PlannedMigration, Schema, SchemaFacts, SchemaPlan};
use serde_json::json;

use crate::fakes::trouble;
use crate::world::{State, World};

pub struct Database(pub World);

fn versions(migrating: &Migrating<'_>) -> Vec<String> {
    migrating.release.schema.iter().flat_map(|schema| schema.versions.clone()).collect()
}

fn planned(versions: impl IntoIterator<Item = String>) -> Vec<PlannedMigration> {
    let one = |version| PlannedMigration { version, name: String::new(), statements: Vec::new() };
    versions.into_iter().map(one).collect()
}

#[async_trait]
impl Migrations for Database {
    async fn survey(&self, surveying: &Surveying<'_>) -> Result<Surveyed, PortError> {
        let state = self.0.state();
        let versions: Vec<String> = (1..=state.newest).map(|version| version.to_string()).collect();
        let pending = versions.iter().filter(|version| !state.applied.contains(*version)).cloned();
        let schema = surveying.live.and_then(|live| live.schema.as_ref());
        let waiting = schema.into_iter().flat_map(|schema| surveying.record.waiting(schema)).cloned();
        let plan =
            SchemaPlan { apply: planned(pending), contract: planned(waiting), ..SchemaPlan::default() };
        // Every second one has something to take away later.
        let contracts =
            versions.iter().filter(|version| version.parse::<u32>().is_ok_and(|n| n % 2 == 0)).cloned();
        let schema = Schema {
            dialect: "simulated".to_owned(),
            set: state.newest.to_string(),
            contracts: contracts.collect(),
            versions,
            order: bascule_model::schema::SchemaOrder::Phases,
            policy: surveying.source.policy.clone(),
        };
        let is_filled = plan.apply.is_empty() && state.unfilled.is_empty();
        let fills = if is_filled { Fills::Nothing } else { Fills::BeforeSwitch };
        Ok(Surveyed { schema, plan, fills, notes: Vec::new() })
    }

    async fn rehearse(&self, _: &Migrating<'_>) -> Result<Evidence, PortError> {
        self.0.call(|_| Ok(json!({})), || Err(trouble())).await
    }

    async fn back_up(&self, _: &Migrating<'_>) -> Result<Evidence, PortError> {
        self.0.call(|_| Ok(json!({})), || Err(trouble())).await
    }

    async fn expand(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        let all = versions(migrating);
        let effect = |state: &mut State| {
            let new: Vec<String> = all.into_iter().filter(|one| !state.applied.contains(one)).collect();
            state.applied.extend(new.iter().cloned());
            state.unfilled.extend(new.iter().cloned());
            state.reverted.retain(|one| !new.contains(one));
            Ok(json!({ "applied": new }))
        };
        self.0.call(effect, || Err(trouble())).await
    }

    async fn expanded(&self, migrating: &Migrating<'_>) -> Result<bool, PortError> {
        let all = versions(migrating);
        let asked = |state: &mut State| Ok(all.iter().all(|version| state.applied.contains(version)));
        self.0.call(asked, || Err(trouble())).await
    }

    async fn broken_queries(&self, _: &Migrating<'_>) -> Result<Vec<String>, PortError> {
        let asked = |state: &mut State| {
            Ok(if state.bears { Vec::new() } else { vec!["SELECT * FROM users".to_owned()] })
        };
        self.0.call(asked, || Err(trouble())).await
    }

    async fn revert(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        let kept: Vec<String> = migrating
            .live
            .and_then(|live| live.schema.as_ref())
            .map(|schema| schema.versions.clone())
            .unwrap_or_default();
        let ours = versions(migrating);
        let effect = |state: &mut State| {
            let back: Vec<String> = ours
                .into_iter()
                .filter(|one| !kept.contains(one) && !state.contracted.contains(one))
                .collect();
            let back: Vec<String> = back.into_iter().filter(|one| state.applied.remove(one)).collect();
            state.unfilled.retain(|one| !back.contains(one));
            state.reverted.extend(back.iter().cloned());
            Ok(json!({ "reverted": back }))
        };
        self.0.call(effect, || Err(trouble())).await
    }

    async fn fill(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        let all = versions(migrating);
        let effect = |state: &mut State| {
            state.unfilled.retain(|one| !all.contains(one));
            Ok(json!({}))
        };
        self.0.call(effect, || Err(trouble())).await
    }

    async fn contract(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        let contracts: Vec<String> =
            migrating.release.schema.iter().flat_map(|schema| schema.contracts.clone()).collect();
        let held = migrating.held.clone();
        let effect = |state: &mut State| {
            let due = |version: &String| state.applied.contains(version) && !held.contains(version);
            let due: Vec<String> = contracts.into_iter().filter(due).collect();
            state.contracted.extend(due.iter().cloned());
            // Also what was gone before: who took it away may not have lived to say so.
            Ok(json!({ "contracted": due }))
        };
        self.0.call(effect, || Err(trouble())).await
    }

    async fn undrop(&self, _: &Migrating<'_>, version: &str) -> Result<Evidence, PortError> {
        let effect = |state: &mut State| {
            state.contracted.remove(version);
            Ok(json!({}))
        };
        self.0.call(effect, || Err(trouble())).await
    }

    async fn facts(&self, migrating: &Migrating<'_>) -> Result<SchemaFacts, PortError> {
        let all = versions(migrating);
        let asked = |state: &mut State| {
            let those =
                |is_so: &dyn Fn(&String) -> bool| all.iter().filter(|one| is_so(one)).cloned().collect();
            Ok(SchemaFacts {
                applied: those(&|one| state.applied.contains(one)),
                contracted: those(&|one| state.contracted.contains(one)),
                uncontracted: those(&|one| !state.contracted.contains(one)),
                reverted: those(&|one| state.reverted.contains(one)),
            })
        };
        self.0.call(asked, || Err(trouble())).await
    }

    async fn tend(&self, _: &Migrating<'_>) -> Result<Vec<String>, PortError> {
        Ok(Vec::new())
    }
}
