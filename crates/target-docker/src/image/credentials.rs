//! Who one is at a registry: what the manifest says, else Docker's configuration and its credential helpers.
//!
//! A helper is a program `docker-credential-NAME` that gets the registry's name on its standard input. Its output is never
//! logged, and it has ten seconds.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bascule_model::release::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::error::{ImageError, file};
use super::reference::HUB;

const PATIENCE: Duration = Duration::from_secs(10);
/// How the configuration and the engine call [`HUB`].
const HUB_SERVER: &str = "https://index.docker.io/v1/";

/// A proof of who one is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    Password {
        username: String,
        password: String,
    },
    /// An identity token, which the registry gave for a password.
    Token(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(***)")
    }
}

/// Where logins are looked for.
#[derive(Debug, Clone)]
pub(super) struct Keychain {
    /// Docker's `config.json`.
    pub(super) file: Option<PathBuf>,
    /// The manifest's own, and for which host.
    pub(super) own: Option<(String, Credentials)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Configuration {
    auths: BTreeMap<String, Auth>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

impl Keychain {
    /// The login at a registry; none: nobody in particular.
    pub(super) async fn login(&self, host: &str) -> Result<Option<Login>, ImageError> {
        let host = plain(host);
        if let Some((own, Credentials { username, password })) = &self.own
            && plain(own) == host
        {
            let (username, password) = (username.clone(), password.clone());
            return Ok(Some(Login::Password { username, password }));
        }
        let Some(path) = &self.file else { return Ok(None) };
        let configuration = read(path)?;
        let helper = configuration.helpers.iter().find(|(server, _)| plain(server) == host);
        if let Some((server, helper)) = helper {
            return ask(helper, server, host).await;
        }
        if let Some(store) = configuration.store.as_ref().filter(|store| !store.is_empty()) {
            let server = if host == HUB { HUB_SERVER } else { host };
            if let Some(login) = ask(store, server, host).await? {
                return Ok(Some(login));
            }
        }
        let auth = configuration.auths.iter().find(|(server, _)| plain(server) == host);
        auth.map_or(Ok(None), |(_, auth)| auth.login(path))
    }

    /// The `X-Registry-Auth` header for a registry.
    pub(super) async fn header(&self, host: &str) -> Result<String, ImageError> {
        let login = self.login(host).await?;
        Ok(URL_SAFE.encode(login.map_or_else(|| json!({}), |login| login.json(host)).to_string()))
    }

    /// The `X-Registry-Config` header for several.
    pub(super) async fn headers(&self, hosts: impl Iterator<Item = &str>) -> Result<String, ImageError> {
        let mut known = serde_json::Map::new();
        for host in hosts {
            if let Some(login) = self.login(host).await? {
                let server = if plain(host) == HUB { HUB_SERVER } else { host };
                known.insert(server.to_owned(), login.json(host));
            }
        }
        Ok(URL_SAFE.encode(serde_json::Value::Object(known).to_string()))
    }
}

impl Login {
    fn json(&self, host: &str) -> serde_json::Value {
        let server = if plain(host) == HUB { HUB_SERVER } else { host };
        match self {
            Self::Password { username, password } => {
                json!({ "username": username, "password": password, "serveraddress": server })
            }
            Self::Token(token) => json!({ "identitytoken": token, "serveraddress": server }),
        }
    }
}

impl Auth {
    fn login(&self, path: &Path) -> Result<Option<Login>, ImageError> {
        if !self.identitytoken.is_empty() {
            return Ok(Some(Login::Token(self.identitytoken.clone())));
        }
        let pair = if self.auth.is_empty() {
            Some((self.username.clone(), self.password.clone()))
        } else {
            let text = STANDARD.decode(self.auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            text.and_then(|text| {
                let (username, password) = text.split_once(':')?;
                Some((username.to_owned(), password.trim_end_matches('\0').to_owned()))
            })
        };
        let Some((username, password)) = pair else {
            let detail = "an `auth` is not the base64 of NAME:PASSWORD".to_owned();
            return Err(ImageError::BadConfiguration { path: path.to_owned(), detail });
        };
        Ok((!username.is_empty()).then_some(Login::Password { username, password }))
    }
}

/// A server's name without scheme and path; the names of [`HUB`] are one.
fn plain(server: &str) -> &str {
    let host = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    match host.split('/').next().unwrap_or(host) {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => HUB,
        host => host,
    }
}

fn read(path: &Path) -> Result<Configuration, ImageError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Configuration::default()),
        Err(error) => return Err(file("read", path)(error)),
    };
    serde_json::from_slice(&bytes).map_err(|error| ImageError::BadConfiguration {
        path: path.to_owned(),
        // Not the error's own words: they may repeat what stands there.
        detail: format!("line {}, column {}", error.line(), error.column()),
    })
}

