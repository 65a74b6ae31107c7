//! The fields that belong to one hop, and those that a proxy adds (RFC 9110, 7.6; RFC 7239). Maps are edited in place.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Version};

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where a request comes from, as a client or a proxy in front of the edge may have written it.
const PROVENANCE: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-real-ip",
];

const REQUEST_ID_AT_MOST: usize = 128;

/// What a client wants to do with its connection after the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// More HTTP.
    Stay,
    /// This other protocol.
    Upgrade(HeaderValue),
}

/// A field that has to be there once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Once {
    /// It is not there.
    #[default]
    No,
    /// Its value.
    Yes(HeaderValue),
    /// It is there more than once.
    Many,
}

impl Once {
    fn see(&mut self, value: &HeaderValue) {
        *self = if *self == Self::No { Self::Yes(value.clone()) } else { Self::Many };
    }
}

/// What one look over a request's fields finds; every later step needs only this.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) host: Once,
    pub(crate) request_id: Once,
    connection: Option<()>,
    upgrade: Once,
    hop_by_hop: Option<()>,
    /// Says where the request comes from: that is for the edge to say.
    provenance: Option<()>,
}

impl Seen {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            // Told apart by the length first: most fields are passed over at the price of one comparison.
            match name.len() {
                2 | 6 | 7 if matches!(name, "te" | "expect" | "trailer") => seen.hop_by_hop = Some(()),
                4 if name == "host" => seen.host.see(value),
                7 if name == "upgrade" => seen.upgrade.see(value),
                10 if name == "connection" => seen.connection = Some(()),
                10 if name == "keep-alive" => seen.hop_by_hop = Some(()),
                12 if name == "x-request-id" => seen.request_id.see(value),
                16 if name == "proxy-connection" => seen.hop_by_hop = Some(()),
                17 if name == "transfer-encoding" => seen.hop_by_hop = Some(()),
                9 | 15 | 16 | 17 if is_provenance(name.as_bytes()) => {
                    seen.provenance = Some(());
                }
                _ => {}
            }
        }
        seen
    }

    /// Takes out of a request what is between the client and us. Gives what the client wants the connection to become.
    pub(crate) fn strip(&self, headers: &mut HeaderMap, version: Version) -> Wish {
        let mut wish = Wish::Stay;
        if self.connection.is_some() {
            let tokens = strip_named(headers);
            if let (Once::Yes(protocol), Version::HTTP_11, true) =
                (&self.upgrade, version, tokens.upgrade.is_some())
                && !offers_http2(protocol)
            {
                wish = Wish::Upgrade(protocol.clone());
            }
        }
        if self.upgrade != Once::No {
            headers.remove(UPGRADE);
            headers.remove(&HTTP2_SETTINGS);
        }
        if self.hop_by_hop.is_some() {
            // The library writes the framing of the next hop from the body; `Expect` is answered here.
            for name in [&TE, &TRAILER, &TRANSFER_ENCODING, &EXPECT, &KEEP_ALIVE, &PROXY_CONNECTION] {
                headers.remove(name);
            }
        }
        if self.provenance.is_some() {
            let said = headers.keys().filter(|name| is_provenance(name.as_str().as_bytes()));
            for name in said.cloned().collect::<Vec<_>>() {
                headers.remove(name);
            }
        }
        wish
    }
}

/// Takes out of a response what is between the instance and us.
pub(crate) fn strip_response(headers: &mut HeaderMap) {
    let (mut named, mut hop_by_hop) = (None, None);
    for name in headers.keys() {
        let name = name.as_str();
        match name.len() {
            10 if name == "connection" => named = Some(()),
            7 | 10 | 16 | 17 | 18 if is_hop_by_hop_in_responses(name) => hop_by_hop = Some(()),
            _ => {}
        }
    }
    if named.is_some() {
        strip_named(headers);
    }
    if hop_by_hop.is_some() {
        // RFC 9112, 6.3: with a transfer coding, a content length says nothing.
        if headers.remove(TRANSFER_ENCODING).is_some() {
            headers.remove(CONTENT_LENGTH);
        }
        for name in [&UPGRADE, &PROXY_AUTHENTICATE, &KEEP_ALIVE, &PROXY_CONNECTION] {
            headers.remove(name);
        }
    }
}

