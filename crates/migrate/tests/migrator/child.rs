//! A runner as a process of its own, which can be stopped at each thing that it tells, and killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bascule_migrate::{Address, Event, Migrator, Phases, Settings, Watch, Wish};
use bascule_migrations::Migration;
use serde::{Deserialize, Serialize};

const ORDER: &str = "BASCULE_TEST_RUNNER";

/// What a runner is told.
#[derive(Serialize, Deserialize)]
pub struct Order {
    pub address: String,
    pub set: Vec<Migration>,
    pub owner: String,
    /// It stops at the event of that number, from 0.
    pub stop_at: Option<usize>,
    pub lock_timeout: Duration,
}

/// Prints events; stops at one of them until its standard input says something.
struct Teller {
    count: AtomicUsize,
    stop_at: Option<usize>,
    output: Mutex<()>,
}

impl Watch for Teller {
    fn told(&self, event: &Event) {
        let _guard = self.output.lock().unwrap();
        let word = match event {
            Event::LeaseWait { holder, .. } => format!("waits for {holder}"),
            Event::RunnerEnded { .. } => "killed a dead runner".to_owned(),
            Event::PartBegun { .. } => "part begun".to_owned(),
            Event::PartDone { .. } => "part done".to_owned(),
            Event::StatementBegun { at } => format!("begun {}", at.words),
            Event::StatementDone { .. } => "done".to_owned(),
            Event::LockWait { .. } | Event::Retry { .. } | Event::Progress { .. } | Event::Note(_) => return,
            Event::Reconciled { what, .. } => format!("reconciled: {what}"),
        };
        println!("event {word}");
        let at = self.count.fetch_add(1, Ordering::Relaxed);
        if self.stop_at == Some(at) {
            println!("stopped");
            let mut line = String::new();
            let _ = std::io::stdin().read_line(&mut line);
        }
    }
}

/// Not a test of its own: the process that is killed.
#[test]
fn the_runner() {
    #[expect(clippy::disallowed_methods, reason = "how the test tells its own child process what to do")]
    let Ok(path) = std::env::var(ORDER) else { return };
    let order: Order = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut settings = Settings::new(Address::parse(&order.address).unwrap(), &order.owner);
        settings.lock_timeout = order.lock_timeout;
        settings.watch =
            Arc::new(Teller { count: AtomicUsize::new(0), stop_at: order.stop_at, output: Mutex::new(()) });
        let outcome = async {
            let mut migrator = Migrator::open(settings).await?;
            migrator.up(&order.set, &Wish::new(Phases::Everything)).await
        };
        match outcome.await {
            Ok(outcome) => println!("ended {} {}", outcome.applied.len(), outcome.by_others.len()),
            Err(error) => println!("failed {error:?}"),
        }
    });
}

/// A runner that was started.
pub struct Runner {
    child: Child,
    lines: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

impl Runner {
    pub fn start(order: &Order) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("order");
        std::fs::write(&path, serde_json::to_vec(order).unwrap()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::the_runner", "--nocapture"])
            .env(ORDER, &path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, _folder: folder }
    }

    /// The next line that it says; none when it is gone.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.lines.read_line(&mut line).unwrap();
        (count > 0).then(|| line.trim_end().to_owned())
    }

    /// Reads until a line that has one of these in it; gives it.
    pub fn until(&mut self, words: &[&str]) -> Option<String> {
        while let Some(line) = self.line() {
            if words.iter().any(|word| line.contains(word)) {
                return Some(line);
            }
        }
        None
    }

    pub fn go_on(&mut self) {
        let _ = self.child.stdin.as_mut().unwrap().write_all(b"\n");
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Reads to its end; gives its last words.
    pub fn end(&mut self) -> String {
        let line = self.until(&["ended ", "failed "]).unwrap_or_default();
        while self.line().is_some() {}
        self.child.wait().unwrap();
        line
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
