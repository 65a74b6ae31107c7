//! Several control planes and one database: one of them acts, whoever is killed leaves a consistent journal.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use bascule_database_servers::Postgres;
use bascule_journal::{Journal, JournalError, PostgresJournal, Take};

use crate::processes::{Reaped, check_together, child, parent_journal, write_for_ever};
use crate::support::{Driver, at, failed, key, run, started};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_control_planes_one_gets_the_lease() {
    let Some(server) = Postgres::shared() else { return };
    let address = server.fresh();
    let key = key("shop/staging");
    PostgresJournal::open(&address).await.unwrap();
    let racers: Vec<_> = (0..6)
        .map(|n| {
            let (address, key) = (address.clone(), key.clone());
            tokio::spawn(async move {
                let journal = PostgresJournal::open(&address).await.unwrap();
                let name = format!("run-{n}");
                journal.begin(&run(&key, &name, 0), &name, at(30), Take::IfFree, None).await
            })
        })
        .collect();
    let (mut winners, mut held_by) = (Vec::new(), Vec::new());
    for racer in racers {
        match racer.await.unwrap() {
            Ok(lease) => winners.push(lease.owner),
            Err(JournalError::Held(lease)) => held_by.push(lease.owner),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(held_by, vec![winners[0].clone(); 5]);
    let journal = PostgresJournal::open(&address).await.unwrap();
    assert_eq!(journal.runs(&key, 9).await.unwrap().len(), 1);
    journal.verify().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_was_overtaken_writes_nothing_more() {
    let Some(server) = Postgres::shared() else { return };
    let address = server.fresh();
    let (one, two) =
        (PostgresJournal::open(&address).await.unwrap(), PostgresJournal::open(&address).await.unwrap());
    let key = key("shop/staging");
    let begun = run(&key, "run-1", 0);
    let mut old = Driver::begin(&one, &begun, "one").await.unwrap();
    old.write(&one, started("lease", 1)).await.unwrap();
    let record = two.run(&begun.id).await.unwrap().unwrap();
    let lease = two.resume(&begun.id, "two", at(99), at(120), Take::IfFree).await.unwrap();
    assert_eq!(old.write(&one, failed("lease", 1)).await, Err(JournalError::Fenced(key.clone())));
    assert_eq!(one.renew(&old.lease, at(900)).await, Err(JournalError::Fenced(key.clone())));
    Driver::of(&two, &record, lease).await.finish(&two).await.unwrap();
    one.verify().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_is_consistent() {
    if let Some(address) = parent_journal() {
        let journal = PostgresJournal::open(address.to_str().unwrap()).await.unwrap();
        return write_for_ever(&journal).await;
    }
    let Some(server) = Postgres::shared() else { return };
    let address = server.fresh();
    let key = key("shop/staging");
    let mut seed = 88_172_645_463_325_252_u64;
    for round in 0..15_u32 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let test = "postgres::several::killed_at_any_moment_it_is_consistent";
        let mut writer = Reaped(child(test, address.as_ref()));
        let lines = BufReader::new(writer.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said = lines.filter(|line| line.starts_with("written "));
        for _ in 0..1 + seed % 25 {
            assert!(said.next().is_some(), "round {round}: the writer gave up by itself");
        }
        std::thread::sleep(Duration::from_micros(seed % 3_000));
        writer.0.kill().unwrap();
        let last = said.last();
        drop(writer);
        let journal = PostgresJournal::open(&address).await.unwrap();
        journal.verify().await.unwrap();
        if let Some(last) = last {
            let mut words = last.split(' ').skip(1);
            let run = bascule_model::ids::RunId::from_text(words.next().unwrap());
            let sequence: usize = words.next().unwrap().parse().unwrap();
            let events = journal.events(&run, 0).await.unwrap();
            assert!(
                events.len() >= sequence,
                "round {round}: event {sequence} of {run} was said and is not there"
            );
        }
        check_together(&journal, &key).await;
    }
}
