//! `examples/guestbook` as its README has it run, with the tools that it pins: to production, and five commits that stay out.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::project::{commit, git, names, passes};
use crate::support::app::{App, free_door};
use crate::support::command::{Ran, fed};
use crate::support::door;
use crate::support::files::files;
use crate::support::fixture::Fixture;
use crate::support::world::World;

const TOOLS: [&str; 4] = ["ruff", "bandit", "pytest", "coverage"];
const SYSTEM: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const TOKEN: &str = "of-the-acceptance-test-7c31";

/// A finding that Bandit calls HIGH, the worst that it knows.
const SHELL: &str = "\"\"\"Runs lines.\"\"\"\n\nimport subprocess\n\n\ndef run(line):\n    \"\"\"Runs a line.\"\"\"\n    \
                     return subprocess.call(line, shell=True)\n";
const SHELL_TEST: &str =
    "from guestbook import shell\n\n\ndef test_it_runs():\n    assert shell.run(\"true\") == 0\n";

/// The folders of the tools; none, and says so, where one is not installed.
#[expect(clippy::disallowed_methods, reason = "where programs are, is said from outside")]
fn tools() -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = Vec::new();
    for tool in TOOLS {
        let answers =
            |at: &Path| Command::new(at).arg("--version").output().is_ok_and(|it| it.status.success());
        let Some(found) = std::env::split_paths(&path).find(|folder| answers(&folder.join(tool))) else {
            println!("NOT RUN: {tool} is not installed (`scripts/test` takes it from PyPI)");
            return None;
        };
        if !folders.contains(&found) {
            folders.push(found);
        }
    }
    let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Some(format!("{}:{SYSTEM}", folders.join(":")))
}

/// A copy of the example in a repository, committed with its tokens. Only its doors are others, and it is watched for less long.
struct Guestbook<'w> {
    world: &'w World<'w>,
    app: App,
    production: SocketAddr,
}

impl<'w> Guestbook<'w> {
    fn new(world: &'w World<'w>) -> Self {
        let mut app = world.shop("guestbook");
        fs::remove_dir_all(app.project()).unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/guestbook");
        for file in files(&example) {
            let name = file.strip_prefix(&example).unwrap();
            if !is_of_the_project(name) {
                continue;
            }
            let copy = app.project().join(name);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(&file, copy).unwrap();
        }
        let production = free_door();
        app.door = free_door();
        let guestbook = Self { world, app, production };
        guestbook.change("bascule.toml", "127.0.0.1:8080", &guestbook.app.door.to_string());
        guestbook.change("bascule.toml", "127.0.0.1:8081", &production.to_string());
        guestbook.change("bascule.toml", "bake = \"10s\"", "bake = \"1s\"");
        for environment in ["staging", "production"] {
            let words = ["secret", "set", environment, "GUESTBOOK_TOKEN", "--project"];
            let mut command = world.command(&words);
            command.arg(guestbook.app.project());
            let set = fed(command, TOKEN.as_bytes());
            assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
        }
        git(&guestbook.app, &["init", "--quiet"]);
        commit(&guestbook.app);
        guestbook
    }

    /// Changes what stands once in a file of the project.
    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.app.project().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.app.project().join(file), text).unwrap();
    }

    fn live(&self, environment: &str) -> Value {
        let ran = self.world.run(&self.app, &["status", environment]);
        assert_eq!(ran.status, 0, "{ran:#?}");
        ran.last()["live"].clone()
    }

    /// What runs in production: its release, bytes and processes. What else `status` says of them (health, requests) changes by itself.
    fn production(&self) -> Value {
        let live = self.live("production");
        let pids: Vec<_> =
            live["instances"].as_array().unwrap().iter().map(|one| one["pid"].clone()).collect();
        serde_json::json!([live["release"], live["artifact"], live["since"], pids])
    }

    fn gate(&self, gate: &str) -> Value {
        let shown = self.world.run(&self.app, &["gate", "production"]);
        assert_eq!(shown.status, 0, "{shown:#?}");
        let decisions = shown.last()["decisions"].clone();
        decisions.as_array().unwrap().iter().find(|one| one["gate"] == gate).unwrap().clone()
    }

    /// Ships what is there as a commit, which has to be refused before anything is built of it; then all is as before again.
    fn refuses(&self, code: &str, words: &[&str]) -> Ran {
        let good = git(&self.app, &["rev-parse", "HEAD"]);
        let before = self.production();
        commit(&self.app);
        let ran = self.world.run(&self.app, &["ship"]);
        ran.expect(4, "failed", code).expect_message(words);
        assert!(!names(self.world).contains(&"artifact-made".to_owned()), "{words:?}");
        assert_eq!(self.production(), before, "{words:?}");
        assert_eq!(door::get(self.production, "localhost", "/health").unwrap().status, 200);
        git(&self.app, &["reset", "--quiet", "--hard", &good]);
        ran
    }
}

