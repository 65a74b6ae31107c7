//! Compose files as people write them: each becomes a manifest without mistakes and without secrets, and a list of what was left
//! out. What is no compose file is refused with its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bascule_compose::{Converted, convert};
use bascule_model::detect::Folder;
use bascule_model::manifest::{Color, parse, resolve};
use bascule_model::problem::Problem;
use proptest::prelude::*;

/// Stands in the files wherever a value must not be copied.
const SECRET: &str = "hunter2";

/// A project's files by path.
struct Files(BTreeMap<&'static str, &'static str>);

impl Folder for Files {
    fn names(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn text(&self, path: &str) -> Option<String> {
        self.0.get(path).map(|text| (*text).to_owned())
    }
}

fn project() -> Files {
    Files(BTreeMap::from([
        (
            "Dockerfile",
            "FROM base AS build\nFROM base AS production\nUSER 1000\nEXPOSE 3000\nENTRYPOINT [\"/entry\"]\n",
        ),
        ("api/Dockerfile", "FROM node\nUSER node\nHEALTHCHECK CMD curl localhost/healthz\n"),
        ("app/Dockerfile", "FROM scratch\nCMD [\"./server\"]\n"),
        (".env.production", "RAILS_ENV=staging\nX=1\n"),
    ]))
}

fn files(folder: &str) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    files
}

/// Panics when the manifest has mistakes, also with every variable known.
fn check(converted: &Converted) {
    let manifest = parse(&converted.manifest, "bascule.toml")
        .unwrap_or_else(|wrong| panic!("{}\n{}", wrong.render(Color::Never), converted.manifest));
    for name in ["staging", "production"] {
        resolve(&manifest, name, &|_| Some("x".to_owned()), Some(""))
            .unwrap_or_else(|wrong| panic!("{}\n{}", wrong.render(Color::Never), converted.manifest));
    }
}

fn shown(converted: &Converted) -> String {
    let notes: Vec<String> = converted
        .notes
        .iter()
        .map(|note| format!("{:>3} {}\n    {}", note.line, note.place, note.says))
        .collect();
    format!("{}\n--- taken: {}\n{}\n", converted.manifest, converted.services.join(", "), notes.join("\n"))
}

#[test]
fn compose_files_of_every_style_become_manifests() {
    let files = files("files");
    assert!(files.len() >= 8, "{} files", files.len());
    for (name, path) in files {
        let text = std::fs::read_to_string(path).unwrap();
        let converted = convert(&text, "docker-compose.yml", &project(), "My Shop")
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&converted);
        let shown = shown(&converted);
        assert!(!shown.contains(SECRET), "{name} shows a secret:\n{shown}");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("files__{name}"), shown);
        });
    }
}

#[test]
fn what_is_no_compose_file_is_refused_with_its_line() {
    let mut said = String::new();
    for (name, path) in files("wrong") {
        let text = std::fs::read_to_string(path).unwrap();
        let error =
            convert(&text, "docker-compose.yml", &project(), "shop").map(|_| name.clone()).unwrap_err();
        let problem = Problem::from(error);
        said.push_str(&format!("{name}: {}\n    {}\n", problem.message, problem.remedy));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("wrong", said);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_lost_of_a_file_the_manifest_is_right(
        file in 0_usize..8,
        lost in proptest::collection::vec(0_usize..80, 0..6),
        odd in "[ -~é]{0,20}",
        at in 0_usize..80,
    ) {
        let (_, path) = files("files").swap_remove(file);
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<String> = text
            .lines()
            .enumerate()
            .filter(|(n, _)| !lost.contains(n))
            .map(|(n, line)| match line.split_once(": ") {
                Some((key, _)) if n == at => format!("{key}: {odd}"),
                _ => line.to_owned(),
            })
            .collect();
        if let Ok(converted) = convert(&lines.join("\n"), "compose.yaml", &project(), "shop") {
            check(&converted);
        }
    }

    #[test]
    fn any_text_has_an_answer(text in "\\PC{0,200}") {
        let _ = convert(&text, "compose.yaml", &project(), "shop");
    }
}