async fn ask(helper: &str, server: &str, host: &str) -> Result<Option<Login>, ImageError> {
    let program = format!("docker-credential-{helper}");
    let failed =
        |detail: String| ImageError::Helper { helper: program.clone(), host: host.to_owned(), detail };
    if helper.contains('/') {
        return Err(failed("its name is no name".to_owned()));
    }
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let input = child.stdin.take();
    let talk = async {
        if let Some(mut input) = input {
            // One that does not read its input says so by its status.
            let _ = input.write_all(server.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = match tokio::time::timeout(PATIENCE, talk).await {
        Err(_) => return Err(failed(format!("it did not answer within {} seconds", PATIENCE.as_secs()))),
        Ok(output) => output.map_err(|error| failed(error.to_string()))?,
    };
    if !output.status.success() {
        let says = String::from_utf8_lossy(&output.stdout);
        // The one answer that means that there is none (docker-credential-helpers, `credentials/error.go`).
        if says.contains("credentials not found in native keychain") {
            return Ok(None);
        }
        return Err(failed(format!("it ended with {}", output.status)));
    }
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("its answer is not what a credential helper says".to_owned()))?;
    Ok(Some(if answer.username == "<token>" {
        Login::Token(answer.secret)
    } else {
        Login::Password { username: answer.username, password: answer.secret }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn login(configuration: &str, host: &str) -> Result<Option<Login>, ImageError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, configuration).unwrap();
        Keychain { file: Some(path), own: None }.login(host).await
    }

    #[tokio::test]
    async fn what_the_configuration_says() {
        let auth = STANDARD.encode("me:pass:word");
        let password = Login::Password { username: "me".to_owned(), password: "pass:word".to_owned() };
        for (server, host) in [
            ("r.example.com:5000", "r.example.com:5000"),
            ("https://r.example.com/v2/", "r.example.com"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("https://index.docker.io/v1/", "registry-1.docker.io"),
        ] {
            let text = json!({ "auths": { server: { "auth": auth } } }).to_string();
            assert_eq!(login(&text, host).await.unwrap(), Some(password.clone()), "{host}");
            assert_eq!(login(&text, "other.example.com").await.unwrap(), None);
        }
        let token = r#"{"auths":{"r":{"auth":"","identitytoken":"tok"}}}"#;
        assert_eq!(login(token, "r").await.unwrap(), Some(Login::Token("tok".to_owned())));
        assert_eq!(login(r#"{"auths":{"r":{}},"HttpHeaders":{}}"#, "r").await.unwrap(), None);
        assert!(login(r#"{"auths":{"r":{"auth":"!!"}}}"#, "r").await.is_err());
        let wrong = login(r#"{"auths":{"r":"hunter2"}}"#, "r").await.unwrap_err();
        assert!(!wrong.to_string().contains("hunter2"), "{wrong}");
        let none = Keychain { file: Some("/nowhere/config.json".into()), own: None };
        assert_eq!(none.login("r").await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_manifest_s_own_goes_first_and_only_to_its_host() {
        let own = Credentials { username: "me".to_owned(), password: "secret".to_owned() };
        let keychain = Keychain { file: None, own: Some(("r:1".to_owned(), own)) };
        assert!(keychain.login("r:1").await.unwrap().is_some());
        assert!(keychain.login("r:2").await.unwrap().is_none());
        assert!(!format!("{keychain:?}").contains("secret"));
        let header = URL_SAFE.decode(keychain.header("r:1").await.unwrap()).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header, json!({ "username": "me", "password": "secret", "serveraddress": "r:1" }));
        assert_eq!(URL_SAFE.decode(keychain.header("r:2").await.unwrap()).unwrap(), b"{}");
    }
}
