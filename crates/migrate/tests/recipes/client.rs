//! A release as a database sees it: statements over the columns that its version knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bascule_migrate::Connection;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::scenario::{ROWS, SHARED, Write};

/// Which release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    Former,
    New,
    /// The former one, after the contract was undone.
    FormerAgain,
}

/// What the test and the clients tell each other.
#[derive(Default)]
pub struct Meeting {
    /// Rounds that are done.
    rounds: AtomicU64,
    /// Whether what was written is looked at with the eyes of the other release: only while both may run.
    seen: AtomicU64,
}

/// A release that writes until it is told to stop.
pub struct Client {
    release: Release,
    meeting: Arc<Meeting>,
    stop: CancellationToken,
    task: JoinHandle<Connection>,
}

impl Client {
    /// Starts one.
    pub async fn start(database: &Database, release: Release, writes: &'static [Write]) -> Self {
        let mut connection = database.open().await;
        let (meeting, stop) = (Arc::new(Meeting::default()), CancellationToken::new());
        let (met, stopped) = (meeting.clone(), stop.clone());
        let task = tokio::spawn(async move {
            while !stopped.is_cancelled() {
                round(&mut connection, release, writes, &met).await;
                met.rounds.fetch_add(1, Ordering::SeqCst);
                // Others want to write as well.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            connection
        });
        Self { release, meeting, stop, task }
    }

    /// From now on, or no more, what it writes is looked at with the other's eyes.
    pub fn seen(&self, seen: Seen) {
        self.meeting.seen.store(u64::from(seen == Seen::ByTheOther), Ordering::SeqCst);
    }

    /// Waits until it has gone on for a while.
    pub async fn goes_on(&self) {
        let before = self.meeting.rounds.load(Ordering::SeqCst);
        for _ in 0..3_000 {
            // One more: the first may have begun before.
            if self.meeting.rounds.load(Ordering::SeqCst) > before + 6 {
                return;
            }
            assert!(!self.task.is_finished(), "{:?} has failed", self.release);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?} does not go on", self.release);
    }

    /// Ends it; nothing that it did has failed.
    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Whose eyes look at what a client writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    ByTheOther,
    ByNobody,
}

async fn round(connection: &mut Connection, release: Release, writes: &[Write], meeting: &Meeting) {
    let count = meeting.rounds.load(Ordering::SeqCst);
    let side = u64::from(release != Release::Former);
    // The former release that came back goes on with other numbers.
    let count = if release == Release::FormerAgain { count + 500_000 } else { count };
    // Rows of its own, which nobody else writes, and one that both write.
    let fresh = 1_000_000 + 2 * count + side;
    let own = SHARED + 1 + (2 * (count * 7 % (ROWS / 4)) + side);
    let shared = 1 + count % SHARED;
    for write in writes {
        let value = format!("v{release:?}{count}");
        let filled = |text: &str, row: u64| {
            text.replace("{new}", &fresh.to_string())
                .replace("{row}", &row.to_string())
                .replace("{value}", &value)
                .replace("{number}", &(count % 1_000).to_string())
        };
        let sql = filled(write.sql, own);
        let seen = meeting.seen.load(Ordering::SeqCst) == 1;
        if let Err(error) = connection.run(&sql).await {
            panic!("{release:?} cannot write: {error:?}\n{sql}");
        }
        if seen && !write.seen.is_empty() {
            let query = filled(write.seen, own);
            match connection.value(&query).await {
                Ok(Some(count)) if count == "1" => {}
                other => {
                    panic!("the other release does not see what {release:?} wrote: {other:?}\n{sql}\n{query}")
                }
            }
        }
        if write.sql.contains("{row}") {
            let sql = filled(write.sql, shared);
            if let Err(error) = connection.run(&sql).await {
                panic!("{release:?} cannot write: {error:?}\n{sql}");
            }
        }
    }
}
