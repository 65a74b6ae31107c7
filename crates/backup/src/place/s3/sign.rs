//! Signature Version 4 of AWS, as every S3 asks for it. Pure.

use jiff::Timestamp;

use super::sha256;
use crate::error::BackupError;
use crate::key::{code, hex};

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it is spoken to in the clear.
    pub(super) scheme: Scheme,
    /// Host, with the port where one is named.
    pub(super) authority: String,
    /// The region that is signed for.
    pub(super) region: String,
}

/// How it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Endpoint {
    /// Of `https://host[:port]` or, where the way is one's own, `http://…`. The region is what the place calls itself; most that are
    /// not AWS take any.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(url: &str, region: &str) -> Result<Self, BackupError> {
        let wrong = || {
            BackupError::Place(
                "its endpoint is `https://HOST` or `http://HOST:PORT`, without a path".to_owned(),
            )
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(wrong()),
        };
        let authority = rest.trim_end_matches('/');
        if authority.is_empty()
            || authority.contains(['/', '?', '#', '@'])
            || authority.contains(char::is_whitespace)
        {
            return Err(wrong());
        }
        Ok(Self { scheme, authority: authority.to_owned(), region: region.to_owned() })
    }
}

/// What the place gave.
pub(super) struct Credentials {
    pub access_key: String,
    pub secret_key: String,
}

/// What is signed of a request. Its path is encoded already, its query is not.
pub(super) struct Signed<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a [(&'a str, &'a str)],
    /// Names in lower case; `host` is one of them.
    pub headers: &'a [(&'a str, &'a str)],
    pub body_sha256: &'a str,
}

/// The value of the header `authorization`.
pub(super) fn authorization(
    request: &Signed<'_>,
    credentials: &Credentials,
    region: &str,
    at: Timestamp,
) -> String {
    let mut headers = request.headers.to_vec();
    headers.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{}",
        request.method,
        request.path,
        query(request.query),
        request.body_sha256
    );
    let day = at.strftime("%Y%m%d").to_string();
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", time(at), sha256(canonical.as_bytes()));
    let mut key = code(format!("AWS4{}", credentials.secret_key).as_bytes(), day.as_bytes());
    for part in [region, "s3", "aws4_request"] {
        key = code(&key, part.as_bytes());
    }
    let signature = hex(&code(&key, text.as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        credentials.access_key
    )
}

/// The value of the header `x-amz-date`.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A query as it is sent and signed: encoded, and sorted.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut encoded: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name, ""), encode(value, ""))).collect();
    encoded.sort_unstable();
    encoded.join("&")
}

/// Percent-encoded, except for letters, digits, `-._~` and what is in `also`.
pub(super) fn encode(text: &str, also: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        let sign = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(sign) || also.contains(sign) {
            encoded.push(sign);
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the documentation: "Signature Calculations for the Authorization Header".
    #[test]
    fn the_examples_of_the_documentation_hold() {
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        };
        let at: Timestamp = "2013-05-24T00:00:00Z".parse().unwrap();
        let empty = sha256(b"");
        let host = ("host", "examplebucket.s3.amazonaws.com");
        let date = ("x-amz-date", "20130524T000000Z");
        let body = ("x-amz-content-sha256", empty.as_str());
        for (path, query, headers, signature) in [
            (
                "/test.txt",
                vec![],
                vec![host, ("range", "bytes=0-9"), body, date],
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (
                "/",
                vec![("lifecycle", "")],
                vec![date, host, body],
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                "/",
                vec![("max-keys", "2"), ("prefix", "J")],
                vec![host, body, date],
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let request =
                Signed { method: "GET", path, query: &query, headers: &headers, body_sha256: &empty };
            let value = authorization(&request, &credentials, "us-east-1", at);
            assert!(value.ends_with(&format!("Signature={signature}")), "{value}");
        }
    }

    #[test]
    fn endpoints_are_read() {
        let endpoint = Endpoint::parse("http://127.0.0.1:9000/", "x").unwrap();
        assert_eq!((endpoint.scheme, endpoint.authority.as_str()), (Scheme::Http, "127.0.0.1:9000"));
        for wrong in ["s3.example.com", "ftp://x", "https://", "https://x/y", "https://a@b"] {
            assert!(Endpoint::parse(wrong, "x").is_err(), "{wrong}");
        }
        assert_eq!(encode("a/b c~é", "/"), "a/b%20c~%C3%A9");
    }
}
