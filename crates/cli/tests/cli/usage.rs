//! Command lines that cannot be meant: exit status 2, and with JSON asked for, JSON.

use crate::support::{SOUND, Scratch, unwrapped};

#[test]
fn a_wrong_command_line_is_exit_2() {
    let scratch = Scratch::with_manifest(SOUND);
    let lines: [&[&str]; 9] = [
        &["deplyo", "staging"],
        &["deploy"],
        &["deploy", "Not A Name"],
        &["deploy", "staging", "--nonsense"],
        &["resolve", "run-1"],
        &["resolve", "run-1", "--abandon"],
        &["resolve", "run-1", "--abandon", "--retry-undo", "--reason", "x"],
        &["history", "staging", "--limit", "0"],
        &["logs", "staging", "--tail", "many"],
    ];
    for line in lines {
        let done = scratch.run(line);
        assert_eq!(done.status, 2, "{line:?}: {done:?}");
        assert!(done.out.is_empty(), "{line:?}: {done:?}");
        assert!(done.err.starts_with("error: "), "{line:?}: {done:?}");
    }
    assert!(!scratch.state().exists(), "a command line that cannot be meant has made a state folder");
}

#[test]
fn without_arguments_there_is_help() {
    let done = Scratch::new().run(&[]);
    assert_eq!(done.status, 2);
    assert!(done.err.contains("Commands:"), "{done:?}");
}

#[test]
fn json_was_asked_for_so_json_it_is() {
    for line in [["deplyo", "--output", "json"].as_slice(), &["--output=json", "deploy"]] {
        let done = Scratch::new().run(line);
        assert_eq!(done.status, 2);
        let last = done.last();
        assert_eq!(last["type"], "error", "{last}");
        assert_eq!(last["error"]["code"], "USAGE", "{last}");
        assert!(!last["error"]["remedy"].as_str().unwrap().is_empty(), "{last}");
    }
}

#[test]
fn the_nearest_command_is_named() {
    let done = Scratch::new().run(&["deplyo"]);
    assert!(done.err.contains("deploy"), "{done:?}");
}

#[test]
fn outside_of_a_project_it_says_what_to_do() {
    let scratch = Scratch::new();
    let done = scratch.run(&["validate"]);
    insta::assert_snapshot!(unwrapped(&done.told()));
    let done = scratch.run(&["deploy", "staging", "--output", "json"]);
    assert_eq!(done.status, 2);
    assert_eq!(done.last()["error"]["code"], "MANIFEST_UNREADABLE");
    assert!(!scratch.state().exists(), "nothing was to be started");
}
