//! A runner that is killed again and again: every row is touched once.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use bascule_migrate::Connection;
use bascule_migrate::backfill::{self, State};
use tokio_util::sync::CancellationToken;

use crate::support::{Database, id, names, number, quick};

const ADDRESS: &str = "BASCULE_TEST_BACKFILL";

/// Not a test of its own: the process that is killed. It takes the backfill as soon as it can and goes on to its end.
#[test]
fn the_runner_that_is_killed() {
    #[expect(clippy::disallowed_methods, reason = "how the test tells its own child process what to do")]
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let address = bascule_migrate::Address::parse(&address).unwrap();
        loop {
            // The server may be busy with the end of the one before.
            let Ok(mut connection) = Connection::open(&address, "bascule-test").await else { continue };
            let mut options = quick(&connection);
            options.pace.ceiling = 60;
            options.lease = Duration::from_millis(100);
            let stop = CancellationToken::new();
            let tell = |_| println!("batch");
            match backfill::run(&mut connection, &id(), "killed", &options, &stop, tell).await {
                Ok(_) => break,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        println!("ended");
    });
}

#[tokio::test]
async fn fifty_kills_at_random_leave_every_row_touched_once() {
    let tests = [Database::postgres(), Database::maria(), Some(Database::sqlite())];
    for database in tests.into_iter().flatten() {
        let mut connection = database.users(60_000).await;
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        let mut kills = 0;
        // Chance enough: microseconds after a batch, each time other ones.
        let mut seed = 0x9e37_79b9_u64;
        loop {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "killed::the_runner_that_is_killed", "--nocapture"])
                .env(ADDRESS, database.address.reveal())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let first = lines.by_ref().find(|line| line.ends_with("batch") || line.ends_with("ended"));
            if kills < 50 && first.is_some_and(|line| line.ends_with("batch")) {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                std::thread::sleep(Duration::from_micros(seed >> 51));
                child.kill().unwrap();
                kills += 1;
                child.wait().unwrap();
            } else {
                lines.for_each(drop);
                assert!(child.wait().unwrap().success());
                break;
            }
        }
        assert_eq!(kills, 50, "{:?} ended before it was killed often enough", database.address);
        let record = backfill::find(&mut connection, &id()).await.unwrap().unwrap();
        assert_eq!((record.state, record.done), (State::Done, 60_000));
        let once = number(&mut connection, "SELECT count(*) FROM users WHERE touched = 1").await;
        assert_eq!(once, 60_000, "{:?}", database.address);
    }
}
