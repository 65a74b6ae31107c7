//! The fields that belong to one hop, and those that a proxy adds (RFC 9110, 7.6; RFC 7239). Maps are edited in place.

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, FORWARDED, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Version};

use super::host::route_name;

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
    upgrade: Option<HeaderValue>,
    hop_by_hop: Option<()>,
    /// Says where the request comes from in fields that are not written anew in any case.
    provenance: Option<()>,
}

impl Seen {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            match *name {
                HOST => seen.host.see(value),
                CONNECTION => seen.connection = Some(()),
                UPGRADE => seen.upgrade = Some(value.clone()),
                TE | TRAILER | TRANSFER_ENCODING | EXPECT => seen.hop_by_hop = Some(()),
                // Names that the library has no number for: told apart by their length first.
                _ => match name.as_str() {
                    "x-request-id" => seen.request_id.see(value),
                    "keep-alive" | "proxy-connection" => seen.hop_by_hop = Some(()),
                    "x-real-ip" | "x-forwarded-port" | "x-forwarded-host" => seen.provenance = Some(()),
                    _ => {}
                },
            }
        }
        seen
    }

    /// Takes out of a request what is between the client and us. Gives what the client wants the connection to become.
    pub(crate) fn strip(&self, headers: &mut HeaderMap, version: Version) -> Wish {
        let mut wish = Wish::Stay;
        if self.connection.is_some() {
            let tokens = strip_named(headers);
            if let (Some(protocol), Version::HTTP_11, true) =
                (&self.upgrade, version, tokens.upgrade.is_some())
                && !protocol.as_bytes().eq_ignore_ascii_case(b"h2c")
            {
                wish = Wish::Upgrade(protocol.clone());
            }
        }
        if self.upgrade.is_some() {
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
            for name in [&X_REAL_IP, &X_FORWARDED_PORT, &X_FORWARDED_HOST] {
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
        match *name {
            CONNECTION => named = Some(()),
            UPGRADE | TRANSFER_ENCODING | PROXY_AUTHENTICATE => hop_by_hop = Some(()),
            _ if matches!(name.as_str(), "keep-alive" | "proxy-connection") => hop_by_hop = Some(()),
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

/// What is written about the client into its requests. One per connection, so that the values are made once.
#[derive(Debug)]
pub(crate) struct Provenance {
    address: HeaderValue,
    node: String,
    last: Option<(HeaderValue, HeaderValue)>,
}

impl Provenance {
    pub(crate) fn new(address: std::net::IpAddr) -> Self {
        let address = address.to_canonical();
        let node = match address {
            std::net::IpAddr::V4(address) => format!("for={address}"),
            std::net::IpAddr::V6(address) => format!("for=\"[{address}]\""),
        };
        Self { address: value(address.to_string()), node, last: None }
    }

    /// Writes where the request comes from; what the client said about that is not believed.
    pub(crate) fn write(&mut self, headers: &mut HeaderMap, host: Option<&HeaderValue>) {
        headers.insert(&X_FORWARDED_FOR, self.address.clone());
        headers.insert(&X_FORWARDED_PROTO, HeaderValue::from_static("http"));
        let Some(host) = host else {
            headers.insert(FORWARDED, value(format!("{};proto=http", self.node)));
            return;
        };
        headers.insert(&X_FORWARDED_HOST, host.clone());
        let forwarded = match &self.last {
            Some((last, forwarded)) if last == host => forwarded.clone(),
            _ => {
                // A host is a token unless it has a colon; RFC 7239 wants it quoted then.
                let text = host.to_str().unwrap_or_default();
                let quote = if text.contains([':', '[']) || route_name(host).is_none() { "\"" } else { "" };
                let forwarded = value(format!("{};host={quote}{text}{quote};proto=http", self.node));
                self.last = Some((detached(host), forwarded.clone()));
                forwarded
            }
        };
        headers.insert(FORWARDED, forwarded);
    }
}

/// A copy that does not keep the whole head it was cut from alive.
fn detached(host: &HeaderValue) -> HeaderValue {
    HeaderValue::from_bytes(host.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether a request id that a client gave may be kept: short, and nothing that could be taken for something else in a log.
pub(crate) fn is_sane_request_id(id: &HeaderValue) -> bool {
    !id.is_empty()
        && id.len() <= REQUEST_ID_AT_MOST
        && id.as_bytes().iter().all(|byte| {
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
    fn what_a_client_says_about_itself_is_replaced() {
        let mut headers = map(&[
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "7.7.7.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil"),
            ("x-real-ip", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
        ]);
        strip(&mut headers, Version::HTTP_11);
        let mut provenance = Provenance::new("::ffff:10.0.0.1".parse().unwrap());
        provenance.write(&mut headers, Some(&HeaderValue::from_static("a:80")));
        assert_eq!(headers.get_all("x-forwarded-for").iter().collect::<Vec<_>>(), ["10.0.0.1"]);
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["x-forwarded-host"], "a:80");
        assert_eq!(headers["forwarded"], "for=10.0.0.1;host=\"a:80\";proto=http");
        assert!(!headers.contains_key("x-real-ip"));
        provenance.write(&mut headers, Some(&HeaderValue::from_static("b")));
        assert_eq!(headers["forwarded"], "for=10.0.0.1;host=b;proto=http");
    }

    #[test]
    fn a_request_id_is_kept_when_it_is_harmless() {
        assert!(is_sane_request_id(&HeaderValue::from_static("0193-abc_DEF.7")));
        assert!(!is_sane_request_id(&HeaderValue::from_static("")));
        assert!(!is_sane_request_id(&HeaderValue::from_static("a b")));
        assert!(!is_sane_request_id(&"x".repeat(129).parse().unwrap()));
    }
}
