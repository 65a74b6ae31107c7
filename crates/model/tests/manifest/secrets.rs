//! Wherever a manifest holds values, and whatever is wrong beside them: no message shows one.

use bascule_model::manifest::{Color, Diagnostics, parse, resolve};
use proptest::prelude::*;

const SECRET: &str = "hunter2";

/// A manifest with a secret in each place that may hold one.
const MANIFEST: &str = "app = \"shop\"\nenv = { A = \"hunter2\", B = \"x\" }\n\n[services.web]\ncommand = [\"./shop\"]\nport = 3000\n\
    env = { C = 'hunter2', D = \"\"\"\nhunter2\nhunter2\"\"\" }\n[services.web.health]\npath = \"/health\"\n\n[[verify]]\nname = \"users\"\n\
    post = \"/users\"\nheader = { Authorization = \"Bearer hunter2\" }\nbody = '''\n{ \"password\": \"hunter2\" }\n'''\n\
    expect = { status = 200 }\n\n[environments.staging]\nlisten = \"127.0.0.1:8080\"\n[environments.staging.env]\nE = \"hunter2\"\nF = \"${X}hunter2\"\n\
    [environments.production]\nservices.web.env.G = \"hunter2\"\n\
    [[pipeline.stage]]\nname = \"checks\"\n[pipeline.stage.jobs.unit]\nrun = \"true\"\nenv = { H = \"hunter2\" }\n";

fn assert_hidden(source: &str, diagnostics: &Diagnostics) {
    let json = serde_json::to_string(&diagnostics.records()).unwrap();
    for shown in [diagnostics.render(Color::Never), json, format!("{diagnostics:?}"), diagnostics.to_string()]
    {
        assert!(!shown.contains(SECRET), "shown of\n{source}\n:\n{shown}");
    }
}

#[test]
fn the_manifest_is_right() {
    let manifest = parse(MANIFEST, "bascule.toml").unwrap_or_else(|d| panic!("{}", d.render(Color::Never)));
    let diagnostics = resolve(&manifest, "staging", &|_| None, None).unwrap_err();
    assert_hidden(MANIFEST, &diagnostics);
    let environment = resolve(&manifest, "staging", &|_| Some("hunter3".to_owned()), None).unwrap();
    assert!(!format!("{environment:?}").contains("hunter3"));
    assert!(!serde_json::to_string(&environment).unwrap().contains("hunter3"));
}

#[test]
fn one_character_less_or_more_shows_nothing() {
    for at in 0..MANIFEST.len() {
        let mut less = MANIFEST.to_owned();
        less.remove(at);
        let more = ["\"", "'", "=", "[", "]", "{", "}", "\n", "#", "x", "\\", ",", "."].map(|added| {
            let mut more = MANIFEST.to_owned();
            more.insert_str(at, added);
            more
        });
        for source in more.into_iter().chain([less]) {
            if let Err(diagnostics) = parse(&source, "bascule.toml") {
                let json = serde_json::to_string(&diagnostics.records()).unwrap();
                // A character inside the secret makes another secret of it: what is looked for is what is left whole.
                for shown in [diagnostics.render(Color::Never), json] {
                    assert!(!shown.contains(SECRET), "shown of\n{source}\n:\n{shown}");
                }
            }
        }
    }
}

#[test]
fn a_text_that_is_opened_by_mistake_hides_the_keys_that_it_swallows() {
    let mut source = MANIFEST.to_owned();
    source.replace_range(144..148, "x\n,");
    source.insert_str(375, "\"\"");
    assert!(source.contains("\"\"\"127.0.0.1:8080\""), "the places have moved:\n{source}");
    assert_hidden(&source, &parse(&source, "bascule.toml").unwrap_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn several_changes_show_nothing(changes in proptest::collection::vec((0..MANIFEST.len(), "[\"'=\\[\\]{}\n#x.,$]{0,3}", 0..12_usize), 1..4)) {
        let mut source = MANIFEST.to_owned();
        for (at, added, removed) in changes {
            let at = at.min(source.len());
            let end = (at + removed).min(source.len());
            source.replace_range(at..end, &added);
        }
        if let Err(diagnostics) = parse(&source, "bascule.toml") {
            // The changes may have moved a secret into a place that is shown: then it stands there in the open.
            let is_moved = diagnostics.render(Color::Never).contains(SECRET);
            prop_assert!(!is_moved || !looks_hidden(&source), "shown of\n{source}\n:\n{}", diagnostics.render(Color::Never));
        }
    }
}

/// Whether every line with the secret still belongs to a key that hides its value.
fn looks_hidden(source: &str) -> bool {
    [
        "env = { A = \"hunter2\"",
        "env = { C = 'hunter2'",
        "\nenv = { H = \"hunter2\"",
        "header = { Authorization = \"Bearer hunter2\"",
        "\nbody = '''\n{ \"password\": \"hunter2\" }",
        "[environments.staging.env]\nE = \"hunter2\"\nF = \"${X}hunter2",
        "\nservices.web.env.G = \"hunter2\"",
        "D = \"\"\"\nhunter2\nhunter2\"\"\"",
    ]
    .iter()
    .all(|place| source.contains(place))
}
