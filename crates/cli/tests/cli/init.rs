//! `init`: what it writes is valid, and it never writes over what is there.

use crate::support::{SOUND, Scratch, unwrapped};

const CARGO: &str = "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

#[test]
fn writes_a_manifest_that_is_valid() {
    let scratch = Scratch::new();
    scratch.write("Cargo.toml", CARGO);
    scratch.write("src/main.rs", "fn main() {}\n");
    let done = scratch.run(&["init"]);
    insta::assert_snapshot!(done.told());
    assert!(scratch.read("bascule.toml").contains("app = \"hello\""));
    assert_eq!(scratch.run(&["validate"]).status, 0);
}

#[test]
fn does_not_write_over_one() {
    let scratch = Scratch::with_manifest(SOUND);
    let done = scratch.run(&["init"]);
    assert_eq!(done.status, 2);
    insta::assert_snapshot!(unwrapped(&done.told()));
    assert_eq!(scratch.read("bascule.toml"), SOUND);
}

#[test]
fn only_shows_it() {
    let scratch = Scratch::new();
    scratch.write("Procfile", "web: ./serve --port $PORT\nworker: ./work\n");
    let done = scratch.run(&["init", "--stdout"]);
    assert_eq!(done.status, 0);
    assert!(done.out.contains("[services.worker]"), "{done:?}");
    assert!(!scratch.project().join("bascule.toml").exists());
}

#[test]
fn as_json() {
    let scratch = Scratch::new();
    scratch.write("go.mod", "module example.com/hello\n\ngo 1.24\n");
    scratch.write("main.go", "package main\n");
    let done = scratch.run(&["init", "--output", "json"]);
    assert_eq!(done.status, 0);
    let answer = done.last();
    assert_eq!(answer["written"], true);
    assert_eq!(answer["manifest"].as_str().unwrap(), scratch.read("bascule.toml"));
    assert!(!answer["detected"].as_str().unwrap().is_empty());
}

#[test]
fn takes_a_compose_file_over_and_lists_what_it_does_not() {
    let scratch = Scratch::new();
    scratch.write("Dockerfile", "FROM scratch\nUSER 1000\nEXPOSE 3000\nCMD [\"./shop\"]\n");
    scratch.write(
        "compose.yaml",
        "name: hello\nservices:\n  web:\n    build: .\n    environment: { TOKEN: hunter2 }\n    networks: [a]\n  db:\n    image: postgres\n",
    );
    let done = scratch.run(&["init", "--from", "compose.yaml"]);
    assert_eq!(done.status, 0, "{done:?}");
    insta::assert_snapshot!(unwrapped(&done.told()));
    assert!(scratch.read("bascule.toml").contains("TOKEN = \"${TOKEN}\""));
    assert_eq!(scratch.run(&["validate"]).status, 0);
}

#[test]
fn says_what_is_wrong_with_a_compose_file() {
    let scratch = Scratch::new();
    scratch.write("compose.yaml", "services:\n  web: [\n");
    for file in ["compose.yaml", "nowhere.yaml"] {
        let done = scratch.run(&["init", "--from", file]);
        assert_eq!(done.status, 2, "{done:?}");
        assert!(done.told().contains("reading the compose file"), "{done:?}");
        assert!(!scratch.project().join("bascule.toml").exists());
    }
}

#[test]
fn a_dockerfile_is_run_as_containers() {
    let scratch = Scratch::new();
    scratch.write("Dockerfile", "FROM scratch\nUSER 1000\nEXPOSE 3000\nCMD [\"./shop\"]\n");
    let done = scratch.run(&["init"]);
    assert_eq!(done.status, 0, "{done:?}");
    assert!(scratch.read("bascule.toml").contains("target = \"docker\""));
    assert_eq!(scratch.run(&["validate"]).status, 0);
}
