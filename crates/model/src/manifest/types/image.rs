//! Images: how one is named, and where one comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::build::RelativePath;
use super::text::Value;

/// Where an image comes from, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Built or taken.
    pub from: ImageFrom,
    /// Where a built image is pushed to; none: it stays on the machine.
    pub repository: Option<Repository>,
    /// Who one is at the registry; none: whom the Docker configuration says.
    pub registry: Option<Registry>,
}

/// Built or taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageFrom {
    /// Built from a Dockerfile.
    Build(ImageBuild),
    /// One that is there already.
    Named(ImageName),
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBuild {
    /// The Dockerfile.
    pub dockerfile: RelativePath,
    /// The folder that the build sees.
    pub context: RelativePath,
    /// The stage that is built; none: the last one.
    pub target: Option<String>,
    /// Build arguments; they stand in the image for everyone to read, so nothing private is among them.
    pub args: BTreeMap<String, String>,
    /// `OS/ARCHITECTURE[/VARIANT]`; none: the engine's own.
    pub platform: Option<String>,
    /// What the build gets by name, and no image keeps.
    pub secrets: BTreeMap<String, Value>,
}

/// Who one is at a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// The name.
    pub username: Value,
    /// The password or token.
    pub password: Value,
}

/// A name that was refused. `Display` says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not the name of {what}, as in {example}")]
pub struct BadImageName {
    /// The refused text.
    pub given: String,
    what: &'static str,
    example: &'static str,
}

/// The name of an image: `[HOST[:PORT]/]PATH[:TAG][@sha256:<hex>]`, as Docker reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageName(String);

/// The name of a repository: an image's name without tag and digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Repository(String);

impl FromStr for ImageName {
    type Err = BadImageName;

    fn from_str(text: &str) -> Result<Self, BadImageName> {
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        // A colon after the last slash begins a tag; one before it belongs to the host's port.
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match name[last..].find(':') {
            Some(colon) => (&name[..last + colon], Some(&name[last + colon + 1..])),
            None => (name, None),
        };
        let is_digest = |digest: &str| {
            digest.strip_prefix("sha256:").is_some_and(|hex| {
                hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            })
        };
        let good = is_repository(repository) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            let example = "registry.example.com/shop:1.2";
            Err(BadImageName { given: text.to_owned(), what: "an image", example })
        }
    }
}

impl FromStr for Repository {
    type Err = BadImageName;

    fn from_str(text: &str) -> Result<Self, BadImageName> {
        if is_repository(text) {
            Ok(Self(text.to_owned()))
        } else {
            let example = "registry.example.com/shop";
            Err(BadImageName { given: text.to_owned(), what: "a repository", example })
        }
    }
}

fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|b| is_word(b) || b == b'.' || b == b'-')
}

fn is_repository(name: &str) -> bool {
    let mut segments = name.split('/');
    let first = segments.next().unwrap_or_default();
    // The first segment is a host when it could be nothing else.
    let is_host = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let host_is_good = || {
        let (host, port) = first.split_once(':').map_or((first, None), |(host, port)| (host, Some(port)));
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
            && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
    };
    let is_path_segment = |segment: &str| {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        segment.bytes().next().is_some_and(is_plain)
            && segment.bytes().last().is_some_and(is_plain)
            && segment.bytes().all(|b| is_plain(b) || b"._-".contains(&b))
            // Between words stand one dot, one or two underscores, or any number of dashes.
            && segment.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).all(|separator| {
                matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
            })
    };
    name.len() <= 255
        && if is_host { host_is_good() } else { is_path_segment(first) }
        && segments.all(is_path_segment)
}

/// The registry that a name belongs to, as it is written in front; none: Docker's own.
fn registry_of(name: &str) -> Option<&str> {
    let (first, _) = name.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

macro_rules! as_text {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The registry that it belongs to, `HOST[:PORT]`; none: Docker's own.
            #[must_use]
            pub fn registry(&self) -> Option<&str> {
                registry_of(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadImageName;
            fn try_from(text: String) -> Result<Self, BadImageName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}
as_text!(ImageName);
as_text!(Repository);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images() {
        let digest = format!("shop@sha256:{}", "0a".repeat(32));
        for good in [
            "shop",
            "shop:1.2",
            "a/b/c:x",
            "localhost:5000/shop",
            "r.example.com/shop:v1",
            "localhost/x",
            "a__b/c--d:x",
            &digest,
        ] {
            assert!(good.parse::<ImageName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "Shop",
            "shop:",
            "shop:a b",
            "a//b",
            "/a",
            "shop@sha256:12",
            "h:0/x",
            "a/:x",
            "-a",
            "a:b:c",
            "a..b",
            "a/b._c",
            "a___b",
        ] {
            assert!(bad.parse::<ImageName>().is_err(), "{bad}");
        }
        for (name, registry) in
            [("shop:1", None), ("a/b", None), ("r.example.com/a/b:1", Some("r.example.com"))]
        {
            assert_eq!(name.parse::<ImageName>().unwrap().registry(), registry, "{name}");
        }
        assert!("localhost:5000/shop".parse::<Repository>().is_ok());
        assert!("localhost:5000/shop:1".parse::<Repository>().is_err());
    }
}
