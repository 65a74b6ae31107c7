//! Commands beside the instances.

use bascule_engine::ports::{ExecOutput, ExecSession, ExecSpec, SlotSpec, Target, TerminalSize};
use bascule_model::evidence::Exit;
use bascule_model::ids::Slot;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use crate::support::*;

fn spec_of(spec: &SlotSpec, command: &[&str]) -> ExecSpec {
    ExecSpec {
        slot: reference(spec),
        service: "web".parse().unwrap(),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        terminal: None,
    }
}

pub async fn outputs(session: &mut ExecSession) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(piece) = session.output.next().await {
        match piece {
            ExecOutput::Stdout(bytes) => out.extend(bytes),
            ExecOutput::Stderr(bytes) => err.extend(bytes),
        }
    }
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[tokio::test]
async fn a_command_runs_in_the_surroundings_of_its_service() {
    let world = World::new();
    world.script("task", "cat; echo $GREETING $BASCULE_SLOT ${PORT-none}; echo wrong >&2; exit 3");
    let artifact = world.artifact(&["task"]).await;
    let target = world.target().await;
    let mut spec = blue(release(1, &artifact, vec![shell("web", "sleep 1000")]));
    let values = [("GREETING".to_owned(), text("hello"))].into();
    spec.configuration.env.insert("web".parse().unwrap(), values);
    target.start(world.generation, &spec).await.unwrap();

    let mut session = target.exec(&spec_of(&spec, &["./task"])).await.unwrap();
    session.input.write_all(b"from outside\n").await.unwrap();
    session.input.shutdown().await.unwrap();
    drop(std::mem::replace(&mut session.input, Box::pin(tokio::io::sink())));
    let (out, err) = outputs(&mut session).await;
    assert_eq!(out, format!("from outside\nhello {} none\n", Slot::Blue));
    assert_eq!(err, "wrong\n");
    assert_eq!(session.control.wait().await.unwrap(), Exit::Code { code: 3 });
    assert_eq!(target.observe(&reference(&spec)).await.unwrap().len(), 1, "it is no instance");

    let refused = problem(target.exec(&spec_of(&spec, &["./tusk"])).await.unwrap_err());
    assert!(refused.message.contains("tusk"), "{refused:?}");
    let other = ExecSpec { service: "other".parse().unwrap(), ..spec_of(&spec, &["./task"]) };
    assert!(problem(target.exec(&other).await.unwrap_err()).message.contains("service other"));
}

#[tokio::test]
async fn a_command_gets_a_terminal_and_ends_with_whoever_asked_for_it() {
    let world = World::new();
    let target = world.target().await;
    let spec = blue(release(1, "", vec![shell("web", "sleep 1000")]));
    target.start(world.generation, &spec).await.unwrap();
    let what = ExecSpec {
        terminal: Some(TerminalSize { rows: 30, columns: 90 }),
        ..spec_of(&spec, &["/bin/sh", "-c", "[ -t 0 ] && stty size; read line; echo got $line $TERM"])
    };
    let mut session = target.exec(&what).await.unwrap();
    session.control.resize(TerminalSize { rows: 30, columns: 90 }).await.unwrap();
    session.input.write_all(b"typed\n").await.unwrap();
    let (out, _) = outputs(&mut session).await;
    assert!(out.contains("30 90") && out.contains("got typed xterm"), "{out:?}");
    assert_eq!(session.control.wait().await.unwrap(), Exit::Code { code: 0 });

    let lasting = spec_of(&spec, &["/bin/sh", "-c", "sleep 1000 & echo $$ $!; wait"]);
    let mut session = target.exec(&lasting).await.unwrap();
    let Some(ExecOutput::Stdout(pids)) = session.output.next().await else { panic!("it tells its pids") };
    let pids = String::from_utf8(pids).unwrap();
    let pids: Vec<i32> = pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| runs(*pid)));
    drop(session);
    eventually("the end of both", async || pids.iter().all(|pid| !runs(*pid)).then_some(())).await;
}
