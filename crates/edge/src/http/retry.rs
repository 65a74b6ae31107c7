//! Which requests may be sent again, and a request made anew from what was sent of it.

use http::header::{HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request};

/// Whether sending it twice is the same as sending it once (RFC 9110, 9.2.2).
pub(crate) fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    )
}

/// The request whose head was sent as these bytes. They are our own, so anything unexpected only means: do not send again.
pub(crate) fn from_sent(bytes: &[u8]) -> Option<Request<()>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut lines =
        bytes[..end].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let method = Method::from_bytes(words.next()?).ok()?;
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = words.next()?.try_into().ok()?;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        // The library writes it from the body.
        if name != TRANSFER_ENCODING {
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
            request.headers_mut().append(name, value);
        }
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_made_anew_from_its_bytes() {
        let sent =
            b"PUT /a?b HTTP/1.1\r\nhost: a\r\nx: 1\r\nx: 2\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
        let request = from_sent(sent).unwrap();
        assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::PUT, "/a?b"));
        assert_eq!(request.headers().get_all("x").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(request.headers().len(), 3);
        assert!(from_sent(b"PUT / HTTP/1.1\r\nhost: a\r\n").is_none());
        assert!(from_sent(b"").is_none());
    }

    #[test]
    fn only_what_is_idempotent_may_be_sent_twice() {
        assert!(is_idempotent(&Method::GET) && is_idempotent(&Method::DELETE));
        assert!(!is_idempotent(&Method::POST) && !is_idempotent(&Method::PATCH));
    }
}
