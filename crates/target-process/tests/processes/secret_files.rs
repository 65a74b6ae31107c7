//! Secrets as files: in memory, for the user alone, and for no longer than they are needed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bascule_engine::ports::{ExecSpec, SlotSpec, Target};
use bascule_model::evidence::{Exit, InstanceState};
use bascule_model::problem::Code;
use bascule_model::release::Service;
use bascule_target_process::{ProcessOptions, ProcessTarget};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::*;

const VALUE: &str = "k3pt in memory\nalone";
/// Tells everything about the file that it has been told of.
const SPEAKS: &str = "stat -c '%a %u %n' \"$TOKEN_FILE\" \"$(dirname \"$TOKEN_FILE\")\"; cat \"$TOKEN_FILE\"; echo; \
                      echo \"${TOKEN-not in the environment}\"";

fn spec_of(line: &str) -> SlotSpec {
    let mut service = Service { secret_files: vec!["TOKEN".to_owned()], ..shell("web", line) };
    service.health.start_period = Duration::ZERO;
    let mut spec = blue(release(1, "", vec![service]));
    let values = [("TOKEN".to_owned(), text(VALUE)), ("PLAIN".to_owned(), text("shown"))].into();
    spec.configuration.env.insert("web".parse().unwrap(), values);
    spec
}

/// What [`SPEAKS`] says in an instance with this folder.
fn spoken(folder: &Path) -> Vec<String> {
    let user = rustix::process::geteuid().as_raw();
    let (token, folder) = (folder.join("TOKEN"), folder.display());
    let lines =
        format!("400 {user} {}\n700 {user} {folder}\n{VALUE}\nnot in the environment", token.display());
    lines.lines().map(str::to_owned).collect()
}

/// The files of the state folder that have a part of the value in them.
fn with_value(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(with_value(&entry.path()));
        } else if fs::read(entry.path()).unwrap().windows(4).any(|part| part == b"k3pt") {
            found.push(entry.path());
        }
    }
    found
}

#[tokio::test]
async fn an_instance_finds_its_secret_in_a_file_that_goes_with_its_slot() {
    let world = World::new();
    let target = world.target().await;
    let spec = spec_of(&format!("{SPEAKS}; exec sleep 1000"));
    let slot = reference(&spec);
    let folder = world.secret_files().join(instance(&slot, "web", 1).as_str());
    let started = target.start(world.generation, &spec).await.unwrap();
    let spoken = spoken(&folder);
    line(&*target, &slot, "web", "not in the environment").await;
    assert_eq!(lines(&*target, &slot, "web").await, spoken);
    assert_eq!(fs::metadata(world.secret_files()).unwrap().mode() & 0o777, 0o700);
    // What the instance itself wrote is its own affair.
    let log = with_value(&world.state());
    assert!(log.len() == 1 && log[0].ends_with("web-1/out.log"), "{log:?}");

    // The machine was restarted: another control plane starts the instance again, and nothing is in memory.
    drop(target);
    fs::remove_dir_all(world.secret_files()).unwrap();
    kill_process(Pid::from_raw(pid(&started[0])).unwrap(), Signal::KILL).unwrap();
    let target = world.target().await;
    eventually("the same a second time", async || {
        (lines(&*target, &slot, "web").await == [spoken.clone(), spoken.clone()].concat()).then_some(())
    })
    .await;
    target.stop(world.generation, &slot).await.unwrap();
    assert!(!world.secret_files().exists());
}

#[tokio::test]
async fn a_command_has_files_of_its_own_for_as_long_as_it_runs() {
    let world = World::new();
    let target = world.target().await;
    let spec = spec_of("exec sleep 1000");
    let slot = reference(&spec);
    target.start(world.generation, &spec).await.unwrap();
    let command = |words: &[&str]| ExecSpec {
        slot: slot.clone(),
        service: "web".parse().unwrap(),
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        terminal: None,
    };
    let mut session = target.exec(&command(&["sh", "-c", &format!("{SPEAKS}; exit 3")])).await.unwrap();
    let said = crate::exec::outputs(&mut session).await.0;
    let folder = said.lines().nth(1).and_then(|line| line.split(' ').nth(2)).unwrap();
    assert_eq!(said.lines().collect::<Vec<_>>(), spoken(Path::new(folder)));
    assert_eq!(session.control.wait().await.unwrap(), Exit::Code { code: 3 });
    let own = world.secret_files().join(instance(&slot, "web", 1).as_str());
    assert!(!Path::new(folder).exists() && Path::new(folder) != own && own.exists(), "{folder}");

    // One that cannot be run leaves nothing either.
    target.exec(&command(&["./no-such-program"])).await.unwrap_err();
    let there = || fs::read_dir(world.secret_files()).unwrap().flatten().map(|entry| entry.path());
    assert_eq!(there().collect::<Vec<_>>(), std::slice::from_ref(&own));

    // What a control plane that was killed had made for a command is removed by the next one; what stands keeps its own.
    drop(target);
    let left = world.secret_files().join("shop-staging-r1-abcdef-web-exec-00");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("TOKEN"), VALUE).unwrap();
    fs::set_permissions(left.join("TOKEN"), fs::Permissions::from_mode(0o400)).unwrap();
    let target = world.target().await;
    assert_eq!(there().collect::<Vec<_>>(), [own]);
    target.stop(world.generation, &slot).await.unwrap();
}

#[tokio::test]
async fn without_memory_nothing_is_started() {
    let world = World::new();
    let nowhere = vec![PathBuf::from("/proc"), PathBuf::from("/no/such/folder")];
    let options = ProcessOptions { memory_folders: nowhere, ..world.options() };
    let target = ProcessTarget::open(options).await.unwrap();
    let refused = problem(target.start(world.generation, &spec_of("exec sleep 1000")).await.unwrap_err());
    assert_eq!(refused.code, Code::InstanceStartFailed);
    let message = "there is no private place in memory for the secret files of web: /proc: it does not lie in memory; /no";
    assert!(refused.message.starts_with(message), "{refused}");
    assert!(refused.remedy.contains("/dev/shm"), "{refused}");
    assert!(target.slots().await.unwrap().is_empty() && world.processes().is_empty());
    // Others need none.
    let plain = blue(release(2, "", vec![shell("web", "exec sleep 1000")]));
    let started = target.start(world.generation, &plain).await.unwrap();
    assert!(matches!(started[0].state, InstanceState::Running { .. }));
    target.stop(world.generation, &reference(&plain)).await.unwrap();
}
