use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bascule_model::problem::Code;

use super::*;

fn owner() -> Owner {
    Owner { app: "shop".to_owned(), environment: "production".to_owned() }
}

fn secret(text: &str) -> SecretValue {
    SecretValue::new(text.to_owned())
}

/// A folder, the file in it, the key; with `A` in two versions, `B` in one, and `C` removed.
fn filled() -> (tempfile::TempDir, PathBuf, EnvelopeKey) {
    let folder = tempfile::tempdir().unwrap();
    let path = file_of(folder.path(), "production");
    let key = EnvelopeKey::random().unwrap();
    for (name, value) in [("A", "first value"), ("A", "second value"), ("B", "another"), ("C", "gone soon")] {
        change(&path, &key, |store| store.set(name, secret(value)));
    }
    change(&path, &key, |store| store.remove("C"));
    (folder, path, key)
}

fn change<T>(path: &Path, key: &EnvelopeKey, what: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> T {
    edit(path, &owner(), key, None, Lines::AsSealed, what).unwrap()
}

fn open(path: &Path, key: &EnvelopeKey) -> Result<Store, StoreError> {
    Store::open(path, &owner(), key).map(Option::unwrap)
}

#[test]
fn versions_are_kept_and_a_removal_is_one() {
    let (_folder, path, key) = filled();
    let store = open(&path, &key).unwrap();
    assert_eq!(store.newest("A").unwrap(), (2, &secret("second value")));
    assert_eq!(store.at("A", 1).unwrap().expose(), "first value");
    assert!(store.newest("C").is_none() && store.newest("D").is_none());
    assert_eq!(store.at("C", 1).unwrap().expose(), "gone soon");
    let list: Vec<_> =
        store.list().into_iter().map(|l| (l.name, l.version, l.versions, l.is_removed)).collect();
    let expected = [("A", 2, 2, false), ("B", 1, 1, false), ("C", 2, 2, true)];
    assert_eq!(
        list,
        expected.map(|(name, version, versions, gone)| (name.to_owned(), version, versions, gone))
    );
    assert_eq!(change(&path, &key, |store| store.set("C", secret("back"))), 3);
    // The very same value is no new version.
    assert_eq!(change(&path, &key, |store| store.set("A", secret("second value"))), 2);
}

#[test]
fn a_change_is_one_line_and_the_list() {
    let (_folder, path, key) = filled();
    let before = std::fs::read_to_string(&path).unwrap();
    change(&path, &key, |store| store.set("B", secret("other value")));
    let after = std::fs::read_to_string(&path).unwrap();
    let new: Vec<_> = after.lines().filter(|line| !before.contains(line)).collect();
    assert_eq!(new.len(), 2, "{new:?}");
    assert!(new.iter().any(|line| line.starts_with("\"B@2\"")));
    for value in ["first value", "second value", "another", "other value", "gone soon"] {
        assert!(!after.contains(value));
    }
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn whatever_is_changed_is_noticed_and_named() {
    let (_folder, path, key) = filled();
    let text = std::fs::read_to_string(&path).unwrap();
    let line =
        |name: &str| text.lines().find(|line| line.starts_with(&format!("\"{name}\""))).unwrap().to_owned();
    let sealed = |name: &str| line(name).split('"').nth(3).unwrap().to_owned();
    let refused = |changed: String| {
        assert_ne!(changed, text);
        std::fs::write(&path, changed).unwrap();
        open(&path, &key).unwrap_err()
    };
    let names = |error: StoreError| match error {
        StoreError::Changed { what, .. } => what,
        other => panic!("{other}"),
    };
    let flipped = |text: &str| {
        let at = text.len() / 2;
        let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    };
    // Edited, cut, swapped between names and between versions, a removal taken back, another version's number.
    assert_eq!(names(refused(text.replace(&sealed("B@1"), &flipped(&sealed("B@1"))))), "B@1");
    assert_eq!(names(refused(text.replace(&sealed("B@1"), &sealed("B@1")[..20]))), "B@1");
    let swapped = text
        .replace(&sealed("A@1"), "x")
        .replace(&sealed("A@2"), &sealed("A@1"))
        .replace("\"x\"", &format!("\"{}\"", sealed("A@2")));
    assert_eq!(names(refused(swapped)), "A@1, A@2");
    assert_eq!(names(refused(text.replace(&sealed("A@2"), &sealed("B@1")))), "A@2");
    assert_eq!(names(refused(text.replace("\"removed ", "\""))), "C@2");
    assert_eq!(names(refused(text.replace("\"B@1\"", "\"B@2\""))), "B@2");
    // A line taken out, and the end cut off.
    let list = |error: StoreError| matches!(error, StoreError::List { .. });
    assert!(list(refused(text.replace(&format!("{}\n", line("C@2")), ""))));
    assert!(list(refused(text[..text.find("\"B@1\"").unwrap()].to_owned())));
    assert!(matches!(refused(text[..text.len() - 30].to_owned()), StoreError::Form { .. }));
    // Of another environment, under its own name and under this one.
    let foreign = refused(text.replace("production", "staging"));
    assert!(matches!(foreign, StoreError::Foreign { .. }), "{foreign}");
    let staging = Owner { environment: "staging".to_owned(), ..owner() };
    let error = Store::open(&path, &staging, &key).unwrap_err();
    assert_eq!(names(error), "its data key");
    // With another key.
    std::fs::write(&path, &text).unwrap();
    let error = open(&path, &EnvelopeKey::random().unwrap()).unwrap_err();
    assert_eq!(error.problem().code, Code::SecretKey);
    assert!(error.to_string().contains(&key.id()));
    open(&path, &key).unwrap();
}

#[test]
fn lines_of_two_branches_are_accepted_when_each_opens() {
    let (_folder, path, key) = filled();
    let text = std::fs::read_to_string(&path).unwrap();
    change(&path, &key, |store| store.set("D", secret("of one branch")));
    let other = std::fs::read_to_string(&path).unwrap();
    let line = other.lines().find(|line| line.starts_with("\"D@1\"")).unwrap();
    std::fs::write(&path, format!("{text}{line}\n")).unwrap();
    assert!(open(&path, &key).is_err());
    edit(&path, &owner(), &key, None, Lines::Accepted, Store::rotate).unwrap();
    assert_eq!(open(&path, &key).unwrap().newest("D").unwrap().1.expose(), "of one branch");
}

#[test]
fn both_keys_can_be_changed() {
    let (_folder, path, key) = filled();
    let before = std::fs::read_to_string(&path).unwrap();
    change(&path, &key, Store::rotate);
    let after = std::fs::read_to_string(&path).unwrap();
    let seals =
        |text: &str| text.lines().filter(|line| line.contains("@")).map(str::to_owned).collect::<Vec<_>>();
    assert!(seals(&before).iter().zip(seals(&after)).all(|(one, other)| *one != other));
    let new = EnvelopeKey::random().unwrap();
    edit(&path, &owner(), &key, Some(&new), Lines::AsSealed, |_| Ok(())).unwrap();
    assert!(matches!(open(&path, &key).unwrap_err(), StoreError::OtherKey { .. }));
    assert_eq!(open(&path, &new).unwrap().at("A", 1).unwrap().expose(), "first value");
}

#[test]
fn writers_wait_for_each_other() {
    let (_folder, path, key) = filled();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (path, key) = (&path, &key);
            scope.spawn(move || {
                for n in 0..5 {
                    change(path, key, |store| store.set("SHARED", secret(&format!("{writer} {n}"))));
                }
            });
        }
    });
    assert_eq!(open(&path, &key).unwrap().newest("SHARED").unwrap().0, 40);
}

