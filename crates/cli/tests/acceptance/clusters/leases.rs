//! Two control planes and one cluster: with journals of their own the second is refused by name; with one journal it goes on where the
//! first one died.

use std::fs;

use bascule_database_servers::Postgres;

use super::{agreed, answers, shop};
use crate::support::fixture::Kubernetes;
use crate::support::world::World;
use crate::support::{processes, wait};

#[test]
fn another_journals_engine_is_refused_with_the_holders_name() {
    let Some(cluster) = Kubernetes::start() else { return };
    let (world, other) = (World::new(&cluster), World::new(&cluster));
    let app = shop(&world);
    app.write();
    let point = "deploy.ready.apply.before";
    world.points.pause(point);
    let mut command = world.start(&app, &["deploy", "staging"]);
    world.points.wait_for(point, &mut command);
    let refused = other.deploy(&shop(&other));
    assert_eq!((refused.status, refused.field("error.code").as_str()), (6, "LEASE_HELD"), "{refused:#?}");
    refused.expect_message(&["tester", &world.state().display().to_string(), "s ago"]);
    world.points.go_on(point);
    command.end().expect_live();
    agreed(&world, &cluster, &app);
    // A command's end is told before the Lease is given back.
    let holder = ["get", "lease", "shop-staging", "-o", "jsonpath={.spec.holderIdentity}"];
    wait::until("a Lease that is given back", || cluster.kubectl(&holder).trim().is_empty().then_some(()));
    assert_eq!(world.run(&app, &["down", "staging"]).status, 0);
    wait::until_ok("no Lease", || {
        let left = cluster.kubectl(&["get", "leases", "-o", "name"]);
        if left.contains("shop-staging") { Err(left) } else { Ok(()) }
    });
}

#[test]
fn another_machine_goes_on_with_the_journal_in_postgresql() {
    let Some(cluster) = Kubernetes::start() else { return };
    let Some(server) = Postgres::start(&[]) else { return };
    let world = World::new(&cluster);
    world.set_variable("BASCULE_JOURNAL", &server.fresh());
    let mut app = shop(&world);
    world.deploy(&app).expect_live();
    let first = agreed(&world, &cluster, &app);

    app.version("2");
    app.write();
    let point = "deploy.switch.apply.before";
    world.points.pause(point);
    let mut command = world.start(&app, &["deploy", "staging"]);
    world.points.wait_for(point, &mut command);
    processes::kill(world.serve_pid().unwrap());
    wait::until("the end of the control plane", || world.serve_pid().is_none().then_some(()));
    world.points.go_on(point);
    let _ = command.end();
    // The machine is gone, and with it its state folder; of it the other one has a copy of the key, and nothing else.
    let (gone, here) = (world.state(), world.home().join("another-machine"));
    fs::create_dir(&here).unwrap();
    fs::copy(gone.join("vault.key"), here.join("vault.key")).unwrap();
    // What ends beside this may write its last word into it.
    wait::until_ok("an empty state folder", || fs::remove_dir_all(&gone));
    world.set_state(&here);

    let second = agreed(&world, &cluster, &app);
    assert_ne!(second, first, "the run went on");
    assert_eq!(answers(&app), second);
    let ran = world.rollback(&app);
    ran.expect_live();
    assert_eq!(agreed(&world, &cluster, &app), first);
    assert_eq!(world.run(&app, &["down", "staging"]).status, 0);
}
