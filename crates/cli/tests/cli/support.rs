//! Calls the program in a scratch folder with a scrubbed environment: what a test sees does not depend on who runs it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder with a project in it, and a state folder that nobody uses.
pub struct Scratch {
    root: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Scratch {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("project")).unwrap();
        Self { root }
    }

    /// A project with that manifest.
    pub fn with_manifest(text: &str) -> Self {
        let scratch = Self::new();
        scratch.write("bascule.toml", text);
        scratch
    }

    pub fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    pub fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.project().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.project().join(path)).unwrap()
    }

    /// Calls `bascule` in the project's folder.
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, &[])
    }

    /// As [`Self::run`], with more variables.
    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Done {
        let output = self.command(arguments, variables).output().unwrap();
        self.done(&output)
    }

    /// As [`Self::run_with`], with this on standard input.
    pub fn run_with_input(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Done {
        let mut command = self.command(arguments, variables);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        self.done(&output)
    }

    fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bascule"));
        command
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.root.path())
            .env("BASCULE_STATE", self.state())
            .envs(variables.iter().copied());
        command
    }

    /// Folders that change from run to run are named by what they are.
    fn done(&self, output: &Output) -> Done {
        let root = self.root.path().canonicalize().unwrap();
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.replace(path(&root), "[ROOT]").replace(path(self.root.path()), "[ROOT]")
        };
        Done { status: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl Done {
    /// The last line of standard output, which has to be JSON.
    pub fn last(&self) -> serde_json::Value {
        let line = self.out.lines().last().unwrap_or_else(|| panic!("no output; {self:?}"));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Everything in one text, for a snapshot.
    pub fn told(&self) -> String {
        format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.status, self.out, self.err)
    }
}

/// The text with wrapped lines put together: where they break depends on how long a folder's name is.
pub fn unwrapped(text: &str) -> String {
    text.replace("\n  ", " ")
}

/// The widest line, in characters.
pub fn width(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// A manifest without mistakes.
pub const SOUND: &str = r#"app = "shop"

[services.web]
command = ["./shop"]
port = 3000

[environments.staging]
listen = "127.0.0.1:8080"
"#;
