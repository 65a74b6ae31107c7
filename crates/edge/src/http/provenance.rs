//! What the edge tells the instance about where a request comes from (RFC 7239, and the older `X-Forwarded-…`).
//!
//! The text is made once per connection and host, and put into the head as it is written.

use std::net::IpAddr;

use bytes::Bytes;

/// One client's.
#[derive(Debug)]
pub(crate) struct Provenance {
    address: IpAddr,
    /// The host that was asked for last, and the lines for it.
    last: Option<(Vec<u8>, Bytes)>,
    without_host: Option<Bytes>,
}

impl Provenance {
    pub(crate) fn new(address: IpAddr) -> Self {
        Self { address: address.to_canonical(), last: None, without_host: None }
    }

    /// The lines for a request to `host`, which has been checked: it holds nothing that could end a line or a quoted text.
    pub(crate) fn lines(&mut self, host: Option<&[u8]>) -> Bytes {
        let address = self.address;
        let Some(host) = host else {
            return self.without_host.get_or_insert_with(|| lines(address, None)).clone();
        };
        match &self.last {
            Some((known, lines)) if known == host => lines.clone(),
            _ => {
                let lines = lines(address, std::str::from_utf8(host).ok());
                self.last = Some((host.to_vec(), lines.clone()));
                lines
            }
        }
    }
}

fn lines(address: IpAddr, host: Option<&str>) -> Bytes {
    let node = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    };
    let mut text = format!("x-forwarded-for: {address}\r\nx-forwarded-proto: http\r\nforwarded: for={node}");
    if let Some(host) = host {
        // A host with a colon is no token: RFC 7239 wants it quoted.
        let quote = if host.contains(':') { "\"" } else { "" };
        text.push_str(&format!(";host={quote}{host}{quote};proto=http\r\nx-forwarded-host: {host}\r\n"));
    } else {
        text.push_str(";proto=http\r\n");
    }
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_who_asked_whom() {
        let mut provenance = Provenance::new("::ffff:10.0.0.1".parse().unwrap());
        for _ in 0..2 {
            assert_eq!(
                provenance.lines(Some(b"a:80")),
                "x-forwarded-for: 10.0.0.1\r\nx-forwarded-proto: http\r\nforwarded: for=10.0.0.1;host=\"a:80\";proto=http\r\nx-forwarded-host: a:80\r\n"
            );
        }
        let plain = provenance.lines(Some(b"b"));
        assert!(plain.ends_with(b"forwarded: for=10.0.0.1;host=b;proto=http\r\nx-forwarded-host: b\r\n"));
        assert!(provenance.lines(None).ends_with(b"forwarded: for=10.0.0.1;proto=http\r\n"));
        let mut provenance = Provenance::new("2001:db8::1".parse().unwrap());
        assert!(provenance.lines(None).starts_with(b"x-forwarded-for: 2001:db8::1\r\n"));
        assert!(provenance.lines(None).ends_with(b"forwarded: for=\"[2001:db8::1]\";proto=http\r\n"));
    }
}
