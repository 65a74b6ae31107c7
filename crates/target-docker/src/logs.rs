//! What containers wrote: asked of the engine while they are there, kept in the state folder when they are removed.
//!
//! Lines are known by the moment at which the engine got them, in nanoseconds since 1970: that is what a position is.

pub(crate) mod parse;

use std::time::Duration;

use bascule_instances::durable::{self, Access};
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use futures_util::StreamExt;

use crate::error::DockerError;
use crate::shared::{Shared, blocking};
use crate::slot::Instance;
use parse::{Line, Lines};

/// So many lines of an instance are kept when it is removed.
const KEPT_LINES: usize = 20_000;
/// And so many bytes.
const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// So much is read of the engine at once.
const READ_BYTES: usize = 16 * 1024 * 1024;
/// So long the engine may take to hand them out.
const ANSWER: Duration = Duration::from_secs(10);

/// The last lines of a container; none when it is not there.
pub(crate) async fn last(shared: &Shared, name: &str, count: usize) -> Result<Vec<Line>, DockerError> {
    ask(shared, name, LogsOptionsBuilder::default().tail(&count.to_string())).await
}

/// The lines that were written after a position.
pub(crate) async fn after(shared: &Shared, name: &str, position: u64) -> Result<Vec<Line>, DockerError> {
    let second = i32::try_from(position / 1_000_000_000).unwrap_or(i32::MAX);
    let mut lines = ask(shared, name, LogsOptionsBuilder::default().since(second)).await?;
    lines.retain(|line| line.at > position);
    Ok(lines)
}

async fn ask(shared: &Shared, name: &str, options: LogsOptionsBuilder) -> Result<Vec<Line>, DockerError> {
    let options: LogsOptions = options.stdout(true).stderr(true).timestamps(true).build();
    let client = shared.connection.client().await?;
    let mut answer = std::pin::pin!(client.logs(name, Some(options)));
    let mut lines = Lines::default();
    let mut read = 0;
    let reading = async {
        while let Some(piece) = answer.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    let error = shared.connection.error(&format!("read the log of {name}"), error);
                    // A container that is being removed may have lost its log already.
                    return if error.refusal().is_some() { Ok(()) } else { Err(error) };
                }
            };
            let is_error = matches!(piece, bollard::container::LogOutput::StdErr { .. });
            let bytes = piece.into_bytes();
            read += bytes.len();
            lines.add(is_error, &bytes);
            if read > READ_BYTES {
                break;
            }
        }
        Ok(())
    };
    // What was read until then is better than nothing.
    tokio::time::timeout(ANSWER, reading).await.unwrap_or(Ok(()))?;
    Ok(lines.finish())
}

/// Keeps the last part of an instance's log in its folder, behind what was kept of it before.
pub(crate) async fn keep(shared: &Shared, instance: &Instance) -> Result<(), DockerError> {
    let path = instance.folder.kept_log();
    let before = kept(instance.folder.kept_log()).await?;
    let last_kept = before.last().map_or(0, |line| line.at);
    let new: Vec<Line> = last(shared, instance.id.as_str(), KEPT_LINES)
        .await?
        .into_iter()
        .filter(|line| line.at > last_kept)
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let text = parse::stored(before.iter().chain(&new), KEPT_BYTES);
    blocking("the keeping of a log", move || Ok(durable::atomic(&path, &text, Access::Private)?)).await
}

/// What was kept.
pub(crate) async fn kept(path: std::path::PathBuf) -> Result<Vec<Line>, DockerError> {
    let bytes = blocking("the reading of a log", move || Ok(durable::read_if_there(&path)?)).await?;
    Ok(bytes.map(|bytes| parse::kept(&bytes)).unwrap_or_default())
}
