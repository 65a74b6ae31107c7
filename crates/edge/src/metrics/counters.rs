//! The cells that the workers count in.
//!
//! Each worker has its own, on cache lines of its own, and is their only writer: a plain load and store is enough, and
//! no worker waits for another. Sums are read with relaxed order: they may be a request behind, never wrong.

use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::{BUCKETS, Histogram, bucket_of};
use super::report::Counts;

/// A figure with one writing thread.
#[derive(Debug, Default)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    pub(crate) fn increase(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    pub(crate) fn decrease(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One worker's cells for one service of one release.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct WorkerCounters {
    pub(crate) requests: Cell,
    pub(crate) status: [Cell; 5],
    pub(crate) connect_failures: Cell,
    pub(crate) upstream_failures: Cell,
    pub(crate) cut_responses: Cell,
    pub(crate) retries: Cell,
    pub(crate) in_flight: Cell,
    pub(crate) upgraded_open: Cell,
    latency: Box<[Cell]>,
}

impl WorkerCounters {
    fn new() -> Self {
        Self {
            requests: Cell::default(),
            status: Default::default(),
            connect_failures: Cell::default(),
            upstream_failures: Cell::default(),
            cut_responses: Cell::default(),
            retries: Cell::default(),
            in_flight: Cell::default(),
            upgraded_open: Cell::default(),
            latency: (0..BUCKETS).map(|_| Cell::default()).collect(),
        }
    }

    /// Counts a response head: its class, and how long it took in µs.
    pub(crate) fn responded(&self, status: http::StatusCode, micros: u64) {
        if let Some(cell) = self.status.get(usize::from(status.as_u16() / 100).wrapping_sub(1)) {
            cell.increase();
        }
        if let Some(cell) = self.latency.get(bucket_of(micros)) {
            cell.increase();
        }
    }
}

/// All workers' cells for one service of one release.
#[derive(Debug)]
pub(crate) struct ServiceCounters {
    workers: Box<[WorkerCounters]>,
}

impl ServiceCounters {
    pub(crate) fn new(workers: usize) -> Self {
        Self { workers: (0..workers.max(1)).map(|_| WorkerCounters::new()).collect() }
    }

    /// The cells of a worker; only its thread may count in them.
    pub(crate) fn of(&self, worker: usize) -> &WorkerCounters {
        &self.workers[worker % self.workers.len()]
    }

    pub(crate) fn read(&self) -> Counts {
        let sum = |figure: fn(&WorkerCounters) -> &Cell| {
            self.workers.iter().fold(0_u64, |total, worker| total.wrapping_add(figure(worker).get()))
        };
        let mut latency = Histogram::default();
        for worker in &self.workers {
            for (bucket, cell) in worker.latency.iter().enumerate() {
                latency.add(bucket, cell.get());
            }
        }
        Counts {
            requests: sum(|cells| &cells.requests),
            status: [
                sum(|cells| &cells.status[0]),
                sum(|cells| &cells.status[1]),
                sum(|cells| &cells.status[2]),
                sum(|cells| &cells.status[3]),
                sum(|cells| &cells.status[4]),
            ],
            connect_failures: sum(|cells| &cells.connect_failures),
            upstream_failures: sum(|cells| &cells.upstream_failures),
            cut_responses: sum(|cells| &cells.cut_responses),
            retries: sum(|cells| &cells.retries),
            in_flight: sum(|cells| &cells.in_flight),
            upgraded_open: sum(|cells| &cells.upgraded_open),
            latency,
        }
    }
}
