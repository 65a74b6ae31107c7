//! Giving way: to replicas that fall behind, to sessions that wait for each other, and to a disk that gets full.

use std::fmt;
use std::time::Duration;

use bascule_sql::Dialect;

use super::room::{self, Room};
use crate::Connection;

/// When a backfill waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// A replica that is further behind; none: replicas are not asked about.
    pub replica_lag: Option<Duration>,
    /// More sessions than that wait for locks; none: they are not asked about.
    pub waiting: Option<u32>,
    /// Less room on the database's disk than that; none: the disk is not looked at.
    pub room: Option<Floor>,
    /// More bytes of log that a replica has yet to fetch, and that stay on the server's disk until then; none: they are not asked about.
    pub retained: Option<u64>,
    /// How often the server is asked.
    pub every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            replica_lag: Some(Duration::from_secs(10)),
            waiting: Some(8),
            room: Some(Floor { bytes: 1 << 30, share: 0.05 }),
            retained: Some(10 << 30),
            every: Duration::from_secs(1),
        }
    }
}

/// How much of a disk is left free: whichever is less, so that neither small nor large disks are thought full too soon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// Bytes.
    pub bytes: u64,
    /// Of the whole disk, from 0 to 1.
    pub share: f64,
}

impl Floor {
    /// Whether there is less.
    #[must_use]
    pub fn is_above(&self, room: Room) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a share of a disk need not be exact")]
        let (free, total, bytes) = (room.free as f64, room.total as f64, self.bytes as f64);
        free < bytes.min(total * self.share)
    }
}

/// How the server is; none for what it does not tell us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// How far the last replica is behind.
    pub replica_lag: Option<Duration>,
    /// How many other sessions wait for locks.
    pub waiting: Option<u32>,
    /// Room on the database's disk, where that is one of this machine.
    pub room: Option<Room>,
    /// How many bytes of log are kept for the replica that is furthest behind.
    pub retained: Option<u64>,
}

/// What a backfill waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// A replica, which is so far behind.
    Replica(Duration),
    /// Sessions that wait for locks, so many.
    Locks(u32),
    /// A disk on which so many bytes are free.
    Disk(u64),
    /// Replicas for which so many bytes of log are kept.
    Log(u64),
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replica(lag) => write!(f, "a replica is {:.1} s behind", lag.as_secs_f64()),
            Self::Locks(sessions) => write!(f, "{sessions} sessions wait for locks"),
            Self::Disk(free) => write!(f, "the database's disk has {} MiB left", free >> 20),
            Self::Log(bytes) => write!(f, "{} MiB of log are kept for a replica", bytes >> 20),
        }
    }
}

impl Limits {
    /// What there is to wait for.
    #[must_use]
    pub fn exceeded(&self, load: &Load) -> Option<Waiting> {
        let behind = self.replica_lag.zip(load.replica_lag).filter(|(limit, lag)| lag > limit);
        let crowded = self.waiting.zip(load.waiting).filter(|(limit, waiting)| waiting > limit);
        let full = self.room.zip(load.room).filter(|(floor, room)| floor.is_above(*room));
        let kept = self.retained.zip(load.retained).filter(|(limit, bytes)| bytes > limit);
        full.map(|(_, room)| Waiting::Disk(room.free))
            .or(kept.map(|(_, bytes)| Waiting::Log(bytes)))
            .or(behind.map(|(_, lag)| Waiting::Replica(lag)))
            .or(crowded.map(|(_, sessions)| Waiting::Locks(sessions)))
    }
}

/// How long to wait, the n-th time in a row.
pub(super) fn pause(times: u32) -> Duration {
    Duration::from_millis(250) * 2_u32.pow(times.min(5))
}

/// Asks the server. What it does not let us see is as if it were not there: a backfill needs no rights beyond its table.
pub(super) async fn ask(connection: &mut Connection, limits: &Limits) -> Load {
    let dialect = connection.dialect();
    let lag = match dialect {
        Dialect::Postgres => Some("SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication"),
        Dialect::Mysql | Dialect::Sqlite => None,
    };
    let waiting = match dialect {
        Dialect::Postgres => Some(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE wait_event_type = 'Lock' AND datname = current_database() AND pid <> pg_backend_pid()",
        ),
        Dialect::Mysql => {
            Some("SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
        }
        Dialect::Sqlite => None,
    };
    let mut load = Load::default();
    if let Some(sql) = lag.filter(|_| limits.replica_lag.is_some()) {
        let seconds = connection.value(sql).await.ok().flatten().and_then(|text| text.parse().ok());
        load.replica_lag = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    }
    if let Some(sql) = waiting.filter(|_| limits.waiting.is_some()) {
        load.waiting = connection.value(sql).await.ok().flatten().and_then(|text| text.parse().ok());
    }
    if dialect == Dialect::Postgres && limits.retained.is_some() {
        const RETAINED: &str = "SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))::bigint FROM pg_replication_slots";
        load.retained = connection.value(RETAINED).await.ok().flatten().and_then(|text| text.parse().ok());
    }
    if limits.room.is_some() {
        load.room = room::of(connection).await;
    }
    load
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_exceeded_by_what_is_known_alone() {
        let limits = Limits::default();
        let seconds = Duration::from_secs;
        for (lag, waiting, expected) in [
            (None, None, None),
            (Some(seconds(1)), Some(3), None),
            (Some(seconds(11)), None, Some(Waiting::Replica(seconds(11)))),
            (None, Some(9), Some(Waiting::Locks(9))),
        ] {
            assert_eq!(limits.exceeded(&Load { replica_lag: lag, waiting, ..Load::default() }), expected);
        }
        let none = Limits { replica_lag: None, waiting: None, room: None, retained: None, ..limits };
        let room = Some(Room { free: 0, total: 1 << 40 });
        let bad = Load { replica_lag: Some(seconds(99)), waiting: Some(99), room, retained: Some(u64::MAX) };
        assert_eq!(none.exceeded(&bad), None);
        assert_eq!(limits.exceeded(&bad), Some(Waiting::Disk(0)));
        assert_eq!(limits.exceeded(&Load { room: None, ..bad }), Some(Waiting::Log(u64::MAX)));
    }

    #[test]
    fn a_small_disk_is_full_later_than_a_large_one() {
        let floor = Floor { bytes: 1 << 30, share: 0.05 };
        let mib = |free: u64, total: u64| Room { free: free << 20, total: total << 20 };
        for (room, is_above) in [
            (mib(900, 100_000), true),
            (mib(1_100, 100_000), false),
            (mib(90, 1_000), false),
            (mib(40, 1_000), true),
            (mib(0, 1_000), true),
        ] {
            assert_eq!(floor.is_above(room), is_above, "{room:?}");
        }
    }
}
