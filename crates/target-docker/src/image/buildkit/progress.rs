//! What BuildKit says of a build (`moby.buildkit.v1.StatusResponse`): its steps, whether they were cached, what they wrote.
//!
//! It is written as plain lines, each with the number of its step, in the form that `docker build --progress=plain` made known.

use std::collections::HashMap;

use super::protobuf::{Value, field, fields};
use crate::image::error::ImageError;
use crate::image::output::{Lines, Output};
use crate::image::tail::{Stream, Tail};

/// The steps that were heard of.
#[derive(Default)]
pub(super) struct Progress {
    steps: HashMap<String, Step>,
    /// The step that failed: its name and the engine's words.
    failed: Option<(String, String)>,
}

struct Step {
    number: usize,
    name: String,
    started: Option<f64>,
    is_done: bool,
    output: Lines,
    errors: Lines,
    tail: Tail,
}

impl Progress {
    /// Takes one message in.
    pub(super) fn take(&mut self, message: &[u8], output: &mut Output<'_>) -> Result<(), ImageError> {
        for (number, value) in fields(message) {
            match number {
                1 => self.vertex(value.bytes(), output)?,
                3 => self.log(value.bytes(), output)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The step that failed with its error, and the last lines of its output.
    pub(super) fn failure(mut self, output: &Output<'_>) -> Option<(String, String, Vec<String>)> {
        let (name, error) = self.failed.take()?;
        let mut of_step: Vec<Step> = self.steps.into_values().filter(|step| step.name == name).collect();
        let tail = of_step.pop().map(|mut step| step.tail.take()).unwrap_or_default();
        Some((output.hide(&name), output.hide(&error), tail.iter().map(|line| output.hide(line)).collect()))
    }

    fn vertex(&mut self, vertex: &[u8], output: &mut Output<'_>) -> Result<(), ImageError> {
        let text = |number| field(vertex, number).map(Value::text).unwrap_or_default();
        let next = self.steps.len() + 1;
        let mut is_new = false;
        let step = self.steps.entry(text(1)).or_insert_with(|| {
            is_new = true;
            Step::new(next, text(3))
        });
        let prefix = format!("#{} ", step.number);
        let started = field(vertex, 5).map(|time| seconds(time.bytes()));
        if is_new {
            output.line(&format!("{prefix}{}", step.name))?;
        }
        if step.started.is_none() && started.is_some() {
            step.started = started;
            if !step.name.starts_with("[internal]") {
                output.note(&step.name);
            }
        }
        let completed = field(vertex, 6).map(|time| seconds(time.bytes()));
        let is_cached = field(vertex, 4).is_some_and(|cached| cached.number() == 1);
        if step.is_done || completed.is_none() {
            return Ok(());
        }
        step.is_done = true;
        for (stream, lines) in
            [(Stream::Output, step.output.finish()), (Stream::Errors, step.errors.finish())]
        {
            step.wrote(stream, &prefix, lines, output)?;
        }
        let error = text(7);
        if !error.is_empty() {
            // Steps that were still running are told to be cancelled: theirs is no reason.
            if self.failed.is_none() && !error.contains("context canceled") {
                self.failed = Some((step.name.clone(), error.clone()));
            }
            return output.line(&format!("{prefix}ERROR: {error}"));
        }
        if is_cached {
            return output.line(&format!("{prefix}CACHED"));
        }
        let took = completed.unwrap_or_default() - step.started.unwrap_or_default();
        output.line(&format!("{prefix}DONE {took:.1}s"))
    }

    fn log(&mut self, log: &[u8], output: &mut Output<'_>) -> Result<(), ImageError> {
        let step = field(log, 1).map(Value::text).and_then(|digest| self.steps.get_mut(&digest));
        let Some(step) = step else { return Ok(()) };
        let prefix = format!("#{} ", step.number);
        let bytes = field(log, 4).map(Value::bytes).unwrap_or_default();
        let (stream, written) = match field(log, 3).map(Value::number) {
            Some(2) => (Stream::Errors, &mut step.errors),
            _ => (Stream::Output, &mut step.output),
        };
        let mut lines = written.push(bytes);
        // What a step said last may come behind its end: nothing follows that would end the line.
        if step.is_done {
            lines.extend(written.finish());
        }
        step.wrote(stream, &prefix, lines, output)
    }
}

impl Step {
    fn new(number: usize, name: String) -> Self {
        let (output, errors) = (Lines::default(), Lines::default());
        Self { number, name, started: None, is_done: false, output, errors, tail: Tail::default() }
    }

    fn wrote(
        &mut self,
        stream: Stream,
        prefix: &str,
        lines: Vec<String>,
        output: &mut Output<'_>,
    ) -> Result<(), ImageError> {
        for line in lines {
            output.line(&format!("{prefix}{line}"))?;
            self.tail.push(stream, line);
        }
        Ok(())
    }
}

/// A `google.protobuf.Timestamp`.
fn seconds(timestamp: &[u8]) -> f64 {
    let number = |at| field(timestamp, at).map_or(0, Value::number);
    #[expect(clippy::cast_precision_loss, reason = "shown to a tenth of a second")]
    let seconds = number(1) as f64 + number(2) as f64 / 1e9;
    seconds
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::protobuf::{put_bytes, put_number};
    use bascule_secrets::SecretValue;
    use bascule_secrets::redact::Redactor;

    use super::*;

    fn time(seconds: u64) -> Vec<u8> {
        let mut time = Vec::new();
        put_number(&mut time, 1, seconds);
        time
    }

    fn vertex(digest: &str, name: &str, times: (u64, u64), cached: u64, error: &str) -> Vec<u8> {
        let mut vertex = Vec::new();
        put_bytes(&mut vertex, 1, digest.as_bytes());
        put_bytes(&mut vertex, 3, name.as_bytes());
        put_number(&mut vertex, 4, cached);
        if times.0 > 0 {
            put_bytes(&mut vertex, 5, &time(times.0));
        }
        if times.1 > 0 {
            put_bytes(&mut vertex, 6, &time(times.1));
        }
        if !error.is_empty() {
            put_bytes(&mut vertex, 7, error.as_bytes());
        }
        let mut message = Vec::new();
        put_bytes(&mut message, 1, &vertex);
        message
    }

    fn log(digest: &str, text: &str) -> Vec<u8> {
        let mut log = Vec::new();
        put_bytes(&mut log, 1, digest.as_bytes());
        put_bytes(&mut log, 4, text.as_bytes());
        let mut message = Vec::new();
        put_bytes(&mut message, 3, &log);
        message
    }

    #[test]
    fn steps_become_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/build.log");
        let notes = Mutex::new(Vec::new());
        let note = |text: String| notes.lock().unwrap().push(text);
        let secret = SecretValue::new("hunter2".to_owned());
        let mut output = Output::open(&path, &note, &Redactor::new([("PASSWORD", &secret)])).unwrap();
        let mut progress = Progress::default();
        for message in [
            vertex("a", "[internal] load build definition", (1, 0), 0, ""),
            vertex("a", "[internal] load build definition", (1, 3), 0, ""),
            vertex("b", "[1/3] COPY . /", (0, 0), 0, ""),
            vertex("b", "[1/3] COPY . /", (4, 4), 1, ""),
            vertex("c", "[2/3] RUN make hunter2", (5, 0), 0, ""),
            log("c", "one\ntw"),
            log("c", "o hunter2\nrest"),
            vertex("d", "[other 1/1] RUN", (5, 6), 0, "context canceled"),
            vertex("c", "[2/3] RUN make hunter2", (5, 7), 0, "exit code: 1"),
            log("c", "last words"),
            b"\x0a\x99".to_vec(),
        ] {
            progress.take(&message, &mut output).unwrap();
        }
        let (step, error, tail) = progress.failure(&output).unwrap();
        assert_eq!((step.as_str(), error.as_str()), ("[2/3] RUN make [secret PASSWORD]", "exit code: 1"));
        assert_eq!(tail, ["one", "two [secret PASSWORD]", "rest", "last words"]);
        assert_eq!(
            *notes.lock().unwrap(),
            ["[1/3] COPY . /", "[2/3] RUN make [secret PASSWORD]", "[other 1/1] RUN"]
        );
        let written = std::fs::read_to_string(path).unwrap();
        let expected = "#1 [internal] load build definition\n#1 DONE 2.0s\n#2 [1/3] COPY . /\n#2 CACHED\n\
            #3 [2/3] RUN make [secret PASSWORD]\n#3 one\n#3 two [secret PASSWORD]\n#4 [other 1/1] RUN\n#4 ERROR: context canceled\n#3 rest\n\
            #3 ERROR: exit code: 1\n#3 last words\n";
        assert_eq!(written, expected);
    }
}
