//! Names of images and artifacts.

use std::fmt;

/// The registry that names without a host belong to.
pub(super) const HUB: &str = "docker.io";

/// The name of an image: repository, and tag or digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// As it was written, without tag and digest.
    pub(super) repository: String,
    pub(super) tag: Option<String>,
    /// `sha256:<hex>`.
    pub(super) digest: Option<String>,
}

impl Reference {
    pub(super) fn parse(text: &str) -> Self {
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        // A colon after the last slash begins a tag; one before it belongs to the host's port.
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match name[last..].find(':') {
            Some(colon) => (&name[..last + colon], Some(&name[last + colon + 1..])),
            None => (name, None),
        };
        Self {
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        }
    }

    /// The host that has it, with its port.
    pub(super) fn host(&self) -> &str {
        host(&self.repository)
    }

    /// The tag, `latest` where there is none.
    pub(super) fn tag_or_latest(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// The host of a repository.
pub(super) fn host(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => HUB,
    }
}

/// The repository as the engine writes it: without the host and folder of [`HUB`].
pub(super) fn familiar(repository: &str) -> &str {
    let short = repository.strip_prefix("docker.io/").or_else(|| repository.strip_prefix("index.docker.io/"));
    short.map_or(repository, |short| short.strip_prefix("library/").unwrap_or(short))
}

/// An artifact that is an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// By its id on this engine, `sha256:<hex>`.
    Local(String),
    /// By its digest in a registry.
    Registry {
        repository: String,
        /// `sha256:<hex>`.
        digest: String,
    },
}

impl Named {
    /// Reads a release's artifact; none where it is no image.
    pub(super) fn parse(artifact: &str) -> Option<Self> {
        let image = artifact.strip_prefix("image:")?;
        let (repository, digest) = image.split_once('@').map_or((None, image), |(r, d)| (Some(r), d));
        let hex = digest.strip_prefix("sha256:")?;
        let is_hex = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is_hex.then(|| match repository {
            Some(repository) => {
                Self::Registry { repository: repository.to_owned(), digest: digest.to_owned() }
            }
            None => Self::Local(digest.to_owned()),
        })
    }

    /// As the engine is asked for it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Local(id) => id.clone(),
            Self::Registry { repository, digest } => format!("{repository}@{digest}"),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "image:{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (text, repository, tag, host) in [
            ("shop", "shop", None, HUB),
            ("shop:1", "shop", Some("1"), HUB),
            ("a/shop:1", "a/shop", Some("1"), HUB),
            ("localhost/shop", "localhost/shop", None, "localhost"),
            ("127.0.0.1:5000/a/shop:x", "127.0.0.1:5000/a/shop", Some("x"), "127.0.0.1:5000"),
            ("r.example.com/shop", "r.example.com/shop", None, "r.example.com"),
        ] {
            let reference = Reference::parse(text);
            assert_eq!(reference.repository, repository);
            assert_eq!(reference.tag.as_deref(), tag);
            assert_eq!(reference.host(), host);
            assert_eq!(reference.to_string(), text);
        }
        assert_eq!(familiar("docker.io/library/shop"), "shop");
        assert_eq!(familiar("docker.io/me/shop"), "me/shop");
        assert_eq!(familiar("r.example.com/library/shop"), "r.example.com/library/shop");
    }

    #[test]
    fn artifacts_are_taken_apart() {
        let hex = "0a".repeat(32);
        for good in [format!("image:sha256:{hex}"), format!("image:h:1/shop@sha256:{hex}")] {
            assert_eq!(Named::parse(&good).unwrap().to_string(), good);
        }
        for bad in [
            format!("sha256:{hex}"),
            "image:".to_owned(),
            "image:shop@sha256:12".to_owned(),
            "image:shop".to_owned(),
        ] {
            assert_eq!(Named::parse(&bad), None, "{bad}");
        }
    }
}
