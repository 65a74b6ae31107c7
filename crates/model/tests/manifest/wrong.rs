//! Every file of `tests/wrong/` is refused, with messages that are kept as snapshots.

use std::path::Path;

use bascule_model::manifest::{Color, parse};

/// Stands in the files wherever a value must not be shown.
const SECRET: &str = "hunter2";

#[test]
fn wrong_manifests_are_refused_with_every_mistake_at_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 40, "{} files", files.len());
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let source = std::fs::read_to_string(&file).unwrap();
        let diagnostics = match parse(&source, "bascule.toml") {
            Ok(_) => panic!("{name} was taken"),
            Err(diagnostics) => diagnostics,
        };
        let rendered = diagnostics.render(Color::Never);
        let json = serde_json::to_string(&diagnostics.records()).unwrap();
        for shown in [&rendered, &json, &diagnostics.render(Color::Always), &format!("{diagnostics:?}")] {
            assert!(!shown.contains(SECRET), "{name} shows a secret:\n{shown}");
        }
        for diagnostic in diagnostics.iter() {
            assert!(source.get(diagnostic.span.clone()).is_some(), "{name}: {:?}", diagnostic.span);
        }
        insta::with_settings!({ prepend_module_to_snapshot => false, description => source.as_str(), omit_expression => true }, {
            insta::assert_snapshot!(format!("wrong__{name}"), rendered);
        });
    }
}
