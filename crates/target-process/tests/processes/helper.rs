//! This test binary run again as another program: an app that listens, a control plane that can be killed, a memory eater.
//!
//! What it is to be stands in one variable; without it the test does nothing.

use std::net::TcpListener;
use std::path::Path;

use bascule_engine::ports::{SlotSpec, Target};
use bascule_model::ids::Generation;
use bascule_model::release::Service;

use crate::support::*;

const VARIABLE: &str = "BASCULE_TEST_HELPER";

/// A command that runs this binary as the named part; the variable has to be in its environment.
pub fn words() -> Vec<String> {
    let own = std::env::current_exe().unwrap();
    let own = own.to_str().unwrap().to_owned();
    ["--exact", "helper::part", "--nocapture"].into_iter().fold(vec![own], |mut words, word| {
        words.push(word.to_owned());
        words
    })
}

/// A service that runs this binary as a part, through a shell that sets the variable.
pub fn service(name: &str, part: &str) -> Service {
    let words = words().join(" ");
    shell(name, &format!("{VARIABLE}=\"{part}\" exec {words}"))
}

/// This binary as a control plane over a state folder; see [`control_plane`].
pub fn spawn_control_plane(state: &Path) -> std::process::Child {
    spawn(&format!("control-plane {}", state.display()))
}

/// This binary as a control plane that runs a command which writes the numbers of its processes there; see [`commanding`].
pub fn spawn_commanding(state: &Path, pids: &Path) -> std::process::Child {
    spawn(&format!("commanding {} {}", state.display(), pids.display()))
}

fn spawn(part: &str) -> std::process::Child {
    let words = words();
    std::process::Command::new(&words[0])
        .args(&words[1..])
        .env(VARIABLE, part)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this is how the second program is told what it is")]
fn part() {
    let Ok(part) = std::env::var(VARIABLE) else { return };
    let words: Vec<&str> = part.split(' ').collect();
    match words.as_slice() {
        ["listen", address] => {
            let listener = TcpListener::bind(address).unwrap();
            println!("listening");
            for connection in listener.incoming() {
                drop(connection);
            }
        }
        ["eat", mebibytes] => {
            let mut eaten = Vec::new();
            for _ in 0..mebibytes.parse::<usize>().unwrap() {
                eaten.push(vec![1_u8; 1024 * 1024]);
            }
            println!("ate {}", eaten.len());
            std::thread::sleep(std::time::Duration::from_secs(1000));
        }
        ["control-plane", state] => control_plane(state.as_ref()),
        ["commanding", state, pids] => commanding(state.as_ref(), pids),
        _ => panic!("unknown part {part:?}"),
    }
}

/// What the killed control plane starts and stops: instances that stay, and one that ends again and again.
pub fn churned() -> SlotSpec {
    let mut many = shell("many", "exec sleep 1000");
    many.instances = 3;
    let mut brief = shell("brief", "sleep 0.02");
    brief.health.start_period = std::time::Duration::ZERO;
    let web = with_traffic(shell("web", "exec sleep 1000"));
    let web = Service { secret_files: vec!["TOKEN".to_owned()], ..web };
    let mut spec = blue(release(1, "", vec![many, brief, web]));
    let token = [("TOKEN".to_owned(), text("kept in memory"))].into();
    spec.configuration.env.insert("web".parse().unwrap(), token);
    spec
}

/// Starts and stops until it is killed.
#[tokio::main]
async fn control_plane(state: &Path) {
    let world = Foreign::new(state);
    let target = bascule_target_process::ProcessTarget::open(world.options()).await.unwrap();
    let spec = churned();
    loop {
        target.start(Generation(1), &spec).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        target.stop(Generation(1), &reference(&spec)).await.unwrap();
    }
}

/// The instance beside which the command runs.
pub fn attended() -> SlotSpec {
    blue(release(1, "", vec![shell("web", "exec sleep 1000")]))
}

/// Runs a command on pipes until it is killed: two processes, each with something to wait for.
#[tokio::main]
async fn commanding(state: &Path, pids: &str) {
    let world = Foreign::new(state);
    let target = bascule_target_process::ProcessTarget::open(world.options()).await.unwrap();
    let spec = attended();
    target.start(Generation(1), &spec).await.unwrap();
    let script = format!("sleep 1000 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; wait");
    let command = ["/bin/sh", "-c", &script].map(str::to_owned).to_vec();
    let service = "web".parse().unwrap();
    let what = bascule_engine::ports::ExecSpec { slot: reference(&spec), service, command, terminal: None };
    let _session = target.exec(&what).await.unwrap();
    std::future::pending::<()>().await;
}
