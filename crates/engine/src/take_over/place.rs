//! Where an environment that is to be taken over was put: bascule.toml may name another place by now.

use bascule_journal::{EnvironmentRecord, RunRecord};
use bascule_model::ids::{EnvironmentKey, ReleaseId};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::Release;

use crate::engine::Engine;
use crate::planner::named;
use crate::ports::Namespace;

impl Engine {
    /// Refuses to look for an environment anywhere but where its releases were put.
    pub(super) async fn refuse_another_place(
        &self,
        place: &Namespace,
        known: &EnvironmentRecord,
        unfinished: Option<&RunRecord>,
    ) -> Result<(), Problem> {
        let standby = known.standby.as_ref().map(|standby| &standby.standing.release);
        let began = unfinished.and_then(|run| run.plan.release.as_ref());
        let stands = known.live.iter().map(|live| &live.release);
        let mut wanted: Vec<&ReleaseId> = stands.chain(standby).collect();
        // A run that has put nothing anywhere says nothing of where the environment is.
        wanted.extend(began.filter(|_| unfinished.is_some_and(has_started)));
        for id in wanted {
            let release = self.journal.release(&known.key, id).await?.map(|record| record.release);
            let there = release.as_ref().and_then(place_of);
            if there.as_ref() != Some(place) {
                let there = there.map_or_else(|| "in no cluster".to_owned(), |there| in_words(&there));
                return Err(another_place(&known.key, id, &there, place));
            }
        }
        Ok(())
    }
}

fn has_started(run: &RunRecord) -> bool {
    run.state.steps.iter().any(|step| step.name == "start" && step.attempts > 0)
}

/// Where a release was put; none where that is no cluster.
fn place_of(release: &Release) -> Option<Namespace> {
    let cluster = release.cluster.as_ref()?;
    Some(Namespace { context: cluster.context.clone(), name: cluster.namespace.clone() })
}

fn in_words(place: &Namespace) -> String {
    let context = place
        .context
        .as_ref()
        .map_or_else(|| "the current context".to_owned(), |context| format!("the context {context}"));
    format!("in the namespace {} of {context}", place.name)
}

fn another_place(key: &EnvironmentKey, release: &ReleaseId, there: &str, asked: &Namespace) -> Problem {
    Problem::new(
        Code::Usage,
        format!(
            "{release} of {} was put {there}, and bascule.toml names another place: {}; nothing was changed",
            named(key),
            in_words(asked)
        ),
        "run the command with the bascule.toml that it was deployed with",
    )
}
