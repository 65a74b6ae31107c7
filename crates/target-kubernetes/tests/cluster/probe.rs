//! Requests of our own decide a bake: whole runs of the engine, in true time, whose users' door is a server of the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bascule_engine::ports::Traffic as _;
use bascule_journal::Take;
use bascule_model::problem::Code;
use bascule_model::release::{OnNoData, ProbeLoad};
use bascule_model::run::Outcome;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::driven::Driven;
use crate::support::{self, World, problem, spec};

/// A bake that only what is seen ends.
const ENDLESS: Duration = Duration::from_secs(3600);

/// Whoever answers users.
#[derive(Default)]
struct Door {
    /// Requests so far.
    asked: AtomicU64,
    /// Connections that are open.
    open: AtomicU64,
    /// One of so many is answered with 500; 0 for none.
    fails: AtomicU64,
    /// Requests that were not what was to be asked for.
    strange: AtomicU64,
}

impl Door {
    async fn open() -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Arc::new(Self::default());
        let accepting = door.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let door = accepting.clone();
                tokio::spawn(async move {
                    door.open.fetch_add(1, Ordering::AcqRel);
                    let _ = door.serve(stream).await;
                    door.open.fetch_sub(1, Ordering::AcqRel);
                });
            }
        });
        (door, address)
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let (mut line, mut first) = (String::new(), String::new());
            while line != "\r\n" {
                line.clear();
                if stream.read_line(&mut line).await? == 0 {
                    return Ok(());
                }
                if first.is_empty() {
                    first.clone_from(&line);
                }
            }
            if first != "GET /orders HTTP/1.1\r\n" {
                self.strange.fetch_add(1, Ordering::AcqRel);
            }
            let nth = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
            let fails = self.fails.load(Ordering::Acquire);
            let status = if fails > 0 && nth.is_multiple_of(fails) { "500 Broken" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
            stream.write_all(answer.as_bytes()).await?;
        }
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        for _ in 0..6000 {
            if wanted(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} did not come to be");
    }
}

/// An environment whose users come in there.
fn world(door: SocketAddr) -> Driven {
    let mut world = Driven::new();
    let release = &mut world.wish.release;
    release.listen = door;
    let cluster = release.cluster.as_mut().unwrap();
    cluster.probe = Some(ProbeLoad { rate: 200, path: Some("/orders".to_owned()) });
    release.rollout.bake = Duration::from_millis(500);
    release.rollout.min_requests = 50;
    release.rollout.on_no_data = OnNoData::Wait;
    // A machine that is slow for a moment says nothing here.
    release.rollout.max_p95 = Duration::from_secs(60);
    world
}

#[tokio::test]
async fn a_release_whose_share_of_answers_fails_is_taken_back() {
    let (door, address) = Door::open().await;
    let mut world = world(address);
    let first = world.deploy(1).await.live();
    assert!(door.asked.load(Ordering::Acquire) >= 50, "it was taken without figures");
    door.until("an end with the bake", |door| door.open.load(Ordering::Acquire) == 0).await;
    world.wish.release.rollout.bake = ENDLESS;
    door.fails.store(20, Ordering::Release);
    let ended = world.deploy(2).await;
    let words = ended.cause.as_ref().map(|cause| cause.message.clone()).unwrap_or_default();
    assert!(words.contains("requests from the probe failed"), "{words}");
    ended.back(Code::BakeErrors);
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!(door.strange.load(Ordering::Acquire), 0);
    door.until("an end with the run", |door| door.open.load(Ordering::Acquire) == 0).await;
}

#[tokio::test(start_paused = true)]
async fn where_figures_come_from_may_change_while_a_release_is_live() {
    let world = World::new();
    world.deploy(support::FENCE, &spec(1), None).await.unwrap();
    let mut next = spec(2);
    let cluster = next.release.cluster.as_mut().unwrap();
    cluster.probe = Some(ProbeLoad { rate: 20, path: None });
    world.deploy(support::FENCE, &next, Some(&spec(1))).await.unwrap();
    // Its place may not.
    let mut moved = spec(3);
    moved.release.cluster.as_mut().unwrap().node_port = Some(30081);
    let words = problem(world.traffic.can_open(&moved.release).await).message;
    assert!(words.contains("30081"), "{words}");
}

#[tokio::test]
async fn it_ends_with_an_abort() {
    let (door, address) = Door::open().await;
    let mut world = world(address);
    world.wish.release.rollout.bake = ENDLESS;
    let begun = world.begin(1).await.unwrap();
    let run = begun.run.clone();
    let abort = async {
        door.until("a load", |door| door.asked.load(Ordering::Acquire) > 100).await;
        world.engine.abort(&run, "somebody").await.unwrap();
    };
    let (ended, ()) = tokio::join!(world.drive(begun), abort);
    assert_eq!(ended.outcome, Outcome::RolledBack, "{ended:?}");
    door.until("an end with the abort", |door| door.open.load(Ordering::Acquire) == 0).await;
}

#[tokio::test]
async fn it_ends_with_the_engine_and_the_next_one_begins_anew() {
    let (door, address) = Door::open().await;
    let mut world = world(address);
    world.wish.release.rollout.bake = Duration::from_secs(2);
    let begun = world.begin(1).await.unwrap();
    let run = begun.run.clone();
    // What a killed engine leaves of a run: nothing but its journal.
    tokio::select! {
        ended = world.drive(begun) => panic!("it ended: {ended:?}"),
        () = door.until("a load", |door| door.asked.load(Ordering::Acquire) > 20) => {}
    }
    door.until("an end with the engine", |door| door.open.load(Ordering::Acquire) == 0).await;
    let before = door.asked.load(Ordering::Acquire);
    let begun = world.engine.resume(&run, Take::FromTheDead).await.unwrap();
    let ended = world.drive(begun).await;
    assert_eq!(ended.outcome, Outcome::Live, "{ended:?}");
    // What the first one was told counts for nothing any more.
    let asked = door.asked.load(Ordering::Acquire) - before;
    assert!(asked >= 50, "{asked} requests");
}

#[tokio::test]
async fn a_way_that_does_not_lead_there_is_no_figure_of_the_app() {
    // A port that nobody listens on.
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut world = world(address);
    world.wish.release.rollout.on_no_data = OnNoData::Fail;
    let ended = world.deploy(1).await;
    let words = ended.cause.as_ref().map(|cause| cause.message.clone()).unwrap_or_default();
    assert!(words.contains("did not come as far as the app: Connection refused"), "{words}");
    ended.back(Code::BakeNoData);
    // The checks decide in its place, where they are to.
    world.wish.release.rollout.on_no_data = OnNoData::Probe;
    world.deploy(2).await.live();
}
