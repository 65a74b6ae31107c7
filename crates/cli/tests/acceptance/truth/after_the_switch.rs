//! What fails after the switch: the former release gets the traffic back, and the report says which rule decided.

use super::requests::{evidence, users, wait_for_word};
use crate::support::agreement::{settled, truth_of};
use crate::support::app::ENVIRONMENT;
use crate::support::fixture::Fixture;
use crate::support::world::World;

fn errors_in_the_bake(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.rollout.insert("min_requests", "50".to_owned());
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let users = users(app.door, 150.0);
    app.version("2").set("SHOP_FAULT_ERROR_RATE", "5%");
    app.rollout.insert("bake", r#""30s""#.to_owned());
    let ran = world.deploy(&app);
    ran.expect(7, "rolled_back", "BAKE_ERRORS").expect_message(&["from users failed"]);
    truth_of(&world, &app, &ran, &before);
    let figures = users.lost_nothing();
    assert!(figures.versions["2"].answers > 0 && figures.injected() > 0, "{figures:#?}");
    let seen = evidence(&world.report(&app, &ran.field("run")), "step_failed", "bake");
    assert_eq!(seen["rule"], "errors", "{seen:#}");
    assert!(seen["figures"]["errors"].as_u64() > Some(0), "{seen:#}");
}

fn failing_verify_live(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    app.version("2");
    // Well at an instance, and not at the door.
    app.more = format!(
        "[[verify]]\nname = \"door\"\ncommand = [\"sh\", \"-c\", \"test $BASCULE_URL != http://{}\"]\n",
        app.door
    );
    let users = users(app.door, 50.0);
    let ran = world.deploy(&app);
    ran.expect(7, "rolled_back", "VERIFY_LIVE_FAILED").expect_message(&["door", "through the users' door"]);
    truth_of(&world, &app, &ran, &before);
    let figures = users.lost_nothing();
    assert!(figures.versions.contains_key("2"), "nobody met it: {figures:#?}");
}

fn a_crash_in_the_bake(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    app.version("2");
    app.rollout.insert("bake", r#""600s""#.to_owned());
    app.write();
    let deploy = world.start(&app, &["deploy", ENVIRONMENT]);
    wait_for_word(&deploy, r#""text":"0 requests from users so far"#);
    let new = world.running(&app).into_iter().find(|one| Some(&one.release) != before.live.as_ref());
    world.fixture.kill(&new.unwrap());
    let ran = deploy.end();
    ran.expect(7, "rolled_back", "BAKE_RESTARTS");
    truth_of(&world, &app, &ran, &before);
}

fn abort_in_the_bake(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    app.version("2");
    app.rollout.insert("bake", r#""600s""#.to_owned());
    app.write();
    let users = users(app.door, 50.0);
    let deploy = world.start(&app, &["deploy", ENVIRONMENT]);
    wait_for_word(&deploy, "from users so far");
    let status = world.status(&app);
    assert_eq!(status["run"]["step"], "bake", "{status:#}");
    assert_ne!(status["live"]["release"].as_str(), before.live.as_deref(), "{status:#}");
    let abort = world.run(&app, &["abort", status["run"]["id"].as_str().unwrap()]);
    assert_eq!(abort.status, 0, "{abort:#?}");
    let ran = deploy.end();
    ran.expect(7, "rolled_back", "ABORTED").expect_message(&["tester"]);
    truth_of(&world, &app, &ran, &before);
    users.lost_nothing();
    let again = world.run(&app, &["abort", &ran.field("run")]);
    assert_eq!((again.status, again.field("error.code").as_str()), (4, "RUN_NOT_THERE"), "{again:#?}");
}

#[cfg(feature = "failpoints")]
fn an_outage_of_both(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    let faults = world.home().join("faults");
    std::fs::create_dir(&faults).unwrap();
    fixture.share(&mut app, &faults);
    let outage = faults.join("outage");
    app.set("SHOP_FAULT_FILE", outage.to_str().unwrap());
    app.rollout.insert("min_requests", "50".to_owned());
    app.more = "[[verify]]\nname = \"users\"\nget = \"/api/users\"\nexpect = { status = 200 }\n".to_owned();
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    app.version("2");
    app.rollout.insert("bake", r#""3s""#.to_owned());
    app.write();
    let users = users(app.door, 150.0);
    // The outage begins with the bake and ends with it.
    let (begin, end) = ("deploy.bake.apply.before", "deploy.bake.apply.after");
    world.points.pause(begin);
    world.points.pause(end);
    let mut deploy = world.start(&app, &["deploy", ENVIRONMENT]);
    world.points.wait_for(begin, &mut deploy);
    std::fs::write(&outage, "").unwrap();
    world.points.go_on(begin);
    world.points.wait_for(end, &mut deploy);
    std::fs::remove_file(&outage).unwrap();
    world.points.go_on(end);
    let ran = deploy.end();
    ran.expect_live();
    truth_of(&world, &app, &ran, &before);
    assert!(users.lost_nothing().injected() > 0);
    let seen = evidence(&world.report(&app, &ran.field("run")), "step_done", "bake");
    assert_eq!(
        (&seen["rule"], &seen["criteria"]["errors"]),
        (&"common-outage".into(), &"no-data".into()),
        "{seen:#}"
    );
    assert!(seen["warning"].as_str().unwrap().contains("not blamed on the new one"), "{seen:#}");
    assert!(ran.field("bake").contains("something that both need is out"), "{ran:#?}");
}

on_each_target!(errors_in_the_bake, failing_verify_live, a_crash_in_the_bake, abort_in_the_bake);

#[cfg(feature = "failpoints")]
mod with_failpoints {
    use super::an_outage_of_both;

    on_each_target!(an_outage_of_both);
}
