//! A control plane that cannot be started: what is in the way is named, and JSON is still JSON.

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
