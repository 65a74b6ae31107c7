//! Commands beside the instances.

use bascule_engine::ports::{ExecOutput, ExecSession, ExecSpec, Target, TerminalSize};
use bascule_model::evidence::Exit;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use crate::support::*;

fn command(spec: &bascule_engine::ports::SlotSpec, command: &[&str]) -> ExecSpec {
    ExecSpec {
        slot: slot(spec),
        service: "web".parse().unwrap(),
        command: command.iter().map(|text| (*text).to_owned()).collect(),
        terminal: None,
    }
}

async fn outputs(session: &mut ExecSession) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(piece) = session.output.next().await {
        match piece {
            ExecOutput::Stdout(bytes) => out.extend(bytes),
            ExecOutput::Stderr(bytes) => err.extend(bytes),
        }
    }
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_beside_the_instances() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = with_env(spec(world.release(1, vec![web()])), &[("GREETING", "hello")]);
    target.start(FENCE, &spec).await.unwrap();
    let what = command(&spec, &["sh", "-c", "cat; echo $GREETING; id -u; echo wrong >&2; exit 3"]);
    let mut session = target.exec(&what).await.unwrap();
    session.input.write_all(b"from outside\n").await.unwrap();
    session.input.shutdown().await.unwrap();
    let (out, err) = outputs(&mut session).await;
    assert_eq!(out, "from outside\nhello\n1000\n");
    assert_eq!(err, "wrong\n");
    assert_eq!(session.control.wait().await.unwrap(), Exit::Code { code: 3 });
    assert_eq!(target.observe(&slot(&spec)).await.unwrap().len(), 1, "it is no instance");
    drop(session);
    until_gone(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_a_terminal_and_ends_when_it_is_let_go() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![web()]));
    target.start(FENCE, &spec).await.unwrap();
    let what = ExecSpec {
        terminal: Some(TerminalSize { rows: 30, columns: 90 }),
        ..command(&spec, &["sh", "-c", "[ -t 0 ] && echo terminal; exec sleep 1000"])
    };
    let mut session = target.exec(&what).await.unwrap();
    let ExecOutput::Stdout(bytes) = session.output.next().await.unwrap() else { panic!() };
    assert_eq!(String::from_utf8_lossy(&bytes).trim(), "terminal");
    session.control.resize(TerminalSize { rows: 40, columns: 100 }).await.unwrap();
    session.control.signal(9).await.unwrap();
    assert_eq!(session.control.wait().await.unwrap(), Exit::Signal { signal: 9, out_of_memory: false });

    let session = target.exec(&command(&spec, &["sleep", "1000"])).await.unwrap();
    assert_eq!(world.containers().await.len(), 2);
    drop(session);
    until_gone(&world).await;
    until_gone(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_with_the_status_that_a_shell_gives_it() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![web()]));
    target.start(FENCE, &spec).await.unwrap();
    let code = |code| Exit::Code { code };
    let killed = |signal| Exit::Signal { signal, out_of_memory: false };
    let table: [(&[&str], Exit, &str); 8] = [
        (&["nosuch"], code(127), "its program \"nosuch\" is not in the image"),
        (&["/nosuch/program"], code(127), "is not in the image"),
        (&["/etc/notes"], code(126), "is not executable for that user"),
        (&["/etc"], code(126), ""),
        (&["sh", "-c", "exit 127"], code(127), ""),
        (&["sh", "-c", "nosuch"], code(127), "not found"),
        (&["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], killed(9), ""),
        (&["sh", "-c", "exit 0"], code(0), ""),
    ];
    for (words, exit, told) in table {
        let mut session = target.exec(&command(&spec, words)).await.unwrap();
        let (out, err) = outputs(&mut session).await;
        assert_eq!(session.control.wait().await.unwrap(), exit, "{words:?}: {err}");
        assert!(out.is_empty() && err.contains(told), "{words:?}: {out} {err}");
    }
    until_gone(&world).await;
}

/// Waits until nothing but the one instance is there.
async fn until_gone(world: &World) {
    let begun = std::time::Instant::now();
    while world.containers().await.len() > 1 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", world.containers().await);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
