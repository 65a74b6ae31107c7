//! `secret` and `config`: values come in, names and versions come out.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Done, SOUND, Scratch, unwrapped};

const KEY: (&str, &str) = ("BASCULE_KEY", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
const VALUES: [&str; 4] = ["hunter2-first", "hunter2-second", "hunter2-third", "hunter2-of-a-file"];

fn told(done: &Done) -> String {
    let told = unwrapped(&done.told());
    assert!(VALUES.iter().all(|value| !told.contains(value)), "{told}");
    told
}

#[test]
fn a_secret_is_set_listed_changed_and_removed() {
    let scratch = Scratch::with_manifest(SOUND);
    let run = |words: &[&str], input: &str| scratch.run_with_input(words, &[KEY], input);
    assert!(told(&run(&["secret", "set", "staging", "A"], "hunter2-first\n")).contains("A@1 is set"));
    assert!(told(&run(&["secret", "rotate", "staging", "A"], "hunter2-second")).contains("A@2 is set"));
    let same = run(&["secret", "rotate", "staging", "A"], "hunter2-second");
    assert!(same.status == 2 && told(&same).contains("has this very value already"));
    assert_eq!(run(&["secret", "rotate", "staging", "NO"], "x").status, 2);
    assert_eq!(run(&["secret", "set", "staging", "B"], "hunter2-third\r\n").status, 0);
    assert_eq!(run(&["secret", "rm", "staging", "B"], "").status, 0);
    assert_eq!(run(&["secret", "rm", "staging", "B"], "").status, 2);
    scratch.write(".env.staging", "C='hunter2-of-a-file'\nD=\n");
    assert!(told(&run(&["secret", "import", "staging"], "")).contains("C@1"));
    let listed = told(&run(&["secret", "list", "staging"], ""));
    assert!(listed.contains("A@2  2 versions\nB@2  removed\nC@1  1 version\n"), "{listed}");
    let file = scratch.read(".bascule/secrets/staging.toml");
    assert!(VALUES.iter().all(|value| !file.contains(value)));
    for (words, input) in [
        (&["secret", "set", "staging", "A"][..], ""),
        (&["secret", "set", "staging", "1A"], "x"),
        (&["secret", "set", "staging", "PORT"], "x"),
        (&["secret", "set", "nowhere", "A"], "x"),
        (&["secret", "import", "staging", "missing.env"], ""),
    ] {
        let done = run(words, input);
        assert_eq!(done.status, 2, "{words:?}: {done:?}");
    }
    assert_eq!(scratch.read(".bascule/secrets/staging.toml"), file);
}

#[test]
fn a_value_on_the_command_line_is_refused_with_the_reason() {
    let scratch = Scratch::with_manifest(SOUND);
    for words in [
        &["secret", "set", "staging", "A", "hunter2-first"][..],
        &["secret", "set", "staging", "A=hunter2-first"],
        &["secret", "set", "staging", "A", "--hunter2-first"],
        &["secret", "rotate", "staging", "A", "hunter2-first"],
    ] {
        let done = scratch.run_with(words, &[KEY]);
        assert_eq!(done.status, 2, "{done:?}");
        assert!(told(&done).contains("not taken from the command line"), "{done:?}");
        let json = scratch.run_with(&[words, &["--output", "json"][..]].concat(), &[KEY]);
        assert!(json.status == 2 && !json.out.contains("hunter2"), "{json:?}");
    }
    assert!(!scratch.project().join(".bascule").exists());
}

#[test]
fn the_key_is_the_users_a_files_or_a_commands() {
    let scratch = Scratch::with_manifest(SOUND);
    let first = scratch.run_with_input(&["secret", "set", "staging", "A"], &[], "hunter2-first");
    assert!(
        first.status == 0 && told(&first).contains("a new key was made: [ROOT]/.config/bascule/secrets.key")
    );
    let key = scratch.project().join("../.config/bascule/secrets.key");
    let mode = std::fs::metadata(&key).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    std::fs::rename(&key, scratch.project().join("other.key")).unwrap();
    let none = scratch.run(&["secret", "list", "staging"]);
    assert!(none.status == 4 && told(&none).contains("error[SECRET_KEY]"), "{none:?}");
    // Nor is a second one made beside what is sealed.
    assert_eq!(scratch.run_with_input(&["secret", "set", "staging", "B"], &[], "x").status, 4);
    assert_eq!(
        scratch.run_with(&["secret", "list", "staging"], &[("BASCULE_KEY_FILE", "other.key")]).status,
        0
    );
    let command = [("BASCULE_KEY_COMMAND", "cat other.key")];
    assert_eq!(scratch.run_with(&["secret", "list", "staging"], &command).status, 0);
    assert_eq!(scratch.run_with(&["secret", "list", "staging"], &[KEY]).status, 4);
    let new = scratch.run_with(&["secret", "rotate", "staging", "--new-key-file", "new.key"], &command);
    assert_eq!(new.status, 0, "{new:?}");
    assert_eq!(scratch.run_with(&["secret", "list", "staging"], &command).status, 4);
    assert_eq!(
        scratch.run_with(&["secret", "list", "staging"], &[("BASCULE_KEY_FILE", "new.key")]).status,
        0
    );
    std::fs::set_permissions(scratch.project().join("new.key"), std::fs::Permissions::from_mode(0o644))
        .unwrap();
    let open = scratch.run_with(&["secret", "list", "staging"], &[("BASCULE_KEY_FILE", "new.key")]);
    assert!(open.status == 4 && told(&open).contains("chmod 600"), "{open:?}");
}

#[test]
fn a_store_that_was_changed_by_hand_is_refused_and_what_was_is_named() {
    let scratch = Scratch::with_manifest(SOUND);
    for (name, value) in [("A", "hunter2-first"), ("B", "hunter2-second")] {
        assert_eq!(scratch.run_with_input(&["secret", "set", "staging", name], &[KEY], value).status, 0);
    }
    let path = ".bascule/secrets/staging.toml";
    let text = scratch.read(path);
    scratch.write(
        path,
        &text.replace("\"A@1\"", "\"x\"").replace("\"B@1\"", "\"A@1\"").replace("\"x\"", "\"B@1\""),
    );
    for words in [&["secret", "list", "staging"][..], &["config", "staging"], &["validate", "staging"]] {
        let done = scratch.run_with(words, &[KEY]);
        assert!(done.status == 4 && told(&done).contains("A@1, B@1"), "{done:?}");
    }
}

#[test]
fn the_configuration_has_names_and_origins_and_no_secret() {
    let manifest = format!(
        "env = {{ A = \"manifest\", B = \"manifest\", C = \"manifest\" }}\n{SOUND}env = {{ B = \"environment\" }}\n\
         [secrets]\nE = \"env:OTHER\"\nF = \"command:echo hunter2-second\"\n"
    );
    let scratch = Scratch::with_manifest(&manifest);
    scratch.write(".env.staging", "C=hunter2-of-a-file\n");
    assert_eq!(scratch.run_with_input(&["secret", "set", "staging", "D"], &[KEY], "hunter2-first").status, 0);
    let done = scratch.run_with(&["config", "staging", "--origin"], &[KEY, ("OTHER", "hunter2-third")]);
    insta::assert_snapshot!(told(&done));
    let plain =
        scratch.run_with(&["config", "staging"], &[KEY, ("OTHER", "hunter2-third"), ("A", "hunter2-first")]);
    assert!(told(&plain).contains("A  (secret)\nB  environment\n"), "{plain:?}");
    let json =
        scratch.run_with(&["config", "staging", "--output", "json"], &[KEY, ("OTHER", "hunter2-third")]);
    assert_eq!(json.last()["configuration"][3]["version"], 1, "{json:?}");
    let failing =
        manifest.replace("echo hunter2-second", "echo hunter2-second; echo no hunter2-second >&2; exit 1");
    scratch.write("bascule.toml", &failing);
    let failed = scratch.run_with(&["config", "staging"], &[KEY, ("OTHER", "hunter2-third")]);
    assert!(failed.status == 4 && told(&failed).contains("ended with 1: no [secret F]"), "{failed:?}");
}

#[test]
fn secrets_in_clear_are_found_and_refused() {
    // Put together here, so that this file holds none.
    let token = ["ghp_", "k7Qm2Xz9Lr4Tb8Wd1Nv6Hs3Jc5Pfk7Qm2Xz9"].concat();
    let scratch = Scratch::with_manifest(SOUND);
    let clean = scratch.run(&["secret", "scan"]);
    assert_eq!(clean.status, 0, "{clean:?}");
    scratch.write("src/app.py", &format!("x = 1\nTOKEN = \"{token}\"\n"));
    let found = scratch.run(&["secret", "scan"]);
    assert_eq!(found.status, 4, "{found:?}");
    assert!(found.out.contains("src/app.py:2:10: a token of GitHub [github-token]"), "{found:?}");
    for words in [&["secret", "scan", "src", "--output", "json"][..], &["secret", "scan", "--form", "sarif"]]
    {
        let done = scratch.run(words);
        assert!(done.status == 4 && !done.out.contains("k7Qm2Xz9"), "{done:?}");
        assert!(done.last().is_object());
    }
    assert_eq!(scratch.run(&["secret", "scan", "nothing"]).status, 2);
    scratch.write("bascule.toml", &format!("{SOUND}env = {{ GREETING = \"{token}\" }}\n"));
    let refused = scratch.run(&["validate"]);
    let told = unwrapped(&refused.told());
    assert!(
        refused.status == 2
            && told.contains("MANIFEST_SECRET_LITERAL")
            && told.contains("bascule secret set")
    );
    assert!(!told.contains("k7Qm2Xz9"), "{told}");
}
