//! Who may come in to a service's pods, besides nobody and everybody.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who may come in to the pods of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// All of them; empty: nobody.
    pub from: Vec<Peer>,
}

/// One of those who may.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Peer {
    /// The pods of this app in this environment.
    App,
    /// All pods of the environment's namespace.
    Namespace,
    /// All pods of another namespace.
    OtherNamespace(String),
    /// Addresses, inside or outside of the cluster (RFC 4632, 3.1; RFC 4291, 2.3).
    Addresses {
        /// The first one.
        base: IpAddr,
        /// How many bits of it count.
        bits: u8,
    },
    /// Whoever comes.
    Everyone,
}

impl Peer {
    /// Whether somebody outside of the cluster may be meant.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        matches!(self, Self::Addresses { .. } | Self::Everyone)
    }
}

/// A text that names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it names nobody who could come in")]
pub struct BadPeer;

impl FromStr for Peer {
    type Err = BadPeer;

    fn from_str(text: &str) -> Result<Self, BadPeer> {
        match text {
            "app" => return Ok(Self::App),
            "namespace" => return Ok(Self::Namespace),
            "everyone" => return Ok(Self::Everyone),
            _ => {}
        }
        if let Some(name) = text.strip_prefix("namespace/") {
            return if is_label(name) { Ok(Self::OtherNamespace(name.to_owned())) } else { Err(BadPeer) };
        }
        let (base, bits) = text.split_once('/').ok_or(BadPeer)?;
        let base: IpAddr = base.parse().map_err(|_| BadPeer)?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let is_number = bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits: u8 = bits.parse().map_err(|_| BadPeer)?;
        if is_number && bits <= most { Ok(Self::Addresses { base, bits }) } else { Err(BadPeer) }
    }
}

/// The name of a namespace (RFC 1123, 2.1).
fn is_label(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 63
        && text.starts_with(letter)
        && text.ends_with(letter)
        && text.chars().all(|c| letter(c) || c == '-')
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App => f.write_str("app"),
            Self::Namespace => f.write_str("namespace"),
            Self::OtherNamespace(name) => write!(f, "namespace/{name}"),
            Self::Addresses { base, bits } => write!(f, "{base}/{bits}"),
            Self::Everyone => f.write_str("everyone"),
        }
    }
}

impl TryFrom<String> for Peer {
    type Error = BadPeer;

    fn try_from(text: String) -> Result<Self, BadPeer> {
        text.parse()
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named_is_written_as_it_was_read() {
        for text in
            ["app", "namespace", "namespace/ingress-nginx", "10.0.0.0/8", "fd00::/8", "0.0.0.0/0", "everyone"]
        {
            assert_eq!(text.parse::<Peer>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "App",
            "web",
            "namespace/",
            "namespace/-a",
            "namespace/A",
            "10.0.0.1",
            "10.0.0.0/33",
            "10.0/8",
            "::/129",
            "::/+8",
            "everybody",
        ] {
            assert_eq!(text.parse::<Peer>(), Err(BadPeer), "{text}");
        }
    }
}
