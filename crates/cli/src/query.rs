//! Paths of the control plane's interface, with their values encoded (RFC 3986).

/// Builds `path?name=value&…`.
pub fn path(path: &str, values: &[(&str, &str)]) -> String {
    let mut text = path.to_owned();
    for (i, (name, value)) in values.iter().enumerate() {
        text.push(if i == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&encoded(value));
    }
    text
}

/// A value that may stand in a path segment or a query.
pub fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_typed_cannot_leave_its_place() {
        assert_eq!(
            path("/v1/logs", &[("key", "shop/staging"), ("release", "r1&x=y #?ü")]),
            "/v1/logs?key=shop%2Fstaging&release=r1%26x%3Dy%20%23%3F%C3%BC"
        );
        assert_eq!(path("/v1/hello", &[]), "/v1/hello");
    }
}
