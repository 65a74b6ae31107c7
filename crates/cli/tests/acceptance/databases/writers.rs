//! Clients that write and read all the time, through the door and beside it, and keep account of every request that failed
//! and every value that came back other than it was written.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use super::beside::Beside;
use crate::support::door::{self, Answer};
use crate::support::wait;

const WRITERS: u64 = 3;
/// After so many rounds a writer goes on with a new person.
const ROUNDS_EACH: u64 = 10;
const PAUSE: Duration = Duration::from_millis(8);

/// What they saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests that were answered well, by the release that answered.
    pub answered: BTreeMap<String, u64>,
    /// Requests that were not: what was asked, who answered, and what.
    pub lost: Vec<String>,
    /// Values that came back wrong.
    pub wrong: Vec<String>,
    /// Answers that a fault of the register spoiled.
    pub injected: u64,
}

impl Seen {
    /// Fails if a request was lost or a value came back wrong.
    #[track_caller]
    pub fn lost_nothing(&self) -> &Self {
        assert!(self.wrong.is_empty(), "values came back wrong: {:#?}", self.wrong);
        assert!(self.lost.is_empty(), "{} requests were lost: {:#?}", self.lost.len(), self.lost);
        assert!(!self.answered.is_empty(), "nothing was answered");
        self
    }

    /// How many requests that release answered well.
    pub fn answered_by(&self, release: &str) -> u64 {
        self.answered.get(release).copied().unwrap_or(0)
    }
}

/// The clients, at work until they are dropped.
pub struct Writers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    rounds: AtomicU64,
    doors: RwLock<Vec<SocketAddr>>,
    seen: Mutex<Seen>,
}

impl Writers {
    /// Begins to write through that door.
    pub fn begin(door: SocketAddr) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            rounds: AtomicU64::new(0),
            doors: RwLock::new(vec![door]),
            seen: Mutex::default(),
        });
        let thread = |number| {
            let shared = shared.clone();
            std::thread::spawn(move || write(&shared, number))
        };
        let threads = (0..WRITERS).map(thread).collect();
        let writers = Self { shared, threads };
        writers.go_on();
        writers
    }

    /// From now on, every other request goes to a register beside the door.
    pub fn join(&self, beside: &Beside) {
        self.shared.doors.write().unwrap().push(beside.address);
    }

    /// No request goes beside the door any more.
    pub fn leave(&self) {
        self.shared.doors.write().unwrap().truncate(1);
        // Those that are under way still do.
        self.go_on();
    }

    /// Waits until each of them has written and read again, all of it begun after this call.
    #[track_caller]
    pub fn go_on(&self) {
        let goal = self.shared.rounds.load(Ordering::Acquire) + 3 * WRITERS;
        wait::until("rounds of the writers", || {
            (self.shared.rounds.load(Ordering::Acquire) >= goal).then_some(())
        });
    }

    /// What they saw since the last time.
    pub fn account(&self) -> Seen {
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }

    /// Ends them, and gives what they saw since the last time.
    pub fn end(mut self) -> Seen {
        self.shared.stop.store(true, Ordering::Release);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        self.account()
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }
}

/// One writer, who alone writes to its people.
fn write(shared: &Shared, number: u64) {
    let mut person = None;
    for round in 0.. {
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        let doors = shared.doors.read().unwrap().clone();
        // All pairs of a door to write to and one to read from, in turn.
        let door = |number: u64| doors[usize::try_from(number).unwrap() % doors.len()];
        let (to, from) = (door(round), door(round / doors.len() as u64));
        let name = format!("writer {number}, round {round}");
        if round % ROUNDS_EACH == 0 {
            person = None;
        }
        person = match person {
            None => create(shared, to, &name),
            Some(id) => rename(shared, to, id, &name).then_some(id),
        };
        std::thread::sleep(PAUSE);
        if let Some(id) = person {
            read(shared, from, id, &name);
            std::thread::sleep(PAUSE);
        }
        if round % ROUNDS_EACH == 1 {
            let _ = shared.judge("GET /people", 200, door::get(from, "localhost", "/people"));
        }
        shared.rounds.fetch_add(1, Ordering::AcqRel);
    }
}

fn create(shared: &Shared, to: SocketAddr, name: &str) -> Option<i64> {
    let body = json!({ "name": name }).to_string();
    let made = shared.judge("POST /people", 201, door::send(to, "POST", "/people", &body))?;
    made["id"].as_i64()
}

fn rename(shared: &Shared, to: SocketAddr, id: i64, name: &str) -> bool {
    let (path, body) = (format!("/people/{id}"), json!({ "name": name }).to_string());
    shared.judge(&format!("PUT {path}"), 200, door::send(to, "PUT", &path, &body)).is_some()
}

fn read(shared: &Shared, from: SocketAddr, id: i64, written: &str) {
    let path = format!("/people/{id}");
    let Some(read) = shared.judge(&format!("GET {path}"), 200, door::get(from, "localhost", &path)) else {
        return;
    };
    if read["name"] != written {
        let what = format!("person {id} is {}, {written:?} was written", read["name"]);
        shared.seen.lock().unwrap().wrong.push(what);
    }
}

impl Shared {
    /// Keeps account of an answer; gives its body when it was the one that was hoped for.
    fn judge(&self, what: &str, status: u16, answer: std::io::Result<Answer>) -> Option<Value> {
        let mut seen = self.seen.lock().unwrap();
        match answer {
            Ok(answer) if answer.status == status => {
                *seen.answered.entry(answer.release().to_owned()).or_default() += 1;
                Some(serde_json::from_str(&answer.body).unwrap())
            }
            Ok(answer) if !answer.header("x-fault").is_empty() => {
                seen.injected += 1;
                None
            }
            Ok(answer) => {
                let Answer { status, body, .. } = &answer;
                seen.lost.push(format!("{what}: {status} by {:?}: {}", answer.release(), body.trim()));
                None
            }
            Err(error) => {
                seen.lost.push(format!("{what}: {error}"));
                None
            }
        }
    }
}
