//! What becomes of a live release whose instances die: they are started again, the edge follows, and a repair is never blocked.

use std::net::{SocketAddr, TcpListener};

use crate::support::agreement::{edge_state, seen_at_the_door, settled, truth_of};
use crate::support::app::App;
use crate::support::fixture::Fixture;
use crate::support::wait;
use crate::support::world::World;

/// An app that is up at once: three ends within the start period would be a crash loop, which is tried again after 30 s only.
fn killable(world: &World<'_>) -> App {
    let mut app = world.shop("shop");
    app.health.insert("start_period", r#""100ms""#.to_owned());
    app
}

fn killed_while_live(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = killable(&world);
    app.instances = 2;
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    for victims in [1, 2] {
        let running = world.running(&app);
        for instance in &running[..victims] {
            world.fixture.kill(instance);
        }
        assert_eq!(settled(&world, &app), before);
        let now = world.running(&app);
        assert_eq!(running.iter().filter(|one| !now.contains(one)).count(), victims, "{running:#?} {now:#?}");
    }
    let status = world.status(&app);
    let restarts = |n: usize| status["live"]["instances"][n]["restarts"].as_u64().unwrap();
    assert_eq!(restarts(0) + restarts(1), 3, "{status:#}");
}

fn the_port_is_taken_meanwhile(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = killable(&world);
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let port = address(&world, &app).unwrap();
    // Whoever is quicker has the port; each further exit makes the instance wait longer before it tries again.
    let stranger = wait::until("the port of a dead instance", || {
        world.running(&app).iter().for_each(|one| world.fixture.kill(one));
        TcpListener::bind(port).ok()
    });
    // The dead instance's address goes at once, long before the instance is tried again: it is a stranger's now.
    wait::until("an edge that asks nobody at the stranger's port", || {
        let state = edge_state(&world).ok()?;
        let instances = state.environments.iter().flat_map(|one| &one.slots).flat_map(|slot| &slot.instances);
        instances.into_iter().all(|instance| instance.address != port).then_some(())
    });
    wait::until("another port", || (address(&world, &app).is_some_and(|now| now != port)).then_some(()));
    assert_eq!(settled(&world, &app), before);
    drop(stranger);
    assert_eq!(seen_at_the_door(&app), before.live());
}

fn address(world: &World<'_>, app: &App) -> Option<SocketAddr> {
    let status = world.status(app);
    status["live"]["instances"][0]["address"].as_str().map(|text| text.parse().unwrap())
}

fn a_dead_live_release_is_repaired(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.set("SHOP_FAULT_CRASH_AFTER_MS", "8000");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    wait::until("an error at the door", || (seen_at_the_door(&app) != before.live()).then_some(()));
    app.version("2").unset("SHOP_FAULT_CRASH_AFTER_MS");
    app.rollout.insert("warm", r#""0s""#.to_owned());
    let ran = world.deploy(&app);
    ran.expect_live();
    // The dead one is not kept: its window is over at once.
    let after = wait::until("the dead one retired", || {
        let now = settled(&world, &app);
        now.standby.is_none().then_some(now)
    });
    assert_eq!(after.live(), ran.field("release"));
}

fn a_release_that_failed_is_repaired(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let mut before = settled(&world, &app);
    for (fault, deadline, status) in [("1", "2s", 7), ("0", "60s", 0), ("1", "2s", 7), ("0", "60s", 0)] {
        app.set("SHOP_FAULT_NEVER_HEALTHY", fault);
        app.rollout.insert("deadline", format!("{deadline:?}"));
        let ran = world.deploy(&app);
        assert_eq!(ran.status, status, "{ran:#?}");
        before = truth_of(&world, &app, &ran, &before);
    }
}

on_each_target!(killed_while_live, a_dead_live_release_is_repaired, a_release_that_failed_is_repaired);
on_processes!(the_port_is_taken_meanwhile);
