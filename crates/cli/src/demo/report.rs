//! The figures of a demo: what clients asked for and lost, and the times of each switch and rollback.

use std::path::PathBuf;
use std::time::Duration;

use bascule_load::{Cause, Figures, Kind};
use serde::Serialize;

use crate::demo::act::Act;
use crate::demo::scratch::{APP, ENVIRONMENT, Scratch};
use crate::demo::show::ended;
use crate::demo::teardown::Running;
use crate::text::style::{BAD, GOOD, STRONG, paint};
use crate::text::table::{Cell, Table};
use crate::text::{escape, number, time};

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Always `demo`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Everything that clients began: requests, bodies, streams, WebSockets.
    pub requests: u64,
    /// Of those: lost.
    pub failed: u64,
    /// Bodies and event streams that broke off, of those.
    cut_bodies: u64,
    /// WebSockets that ended without a word.
    cut_websockets: u64,
    /// Errors that version 4 makes on purpose; they are its answers, and not lost.
    injected: u64,
    /// The scenes.
    acts: Vec<Act>,
    /// All figures of the clients.
    load: Figures,
    /// Where users came in.
    url: String,
    /// The demo's folder.
    pub folder: PathBuf,
    /// The state folder in it, with the journal and the artifacts.
    state: PathBuf,
    /// What instances wrote.
    logs: PathBuf,
    /// What goes on running; null when all was ended.
    running: Option<Running>,
}

impl Report {
    /// Puts it together.
    pub fn new(scratch: &Scratch, acts: Vec<Act>, load: Figures, running: Option<Running>) -> Self {
        let cut_bodies =
            [Cause::Truncated, Cause::Corrupt, Cause::EventsCut].map(|cause| load.failed_by(cause));
        Self {
            kind: "demo",
            requests: load.started(),
            failed: load.failed(),
            cut_bodies: cut_bodies.iter().sum(),
            cut_websockets: load.websockets.cut,
            injected: load.injected(),
            acts,
            load,
            url: format!("http://{}/", scratch.listen),
            folder: scratch.folder.clone(),
            state: scratch.state.clone(),
            logs: scratch.state.join("instances"),
            running,
        }
    }

    /// The first loss in words.
    pub fn first_loss(&self) -> String {
        let words = |failure: &bascule_load::Failure| {
            format!(
                "{:?} after {} ms, {:?}: {}",
                failure.kind,
                failure.at_ms,
                failure.cause,
                escape::line(&failure.detail)
            )
        };
        self.load.failures.first().map_or_else(|| "nothing".to_owned(), words)
    }
}

/// The report for a person.
pub fn shown(report: &Report) -> String {
    let mut text = format!("\n{}\n", acts(&report.acts));
    text.push_str(&clients(report));
    text.push_str(&format!("\n{}\n", sum(report)));
    match report.running {
        None => text.push_str(&format!(
            "\nall that was started is ended; `--keep` leaves it running\nstate  {}\nlogs   {}\n",
            report.state.display(),
            report.logs.display()
        )),
        Some(running) => text.push_str(&kept(report, running)),
    }
    text
}

fn acts(acts: &[Act]) -> String {
    let mut table = Table::default();
    table.row(["scene", "took", "switch", "how it ended"].map(|title| Cell::styled(title, STRONG)));
    let ms = |millis: f64| time::took(Duration::from_secs_f64(millis.max(0.0) / 1000.0));
    for act in acts {
        table.row([
            act.title.into(),
            time::took(Duration::from_millis(act.took_ms)).into(),
            act.switch_ms.map(ms).unwrap_or_default().into(),
            ended(act).into(),
        ]);
    }
    table.render(0)
}

fn clients(report: &Report) -> String {
    let mut table = Table::default();
    table.row(
        ["clients", "begun", "answered", "v4's own 500s", "lost"].map(|title| Cell::styled(title, STRONG)),
    );
    for (kind, figures) in &report.load.kinds {
        let lost = figures.failed();
        table.row([
            name(*kind).into(),
            number::count(figures.started).into(),
            number::count(figures.ok).into(),
            number::count(figures.injected).into(),
            Cell::styled(number::count(lost), if lost == 0 { GOOD } else { BAD }),
        ]);
    }
    table.render(0)
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Http1 => "HTTP/1.1",
        Kind::Http2 => "HTTP/2",
        Kind::Slow => "slow answers (1 s)",
        Kind::Download => "downloads (2 MB)",
        Kind::Upload => "uploads (2 MB)",
        Kind::Events => "event streams",
        Kind::Websocket => "WebSockets",
    }
}

fn sum(report: &Report) -> String {
    let style = if report.failed == 0 { GOOD } else { BAD };
    let latency = report.load.latency;
    let ms = |micros: u64| time::took(Duration::from_micros(micros));
    format!(
        "{}, {}, {} cut bodies, {} cut WebSockets\np50 {}, p99 {}, longest gap between two answers {}",
        number::of(report.requests, "request"),
        paint(style, &format!("{} lost", number::count(report.failed))),
        number::count(report.cut_bodies),
        number::count(report.cut_websockets),
        ms(latency.p50_us),
        ms(latency.p99_us),
        time::took(Duration::from_secs_f64(report.load.max_gap_ms.max(0.0) / 1000.0)),
    )
}

fn kept(report: &Report, running: Running) -> String {
    let state = report.state.display();
    let pids: Vec<String> =
        [running.control_plane, running.edge].iter().flatten().map(ToString::to_string).collect();
    format!(
        "\nit goes on at {}\n  look at it  bascule status --app {APP} --state {state}\n  logs        {}\n\nto end it:\n  bascule down {ENVIRONMENT} --app {APP} --state {state}\n  kill {}\n  rm -r {}\n",
        report.url,
        report.logs.display(),
        pids.join(" "),
        report.folder.display(),
    )
}
