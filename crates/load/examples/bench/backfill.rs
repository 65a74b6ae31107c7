//! A backfill of a table through the library, in the way that a deploy runs it; how long its batches hold their rows.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bascule_migrate::backfill::{self, Id, Options, Outcome, Report};
use bascule_migrate::{Address, Connection};
use bascule_migrations::{Backfill, Gate, Version};
use bascule_sql::Statement;
use tokio_util::sync::CancellationToken;

use crate::say;

async fn open(address: &str) -> Result<Connection> {
    let address = Address::parse(std::fs::read_to_string(address)?.trim())?;
    Ok(Connection::open(&address, "bascule-bench").await?)
}

/// How long the way to the server and back takes: the median of many, in milliseconds.
pub async fn round_trip(address: &str) -> Result<()> {
    let mut connection = open(address).await?;
    let mut took = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        connection.run("SELECT 1").await?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    say("", format!("{:.2}", took[took.len() / 2].as_secs_f64() * 1000.0))
}

/// Runs `statement` over all rows of `table` by `key`. The address is in the file of that name: it may hold a password.
pub async fn run(address: &str, table: &str, key: &str, statement: &str) -> Result<()> {
    let mut connection = open(address).await?;
    let id = Id { version: Version("20260101000000".to_owned()), part: 1 };
    let backfill = Backfill {
        table: table.to_owned(),
        key: vec![key.to_owned()],
        batch: 1_000,
        gate: Gate::Contract,
        statement: Statement { text: statement.to_owned(), line: 1 },
    };
    backfill::define(&mut connection, &id, &backfill).await?;
    let options = Options::of(connection.dialect());
    let (mut took, mut done): (Vec<Duration>, u64) = (Vec::new(), 0);
    let tell = |report| {
        if let Report::Progress(progress) = report {
            took.push(progress.took);
            done = progress.done;
        }
    };
    let begun = Instant::now();
    let outcome =
        backfill::run(&mut connection, &id, "bench", &options, &CancellationToken::new(), tell).await?;
    let whole = begun.elapsed();
    if !matches!(outcome, Outcome::Done { .. }) {
        bail!("the backfill ended as {outcome:?}");
    }
    took.sort_unstable();
    let at = |share: usize| {
        took.get((took.len() * share).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    };
    let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
    say("rows", done)?;
    say("batches", took.len())?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    say("rows_per_second", format!("{:.0}", done as f64 / whole.as_secs_f64()))?;
    say("p50", milliseconds(at(50)))?;
    say("p99", milliseconds(at(99)))?;
    say("max", milliseconds(at(100)))
}
