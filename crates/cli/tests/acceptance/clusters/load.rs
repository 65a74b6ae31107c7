//! Deploys and rollbacks under load through the port of the node: nothing is lost, and nobody sees an old release afterwards.

use std::time::Duration;

use bascule_load::{Profile, Retry};

use super::{agreed, answers, shop};
use crate::support::app::App;
use crate::support::command::Ran;
use crate::support::fixture::Kubernetes;
use crate::support::world::World;

const ROUNDS: usize = 10;

/// Who is live after a run that went well. New connections see it at once.
fn live_now(app: &App, ran: &Ran) -> String {
    ran.expect_live();
    let live = ran.field("live_release");
    for _ in 0..20 {
        assert_eq!(answers(app), live);
    }
    live
}

/// Ten deploys and ten rollbacks.
#[test]
fn load_loses_nothing() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.rollout.insert("bake", r#""500ms""#.to_owned());
    world.deploy(&app).expect_live();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let profile = Profile {
        http1: 4,
        slow: 2,
        slow_for: Duration::from_millis(500),
        rate_per_second: Some(60.0),
        patience: Duration::from_secs(30),
        retry: Retry::IdempotentOnReused,
        ..Profile::idle(app.door)
    };
    let load = bascule_load::start(profile).unwrap();
    let former = agreed(&world, &cluster, &app);
    for round in 0..ROUNDS {
        app.version(&format!("round-{round}"));
        let new = live_now(&app, &world.deploy(&app));
        assert_eq!(live_now(&app, &world.rollback_to(&app, &former)), former);
        assert_ne!(former, new);
    }
    agreed(&world, &cluster, &app);
    let figures = runtime.block_on(load.stop());
    println!("{} requests, {} lost, longest gap {} ms", figures.ok(), figures.failed(), figures.max_gap_ms);
    assert!(figures.ok() > 500, "too few to tell: {figures:#?}");
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
    assert_eq!(world.run(&app, &["down", "staging"]).status, 0);
    cluster.until_empty();
}
