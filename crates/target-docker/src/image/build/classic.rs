//! Builds with the classic builder: the context goes as one tar stream, and is never held in memory.
//!
//! A Dockerfile that lies outside of the context goes under a name of its own, which the engine takes away again.
//!
//! The engine's search for steps that were built before goes through the images of everybody, and ends the build when one of
//! them is removed in that moment. Such a build is begun again: what it had built is taken from there.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Method;
use hyper::body::Frame;
use hyper::header::CONTENT_TYPE;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{Failure, Order, Outcome};
use crate::connection::Connection;
use crate::image::error::ImageError;
use crate::image::output::{Lines, Output};
use crate::image::recipe::Recipe;
use crate::image::reference::{Reference, host};
use crate::image::tail::{Stream, Tail};
use crate::image::wire::{self, Body};
use crate::image::{dockerfile, tar};

/// What the engine says when a step is over.
const REMOVING: &str = "Removing intermediate container ";
const IGNORE: &str = ".dockerignore";
/// Bytes that are sent at once.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for the engine.
const WAITING: usize = 16;
/// How often a build is begun that the removal of somebody's image ends.
const ATTEMPTS: usize = 6;

/// One line of the engine's answer.
#[derive(Deserialize)]
struct Line {
    stream: Option<String>,
    status: Option<String>,
    aux: Option<Aux>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Aux {
    #[serde(rename = "ID")]
    id: Option<String>,
}

/// Builds.
pub(in crate::image) async fn build(
    connection: &Connection,
    order: &Order<'_>,
    output: &mut Output<'_>,
) -> Result<Outcome, ImageError> {
    for _ in 1..ATTEMPTS {
        match begin(connection, order, output).await? {
            Outcome::Failed(failure) if is_of_a_removal(&failure.error) => {
                output.line("an image was removed while the engine looked for steps of before: once more")?;
            }
            outcome => return Ok(outcome),
        }
    }
    begin(connection, order, output).await
}

/// Whether a build failed since an image was removed that the engine looked at, which is nothing of the build's.
fn is_of_a_removal(error: &str) -> bool {
    let id = error.strip_prefix("unable to find image \"sha256:").and_then(|rest| rest.strip_suffix('"'));
    id.is_some_and(|id| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

async fn begin(
    connection: &Connection,
    order: &Order<'_>,
    output: &mut Output<'_>,
) -> Result<Outcome, ImageError> {
    let recipe = order.recipe;
    let inside = recipe.dockerfile_in_context();
    let name = inside.clone().unwrap_or_else(|| format!(".dockerfile.{}", &order.fingerprint[..20]));
    let mut query = order.query();
    query.push(("version", "1".to_owned()));
    query.push(("dockerfile", name.clone()));
    query.push(("rm", "1".to_owned()));
    query.push(("forcerm", "1".to_owned()));
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let bases = dockerfile::images(&recipe.dockerfile, &recipe.build.args);
    let hosts: Vec<String> =
        bases.iter().map(|base| host(&Reference::parse(base).repository).to_owned()).collect();
    let request = wire::request(connection, Method::POST, "/build", &query)
        .await?
        .header(CONTENT_TYPE, "application/x-tar")
        .header("X-Registry-Config", order.keychain.headers(hosts.iter().map(String::as_str)).await?);
    let body = stream(Arc::clone(recipe), name, inside.is_some());
    let answer = wire::send(connection, "build the image", request, body).await?;
    let mut answer = match answer.accepted().await {
        Ok(answer) => answer,
        Err(error) => return Ok(Outcome::Failed(Failure::of_request(error, output)?)),
    };
    let mut image = None;
    let mut progress = Progress::default();
    while let Some(line) = answer.next::<Line>().await? {
        progress.take(&line.stream.unwrap_or_default(), output)?;
        if let Some(error) = line.error {
            progress.finish(output)?;
            let error = output.hide(&error);
            output.line(&format!("ERROR: {error}"))?;
            let Progress { step, mut tail, .. } = progress;
            return Ok(Outcome::Failed(Failure { step, error, tail: tail.take() }));
        }
        if let Some(status) = line.status {
            output.line(&status)?;
        }
        image = line.aux.and_then(|aux| aux.id).or(image);
    }
    Ok(image.map_or(Outcome::BrokeOff, Outcome::Built))
}

/// How far the build is.
#[derive(Default)]
struct Progress {
    step: Option<String>,
    standard: Lines,
    errors: Lines,
    tail: Tail,
}

impl Progress {
    fn take(&mut self, text: &str, output: &mut Output<'_>) -> Result<(), ImageError> {
        let is_engine_s = ["Step ", " ---> ", REMOVING].iter().any(|start| text.starts_with(start));
        if is_engine_s {
            self.finish(output)?;
        }
        // What a step writes to its standard error is painted red, and nothing else is.
        let (stream, lines) = if text.starts_with("\u{1b}[91m") {
            (Stream::Errors, self.errors.push(text.as_bytes()))
        } else {
            (Stream::Output, self.standard.push(text.as_bytes()))
        };
        if is_engine_s && text.starts_with("Step ") {
            self.tail = Tail::default();
            self.step = Some(output.hide(text.trim()));
            output.note(text.trim());
        }
        self.said(stream, lines, output)
    }

    /// Takes what did not end with a line's end.
    fn finish(&mut self, output: &mut Output<'_>) -> Result<(), ImageError> {
        let (standard, errors) = (self.standard.finish(), self.errors.finish());
        self.said(Stream::Output, standard, output)?;
        self.said(Stream::Errors, errors, output)
    }

    fn said(
        &mut self,
        stream: Stream,
        lines: Vec<String>,
        output: &mut Output<'_>,
    ) -> Result<(), ImageError> {
        for line in lines {
            output.line(&line)?;
            if !line.starts_with("Step ") && !line.starts_with(REMOVING) {
                self.tail.push(stream, output.hide(&line));
            }
        }
        Ok(())
    }
}

/// The context, the Dockerfile and what leaves files out, as a body that is read while it is sent.
fn stream(recipe: Arc<Recipe>, name: String, is_inside: bool) -> Body {
    let (sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, io::Error>>(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut out = io::BufWriter::with_capacity(CHUNK, Chunks(sender.clone()));
        if let Err(error) = write(&recipe, &name, is_inside, &mut out) {
            // Who does not listen any more knows already.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|frame| (frame, receiver))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn write(recipe: &Recipe, name: &str, is_inside: bool, out: &mut impl Write) -> io::Result<()> {
    let (context, like) = (&recipe.context, &recipe.dockerfile_entry);
    let is_own_file = recipe.ignore_text.as_ref().is_some_and(|(path, _)| path.ends_with(IGNORE));
    // The engine takes away what the `.dockerignore` in the stream names of these two: the Dockerfile, and that file itself.
    let is_to_go = !is_inside || recipe.ignore.ignores(name);
    if is_to_go && !(is_inside && is_own_file && context.has(IGNORE)) {
        tar::write_text(out, like, IGNORE, &format!("{name}\n{IGNORE}\n"))?;
        tar::write_entries(out, context, context.entries.iter().filter(|entry| entry.path != IGNORE))?;
    } else {
        tar::write_entries(out, context, context.entries.iter())?;
    }
    if !context.has(name) {
        tar::write_text(out, like, name, &recipe.dockerfile)?;
    }
    tar::finish(out)
}

struct Chunks(mpsc::Sender<Result<Frame<Bytes>, io::Error>>);

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let frame = Frame::data(Bytes::copy_from_slice(bytes));
        self.0.blocking_send(Ok(frame)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_s_removal_ends() {
        let id = "0b".repeat(32);
        for (error, is_it) in [
            (format!("unable to find image \"sha256:{id}\""), true),
            (format!("unable to find image \"sha256:{id}\": and more"), false),
            (format!("unable to find image \"{id}\""), false),
            ("unable to find image \"busybox\"".to_owned(), false),
            ("unable to find image \"sha256:abc\"".to_owned(), false),
            ("COPY failed: file not found in build context".to_owned(), false),
        ] {
            assert_eq!(is_of_a_removal(&error), is_it, "{error}");
        }
    }
}
