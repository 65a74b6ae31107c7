//! The head of a request as an instance gets it, written from the fields that the HTTP library read.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;

use crate::upstream::request_body::Framing;

/// Room for the lines of the edge's own.
const BESIDE_FIELDS: usize = 512;

/// Writes a head. `parts` are prepared: nothing of the hop is left in them.
pub(crate) fn write(
    parts: &Parts,
    provenance: &Bytes,
    own_id: Option<&HeaderValue>,
    framing: Framing,
) -> Vec<u8> {
    let mut head = Vec::with_capacity(BESIDE_FIELDS + 32 * parts.headers.len());
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    // A query alone is what an absolute URI may have behind its host; the path is `/` all the same (RFC 9112, 3.2.1).
    let root: &[u8] = if target.starts_with('?') { b"/" } else { b"" };
    put(&mut head, &[parts.method.as_str().as_bytes(), b" ", root, target.as_bytes(), b" HTTP/1.1\r\n"]);
    write_own(&mut head, provenance, own_id);
    let mut had_length = None;
    for (name, value) in &parts.headers {
        if name == CONTENT_LENGTH {
            had_length = Some(());
        } else if name != TRANSFER_ENCODING {
            put(&mut head, &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
    }
    match framing {
        Framing::Fixed(length) => {
            put(&mut head, &[b"content-length: ", length.to_string().as_bytes(), b"\r\n"]);
        }
        Framing::Chunked => put(&mut head, &[b"transfer-encoding: chunked\r\n"]),
        Framing::None if had_length.is_some() => put(&mut head, &[b"content-length: 0\r\n"]),
        Framing::None => {}
    }
    put(&mut head, &[b"\r\n"]);
    head
}

/// Writes the lines of the edge's own: where the request comes from, and an id if the client gave none.
pub(super) fn write_own(head: &mut Vec<u8>, provenance: &Bytes, own_id: Option<&HeaderValue>) {
    if let Some(id) = own_id {
        put(head, &[b"x-request-id: ", id.as_bytes(), b"\r\n"]);
    }
    put(head, &[provenance]);
}

fn put(head: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        head.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn the_framing_is_that_of_the_body() {
        for (framing, expected) in [
            (Framing::None, "content-length: 0\r\n"),
            (Framing::Fixed(3), "content-length: 3\r\n"),
            (Framing::Chunked, "transfer-encoding: chunked\r\n"),
        ] {
            let request = Request::put("/a?b").header("x", "1").header("content-length", "7").body(());
            let (parts, ()) = request.unwrap().into_parts();
            let id = HeaderValue::from_static("i");
            let head = write(&parts, &Bytes::from_static(b"p: q\r\n"), Some(&id), framing);
            let expected = format!("PUT /a?b HTTP/1.1\r\nx-request-id: i\r\np: q\r\nx: 1\r\n{expected}\r\n");
            assert_eq!(String::from_utf8(head).unwrap(), expected);
        }
        let (parts, ()) = Request::options("*").body(()).unwrap().into_parts();
        assert_eq!(write(&parts, &Bytes::new(), None, Framing::None), b"OPTIONS * HTTP/1.1\r\n\r\n");
    }
}
