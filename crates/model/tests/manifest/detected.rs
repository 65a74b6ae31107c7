//! What `bascule init` writes is itself a manifest without mistakes.

use std::collections::BTreeMap;

use bascule_model::detect::{Folder, detect};
use bascule_model::manifest::{Color, parse, resolve};
use proptest::prelude::*;

/// Files by path.
struct Files(BTreeMap<String, String>);

impl Folder for Files {
    fn names(&self, path: &str) -> Vec<String> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut names: Vec<String> = self
            .0
            .keys()
            .filter_map(|file| file.strip_prefix(&prefix))
            .map(|rest| rest.split_once('/').map_or(rest.to_owned(), |(folder, _)| format!("{folder}/")))
            .collect();
        names.dedup();
        names
    }

    fn text(&self, path: &str) -> Option<String> {
        self.0.get(path).cloned()
    }
}

fn files(files: &[(&str, &str)]) -> Files {
    Files(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
}

fn accepted(folder: &Files, name: &str) -> String {
    let detected = detect(folder, name);
    let manifest = parse(&detected.manifest, "bascule.toml")
        .unwrap_or_else(|d| panic!("{}\n{}", d.render(Color::Never), detected.manifest));
    for environment in ["staging", "production"] {
        resolve(&manifest, environment, &|_| None, None)
            .unwrap_or_else(|d| panic!("{}\n{}", d.render(Color::Never), detected.manifest));
    }
    assert!(detected.manifest.lines().count() < 50, "not short:\n{}", detected.manifest);
    detected.manifest
}

#[test]
fn each_kind_of_project_gets_a_manifest_that_fits() {
    let cargo = "[package]\nname = \"my_shop\"\n";
    let package =
        r#"{ "name": "@acme/Shop.js", "scripts": { "start": "node dist/server.js", "build": "tsc" } }"#;
    let projects: [(&str, &[(&str, &str)]); 20] = [
        (
            "cargo",
            &[("Cargo.toml", cargo), ("src/main.rs", ""), ("static/a.css", ""), ("Dockerfile", "CMD x")],
        ),
        (
            "cargo_workspace",
            &[
                ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\", \"tool\"]\n"),
                ("crates/lib/Cargo.toml", "[package]\nname = \"lib\"\n"),
                ("crates/lib/src/lib.rs", ""),
                ("crates/web/Cargo.toml", "[package]\nname = \"web\"\n[[bin]]\nname = \"serve\"\n"),
            ],
        ),
        ("cargo_library", &[("Cargo.toml", cargo), ("src/lib.rs", "")]),
        (
            "node",
            &[("package.json", package), ("package-lock.json", "{}"), ("src/server.ts", ""), (".env", "")],
        ),
        ("node_script", &[("package.json", r#"{ "scripts": { "start": "next start -p ${PORT:-3000}" } }"#)]),
        ("node_plain", &[("package.json", "{}"), ("yarn.lock", ""), ("index.js", "")]),
        (
            "go",
            &[
                ("go.mod", "module example.com/acme/shop/v2\n\ngo 1.24\n"),
                ("main.go", ""),
                ("templates/a", ""),
            ],
        ),
        ("go_cmd", &[("go.mod", "module shop\n"), ("cmd/server/main.go", ""), ("internal/a.go", "")]),
        (
            "flask",
            &[("requirements.txt", "Flask==3.0\n"), ("main.py", "app = Flask(__name__)"), ("app.py", "")],
        ),
        ("flask_gunicorn", &[("requirements.txt", "flask\ngunicorn\n"), ("app.py", "app = Flask(__name__)")]),
        (
            "fastapi",
            &[
                ("pyproject.toml", "[project]\nname = \"Shop API\"\ndependencies = [\"fastapi\"]\n"),
                ("main.py", ""),
            ],
        ),
        ("django", &[("manage.py", ""), ("shop/wsgi.py", ""), ("requirements.txt", "Django\ngunicorn\n")]),
        ("python", &[("requirements.txt", "requests\n"), ("server.py", "")]),
        ("rails", &[("Gemfile", "gem 'rails'"), ("bin/rails", ""), ("config.ru", "")]),
        ("rack", &[("Gemfile", "gem 'sinatra'"), ("config.ru", "")]),
        (
            "procfile",
            &[
                (
                    "Procfile",
                    "# x\nrelease: ./migrate\nworker: ./target/release/my_shop work --port $PORT \"$QUEUE\"\nweb: target/release/my_shop --port $PORT\nMy_Clock: ./clock\nmy-clock: ./clock2\nnonsense\n",
                ),
                ("Cargo.toml", cargo),
                ("src/main.rs", ""),
            ],
        ),
        (
            "dockerfile",
            &[
                (
                    "Dockerfile",
                    "FROM x\nEXPOSE 8080/tcp\nENTRYPOINT [\"./serve\"]\nCMD [\"--port\", \\\n  \"$PORT\"]\n",
                ),
                ("serve", ""),
            ],
        ),
        (
            "dockerfile_of_node",
            &[
                (
                    "Dockerfile",
                    "FROM node:22 AS build\nRUN npm ci\nFROM node:22-slim\nUSER node\nHEALTHCHECK CMD wget -qO- http://localhost:3000/up\nSTOPSIGNAL SIGINT\nCMD [\"node\", \"server.js\"]\n",
                ),
                ("package.json", package),
                ("docker-compose.yml", "services: {}\n"),
            ],
        ),
        ("pages", &[("public/index.html", "")]),
        ("nothing", &[("notes.txt", "")]),
    ];
    for (name, project) in projects {
        let manifest = accepted(&files(project), "My Project");
        insta::assert_snapshot!(format!("detected__{name}"), manifest);
    }
}

#[test]
fn any_folder_name_will_do() {
    for name in ["", "42", "Größe", "a_b.c", "-", &"x".repeat(100), "\"]\n"] {
        accepted(&files(&[]), name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_files_say_the_manifest_is_right(
        line in "(web|[a-z_A-Z0-9]{0,50}): [ -~é\\n]{0,60}",
        command in "\\PC{1,40}",
        json in "\\[\"[ -~]{0,30}\"\\]",
    ) {
        accepted(&files(&[("Procfile", &line)]), "x");
        accepted(&files(&[("Dockerfile", &format!("FROM x\nCMD {command}\nEXPOSE {line}\nUSER {line}"))]), "x");
        accepted(&files(&[("Dockerfile", &format!("from {command}\ncmd {json}\nHEALTHCHECK CMD curl localhost/{line}"))]), "x");
        let package = serde_json::json!({ "name": command, "scripts": { "start": line }, "main": command });
        accepted(&files(&[("package.json", &package.to_string())]), "x");
        let package = serde_json::json!({ "main": command });
        accepted(&files(&[("package.json", &package.to_string()), (&line.replace('/', "_"), "")]), "x");
        accepted(&files(&[("go.mod", &format!("module {command}"))]), "x");
    }
}
