//! A journal that cannot be read.

use std::fs;

use crate::support::agreement::{seen_at_the_door, settled};
use crate::support::app::ENVIRONMENT;
use crate::support::fixture::Fixture;
use crate::support::processes;
use crate::support::wait;
use crate::support::world::World;

fn broken_journal(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let ran_before = world.running(&app);
    processes::kill(world.serve_pid().unwrap());
    wait::until("the end of the control plane", || world.serve_pid().is_none().then_some(()));

    let aside = world.home().join("aside");
    fs::create_dir(&aside).unwrap();
    let parts = ["journal.db", "journal.db-wal", "journal.db-shm"];
    for part in parts {
        let _ = fs::rename(world.state().join(part), aside.join(part));
    }
    fs::write(world.state().join("journal.db"), "this is no journal, whatever its name says".repeat(200))
        .unwrap();
    for words in [&["status", ENVIRONMENT][..], &["deploy", ENVIRONMENT], &["rollback", ENVIRONMENT]] {
        let ran = world.run(&app, words);
        assert_eq!((ran.status, ran.field("error.code").as_str()), (8, "JOURNAL_CORRUPT"), "{ran:#?}");
        ran.expect_message(&["journal.db"]);
    }
    assert_eq!(seen_at_the_door(&app), before.live(), "users are not to notice");
    assert_eq!(world.running(&app), ran_before);
    assert_eq!(
        fs::read(world.state().join("journal.db")).unwrap().get(..10),
        Some(&b"this is no"[..]),
        "what is broken is left as it is, for whoever mends it"
    );

    for part in parts {
        let _ = fs::remove_file(world.state().join(part));
        let _ = fs::rename(aside.join(part), world.state().join(part));
    }
    assert_eq!((settled(&world, &app), world.running(&app)), (before, ran_before));
}

on_each_target!(broken_journal);