/// Tools leave things in the example's folder, which git ignores.
fn is_of_the_project(file: &Path) -> bool {
    let is_left = |name: &str| {
        name.starts_with('.') && name != ".gitignore" || name == "__pycache__" || name == "reports"
    };
    !file.components().any(|part| part.as_os_str().to_str().is_some_and(is_left))
}

/// A module of so many lines that coverage counts, of which so many are run when it is imported: the line of `def` is one of them.
fn module(lines: usize, covered: usize) -> String {
    let ran = "COUNT = 1\n".repeat(covered - 1);
    format!("{ran}\n\ndef never():\n{}", "    print(COUNT)\n".repeat(lines - covered))
}

fn the_guestbook_comes_to_production_and_bad_commits_do_not(fixture: &dyn Fixture) {
    let Some(path) = tools() else { return };
    let world = World::new(fixture);
    world.set_variable("PATH", &path);
    let book = Guestbook::new(&world);

    let shipped = world.run(&book.app, &["ship"]);
    passes(&shipped);
    let artifact = shipped.field("artifact");
    assert!(artifact.contains("sha256:"), "{shipped:#?}");
    for environment in ["staging", "production"] {
        assert_eq!(book.live(environment)["artifact"], artifact.as_str(), "{environment}");
    }
    for (door, title) in [(book.app.door, "Guestbook (staging)"), (book.production, "<h1>Guestbook</h1>")] {
        let page = door::get(door, "localhost", "/").unwrap();
        assert!(page.status == 200 && page.body.contains(title), "{page:?}");
    }
    let written = door::send(book.production, "POST", "/api/entries", r#"{"name":"Ada","text":"hello"}"#);
    assert_eq!(written.unwrap().status, 201);

    book.change(
        "tests/test_store.py",
        "assert not store.remove(entry[\"id\"])",
        "assert store.remove(entry[\"id\"])",
    );
    let failed = book.refuses("JOB_FAILED", &["the job testing/unit", "ended with status 1"]);
    let log = world.run(&book.app, &["pipeline", "logs", &failed.field("run"), "unit"]);
    assert!(log.out.contains("test_what_is_taken_out_is_gone"), "{log:#?}");

    // Together with what the example has, 10,000 lines: coverage.py itself finds that 7,999 of them are run.
    let seen = book.gate("coverage")["value"].as_str().unwrap().to_owned();
    let counts: Vec<usize> =
        seen.split(|letter: char| !letter.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    let [.., covered, lines] = counts[..] else { panic!("{seen}") };
    let many = |all: usize| {
        book.write("guestbook/many.py", &module(10_000 - lines, all - covered));
        book.write(
            "tests/test_many.py",
            "from guestbook import many\n\n\ndef test_it():\n    assert many.COUNT == 1\n",
        );
    };
    let is_by_coverage = |ran: &Ran| ran.field("error.message").contains("refused by coverage");
    many(7_999);
    assert!(is_by_coverage(&book.refuses("GATE_REFUSED", &["testing", "7999 of 10000", "79.99%"])));
    // One more, and that gate has nothing against it.
    many(8_000);
    assert!(!is_by_coverage(&book.refuses("GATE_REFUSED", &["testing", "1 gate refused by new_coverage"])));

    // Bandit's own finding, which the job rates as those do who know where it stands: Bandit has no word for critical.
    book.write("guestbook/shell.py", SHELL);
    book.write("tests/test_shell.py", SHELL_TEST);
    let rate = r#"sed -i 's/"issue_severity": "HIGH"/"security-severity": "9.8"/' reports/bandit.sarif"#;
    let scan = "-o reports/bandit.sarif\"]";
    book.change("bascule.toml", scan, &format!("-o reports/bandit.sarif\", {rate:?}]"));
    book.refuses("GATE_REFUSED", &["code quality", "security_score, critical", "1 critical"]);

    book.change("bascule.toml", "-f sarif -o", "-f txt -o");
    book.refuses("GATE_REFUSED", &["code quality", "reports/bandit.sarif is unreadable"]);

    book.change("bascule.toml", scan, "-o reports/other.sarif\"]");
    book.refuses("REPORT_MISSING", &["code quality/scan", "reports/bandit.sarif"]);

    // What was refused is in nobody's way.
    assert!(
        book.live("production")["artifact"] == artifact.as_str() && book.gate("coverage")["status"] == "pass"
    );
    let entries = door::get(book.production, "localhost", "/api/entries").unwrap();
    assert!(entries.body.contains("hello"), "it is still the same instance: {entries:?}");
}

on_processes!(the_guestbook_comes_to_production_and_bad_commits_do_not);
