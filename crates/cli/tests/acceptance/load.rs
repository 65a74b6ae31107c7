//! Switch after switch under every kind of traffic at once, and nothing is lost: no request, no body cut short, no WebSocket that
//! ends without a close frame.

use std::time::Duration;

use bascule_load::{Kind, Profile};

use crate::support::agreement::{settled, truth_of};
use crate::support::app::App;
use crate::support::fixture::Fixture;
use crate::support::world::World;

const SWITCHES: usize = 20;

/// Some of everything. Bodies are of 20 MB both ways, and slow answers take 2 s.
fn traffic(app: &App) -> Profile {
    Profile {
        http1: 4,
        http2: 8,
        slow: 4,
        downloads: 1,
        uploads: 1,
        body_rate: Some(10_000_000),
        events: 4,
        websockets: 6,
        rate_per_second: Some(80.0),
        // A machine that is busy with other tests is slow, and that is not what is asked here.
        patience: Duration::from_secs(30),
        ..Profile::idle(app.door)
    }
}

/// Four kinds of switch in turn: a deploy, another one, a rollback to what stands by, one to what has to be started.
fn twenty_switches(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.instances = 2;
    app.web.insert("drain", r#""15s""#.to_owned());
    for version in ["1", "2"] {
        app.version(version);
        world.deploy(&app).expect_live();
    }
    let mut before = settled(&world, &app);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let load = bascule_load::start(traffic(&app)).unwrap();
    let every_kind = runtime.block_on(load.wait_until(Duration::from_secs(60), |figures| {
        figures.kinds.len() == 7 && figures.kinds.values().all(|kind| kind.ok + kind.under_way() > 0)
    }));
    assert!(every_kind.is_some(), "{:#?}", load.snapshot());

    let mut cold = 0;
    for switch in 0..SWITCHES {
        let ran = match switch % 4 {
            0 | 1 => {
                app.version(&format!("switch-{switch}"));
                world.deploy(&app)
            }
            2 => world.rollback(&app),
            _ => {
                cold += 1;
                world.rollback(&app)
            }
        };
        ran.expect_live();
        before = truth_of(&world, &app, &ran, &before);
    }
    assert_eq!(cold, SWITCHES / 4);

    let figures = runtime.block_on(load.stop());
    println!("{SWITCHES} switches in {} ms", figures.elapsed_ms);
    for (kind, counts) in &figures.kinds {
        println!("{kind:?}: {} ok, {} lost, {:?}", counts.ok, counts.failed(), counts.retries);
        assert_eq!(counts.under_way(), 0, "{kind:?} is still under way: {figures:#?}");
        // WebSockets live long; each of the others came to its end many times.
        let least = if *kind == Kind::Websocket { 6 } else { 10 };
        assert!(counts.ok >= least, "too few of {kind:?} to tell: {figures:#?}");
    }
    println!("{:?} {:?} longest gap {} ms", figures.websockets, figures.events, figures.max_gap_ms);
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
    assert_eq!((figures.websockets.cut, figures.events.cut, figures.injected()), (0, 0, 0), "{figures:#?}");
    // Those of a release that was drained were told to go, and came back.
    assert!(figures.websockets.closed.values().sum::<u64>() > 0, "{:#?}", figures.websockets);
}

on_each_target!(twenty_switches);