/// Whether a response's field is of one hop only. In any case of letters.
pub(super) fn is_hop_by_hop_in_responses(name: &str) -> bool {
    ["upgrade", "keep-alive", "transfer-encoding", "proxy-connection", "proxy-authenticate"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a request's field says where it comes from. In any case of letters, and with `_` for `-`: servers that make
/// variables of the fields take both for the same.
pub(super) fn is_provenance(name: &[u8]) -> bool {
    let is = |byte: &u8, known: &u8| byte.eq_ignore_ascii_case(known) || (*byte == b'_' && *known == b'-');
    PROVENANCE.iter().any(|known| {
        known.len() == name.len() && name.iter().zip(known.as_bytes()).all(|(byte, known)| is(byte, known))
    })
}

/// Whether one of the protocols is HTTP/2: its requests would pass unseen.
fn offers_http2(upgrade: &HeaderValue) -> bool {
    upgrade.as_bytes().split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(b"h2c"))
}

struct Tokens {
    upgrade: Option<()>,
}

/// Removes `Connection` and the fields it names, but for those that a request cannot do without.
fn strip_named(headers: &mut HeaderMap) -> Tokens {
    let mut tokens = Tokens { upgrade: None };
    let mut values = headers.get_all(CONNECTION).iter();
    if let (Some(only), None) = (values.next(), values.next())
        && (only == "keep-alive" || only == "close")
    {
        // What nearly every peer says, if it says anything.
        headers.remove(CONNECTION);
        return tokens;
    }
    let mut doomed: Vec<HeaderName> = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for token in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"upgrade") {
                tokens.upgrade = Some(());
            } else if !token.is_empty()
                && !token.eq_ignore_ascii_case(b"keep-alive")
                && !token.eq_ignore_ascii_case(b"close")
                && let Ok(name) = HeaderName::from_bytes(token)
                && name != HOST
                && name != CONTENT_LENGTH
                && name != CONNECTION
                && name != X_REQUEST_ID
            {
                doomed.push(name);
            }
        }
    }
    headers.remove(CONNECTION);
    for name in doomed {
        headers.remove(name);
    }
    tokens
}

/// Whether a request id that a client gave may be kept: short, and nothing that could be taken for something else in a log.
pub(crate) fn is_sane_request_id(id: &[u8]) -> bool {
    !id.is_empty()
        && id.len() <= REQUEST_ID_AT_MOST
        && id.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'_' | b'.' | b':' | b'+' | b'/' | b'=' | b'@')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, field) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), field.parse().unwrap());
        }
        headers
    }

    fn strip(headers: &mut HeaderMap, version: Version) -> Wish {
        Seen::of(headers).strip(headers, version)
    }

    #[test]
    fn what_is_between_client_and_edge_goes_no_further() {
        let mut headers = map(&[
            ("host", "a"),
            ("connection", "close, x-secret"),
            ("connection", "keep-alive, host, content-length"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("proxy-connection", "close"),
            ("content-length", "3"),
            ("x-kept", "1"),
        ]);
        assert_eq!(strip(&mut headers, Version::HTTP_11), Wish::Stay);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host", "x-kept"]);
    }

    #[test]
    fn an_upgrade_needs_the_connection_field_and_http_1_1() {
        let upgrade = [("connection", "Keep-Alive, Upgrade"), ("upgrade", "websocket")];
        let wish = strip(&mut map(&upgrade), Version::HTTP_11);
        assert_eq!(wish, Wish::Upgrade(HeaderValue::from_static("websocket")));
        assert_eq!(strip(&mut map(&upgrade), Version::HTTP_10), Wish::Stay);
        assert_eq!(strip(&mut map(&upgrade[1..]), Version::HTTP_11), Wish::Stay);
        let h2c = [("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"), ("http2-settings", "AAA")];
        let mut headers = map(&h2c);
        assert_eq!(strip(&mut headers, Version::HTTP_11), Wish::Stay);
        assert!(headers.is_empty());
    }

    #[test]
    fn what_a_client_says_about_itself_is_not_believed() {
        let mut headers = map(&[
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "7.7.7.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-port", "1"),
            ("x-real-ip", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
        ]);
        for name in headers.keys().cloned().collect::<Vec<_>>() {
            let mut one = HeaderMap::new();
            one.insert(name, HeaderValue::from_static("x"));
            strip(&mut one, Version::HTTP_11);
            assert!(one.is_empty(), "{one:?}");
        }
        strip(&mut headers, Version::HTTP_11);
        assert!(headers.is_empty(), "{headers:?}");
    }

    #[test]
    fn a_request_id_is_kept_when_it_is_harmless() {
        assert!(is_sane_request_id(b"0193-abc_DEF.7"));
        assert!(!is_sane_request_id(b""));
        assert!(!is_sane_request_id(b"a b"));
        assert!(!is_sane_request_id("x".repeat(129).as_bytes()));
    }
}
