//! What a service's containers are given: volumes, hosts, capabilities, users, as texts with a meaning.

use std::fmt;
use std::str::FromStr;

use crate::release;

/// A text that was refused. `Display` says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?}: {expected}")]
pub struct BadContainerText {
    /// The refused text.
    pub given: String,
    expected: &'static str,
}

/// `SOURCE:TARGET[:ro]`: a folder of the machine or the name of a volume, and where the container sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeText(release::Volume);

/// `NAME:ADDRESS`: a name that resolves to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry(String);

/// `USER[:GROUP]`, by name or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(String);

/// A Linux capability (capabilities(7)), without `CAP_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability(String);

/// The capabilities that a container can be given, without `CAP_`.
pub const CAPABILITIES: [&str; 41] = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

impl VolumeText {
    /// The volume.
    #[must_use]
    pub fn get(&self) -> &release::Volume {
        &self.0
    }
}

impl FromStr for VolumeText {
    type Err = BadContainerText;

    fn from_str(text: &str) -> Result<Self, BadContainerText> {
        let bad = |expected| BadContainerText { given: text.to_owned(), expected };
        let mut parts = text.split(':');
        let (Some(source), Some(target), mode, None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad("write SOURCE:TARGET or SOURCE:TARGET:ro"));
        };
        let writing = match mode {
            None | Some("rw") => release::Writing::Allowed,
            Some("ro") => release::Writing::ReadOnly,
            Some(_) => return Err(bad("after the second colon comes ro or nothing")),
        };
        let is_path = |path: &str| {
            path.starts_with('/')
                && !path.contains(char::is_control)
                && !path.split('/').any(|segment| segment == "..")
        };
        let is_name = |name: &str| {
            name.len() > 1
                && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        };
        if !is_path(source) && !is_name(source) {
            return Err(bad(
                "the source is a folder of the machine, which begins with /, or the name of a volume",
            ));
        }
        let target = plain(target);
        if !is_path(&target) || target == "/" {
            return Err(bad("the target is a folder in the container, which begins with /"));
        }
        let source = if is_path(source) { plain(source) } else { source.to_owned() };
        Ok(Self(release::Volume { source, target, writing }))
    }
}

/// A path without empty and `.` segments, so that two texts of one place are equal.
fn plain(path: &str) -> String {
    let is_relative = !path.starts_with('/');
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
    format!("{}{}", if is_relative { "" } else { "/" }, segments.join("/"))
}

impl fmt::Display for VolumeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.0.writing == release::Writing::ReadOnly { ":ro" } else { "" };
        write!(f, "{}:{}{mode}", self.0.source, self.0.target)
    }
}

impl FromStr for HostEntry {
    type Err = BadContainerText;

    fn from_str(text: &str) -> Result<Self, BadContainerText> {
        let bad = |expected| BadContainerText { given: text.to_owned(), expected };
        let (name, address) = text.split_once(':').ok_or_else(|| bad("write NAME:ADDRESS"))?;
        if name.parse::<super::HostName>().is_err() || name.starts_with('*') {
            return Err(bad("before the colon comes a host name"));
        }
        if address != "host-gateway" && address.parse::<std::net::IpAddr>().is_err() {
            return Err(bad("after the colon comes an IP address, or host-gateway for this machine"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for User {
    type Err = BadContainerText;

    fn from_str(text: &str) -> Result<Self, BadContainerText> {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        };
        let good = match text.split_once(':') {
            Some((user, group)) => is_word(user) && is_word(group),
            None => is_word(text),
        };
        let expected = "write USER or USER:GROUP, by name or number";
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadContainerText { given: text.to_owned(), expected })
        }
    }
}

impl User {
    /// Whether that is root, by name or number, as far as the text tells.
    #[must_use]
    pub fn is_root(&self) -> bool {
        let user = self.0.split_once(':').map_or(self.0.as_str(), |(user, _)| user);
        user == "root" || (!user.is_empty() && user.bytes().all(|b| b == b'0'))
    }
}

impl FromStr for Capability {
    type Err = BadContainerText;

    fn from_str(text: &str) -> Result<Self, BadContainerText> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
        if CAPABILITIES.contains(&name) {
            return Ok(Self(name.to_owned()));
        }
        Err(BadContainerText { given: text.to_owned(), expected: "name a capability of Linux" })
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl $name {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )+};
}
as_text!(HostEntry, User, Capability);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_containers() {
        for good in ["data:/var/lib/shop", "/srv/x:/x:ro", "a_b.c:/x:rw"] {
            assert!(good.parse::<VolumeText>().is_ok(), "{good}");
        }
        for bad in [
            "data",
            "./x:/y",
            "data:x",
            "data:/",
            "/a/../b:/x",
            "a:/b:rx",
            "a:/b:ro:z",
            "x:/y",
            "a:/.",
            "/a\0:/b",
        ] {
            assert!(bad.parse::<VolumeText>().is_err(), "{bad}");
        }
        for good in ["db:10.0.0.5", "host.docker.internal:host-gateway", "db:::1"] {
            assert!(good.parse::<HostEntry>().is_ok(), "{good}");
        }
        for bad in ["db", "db:", "d b:1.2.3.4", "*.x:1.2.3.4", "db:name"] {
            assert!(bad.parse::<HostEntry>().is_err(), "{bad}");
        }
        for good in ["1000", "app", "1000:1000", "app:www-data"] {
            assert!(good.parse::<User>().is_ok(), "{good}");
        }
        for (text, is_root) in
            [("0", true), ("root:app", true), ("00", true), ("1000:0", false), ("roots", false)]
        {
            assert_eq!(text.parse::<User>().unwrap().is_root(), is_root, "{text}");
        }
        let volume = "/srv//x/:/data/./y/".parse::<VolumeText>().unwrap();
        assert_eq!(volume.to_string(), "/srv/x:/data/y");
        for bad in ["", ":1", "a b", "a:", "a:b:c"] {
            assert!(bad.parse::<User>().is_err(), "{bad}");
        }
        assert_eq!("cap_net_bind_service".parse::<Capability>().unwrap().as_str(), "NET_BIND_SERVICE");
        assert!("NET_BIND".parse::<Capability>().is_err());
    }
}
