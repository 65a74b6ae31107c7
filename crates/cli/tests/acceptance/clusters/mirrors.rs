//! A machine dies in the midst of a deploy, and another one goes on that has nothing but the project and the way to the cluster.

use std::fs;
use std::time::{Duration, Instant};

use super::{agreed, answers, shop};
use crate::support::fixture::Kubernetes;
use crate::support::world::World;
use crate::support::{processes, wait};

#[test]
fn an_empty_machine_goes_on_with_the_deploy_of_one_that_died() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    world.deploy(&app).expect_live();
    let first = agreed(&world, &cluster, &app);

    app.version("2");
    app.write();
    let point = "deploy.switch.apply.after";
    world.points.pause(point);
    let mut command = world.start(&app, &["deploy", "staging"]);
    world.points.wait_for(point, &mut command);
    let (gone, here) = (world.state(), world.home().join("another-machine"));
    fs::create_dir(&here).unwrap();
    let began = Instant::now();
    // The command first: it would start another control plane.
    processes::kill(command.pid());
    processes::kill(world.serve_pid().unwrap());
    wait::until("the end of the control plane", || world.serve_pid().is_none().then_some(()));
    world.points.go_on(point);
    let _ = command.end();

    world.set_state(&here);
    let early = world.run(&app, &["run", "resume", "staging"]);
    // A machine that is slow may come when the Lease has run out.
    let came_late = early.status == 0 && began.elapsed() > Duration::from_secs(8);
    assert!(came_late || (early.status == 6 && early.err.contains("LEASE_HELD")), "{early:#?}");
    let resumed = if came_late {
        early
    } else {
        wait::until("the Lease to run out", || {
            let ran = world.run(&app, &["run", "resume", "staging"]);
            (ran.status != 6).then_some(ran)
        })
    };
    resumed.expect_live();
    let second = agreed(&world, &cluster, &app);
    assert_ne!(second, first, "the run went on");
    assert_eq!(answers(&app), second);
    world.rollback(&app).expect_live();
    assert_eq!(agreed(&world, &cluster, &app), first);

    // What comes back is refused, and told by whom; it changes nothing.
    world.set_state(&gone);
    app.version("3");
    // Until it has looked, its unfinished run has the environment.
    let refused = wait::until("the look of what came back", || {
        let ran = world.deploy(&app);
        assert_ne!(ran.status, 0, "{ran:#?}");
        (ran.field("error.code") == "ENVIRONMENT_ELSEWHERE").then_some(ran)
    });
    refused.expect_message(&[&here.display().to_string()]);
    assert_eq!(answers(&app), first);

    world.set_state(&here);
    assert_eq!(agreed(&world, &cluster, &app), first);
    assert_eq!(world.run(&app, &["down", "staging"]).status, 0);
    cluster.until_empty();
}
