//! Pushes to registries, pulls from them by digest, and asks them what a name stands for. The engine does the work.
//!
//! What broke off is begun again, a few times and with growing pauses; the registry keeps the layers that arrived, so they are
//! not sent twice. What the registry refused is not tried again.

use std::time::Duration;

use hyper::Method;
use hyper::http::request::Builder;
use serde::Deserialize;
use tokio::time::Instant;

use super::credentials::Keychain;
use super::error::ImageError;
use super::output::Output;
use super::reference::Reference;
use super::wire;
use crate::connection::Connection;
use crate::error::{DockerError, is_full};

/// Pauses before each further attempt.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// How long a registry has to say what a name stands for.
const QUESTION: Duration = Duration::from_secs(10);
/// After this time no further attempt is begun: the engine makes several of its own for what broke in the middle.
const ENOUGH: Duration = Duration::from_secs(20);
const HEADER: &str = "X-Registry-Auth";

/// One line of the engine's answer.
#[derive(Deserialize)]
struct Line {
    id: Option<String>,
    status: Option<String>,
    aux: Option<Aux>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Aux {
    #[serde(rename = "Digest")]
    digest: Option<String>,
}

#[derive(Deserialize)]
struct Distribution {
    #[serde(rename = "Descriptor")]
    descriptor: Descriptor,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

/// One engine with the logins for its registries.
pub(super) struct Registries<'a> {
    pub(super) connection: &'a Connection,
    pub(super) keychain: &'a Keychain,
}

/// What a registry said that was no success.
enum Trouble {
    /// It will say the same again.
    Final(ImageError),
    /// It may go by itself.
    Passing(ImageError),
}

impl Registries<'_> {
    /// Pushes a tag of an image that is here; the digest that it has there.
    pub(super) async fn push(&self, to: &Reference, output: &mut Output<'_>) -> Result<String, ImageError> {
        let path = format!("/images/{}/push", to.repository);
        let tag = to.tag_or_latest().to_owned();
        let mut attempts = Attempts::begin();
        loop {
            match self.transfer("push", to, &path, &[("tag", &tag)], output).await {
                Ok(Some(digest)) => return Ok(digest),
                Ok(None) => return Err(self.answerless("push")),
                Err(trouble) => self.wait_or_fail(trouble, &mut attempts, output).await?,
            }
        }
    }

    /// Pulls an image by its digest.
    pub(super) async fn pull(&self, image: &Reference, output: &mut Output<'_>) -> Result<(), ImageError> {
        let query =
            [("fromImage", image.repository.as_str()), ("tag", image.digest.as_deref().unwrap_or_default())];
        let mut attempts = Attempts::begin();
        loop {
            match self.transfer("pull", image, "/images/create", &query, output).await {
                Ok(_) => return Ok(()),
                Err(trouble) => self.wait_or_fail(trouble, &mut attempts, output).await?,
            }
        }
    }

    /// The digest that a name has in its registry now.
    pub(super) async fn digest(&self, image: &Reference) -> Result<String, ImageError> {
        let doing = "ask for the digest of an image";
        let asked = async {
            let path = format!("/distribution/{}:{}/json", image.repository, image.tag_or_latest());
            let request = self.request(Method::GET, &path, &[], image).await?;
            let answer = wire::send(self.connection, doing, request, wire::nothing()).await?;
            let found = answer.accepted().await?.next::<Distribution>().await?;
            Ok(found.map(|found| found.descriptor.digest))
        };
        match tokio::time::timeout(QUESTION, asked).await {
            Ok(Ok(Some(digest))) => Ok(digest),
            Ok(Ok(None)) => Err(self.answerless(doing)),
            Ok(Err(ImageError::Engine(DockerError::Refused { words, .. }))) => {
                Err(trouble("tell of", image, words).into_error())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let words = format!("it said nothing for {} seconds", QUESTION.as_secs());
                Err(away("tell of", image, words))
            }
        }
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        image: &Reference,
    ) -> Result<Builder, ImageError> {
        let header = self.keychain.header(image.host()).await?;
        Ok(wire::request(self.connection, method, path, query).await?.header(HEADER, header))
    }

    async fn transfer(
        &self,
        doing: &'static str,
        image: &Reference,
        path: &str,
        query: &[(&str, &str)],
        output: &mut Output<'_>,
    ) -> Result<Option<String>, Trouble> {
        let request = self.request(Method::POST, path, query, image).await.map_err(Trouble::Final)?;
        let engine = |error: DockerError| Trouble::Final(error.into());
        let name = format!("{doing} {image}");
        output.note(&name);
        output.line(&name).map_err(Trouble::Final)?;
        let answer = wire::send(self.connection, &name, request, wire::nothing()).await.map_err(engine)?;
        let mut answer = match answer.accepted().await {
            Err(DockerError::Refused { words, .. }) => return Err(trouble(doing, image, words)),
            other => other.map_err(engine)?,
        };
        let mut digest = None;
        while let Some(line) = answer.next::<Line>().await.map_err(engine)? {
            if let Some(error) = line.error {
                output.line(&format!("ERROR: {error}")).map_err(Trouble::Final)?;
                return Err(trouble(doing, image, error));
            }
            // Each layer tells many times how far it is; its states are for the log.
            let status = line.status.unwrap_or_default();
            let is_state = !matches!(
                status.as_str(),
                "" | "Pushing" | "Downloading" | "Extracting" | "Waiting" | "Preparing"
            );
            if is_state {
                let id = line.id.map(|id| format!("{id}: ")).unwrap_or_default();
                output.line(&format!("{id}{status}")).map_err(Trouble::Final)?;
            }
            digest = line.aux.and_then(|aux| aux.digest).or(digest);
        }
        Ok(digest)
    }

