//! Which host a request is for (RFC 9112, 3.2): exactly one, and the same wherever it is written.

use std::borrow::Cow;

use http::{HeaderValue, Method, Uri, Version};

use super::headers::Once;

/// Why a request's target cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadTarget {
    /// HTTP/1.1 without a `Host` field.
    NoHost,
    /// More than one `Host` field.
    ManyHosts,
    /// A host with characters that no host has.
    BadHost,
    /// The target and the `Host` field name different hosts.
    DifferentHosts,
    /// A target that is neither a path, an absolute `http` URI nor `*` for OPTIONS.
    BadForm,
    /// CONNECT: this is no forward proxy.
    Connect,
}

impl BadTarget {
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::NoHost => "the request has no Host field",
            Self::ManyHosts => "the request has more than one Host field",
            Self::BadHost => "the Host field is not a host name",
            Self::DifferentHosts => "the request target and the Host field name different hosts",
            Self::BadForm => "the request target is not a path",
            Self::Connect => "CONNECT is not served here",
        }
    }
}

/// Checks the target and the host of a request. Gives the host with its port as the client wrote it (`None`: HTTP/1.0
/// without one).
pub(crate) fn host_of(
    method: &Method,
    uri: &Uri,
    version: Version,
    host: &Once,
) -> Result<Option<HeaderValue>, BadTarget> {
    if *method == Method::CONNECT {
        return Err(BadTarget::Connect);
    }
    if !uri.path_and_query().is_none_or(|target| target.as_str().bytes().all(|byte| byte.is_ascii_graphic()))
    {
        // HTTP/1 is read by the same rule; HTTP/2's library is laxer (RFC 9113, 8.3.1).
        return Err(BadTarget::BadForm);
    }
    let host = match host {
        Once::No => None,
        Once::Yes(host) if is_authority(host.as_bytes()) => Some(host),
        Once::Yes(_) => return Err(BadTarget::BadHost),
        Once::Many => return Err(BadTarget::ManyHosts),
    };
    let Some(authority) = uri.authority() else {
        let path = uri.path();
        let is_server_wide = path == "*" && *method == Method::OPTIONS;
        if !path.starts_with('/') && !is_server_wide {
            return Err(BadTarget::BadForm);
        }
        return match host {
            Some(host) if !host.is_empty() => Ok(Some(host.clone())),
            None if version == Version::HTTP_10 => Ok(None),
            _ => Err(BadTarget::NoHost),
        };
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) || !uri.path().starts_with('/') {
        // An authority without a scheme is CONNECT's form.
        return Err(BadTarget::BadForm);
    }
    if !is_authority(authority.as_str().as_bytes()) {
        return Err(BadTarget::BadHost);
    }
    match host {
        Some(host) if host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {
            Ok(Some(host.clone()))
        }
        Some(_) => Err(BadTarget::DifferentHosts),
        None if version == Version::HTTP_11 => Err(BadTarget::NoHost),
        None => HeaderValue::from_str(authority.as_str()).map(Some).map_err(|_| BadTarget::BadHost),
    }
}

/// Name, address or bracketed IPv6 address, perhaps with a port; no user information, no path.
pub(crate) fn is_authority(bytes: &[u8]) -> bool {
    let (host, port) = match bytes.iter().rposition(|byte| *byte == b':') {
        Some(colon) if bytes.last() != Some(&b']') => (&bytes[..colon], &bytes[colon + 1..]),
        _ => (bytes, &b""[..]),
    };
    let host = match host {
        [b'[', inner @ .., b']'] => {
            return inner.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
                && port.iter().all(u8::is_ascii_digit);
        }
        host => host,
    };
    port.iter().all(u8::is_ascii_digit)
        && host
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%'))
}

/// The name that routes are looked up under: lower case, without port and final dot.
pub(crate) fn route_name(host: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(host).ok()?;
    let name = match text.rfind(':') {
        Some(colon) if !text.ends_with(']') => &text[..colon],
        _ => text,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    Some(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, uri: &str, version: Version, hosts: &[&str]) -> Result<Option<String>, BadTarget> {
        let host = match hosts {
            [] => Once::No,
            [host] => Once::Yes(host.parse().unwrap()),
            _ => Once::Many,
        };
        host_of(&method.parse().unwrap(), &uri.parse().unwrap(), version, &host)
            .map(|host| host.map(|host| host.to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        let v11 = Version::HTTP_11;
        assert_eq!(check("GET", "/", v11, &["a:80"]), Ok(Some("a:80".to_owned())));
        assert_eq!(check("GET", "/", v11, &["[::1]:80"]), Ok(Some("[::1]:80".to_owned())));
        assert_eq!(check("OPTIONS", "*", v11, &["a"]), Ok(Some("a".to_owned())));
        assert_eq!(check("GET", "http://a/x", v11, &["A"]), Ok(Some("A".to_owned())));
        assert_eq!(check("GET", "/", Version::HTTP_10, &[]), Ok(None));
        assert_eq!(check("GET", "http://a/x", Version::HTTP_2, &[]), Ok(Some("a".to_owned())));
        assert_eq!(check("GET", "/", v11, &[]), Err(BadTarget::NoHost));
        assert_eq!(check("GET", "/", v11, &[""]), Err(BadTarget::NoHost));
        assert_eq!(check("GET", "http://a/", v11, &[]), Err(BadTarget::NoHost));
        assert_eq!(check("GET", "/", v11, &["a", "a"]), Err(BadTarget::ManyHosts));
        assert_eq!(check("GET", "http://a/x", v11, &["b"]), Err(BadTarget::DifferentHosts));
        assert_eq!(check("GET", "http://a:80/x", v11, &["a"]), Err(BadTarget::DifferentHosts));
        assert_eq!(check("CONNECT", "a:80", v11, &["a:80"]), Err(BadTarget::Connect));
        assert_eq!(check("GET", "a:80", v11, &["a:80"]), Err(BadTarget::BadForm));
        assert_eq!(check("GET", "*", v11, &["a"]), Err(BadTarget::BadForm));
        for bad in ["http://a/\u{e4}", "http://a/?\u{e4}"] {
            assert_eq!(check("GET", bad, Version::HTTP_2, &[]), Err(BadTarget::BadForm), "{bad}");
        }
        for bad in ["a b", "a/b", "u@a", "a,b", "a:b", "[::1", "a:80:80"] {
            assert_eq!(check("GET", "/", v11, &[bad]), Err(BadTarget::BadHost), "{bad}");
        }
    }

    #[test]
    fn routes_know_hosts_in_lower_case_without_port() {
        for (host, name) in [
            ("a", "a"),
            ("Shop.Example.COM:8080", "shop.example.com"),
            ("a.:80", "a"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(route_name(host.as_bytes()).unwrap(), name);
        }
    }
}
