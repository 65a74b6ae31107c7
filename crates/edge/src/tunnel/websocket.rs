//! Where WebSocket frames end (RFC 6455, 5.2), so that a Close can be put between two of them.
//!
//! A pure state machine over the bytes that the server sends. Payloads are not looked at. A control frame may stand between
//! the fragments of a message, so the end of any frame will do.

/// What a Close says beside its code.
const CLOSE_REASON: &[u8] = b"release is leaving";

/// Follows one direction of a connection.
#[derive(Debug, Clone)]
pub(crate) enum Frames {
    /// Between two frames.
    Boundary,
    /// The first byte of a frame was there.
    Length,
    /// So many bytes of an extended length are missing.
    Extended { missing: u8, value: u64, masked: Masked },
    /// So many bytes of mask and payload are missing.
    Payload { left: u64 },
    /// A Close frame was there: nothing more follows it.
    Closed,
}

/// Whether a masking key stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Masked {
    No,
    Yes,
}

const OPCODE_CLOSE: u8 = 0x8;

/// The reader of one direction.
#[derive(Debug)]
pub(crate) struct FrameReader {
    state: Frames,
    opcode: u8,
}

impl FrameReader {
    pub(crate) fn new() -> Self {
        Self { state: Frames::Boundary, opcode: 0 }
    }

    /// Whether a frame may be put here.
    pub(crate) fn is_at_boundary(&self) -> bool {
        matches!(self.state, Frames::Boundary)
    }

    /// Whether the sender has ended its direction itself.
    #[cfg(test)]
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, Frames::Closed)
    }

    /// Takes in bytes that are passed on.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            let mut rest = rest;
            self.state = match &self.state {
                Frames::Closed => return,
                Frames::Boundary => {
                    self.opcode = byte & 0x0f;
                    Frames::Length
                }
                Frames::Length => {
                    let masked = if byte & 0x80 == 0 { Masked::No } else { Masked::Yes };
                    match byte & 0x7f {
                        126 => Frames::Extended { missing: 2, value: 0, masked },
                        127 => Frames::Extended { missing: 8, value: 0, masked },
                        length => self.payload(u64::from(length), masked),
                    }
                }
                Frames::Extended { missing, value, masked } => {
                    let value = (value << 8) | u64::from(byte);
                    match missing - 1 {
                        0 => self.payload(value, *masked),
                        missing => Frames::Extended { missing, value, masked: *masked },
                    }
                }
                Frames::Payload { left } => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    rest = &bytes[take..];
                    match left - take as u64 {
                        0 => self.after(),
                        left => Frames::Payload { left },
                    }
                }
            };
            bytes = rest;
        }
    }

    fn payload(&self, length: u64, masked: Masked) -> Frames {
        let key = if masked == Masked::Yes { 4 } else { 0 };
        match length.saturating_add(key) {
            0 => self.after(),
            left => Frames::Payload { left },
        }
    }

    fn after(&self) -> Frames {
        if self.opcode == OPCODE_CLOSE { Frames::Closed } else { Frames::Boundary }
    }
}

/// A Close frame as a server sends it.
pub(crate) fn close_frame(code: u16) -> Vec<u8> {
    let mut frame = vec![0x80 | OPCODE_CLOSE, 2 + u8::try_from(CLOSE_REASON.len()).unwrap_or(0)];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(CLOSE_REASON);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..=125 => frame.push(mask | length as u8),
            126..=65535 => {
                frame.push(mask | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend(std::iter::repeat_n(0x88, length + if masked { 4 } else { 0 }));
        frame
    }

    #[test]
    fn our_close_is_a_frame() {
        let mut reader = FrameReader::new();
        reader.read(&close_frame(1001));
        assert!(reader.is_closed());
        assert_eq!(&close_frame(1001)[..4], &[0x88, 20, 0x03, 0xe9]);
    }

    proptest! {
        #[test]
        fn boundaries_are_found_however_the_stream_is_cut(
            lengths in prop::collection::vec((prop_oneof![0_usize..200, 65_530_usize..65_540], any::<bool>()), 1..6),
            cut in 1_usize..5000,
        ) {
            let mut stream = Vec::new();
            let mut ends = vec![0];
            for (length, masked) in &lengths {
                stream.extend(frame(2, *length, *masked));
                ends.push(stream.len());
            }
            let mut reader = FrameReader::new();
            let mut at = 0;
            for piece in stream.chunks(cut) {
                reader.read(piece);
                at += piece.len();
                prop_assert_eq!(reader.is_at_boundary(), ends.contains(&at), "at {}", at);
            }
            reader.read(&frame(8, 2, false));
            prop_assert!(reader.is_closed() && !reader.is_at_boundary());
        }
    }
}
