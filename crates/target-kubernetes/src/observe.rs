//! Users' requests as a Prometheus counted them: in a cluster they go past Bascule, and somebody else sees them.
//!
//! What is asked and what an answer means are pure; what cannot be told from an answer is no data, in words of its own.

mod answer;
mod ask;
mod queries;

use std::time::Duration;

use bascule_model::evidence::Traffic as Count;
use bascule_model::ids::Slot;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Cluster, Observe, Release, Service};

use self::answer::{Trouble, counts};
use self::queries::{Figure, Place};
use crate::{names, record};

/// What users saw of a release in the time since `since`, all services of it together, where it stands in `slot`; none where nobody is asked.
///
/// # Errors
/// Why there is no data.
pub(crate) async fn observed(
    release: &Release,
    slot: Option<Slot>,
    since: Duration,
) -> Result<Option<Count>, Problem> {
    let Some(cluster) = &release.cluster else { return Ok(None) };
    let Some(observe) = &cluster.observe else { return Ok(None) };
    let mut all = Count::default();
    for service in bascule_engine::ports::traffic_services(release) {
        let count = of_service(release, cluster, observe, (service, slot), since).await?;
        all.requests += count.requests;
        all.errors += count.errors;
        all.slow += count.slow;
    }
    Ok(Some(all))
}

async fn of_service(
    release: &Release,
    cluster: &Cluster,
    observe: &Observe,
    (service, slot): (&Service, Option<Slot>),
    since: Duration,
) -> Result<Count, Problem> {
    let mut place = Place::of(release, &cluster.namespace, service, since);
    if let Some(slot) = slot.filter(|_| record::is_routed(cluster, &service.name)) {
        place = place.behind(names::slot_service(&release.key.app, &service.name, slot));
    }
    let mut answers = Vec::new();
    for figure in Figure::ALL {
        let query = queries::query(observe, figure, &place);
        let answer = ask::ask(&observe.prometheus, &query).await;
        answers.push(answer.map_err(|words| no_data(observe, &format!("does not answer: {words}")))?);
    }
    // The usual query for errors of an app answers 0 for none.
    if queries::tells_none_by_zero(observe) && answer::is_empty(&answers[1]) && !answer::is_empty(&answers[0])
    {
        return Err(no_data(
            observe,
            "has requests of the app without a status: failures cannot be told from the rest",
        ));
    }
    counts(&answers[0], &answers[1], &answers[2], release.rollout.max_p95, queries::unit(observe))
        .map_err(|(figure, trouble)| no_data(observe, &told(figure, &trouble)))
}

fn told(figure: Figure, trouble: &Trouble) -> String {
    let figure = figure.as_str();
    match trouble {
        Trouble::Refused(words) => format!("refused the query for {figure}: {words}"),
        Trouble::Empty => format!("has nothing for {figure}: the query found no series"),
        Trouble::NotANumber(text) => format!("answered {text} for {figure}: that is no figure"),
        Trouble::Inconclusive(words) => format!("is inconclusive about {figure}: {words}"),
    }
}

fn no_data(observe: &Observe, words: &str) -> Problem {
    Problem::new(
        Code::BakeNoData,
        format!("the Prometheus at {} {words}", observe.prometheus),
        "look at `[observe]` in bascule.toml; `requests`, `errors` and `latency` there are queries of your own",
    )
}