#[test]
fn a_change_that_fails_writes_nothing() {
    let (_folder, path, key) = filled();
    let before = std::fs::read_to_string(&path).unwrap();
    let failed = edit(&path, &owner(), &key, None, Lines::AsSealed, |store| {
        store.set("X", secret("new"))?;
        store.set("Y", secret(""))
    });
    assert!(matches!(failed, Err(StoreError::Value { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    for name in ["", "1A", "A-B", "A B", "PORT", "BASCULE_X", "ä"] {
        assert!(change(&path, &key, |store| Ok(store.set(name, secret("x")).is_err())), "{name}");
    }
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/key");
    let key = EnvelopeKey::random().unwrap();
    assert!(EnvelopeKey::from_file(&path).unwrap().is_none());
    key.write(&path).unwrap();
    assert_eq!(EnvelopeKey::from_file(&path).unwrap().unwrap().id(), key.id());
    assert!(key.write(&path).is_err());
    for mode in [0o640, 0o604, 0o660, 0o601] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(EnvelopeKey::from_file(&path).unwrap_err().problem().remedy.contains("chmod 600"));
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    EnvelopeKey::from_file(&path).unwrap();
    let hex = "00ff".repeat(16);
    assert_eq!(
        EnvelopeKey::from_text(&format!(" {hex}\n"), "x").unwrap(),
        EnvelopeKey::from_text(&hex, "x").unwrap()
    );
    for text in ["", "hunter2", &"zz".repeat(32), &"ä".repeat(32)] {
        let error = EnvelopeKey::from_text(text, "BASCULE_KEY").unwrap_err().to_string();
        assert!(text.is_empty() || !error.contains(text));
    }
}