    async fn wait_or_fail(
        &self,
        trouble: Trouble,
        attempts: &mut Attempts,
        output: &mut Output<'_>,
    ) -> Result<(), ImageError> {
        match trouble {
            Trouble::Passing(error) => {
                let Some(pause) = attempts.pause() else { return Err(error) };
                output.line(&format!("{error}; once more in {} ms", pause.as_millis()))?;
                tokio::time::sleep(pause).await;
                Ok(())
            }
            Trouble::Final(error) => Err(error),
        }
    }

    fn answerless(&self, doing: &str) -> ImageError {
        self.connection.error(doing, std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()).into()
    }
}

/// How often something was tried.
struct Attempts {
    failed: usize,
    since: Instant,
}

impl Attempts {
    fn begin() -> Self {
        Self { failed: 0, since: Instant::now() }
    }

    /// The pause before the next one; none where it is enough.
    fn pause(&mut self) -> Option<Duration> {
        let pause = PAUSES.get(self.failed).copied().filter(|_| self.since.elapsed() < ENOUGH);
        self.failed += 1;
        pause
    }
}

impl Trouble {
    fn into_error(self) -> ImageError {
        match self {
            Self::Final(error) | Self::Passing(error) => error,
        }
    }
}

fn away(doing: &'static str, image: &Reference, words: String) -> ImageError {
    ImageError::RegistryAway { host: image.host().to_owned(), doing, name: image.to_string(), words }
}

/// What the engine's words about a registry mean. They are of many versions of engines and registries.
fn trouble(doing: &'static str, image: &Reference, words: String) -> Trouble {
    let lower = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|part| lower.contains(part));
    let name = image.to_string();
    if is_full(&lower) {
        return Trouble::Final(if doing == "pull" {
            ImageError::BuildFailed { what: words, tail: Vec::new(), remedy: String::new() }
        } else {
            away(doing, image, words)
        });
    }
    if says(&["manifest unknown", "not found", "name unknown", "no such image", "repository name not known"])
    {
        return Trouble::Final(ImageError::NoSuchImage { name, words });
    }
    if says(&["verification failed", "digest mismatch", "digest did not match", "unexpected commit digest"]) {
        return Trouble::Final(ImageError::Changed { name, words });
    }
    if says(&[
        "unauthorized",
        "denied",
        "forbidden",
        "http 401",
        "http 403",
        "no basic auth credentials",
        "authentication required",
        "incorrect username or password",
    ]) {
        return Trouble::Final(ImageError::Denied { host: image.host().to_owned(), doing, name, words });
    }
    Trouble::Passing(away(doing, image, words))
}

#[cfg(test)]
mod tests {
    use bascule_model::problem::Code;

    use super::*;

    #[test]
    fn what_the_engine_says_of_a_registry() {
        let table = [
            (
                "manifest for r/x@sha256:1 not found: manifest unknown: manifest unknown",
                Code::ImageUnavailable,
                false,
            ),
            ("unauthorized: authentication required", Code::RegistryRefused, false),
            ("no basic auth credentials", Code::RegistryRefused, false),
            ("denied: requested access to the resource is denied", Code::RegistryRefused, false),
            ("unexpected HTTP status: 403 Forbidden", Code::RegistryRefused, false),
            (
                "error parsing HTTP 403 response body: unexpected end of JSON input: \"\"",
                Code::RegistryRefused,
                false,
            ),
            ("filesystem layer verification failed for digest sha256:12", Code::ImageUnavailable, false),
            ("write /var/lib/docker/tmp/x: no space left on device", Code::DiskFull, false),
            (
                "Get \"http://r/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
                Code::RegistryRefused,
                true,
            ),
            ("Get \"http://r/v2/\": EOF", Code::RegistryRefused, true),
            ("received unexpected HTTP status: 500 Internal Server Error", Code::RegistryRefused, true),
        ];
        for (words, code, may_pass) in table {
            for doing in ["push", "pull"] {
                let trouble = trouble(doing, &Reference::parse("r/x:1"), words.to_owned());
                assert_eq!(matches!(trouble, Trouble::Passing(_)), may_pass, "{words}");
                assert_eq!(trouble.into_error().problem().code, code, "{words}");
            }
        }
    }
}
