//! A Prometheus, and something that it scrapes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::keeper::{Keeper, Recipe, give, wait_for};
use crate::program;

const USER: &str = "prometheus";

/// A running Prometheus, on loopback.
pub struct Prometheus {
    _folder: TempDir,
    address: SocketAddr,
    keeper: Keeper,
}

impl Prometheus {
    /// One that scrapes these every quarter of a second; none, and says so, where it is not installed. Each has labels of its own,
    /// as in `namespace: prod`, which what it exposes cannot overwrite.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[expect(clippy::print_stdout, reason = "only tests use this crate")]
    pub fn start(scraped: &[(SocketAddr, &str)]) -> Option<Self> {
        let Some(path) = program("prometheus", &["/usr/bin", "/usr/local/bin"]) else {
            println!("NOT RUN: prometheus is not installed (Debian package prometheus)");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("bascule-prometheus-").tempdir().expect("a folder");
        let mut settings = "global: { scrape_interval: 250ms, scrape_timeout: 250ms }\n\
             scrape_configs:\n- job_name: tests\n  static_configs:\n"
            .to_owned();
        for (address, labels) in scraped {
            settings.push_str(&format!("  - {{ targets: [\"{address}\"], labels: {{ {labels} }} }}\n"));
        }
        if scraped.is_empty() {
            settings.push_str("  - { targets: [] }\n");
        }
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, settings).expect("the settings");
        give(USER, folder.path());
        let keeper = Keeper::start(&Recipe {
            folder: folder.path(),
            user: USER,
            program: path,
            arguments: vec![
                format!("--config.file={}", file.display()),
                format!("--storage.tsdb.path={}", folder.path().join("data").display()),
                "--web.listen-address=127.0.0.1:0".to_owned(),
                "--log.format=json".to_owned(),
            ],
            signal: "KILL",
        });
        let address = wait_for("Prometheus", || ready_at(&folder.path().join("log")));
        Some(Self { _folder: folder, address, keeper })
    }

    /// Where it answers, as a manifest says it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it where it stands: it accepts connections, and answers none.
    pub fn freeze(&self) {
        self.keeper.signal(Signal::STOP);
    }
}

/// The port is the kernel's choice, and it is in the log.
fn ready_at(log: &Path) -> Option<SocketAddr> {
    let log = std::fs::read_to_string(log).ok()?;
    assert!(!log.contains("\"level\":\"error\""), "{log}");
    let line = log.lines().find(|line| line.contains("\"Listening on\""))?;
    log.contains("Server is ready").then_some(())?;
    line.split("\"address\":\"").nth(1)?.split('"').next()?.parse().ok()
}

/// Answers every request with the text that it was given last.
pub struct Exporter {
    address: SocketAddr,
    text: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Exporter {
    /// One that has nothing to say.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("the port");
        let (text, asked) = (Arc::<Mutex<String>>::default(), Arc::<AtomicUsize>::default());
        let (says, counts) = (text.clone(), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (says, counts) = (says.clone(), counts.clone());
                thread::spawn(move || serve(stream, &says, &counts));
            }
        });
        Self { address, text, asked }
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it says this.
    pub fn say(&self, text: &str) {
        text.clone_into(&mut self.text.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until what it says now was asked for that often.
    ///
    /// # Panics
    /// When nobody asks.
    pub fn until_asked(&self, times: usize) {
        let before = self.asked.load(Ordering::Acquire);
        wait_for("somebody who asks", || {
            (self.asked.load(Ordering::Acquire) >= before + times).then_some(())
        });
    }
}

fn serve(mut stream: TcpStream, says: &Mutex<String>, asked: &AtomicUsize) {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut piece) {
                Ok(length @ 1..) => head.extend_from_slice(&piece[..length]),
                _ => return,
            }
        }
        head.clear();
        let text = says.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
        asked.fetch_add(1, Ordering::Release);
    }
}
