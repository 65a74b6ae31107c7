//! Scenarios in a real cluster: what traffic sees, what is killed, who else writes there.

mod adoption;
mod commands;
mod databases;
mod figures;
#[cfg(feature = "failpoints")]
mod kill;
#[cfg(feature = "failpoints")]
mod leases;
mod load;
mod mends;
mod mirrors;
mod plans;
mod refused;
#[cfg(feature = "failpoints")]
mod rolling;
mod routes;
mod shape;
mod tasks;
#[cfg(feature = "failpoints")]
mod way_back;
#[cfg(feature = "failpoints")]
mod writers;

use crate::support::app::App;
use crate::support::door;
use crate::support::fixture::Kubernetes;
use crate::support::wait;
use crate::support::world::World;

/// The shop, with times that suit a cluster: pods need seconds to start.
fn shop(world: &World<'_>) -> App {
    let mut app = world.shop("shop");
    app.instances = 2;
    app.web.insert("drain", r#""1s""#.to_owned());
    app.web.insert("stop", r#"{ grace = "2s" }"#.to_owned());
    app.health.insert("interval", r#""1s""#.to_owned());
    // A Service leaves connections where they are: their last answer has to say that it is the last.
    app.set("SHOP_LAST_CALL_MS", "1000");
    app.rollout.insert("deadline", r#""120s""#.to_owned());
    app
}

/// The release that answers; empty where nobody does.
fn answers(app: &App) -> String {
    door::get(app.door, "localhost", "/version").map(|answer| answer.release().to_owned()).unwrap_or_default()
}

/// Waits until no run goes on, and `status`, the Service and a client agree. Answers who is live; empty for nobody.
fn agreed(world: &World<'_>, cluster: &Kubernetes, app: &App) -> String {
    wait::until_ok("a state in which everything agrees", || {
        let status = world.status(app);
        let live = status["live"]["release"].as_str().unwrap_or_default().to_owned();
        let selected = if live.is_empty() { String::new() } else { cluster.selected(&app.name) };
        let drift = status["drift"].as_array().is_some_and(Vec::is_empty);
        let is_quiet = status["run"].is_null() && drift && selected == live;
        // Users whom a Service leads nowhere may wait for long: only where it leads somewhere it is asked.
        let seen = if is_quiet && !live.is_empty() { answers(app) } else { String::new() };
        if is_quiet && seen == live {
            Ok(live)
        } else {
            Err(format!(
                "run {}, drift {}, live {live:?}, selected {selected:?}, seen {seen:?}",
                status["run"], status["drift"]
            ))
        }
    })
}
