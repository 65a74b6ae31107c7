//! Who gets an environment's requests, as whoever directs them says.

use std::net::SocketAddr;

use bascule_engine::ports::Traffic as _;
use bascule_journal::EnvironmentRecord;
use bascule_model::plan::Standing;
use bascule_model::problem::Problem;
use bascule_model::release::ServiceKind;

use crate::control::Control;

/// What was seen.
pub(crate) struct SeenTraffic {
    /// Who is live; what was recorded last where nobody answers.
    pub(crate) live: Option<Standing>,
    /// Where users come in, where that is open.
    pub(crate) listen: Option<String>,
    /// What is not as it should be, one sentence each.
    pub(crate) drift: Vec<String>,
    /// Whether there was an answer.
    pub(crate) answers: bool,
}

/// As the edge says.
pub(crate) async fn at_the_edge(control: &Control, record: &EnvironmentRecord) -> SeenTraffic {
    let mut drift = Vec::new();
    let edge = match control.edge.now() {
        Some(edge) => edge.state().await.ok(),
        None => None,
    };
    let seen = edge.as_ref().and_then(|state| state.environments.iter().find(|one| one.key == record.key));
    if edge.is_none() {
        drift.push("the edge does not answer; live is what was recorded last".to_owned());
    }
    let live = match (&edge, seen) {
        (None, _) => record.live.clone(),
        (Some(_), None) => None,
        (Some(_), Some(one)) => one.live.clone().map(|(slot, release)| Standing { release, slot }),
    };
    let door = seen.and_then(|one| one.slots.first()).map(|slot| slot.listen);
    let held = |door: &SocketAddr| edge.as_ref().is_some_and(|edge| edge.listeners.contains(door));
    let listen = door.filter(held).map(|door| door.to_string());
    if let (Some(door), None, Some(_)) = (door, &listen, &live) {
        drift.push(format!("the users' door {door} is not open"));
    }
    SeenTraffic { live, listen, drift, answers: edge.is_some() }
}

/// As the cluster says.
///
/// # Errors
/// When the journal cannot be read.
pub(crate) async fn in_cluster(
    control: &Control,
    record: &EnvironmentRecord,
) -> Result<SeenTraffic, Problem> {
    let routing = control.traffic.routing(&record.key).await;
    let (live, mut drift, answers) = match routing {
        Ok(routing) => {
            let live = routing.live.map(|(slot, release)| Standing { release, slot });
            (live, control.traffic.drift(&record.key).await.unwrap_or_default(), true)
        }
        Err(error) => {
            let problem = Problem::from(error);
            let told = format!("{}; live is what was recorded last", problem.message);
            (record.live.clone(), vec![told], false)
        }
    };
    #[cfg(feature = "kubernetes")]
    if !drift.is_empty() && crate::cluster_keeper::left_alone(control, &record.key).await? {
        drift.push(format!(
            "it was tried {} times within an hour to put back what others changed; it is left alone now",
            crate::cluster_keeper::MOST
        ));
    }
    let mut listen = None;
    if let Some(live) = &live
        && let Some(known) = control.engine.journal().release(&record.key, &live.release).await?
    {
        let outside =
            known.release.cluster.as_ref().is_some_and(|cluster| cluster.service != ServiceKind::ClusterIP);
        listen = outside.then(|| known.release.listen.to_string());
    }
    drift.dedup();
    Ok(SeenTraffic { live, listen, drift, answers })
}
