//! The part of Protocol Buffers that BuildKit's messages need: varints and length-delimited fields.
//!
//! Unknown fields are skipped, so a newer engine's messages are read as far as they are known.

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of fixed width; none of ours is.
    Other,
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> &'a [u8] {
        if let Self::Bytes(bytes) = self { bytes } else { &[] }
    }

    pub(super) fn text(self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    pub(super) fn number(self) -> u64 {
        if let Self::Number(number) = self { number } else { 0 }
    }
}

/// The fields of a message, in their order. Ends where the bytes are no message.
pub(super) fn fields(bytes: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let key = varint(&mut rest)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut rest)?),
            1 => skip(&mut rest, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (value, behind) = rest.split_at_checked(length)?;
                rest = behind;
                Value::Bytes(value)
            }
            5 => skip(&mut rest, 4)?,
            _ => return None,
        };
        Some((key >> 3, value))
    })
}

/// The last value of a field: Protocol Buffers let a later one replace an earlier one.
pub(super) fn field(bytes: &[u8], number: u64) -> Option<Value<'_>> {
    fields(bytes).filter(|(found, _)| *found == number).last().map(|(_, value)| value)
}

/// Writes a number; zero is what is not written.
pub(super) fn put_number(message: &mut Vec<u8>, field: u64, number: u64) {
    if number != 0 {
        put_varint(message, field << 3);
        put_varint(message, number);
    }
}

/// Writes bytes or text.
pub(super) fn put_bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(message, field << 3 | 2);
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn put_varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    message.push(number.to_le_bytes()[0]);
}

fn skip<'a>(rest: &mut &'a [u8], length: usize) -> Option<Value<'a>> {
    *rest = rest.get(length..)?;
    Some(Value::Other)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut message = Vec::new();
        put_number(&mut message, 1, 300);
        put_number(&mut message, 2, 0);
        put_bytes(&mut message, 3, b"text");
        put_number(&mut message, 20, u64::MAX);
        message.extend([0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2d, 1, 2, 3, 4]);
        put_bytes(&mut message, 3, b"later");
        let found: Vec<_> = fields(&message).collect();
        assert_eq!(found[0], (1, Value::Number(300)));
        assert_eq!(found[1], (3, Value::Bytes(b"text")));
        assert_eq!(found[2], (20, Value::Number(u64::MAX)));
        assert_eq!(&found[3..5], [(4, Value::Other), (5, Value::Other)]);
        assert_eq!(field(&message, 3).unwrap().text(), "later");
        assert_eq!(field(&message, 2), None);
    }

    #[test]
    fn what_is_no_message_ends_early() {
        for bytes in [&[0x0a][..], &[0x0a, 5, 1], &[0x80; 12], &[0x07], &[0x21, 1]] {
            assert_eq!(fields(bytes).count(), 0, "{bytes:?}");
        }
    }
}
