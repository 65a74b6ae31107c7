//! The second connection of a runner: it says that the runner lives, names those whom a statement waits for, and tells how far a long
//! one is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bascule_sql::Dialect;
use tokio::task::JoinHandle;

use super::postgres::number;
use crate::connection::{Connection, Row};
use crate::journal::table;
use crate::policy::Blocker;
use crate::settings::Settings;
use crate::watch::{Event, Place, Watch};

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// A statement that takes longer is looked at.
const LONG: Duration = Duration::from_millis(100);

/// What the runner is at, and whom the watcher saw in its way.
#[derive(Clone, Default)]
pub(crate) struct Focus(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    at: Option<(Place, Instant)>,
    blockers: Vec<Blocker>,
}

impl Focus {
    /// A statement is sent.
    pub fn begin(&self, at: Place) {
        let mut seen = self.lock();
        seen.at = Some((at, Instant::now()));
        seen.blockers.clear();
    }

    /// It is answered. Gives those who were last seen in its way.
    pub fn end(&self) -> Vec<Blocker> {
        let mut seen = self.lock();
        seen.at = None;
        std::mem::take(&mut seen.blockers)
    }

    fn at(&self) -> Option<(Place, Instant)> {
        self.lock().at.clone()
    }

    fn saw(&self, blockers: &[Blocker], since: Instant) {
        let mut seen = self.lock();
        if seen.at.as_ref().is_some_and(|(_, begun)| *begun == since) {
            blockers.clone_into(&mut seen.blockers);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that watches.
pub(crate) struct Watcher {
    focus: Focus,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Begins to watch a session.
    pub fn start(connection: Connection, epoch: u64, session: u64, settings: &Settings) -> Self {
        let focus = Focus::default();
        let course = Course {
            connection,
            epoch,
            session,
            focus: focus.clone(),
            watch: Arc::clone(&settings.watch),
            every: (settings.lock_timeout / 3).clamp(Duration::from_millis(50), Duration::from_millis(500)),
        };
        Self { focus, task: tokio::spawn(course.run()) }
    }

    pub fn focus(&self) -> Focus {
        self.focus.clone()
    }

    /// Ends the task, and its connection with it.
    pub async fn end(self) {
        self.task.abort();
        let mut this = self;
        let _ = (&mut this.task).await;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Course {
    connection: Connection,
    epoch: u64,
    session: u64,
    focus: Focus,
    watch: Arc<dyn Watch>,
    every: Duration,
}

impl Course {
    async fn run(mut self) {
        let mut heard = Instant::now();
        let mut told = Vec::new();
        loop {
            tokio::time::sleep(self.every).await;
            if heard.elapsed() >= HEARTBEAT {
                heard = Instant::now();
                if self.heartbeat().await.is_err() {
                    return;
                }
            }
            match self.focus.at() {
                Some((at, since)) if since.elapsed() >= LONG.min(self.every) => {
                    self.look(&at, since, &mut told).await;
                }
                _ => told.clear(),
            }
        }
    }

    async fn heartbeat(&mut self) -> Result<(), ()> {
        let dialect = self.connection.dialect();
        let sql = format!(
            "UPDATE {} SET heard_at = {} WHERE id = 1 AND epoch = {}",
            table(dialect, "heartbeat"),
            super::now(dialect),
            self.epoch
        );
        match self.connection.run(&sql).await {
            // Somebody else has the database: the runner will see it at its next write.
            Ok(0) => Err(()),
            Ok(_) => Ok(()),
            // Without a second connection the runner goes on, and looks dead to others after a while.
            Err(error) if error.broken() => Err(()),
            Err(_) => Ok(()),
        }
    }

    async fn look(&mut self, at: &Place, since: Instant, told: &mut Vec<u64>) {
        let blockers = self.blockers().await;
        self.focus.saw(&blockers, since);
        let sessions: Vec<u64> = blockers.iter().map(|blocker| blocker.session).collect();
        if !blockers.is_empty() && *told != sessions {
            self.watch.told(&Event::LockWait { at: at.clone(), blockers });
        }
        *told = sessions;
        if since.elapsed() >= HEARTBEAT {
            self.progress(at).await;
        }
    }

    async fn blockers(&mut self) -> Vec<Blocker> {
        let session = self.session;
        let sql = match self.connection.dialect() {
            Dialect::Postgres => format!(
                "SELECT b.pid, a.usename, nullif(a.application_name, ''), a.state, \
                 (extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.state_change)) * 1000)::bigint, \
                 left(a.query, 200) FROM unnest(pg_blocking_pids({session})) AS b(pid) \
                 LEFT JOIN pg_stat_activity a ON a.pid = b.pid WHERE b.pid <> 0"
            ),
            // Who holds the metadata is only told with instruments that are off in most servers: all open transactions are named.
            Dialect::Mysql => format!(
                "SELECT p.ID, p.USER, p.HOST, p.COMMAND, TIMESTAMPDIFF(MICROSECOND, t.trx_started, NOW(6)) DIV 1000, \
                 LEFT(coalesce(t.trx_query, p.INFO), 200) FROM information_schema.PROCESSLIST me \
                 JOIN information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id \
                 WHERE me.ID = {session} AND me.STATE LIKE 'Waiting for%lock' AND p.ID <> {session} AND p.DB = me.DB"
            ),
            Dialect::Sqlite => return Vec::new(),
        };
        self.connection.rows(&sql).await.unwrap_or_default().into_iter().filter_map(blocker).collect()
    }

    async fn progress(&mut self, at: &Place) {
        let session = self.session;
        let sql = match self.connection.dialect() {
            Dialect::Postgres => format!(
                "SELECT phase, CASE WHEN blocks_total > 0 THEN blocks_done * 100 / blocks_total \
                 WHEN tuples_total > 0 THEN tuples_done * 100 / tuples_total END \
                 FROM pg_stat_progress_create_index WHERE pid = {session}"
            ),
            Dialect::Mysql => {
                format!("SELECT STATE, NULL FROM information_schema.PROCESSLIST WHERE ID = {session}")
            }
            Dialect::Sqlite => return,
        };
        let row = self.connection.rows(&sql).await.ok().and_then(|rows| rows.into_iter().next());
        let Some([Some(doing), percent]) = row.and_then(|row| <[Option<String>; 2]>::try_from(row).ok())
        else {
            return;
        };
        let percent = percent.and_then(|percent| percent.parse::<f64>().ok());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
        let percent = percent.map(|percent| percent.clamp(0.0, 100.0) as u8);
        self.watch.told(&Event::Progress { at: at.clone(), doing, percent });
    }
}

fn blocker(row: Row) -> Option<Blocker> {
    let mut row = row.into_iter();
    let mut next = || row.next().flatten();
    Some(Blocker {
        session: number(next())?,
        user: next(),
        name: next(),
        state: next(),
        since: number(next()).map(Duration::from_millis),
        statement: next().map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" ")),
    })
}
