//! A control plane that cannot be started: what is in the way is named, and JSON is still JSON.

use rustix::fs::{FlockOperation, flock};

use crate::support::{SOUND, Scratch};

#[test]
fn the_state_folder_is_a_file() {
    let scratch = Scratch::with_manifest(SOUND);
    std::fs::write(scratch.state(), "").unwrap();
    let done = scratch.run(&["status"]);
    assert_eq!(done.status, 75, "{done:?}");
    assert!(done.err.contains("error[STATE_UNUSABLE]: "), "{done:?}");
    assert!(done.err.contains("\nremedy: "), "{done:?}");

    let last = scratch.run(&["rollback", "staging", "--output", "json"]).last();
    assert_eq!(last["outcome"], "refused");
    assert_eq!(last["run_kind"], "rollback");
    assert_eq!(last["app"], "shop");
    assert_eq!(last["error"]["code"], "STATE_UNUSABLE");
}

#[test]
fn the_path_is_too_long_for_a_socket() {
    let scratch = Scratch::with_manifest(SOUND);
    let long = scratch.state().join("x".repeat(120));
    let done = scratch.run(&["status", "--state", long.to_str().unwrap()]);
    assert_eq!(done.status, 75);
    assert!(done.err.contains("error[STATE_UNUSABLE]: "), "{done:?}");
    assert!(!long.exists());
}

#[test]
fn what_the_control_plane_says_at_its_start_is_what_the_command_says() {
    let scratch = Scratch::with_manifest(SOUND);
    std::fs::create_dir(scratch.state()).unwrap();
    std::fs::write(
        scratch.state().join("journal.db"),
        "this is no journal, and it is long enough to be looked at ".repeat(100),
    )
    .unwrap();
    let done = scratch.run(&["status", "--output", "json"]);
    assert_eq!(done.status, 8, "{done:?}");
    assert_eq!(done.last()["error"]["code"], "JOURNAL_CORRUPT");
}

/// One that was killed a moment ago still has the lock, and does not answer any more: the command waits until it can have it.
#[test]
fn the_former_control_plane_is_dying() {
    let scratch = Scratch::with_manifest(SOUND);
    std::fs::create_dir(scratch.state()).unwrap();
    let lock = std::fs::File::create(scratch.state().join("serve.lock")).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    let log = scratch.state().join("serve.log");
    let dying = std::thread::spawn(move || {
        // It is gone once somebody was refused for it.
        for _ in 0..1000 {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            if said.contains("CONTROL_PLANE_UNAVAILABLE") {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        drop(lock);
    });
    let done = scratch.run(&["status"]);
    dying.join().unwrap();
    let pid = std::fs::read_to_string(scratch.state().join("serve.lock")).unwrap();
    let pid = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    end_the_edge(&scratch);
    assert_eq!(done.status, 0, "{done:?}");
}

/// An edge outlives the control plane that started it.
fn end_the_edge(scratch: &Scratch) {
    let state = scratch.state();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
        let is_its =
            words.get(1) == Some(&&b"edge"[..]) && words.contains(&state.as_os_str().as_encoded_bytes());
        if let Some(pid) = rustix::process::Pid::from_raw(pid).filter(|_| is_its) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

#[test]
fn nobody_reading_is_no_error() {
    let scratch = Scratch::new();
    let program = env!("CARGO_BIN_EXE_bascule");
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("{program} schema | head -c 1 >/dev/null; exit ${{PIPESTATUS:-0}}")])
        .current_dir(scratch.project())
        .status()
        .unwrap();
    assert!(status.success());
}
