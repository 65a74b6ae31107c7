//! What is to be done, as a table of journals and wishes.

use bascule_migrations::pending::{
    Applied, Contract, Edited, OutOfOrder, PendingError, Target, Todo, Wish, pending,
};
use bascule_migrations::{Format, MigrationSet, Version, checksum};
use insta::assert_snapshot;

use crate::support::{auto, named};

fn set() -> MigrationSet {
    named(
        Format::Sqlx,
        &[
            ("1_one.up.sql", "SELECT 1;"),
            ("1_one.down.sql", "SELECT -1;"),
            ("2_two.sql", "SELECT 2;"),
            ("3_three.sql", "SELECT 3;"),
            ("10_ten.sql", "SELECT 10;"),
        ],
    )
}

/// Applied versions: `3` as its file is; `3!` with another text; `3-` without a stored way back; `3~` whose contract waits.
fn journal(versions: &[&str]) -> Vec<Applied> {
    let one = |mark: &&str| {
        let version = mark.trim_end_matches(['!', '-', '~']);
        let text = if mark.contains('!') {
            "SELECT 'before';\n".to_owned()
        } else {
            format!("SELECT {};", version.trim_start_matches('0'))
        };
        Applied {
            version: Version(version.to_owned()),
            name: String::new(),
            checksum: checksum::of(&text),
            accepted: vec![],
            up: Some(text),
            down: (!mark.contains('-')).then(Vec::new),
            contract: if mark.contains('~') { Contract::Waiting } else { Contract::None },
        }
    };
    versions.iter().map(one).collect()
}

fn shown(todo: &Todo) -> String {
    let list = |versions: Vec<String>| versions.join(" ");
    let mut text = String::new();
    let mut line = |what: &str, versions: Vec<String>| {
        if !versions.is_empty() {
            text += &format!("    {what}: {}\n", list(versions));
        }
    };
    line("apply", todo.apply.iter().map(|apply| format!("{} ({:?})", apply.version, apply.reason)).collect());
    line(
        "revert",
        todo.revert
            .iter()
            .map(|revert| format!("{} ({:?}, {:?})", revert.version, revert.from, revert.contract))
            .collect(),
    );
    line("left", todo.left.iter().map(ToString::to_string).collect());
    line("contracts", todo.contracts.iter().map(ToString::to_string).collect());
    line("edited", todo.edited.iter().map(|edit| edit.version.to_string()).collect());
    line(
        "missing",
        todo.missing.iter().map(|missing| format!("{} ({:?})", missing.version, missing.down)).collect(),
    );
    if text.is_empty() { "    nothing\n".to_owned() } else { text }
}

#[test]
fn what_is_to_be_done() {
    let to = |target: Target| Wish { target, ..Wish::default() };
    let up = |version: &str| to(Target::UpTo(version.to_owned()));
    let down = |version: &str| to(Target::DownTo(version.to_owned()));
    let refuse = Wish { out_of_order: OutOfOrder::Refuse, ..Wish::default() };
    let report = Wish { edited: Edited::Report, ..Wish::default() };
    let cases: [(&str, &[&str], Wish); 24] = [
        ("new database", &[], Wish::default()),
        ("nothing to do", &["1", "2", "3", "10"], Wish::default()),
        ("two new ones", &["1", "2"], Wish::default()),
        ("other spelling", &["0001", "02"], Wish::default()),
        ("late one", &["1", "3"], Wish::default()),
        ("late one, refused", &["1", "3"], refuse.clone()),
        ("late to one without a file", &["1", "12"], Wish::default()),
        ("up to", &["1"], up("3")),
        ("up to, other spelling", &["1"], up("003")),
        ("up to what is there", &["1", "2", "3"], up("2")),
        ("up to nothing known", &["1"], up("4")),
        ("edited", &["1", "2!"], Wish::default()),
        ("edited, reported", &["1", "2!"], report),
        ("without a file", &["1", "2", "7", "8-"], up("3")),
        ("contract waits", &["1~", "2", "3", "10"], Wish::default()),
        ("down one", &["1", "2", "3"], to(Target::DownBy(1))),
        ("down three of two", &["1", "2"], to(Target::DownBy(3))),
        ("down to", &["1", "2~", "3"], down("1")),
        ("down to nothing", &["1", "2"], down("0")),
        ("down to where it is", &["1", "2"], down("2")),
        ("down in the order of application", &["1", "10", "2", "3"], down("1")),
        ("down to what was not applied", &["1", "2"], down("3")),
        ("down through one without a way", &["1", "2", "3-"], down("1")),
        ("down by the file", &["1-"], down("0")),
    ];
    let mut text = String::new();
    for (what, versions, wish) in cases {
        text += &format!("{what}: {}\n", versions.join(" "));
        text += &match pending(&set(), &journal(versions), &wish) {
            Ok(todo) => shown(&todo),
            Err(error) => format!("    error: {error}\n"),
        };
    }
    assert_snapshot!(text);
}

#[test]
fn an_edit_is_shown_until_it_is_accepted() {
    let mut journal = journal(&["1", "2!"]);
    let error = pending(&set(), &journal, &Wish::default()).unwrap_err();
    let PendingError::Edited { edits } = error else { panic!("{error}") };
    assert_eq!(
        edits[0].diff.as_deref().unwrap(),
        "--- applied\n+++ 2_two.sql\n@@ -1,1 +1,1 @@\n-SELECT 'before';\n+SELECT 2;\n"
    );
    journal[1].accepted.push(checksum::of("SELECT 2;"));
    assert!(pending(&set(), &journal, &Wish::default()).unwrap().edited.is_empty());
}

#[test]
fn what_repeats_runs_again_when_it_changed() {
    let files = [("V1__a.sql", "SELECT 1;"), ("V2__b.sql", "SELECT 2;"), ("R__v.sql", "SELECT 'v';")];
    let set = auto(&files);
    let mut applied = journal(&["1", "2"]);
    let again = |applied: &[Applied], wish: &Wish| shown(&pending(&set, applied, wish).unwrap());
    assert_eq!(again(&applied, &Wish::default()), "    apply: R__v (New)\n");
    applied.push(Applied { version: Version("R__v".to_owned()), ..journal(&["9"])[0].clone() });
    assert_eq!(again(&applied, &Wish::default()), "    apply: R__v (Changed)\n");
    let up = Wish { target: Target::UpTo("2".to_owned()), ..Wish::default() };
    assert_eq!(again(&applied, &up), "    left: R__v\n");
    applied[2].checksum = checksum::of("SELECT 'v';");
    assert_eq!(again(&applied, &Wish::default()), "    nothing\n");
    let down = Wish { target: Target::DownBy(1), ..Wish::default() };
    assert_eq!(again(&applied, &down), "    revert: 2 (Journal, None)\n");
}

#[test]
fn refinery_s_merged_ones_are_never_late() {
    let set = named(
        Format::Refinery,
        &[("V1__a.sql", "SELECT 1;"), ("U2__b.sql", "SELECT 2;"), ("V3__c.sql", "SELECT 3;")],
    );
    let wish = Wish { out_of_order: OutOfOrder::Refuse, ..Wish::default() };
    assert_eq!(shown(&pending(&set, &journal(&["1", "3"]), &wish).unwrap()), "    apply: 2 (New)\n");
}
