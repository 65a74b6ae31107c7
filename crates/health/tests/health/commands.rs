//! Checks that are programs: their surroundings, their end, and that nothing is left of them.

use std::time::Duration;

use bascule_health::{Place, check};
use bascule_model::evidence::{CheckResult, Status};
use bascule_model::manifest::InstanceText;
use bascule_model::release::{Action, Check, Expect};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;

fn command(arguments: &[&str], expect: Expect) -> Check {
    let command = arguments.iter().map(|argument| InstanceText::from_source(*argument)).collect();
    Check {
        name: "own".to_owned(),
        action: Action::Command { command },
        service: None,
        expect,
        retries: 0,
        over: Duration::ZERO,
    }
}

fn place(env: &[(&str, &str)]) -> Place {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Place { address: "127.0.0.1:9".parse().unwrap(), host: None, env, folder: None }
}

async fn shell(script: &str, expect: Expect, env: &[(&str, &str)]) -> CheckResult {
    check(&command(&["sh", "-c", script], expect), &place(env)).await
}

#[tokio::test]
async fn exit_status_0_is_a_pass_and_nothing_else() {
    for (script, status, detail) in [
        ("echo fine", Status::Pass, "exit status 0"),
        ("exit 3", Status::Fail, "exit status 3"),
        ("kill -TERM $$$$", Status::Fail, "ended by signal 15"),
        (
            "for n in 1 2 3 4 5 6 7; do echo line $$n; done; echo oops >&2; exit 1",
            Status::Fail,
            "exit status 1; its last lines:\nline 4\nline 5\nline 6\nline 7\noops",
        ),
    ] {
        let result = shell(script, Expect::default(), &[]).await;
        assert_eq!((result.status, result.detail.as_str()), (status, detail), "{script}");
    }
}

#[tokio::test]
async fn it_gets_its_variables_and_no_others() {
    let env = [("BASCULE_URL", "http://127.0.0.1:9"), ("LEVEL", "debug")];
    let result =
        shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort; exit 1", Expect::default(), &env).await;
    let lines: Vec<_> = result.detail.lines().skip(1).collect();
    assert_eq!(lines[0], "BASCULE_URL=http://127.0.0.1:9");
    assert_eq!(lines[1], "LEVEL=***", "a configured value is not told");
    assert!(lines[2].starts_with("PATH="));
    assert_eq!(lines.len(), 3, "{lines:?}");
    // Its arguments are filled in.
    let filled = command(&["test", "${BASCULE_URL}", "=", "http://127.0.0.1:9"], Expect::default());
    assert_eq!(check(&filled, &place(&env)).await.status, Status::Pass);
}

#[tokio::test]
async fn it_runs_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("marker"), "").unwrap();
    let at = Place { folder: Some(folder.path().to_owned()), ..place(&[]) };
    assert_eq!(check(&command(&["test", "-e", "marker"], Expect::default()), &at).await.status, Status::Pass);
}

#[tokio::test]
async fn its_output_can_be_expected_too() {
    let json = Expect { json: Some("$.ok".to_owned()), ..Expect::default() };
    assert_eq!(shell("echo '{\"ok\":1}'", json.clone(), &[]).await.status, Status::Pass);
    let result = shell("echo no", json, &[]).await;
    assert!(result.detail.starts_with("its output is not JSON"), "{}", result.detail);
    let contains = Expect { contains: Some("ready".to_owned()), ..Expect::default() };
    assert_eq!(shell("echo all ready", contains, &[]).await.status, Status::Pass);
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let result = check(&command(&["./nowhere", "argument"], Expect::default()), &place(&[])).await;
    assert_eq!(result.status, Status::Fail);
    assert!(
        result.detail.starts_with("\"./nowhere\" could not be started: No such file"),
        "{}",
        result.detail
    );
    assert_eq!(
        check(&command(&[], Expect::default()), &place(&[])).await.detail,
        "the check names no program"
    );
}

#[tokio::test]
async fn secrets_in_its_output_are_not_told() {
    let script = "echo \"key is $$KEY\"; echo \"$$PEM\"; exit 1";
    let result =
        shell(script, Expect::default(), &[("KEY", "s3cr3t-key"), ("PEM", "-BEGIN-\nabcdef\n-END-")]).await;
    assert_eq!(result.detail, "exit status 1; its last lines:\nkey is ***\n***");
}

#[tokio::test]
async fn much_output_is_read_and_its_end_is_kept() {
    let result = shell("seq 1 700000; exit 1", Expect::default(), &[]).await;
    assert!(result.detail.ends_with("699999\n700000"), "{}", result.detail);
}

/// For bash: says on a connection to the test that it lives, and stays: closed when the last process of it is gone.
fn lives(address: std::net::SocketAddr) -> String {
    format!("exec 3<>/dev/tcp/127.0.0.1/{}; echo here >&3; sleep 600", address.port())
}

#[tokio::test]
async fn nothing_is_left_of_it_when_it_ends_takes_too_long_or_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let background = format!("( {} ) &\n", lives(listener.local_addr().unwrap()));
    // Each is told by its child that it runs, and sees the connection closed once the whole group is gone.
    for (rest, within_ms) in [("read", 60_000), ("sleep 600", 3_000), ("sleep 600", 60_000)] {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let ends = rest.starts_with("read");
        let rest = if ends { format!("read < {}", fifo.display()) } else { rest.to_owned() };
        let script = format!("{background}{rest}").replace('$', "$$");
        let expect = Expect { within_ms: Some(within_ms), ..Expect::default() };
        let own = command(&["/bin/bash", "-c", &script], expect);
        let running = tokio::spawn(async move { check(&own, &place(&[])).await });
        let (stream, _) = listener.accept().await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("here"));
        if ends {
            std::fs::write(&fifo, "go\n").unwrap();
            assert_eq!(running.await.unwrap().status, Status::Pass);
        } else if within_ms == 3_000 {
            assert_eq!(running.await.unwrap().detail, "timed out after 3 s");
        } else {
            running.abort();
            assert!(running.await.unwrap_err().is_cancelled());
        }
        let end = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await;
        assert!(matches!(end, Ok(Ok(None) | Err(_))), "a process of the check is still there");
    }
}
