//! Help fits 80 columns, and what it says is what was reviewed.

use crate::support::{Scratch, width};

/// The commands, as the help of the program lists them.
fn commands(help: &str) -> Vec<String> {
    let (_, list) = help.split_once("Commands:\n").unwrap();
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn of_the_program() {
    let scratch = Scratch::new();
    let done = scratch.run(&["--help"]);
    assert_eq!(done.status, 0);
    insta::assert_snapshot!(done.out);
}

#[test]
fn of_every_command_has_examples_within_80_columns() {
    let scratch = Scratch::new();
    let names = commands(&scratch.run(&["--help"]).out);
    assert!(names.len() >= 19, "{names:?}");
    for name in names.iter().map(|name| vec![name.as_str()]).chain([vec!["run", "show"]]) {
        let done = scratch.run(&[name.as_slice(), &["--help"]].concat());
        assert_eq!(done.status, 0, "{name:?}");
        assert!(done.out.contains("\nExamples:\n  bascule "), "{name:?} has no example:\n{}", done.out);
        assert!(width(&done.out) <= 80, "{name:?} is {} wide:\n{}", width(&done.out), done.out);
        for option in ["--project <DIR>", "--state <DIR>", "--output <text|json>"] {
            assert!(done.out.contains(option), "{name:?} does not name {option}");
        }
    }
}

#[test]
fn of_deploy_and_resolve() {
    let scratch = Scratch::new();
    insta::assert_snapshot!("help_deploy", scratch.run(&["deploy", "--help"]).out);
    insta::assert_snapshot!("help_resolve", scratch.run(&["resolve", "--help"]).out);
}
