//! Which requests may be sent again.

/// Whether sending it twice is the same as sending it once (RFC 9110, 9.2.2).
pub(crate) fn is_idempotent(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"PUT" | b"DELETE" | b"TRACE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_idempotent_may_be_sent_twice() {
        assert!(is_idempotent(b"GET") && is_idempotent(b"DELETE"));
        assert!(!is_idempotent(b"POST") && !is_idempotent(b"PATCH") && !is_idempotent(b"get"));
    }
}
