//! `logs`: what instances wrote. Their lines are untrusted: what a terminal would obey is made visible.

use anstyle::{AnsiColor, Style};
use bascule_model::ids::ServiceName;
use bascule_server::api::LogChunk;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key::Place;
use crate::query;
use crate::screen::Format;
use crate::text::escape;
use crate::text::style::paint;

const AFTER_HELP: &str = "\
Examples:
  bascule logs staging                          the last lines of what is live
  bascule logs staging --follow                 and what comes
  bascule logs staging --service web --tail 500
  bascule logs staging --release r3-3fa9c1      also of a release that has failed";

/// Options of `logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Place,

    /// Only this service
    #[arg(long, value_name = "NAME")]
    service: Option<ServiceName>,

    /// Of this release [default: the live one]
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    /// Go on as more is written; Ctrl-C ends it
    #[arg(long, short)]
    follow: bool,

    /// The last lines of each instance
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    tail: usize,
}

/// Runs it.
///
/// # Errors
/// When nothing is live, or the release is not known.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let key = args.place.known(context, &control_plane).await?.to_string();
        let tail = args.tail.to_string();
        let mut values = vec![("key", key.as_str()), ("tail", tail.as_str())];
        values.extend(args.release.as_deref().map(|release| ("release", release)));
        values.extend(args.service.as_ref().map(|service| ("service", service.as_str())));
        if !args.follow {
            let chunks: Vec<LogChunk> = control_plane.get(&query::path("/v1/logs", &values)).await?;
            return chunks.iter().try_for_each(|chunk| show(context, chunk));
        }
        values.push(("follow", "true"));
        let mut lines = control_plane.client().lines(&query::path("/v1/logs", &values)).await?;
        while let Some(chunk) = lines.next::<LogChunk>().await? {
            show(context, &chunk)?;
        }
        Ok(())
    })
}

fn show(context: &Context, chunk: &LogChunk) -> Result<(), Failure> {
    if chunk.lines.is_empty() {
        return Ok(());
    }
    if context.screen.format == Format::Json {
        return context.screen.json(chunk);
    }
    let name = short_name(chunk);
    let front = paint(colour(&name), &format!("{name} |"));
    let lines: Vec<String> =
        chunk.lines.iter().map(|line| format!("{front} {}", escape::line(line))).collect();
    context.screen.out(&lines.join("\n"))
}

/// `web-1`: what tells the instances of a release apart.
fn short_name(chunk: &LogChunk) -> String {
    let whole = escape::line(chunk.instance.as_str());
    let number = whole.rsplit('-').next().unwrap_or_default().to_owned();
    match &chunk.service {
        Some(service) => format!("{service}-{number}"),
        None => whole,
    }
}

/// One of a few, the same for the same instance.
fn colour(name: &str) -> Style {
    const COLOURS: [AnsiColor; 5] =
        [AnsiColor::Cyan, AnsiColor::Green, AnsiColor::Yellow, AnsiColor::Magenta, AnsiColor::Blue];
    let sum = name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    COLOURS[sum % COLOURS.len()].on_default()
}

#[cfg(test)]
mod tests {
    use bascule_model::ids::InstanceId;

    use super::*;

    #[test]
    fn an_instance_is_called_by_service_and_number() {
        let chunk = |service: Option<&str>| LogChunk {
            instance: InstanceId::from_text("shop-staging-r1-abcdef-web-2"),
            service: service.map(|name| name.parse().unwrap()),
            lines: Vec::new(),
        };
        assert_eq!(short_name(&chunk(Some("web"))), "web-2");
        assert_eq!(short_name(&chunk(None)), "shop-staging-r1-abcdef-web-2");
    }
}
