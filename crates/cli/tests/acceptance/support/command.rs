//! A command of Bascule: started in a clean environment, bounded, and what it said.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use bascule_model::problem::Problem;
use serde_json::Value;

use super::wait;

/// A command that was started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    words: String,
    out: PathBuf,
    err: PathBuf,
}

/// Runs a command that is given something to read, and collects what it writes. One that ends early leaves its input.
pub fn fed(mut command: Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&input).is_ok());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    output
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Ran {
    words: String,
    /// The exit status; -1 for a signal.
    pub status: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Running {
    /// Starts it; what it says goes to files in `folder`.
    pub fn start(mut command: Command, folder: &Path, number: usize) -> Self {
        let words = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let (out, err) = (folder.join(format!("{number}.out")), folder.join(format!("{number}.err")));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Self { child, words, out, err }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        format!("{}\n{}", read(&self.out), read(&self.err))
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ran {
        let what = format!("the end of `bascule {}`", self.words);
        let ended = || self.child.try_wait().unwrap().ok_or_else(|| self.said());
        let status = wait::patiently(wait::COMMAND_ENDS, &what, ended);
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        Ran {
            words: self.words.clone(),
            status: status.code().unwrap_or(-1),
            out: read(&self.out),
            err: read(&self.err),
        }
    }
}

impl Ran {
    /// The last line of standard output, as an object.
    pub fn last(&self) -> Value {
        let line = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON at the end ({error}): {self:#?}"))
    }

    /// A text field of the last line, or of an object in it (`error.code`); empty when it is not there.
    pub fn field(&self, path: &str) -> String {
        let last = self.last();
        let pointer = format!("/{}", path.replace('.', "/"));
        match last.pointer(&pointer) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        }
    }

    /// The error of the last line.
    pub fn problem(&self) -> Option<Problem> {
        serde_json::from_value(self.last().get("error")?.clone()).ok()
    }

    /// Fails unless it ended with that status, outcome and error code ("" for none).
    #[track_caller]
    pub fn expect(&self, status: i32, outcome: &str, code: &str) -> &Self {
        let seen = (self.status, self.field("outcome"), self.field("error.code"));
        assert_eq!(
            seen,
            (status, outcome.to_owned(), code.to_owned()),
            "`bascule {}`: {self:#?}",
            self.words
        );
        self
    }

    /// Fails unless the run went live.
    #[track_caller]
    pub fn expect_live(&self) -> &Self {
        self.expect(0, "live", "")
    }

    /// Fails unless the error's message has all of these parts and its remedy is not empty.
    #[track_caller]
    pub fn expect_message(&self, parts: &[&str]) -> &Self {
        let message = self.field("error.message");
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
        assert!(!self.field("error.remedy").is_empty(), "no remedy: {self:#?}");
        self
    }
}
