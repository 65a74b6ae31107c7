use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::store::{EnvelopeKey, Lines, Owner, edit, file_of};

fn around<'a>(folder: &'a Path, store: Option<&'a Store>, timeout: u64) -> Surroundings<'a> {
    let variables = &|name: &str| (name == "FROM_ENV").then(|| "value of env".to_owned());
    Surroundings { project: folder, variables, store, timeout: Duration::from_millis(timeout) }
}

fn shell(line: &str) -> Source<'_> {
    Source::Command(Line::Shell(line))
}

#[test]
fn each_source_gives_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let owner = Owner { app: "shop".to_owned(), environment: "staging".to_owned() };
    let (path, key) = (file_of(folder.path(), "staging"), EnvelopeKey::random().unwrap());
    let set = |value: &str| {
        let value = SecretValue::new(value.to_owned());
        edit(&path, &owner, &key, None, Lines::AsSealed, |store| store.set("A", value)).unwrap()
    };
    set("one");
    assert_eq!(set("two"), 2);
    let store = Store::open(&path, &owner, &key).unwrap();
    let around = around(folder.path(), store.as_ref(), 20_000);
    let file = folder.path().join("token");
    std::fs::write(&file, "value of file\r\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let words = ["printf", "%s", "$A 'b'"].map(str::to_owned);
    for (source, value, version) in [
        (Source::Env("FROM_ENV"), "value of env", None),
        (Source::File(Path::new("token")), "value of file", None),
        (Source::Store, "two", Some(2)),
        (shell("pwd >/dev/null; printf 'a\\nb\\n\\n'"), "a\nb\n", None),
        (Source::Command(Line::Program(&words)), "$A 'b'", None),
    ] {
        let fetched = fetch("A", &source, &around).unwrap();
        assert_eq!((fetched.value.expose(), fetched.version), (value, version));
    }
    for source in
        [Source::Env("OTHER"), Source::File(Path::new("other")), shell("true"), shell("printf 'a\\0b'")]
    {
        assert!(fetch("A", &source, &around).unwrap_err().to_string().contains("the secret A"));
    }
    assert!(fetch("B", &Source::Store, &around).is_err());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = fetch("A", &Source::File(&file), &around).unwrap_err();
    assert!(error.to_string().contains("0640") && error.problem().remedy.contains("chmod 600"));
}

#[test]
fn a_command_that_fails_says_why_and_nothing_that_it_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let around = around(folder.path(), None, 20_000);
    let line = "echo hunter22-value; echo 'no such item: \"hunter22-value\"' >&2; printf hunter22-value | base64 >&2; exit 3";
    let error = fetch("A", &shell(line), &around).unwrap_err().to_string();
    assert_eq!(error, "the command for the secret A ended with 3: no such item: \"[secret A]\"; [secret A]");
    let line = "echo 'token=\"k4naR7-value\" is not allowed for vault' >&2; exit 1";
    let error = fetch("A", &shell(line), &around).unwrap_err().to_string();
    assert_eq!(error, "the command for the secret A ended with 1: token=\"***\" is not allowed for vault");
    let error = fetch("A", &shell("kill -9 $$"), &around).unwrap_err().to_string();
    assert_eq!(error, "the command for the secret A was ended by signal 9");
    let words = ["no-such-program-here".to_owned()];
    let error = fetch("A", &Source::Command(Line::Program(&words)), &around).unwrap_err().to_string();
    assert!(error.contains("could not be started"), "{error}");
    let error = fetch("A", &shell("head -c 200000 /dev/zero | tr '\\0' x"), &around).unwrap_err().to_string();
    assert!(error.contains("128 KiB"), "{error}");
}

#[test]
fn a_command_that_does_not_end_is_killed_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let around = around(folder.path(), None, 300);
    for (number, line) in
        ["sleep 600 & echo $! > PID; echo value; sleep 600", "sleep 600 & echo $! > PID; exec >&-; sleep 600"]
            .iter()
            .enumerate()
    {
        let line = line.replace("PID", &format!("pid{number}"));
        let error = fetch("A", &shell(&line), &around).unwrap_err();
        assert!(matches!(error, ProviderError::Slow { .. }), "{error}");
        ends(&folder.path().join(format!("pid{number}")));
    }
}

#[test]
fn what_a_command_leaves_behind_is_killed_when_it_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let around = around(folder.path(), None, 20_000);
    let line = "sleep 600 >/dev/null 2>&1 & echo $! > pid; echo value";
    assert_eq!(fetch("A", &shell(line), &around).unwrap().value.expose(), "value");
    ends(&folder.path().join("pid"));
}

/// Waits until the process whose number is in the file is gone (or only waits to be collected).
fn ends(file: &Path) {
    let pid = std::fs::read_to_string(file).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    for _ in 0..2000 {
        match std::fs::read_to_string(&stat) {
            Ok(text) if !text.contains(") Z ") => std::thread::sleep(Duration::from_millis(5)),
            _ => return,
        }
    }
    panic!("{} is still there", pid.trim());
}
