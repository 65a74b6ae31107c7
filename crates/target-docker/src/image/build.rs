//! One build: what is asked of the engine, by whichever builder it has, and what came of it.

pub(super) mod classic;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::buildkit;
use super::credentials::Keychain;
use super::dockerfile;
use super::error::ImageError;
use super::labels::Labels;
use super::output::Output;
use super::recipe::Recipe;
use super::wire;
use crate::connection::Connection;
use crate::error::DockerError;

/// Which builder of the engine is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Builder {
    /// BuildKit where the engine has it and was not told otherwise, else the classic builder.
    #[default]
    Best,
    /// The classic builder.
    Classic,
}

/// What the steps of a build reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// What the engine gives them: its default network.
    #[default]
    Usual,
    /// Nothing. For engines that have no default network.
    None,
}

/// What is to be built.
pub(super) struct Order<'a> {
    pub(super) recipe: &'a Arc<Recipe>,
    pub(super) fingerprint: &'a str,
    pub(super) tag: String,
    pub(super) labels: Labels,
    pub(super) network: Network,
    pub(super) secrets: &'a BTreeMap<String, String>,
    pub(super) keychain: Keychain,
}

/// What came of it.
pub(super) enum Outcome {
    /// The image's id.
    Built(String),
    Failed(Failure),
    /// The answer ended without a result: the engine went away.
    BrokeOff,
}

/// Why it failed.
pub(super) struct Failure {
    pub(super) step: Option<String>,
    pub(super) error: String,
    pub(super) tail: Vec<String>,
}

impl Order<'_> {
    /// What both builders are asked in the same way.
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let build = &self.recipe.build;
        let json = |value: serde_json::Value| value.to_string();
        let mut query = vec![
            ("t", self.tag.clone()),
            ("buildargs", json(serde_json::json!(build.args))),
            ("labels", json(serde_json::json!(self.labels))),
        ];
        if self.network == Network::None {
            query.push(("networkmode", "none".to_owned()));
        }
        query.extend(build.target.iter().map(|target| ("target", target.clone())));
        query.extend(build.platform.iter().map(|platform| ("platform", platform.clone())));
        query
    }
}

/// Builds.
pub(super) async fn build(
    connection: &Connection,
    builder: Builder,
    order: &Order<'_>,
    output: &mut Output<'_>,
) -> Result<Outcome, ImageError> {
    let why = match builder {
        Builder::Classic => "the classic builder is to be used",
        Builder::Best if is_switched_off(connection).await? => {
            "BuildKit is switched off in the Docker Engine"
        }
        Builder::Best => match buildkit::build(connection, order, output).await? {
            Some(outcome) => return Ok(outcome),
            None => "the Docker Engine has no BuildKit",
        },
    };
    if !order.recipe.build.secrets.is_empty() {
        let names = order.recipe.build.secrets.join(", ");
        let why = format!("{why}: the classic builder would leave them in the image");
        return Err(ImageError::NoBuildKit { names, why });
    }
    classic::build(connection, order, output).await
}

/// Engines say which builder they were told to use; old ones say nothing and have both.
pub(crate) async fn is_switched_off(connection: &Connection) -> Result<bool, ImageError> {
    let doing = "ask the Docker Engine for its builder";
    let request = wire::request(connection, hyper::Method::GET, "/_ping", &[]).await?;
    let answer = wire::send(connection, doing, request, wire::nothing()).await?.accepted().await?;
    Ok(answer.response.headers().get("Builder-Version").is_some_and(|version| version.as_bytes() == b"1"))
}

impl Failure {
    /// The engine refused the request as a whole: it could not read the Dockerfile, or had no room for the context.
    pub(super) fn of_request(error: DockerError, output: &mut Output<'_>) -> Result<Self, ImageError> {
        let DockerError::Refused { words, .. } = error else { return Err(error.into()) };
        let error = output.hide(&words);
        output.line(&format!("ERROR: {error}"))?;
        Ok(Self { step: None, error, tail: Vec::new() })
    }

    /// The same with what to do about it.
    pub(super) fn told(self, recipe: &Recipe, log: &Path) -> ImageError {
        let Self { step, error, tail } = self;
        let what = match step {
            Some(step) => format!("the step `{step}` failed: {error}"),
            None => error,
        };
        let syntax = dockerfile::syntax(&recipe.dockerfile).filter(|_| {
            what.contains("docker-image://")
                || what.contains("frontend gateway")
                || what.contains("resolve image config")
        });
        let remedy = match syntax {
            Some(image) => format!(
                "the first line of the Dockerfile, `# syntax={image}`, makes the engine fetch the program that reads the \
                 file: take the line out, or see that the engine can reach the registry"
            ),
            None => format!(
                "mend {} or what it runs, then deploy again; the whole output is in {}",
                recipe.dockerfile_path.display(),
                log.display()
            ),
        };
        ImageError::BuildFailed { what, tail, remedy }
    }
}
