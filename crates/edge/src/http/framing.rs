//! The strict reading of an HTTP/1 byte stream, ahead of the HTTP library: where messages begin and end, and which are refused.
//!
//! A pure state machine over bytes. It looks at what request smuggling lives on (line ends, folded lines, conflicting or
//! odd lengths, chunk framing, sizes) and refuses where RFC 9112 lets a recipient be lax; the rest is the library's. A head
//! is let through only when it is complete and found good, so a refused one has had no effect at all.

use super::chunk::Chunk;
use super::head::{HeadReader, HeadStep, Length};

/// Why a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// 400, with what was wrong.
    Malformed(&'static str),
    /// 431: the head is larger than the limit.
    HeadTooLarge,
    /// 501: a transfer coding other than `chunked`.
    UnknownCoding,
    /// 505: neither HTTP/1.0 nor HTTP/1.1.
    UnknownVersion,
    /// 408: the head took too long.
    HeadTooSlow,
}

/// What follows the bytes that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing, or the beginning of a head: more has to be read.
    More,
    /// A message that is refused as a whole; nothing more must be read.
    Refuse(Refused),
    /// The rest of a body whose head passed earlier, and which is broken: the connection has to end.
    Abort(&'static str),
}

/// What may be done with the bytes that were just looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// So many bytes of them (and, when it is not 0, all that was held back before them) may pass.
    pub(crate) passed: usize,
    /// What follows them.
    pub(crate) after: After,
}

#[derive(Debug)]
enum State {
    Head,
    Body {
        left: u64,
    },
    Chunked(Chunk),
    /// After a request to upgrade: nothing more is looked at until it is known what follows.
    Undecided,
    Off,
    Refused,
}

/// The reader of one connection.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    head: HeadReader,
    messages: u64,
}

impl Framing {
    /// A connection at its beginning; a head may have `head_bytes`.
    pub(crate) fn new(head_bytes: usize) -> Self {
        Self { state: State::Head, head: HeadReader::new(head_bytes), messages: 0 }
    }

    /// The stream stands before a message, whatever was read of it.
    pub(crate) fn begin_anew(&mut self) {
        self.state = State::Head;
        self.head.begin_anew();
        self.messages = 0;
    }

    /// Heads that were let through, the refused one included.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// Whether the stream stands between two messages or within a head.
    pub(crate) fn is_at_head(&self) -> bool {
        matches!(self.state, State::Head)
    }

    /// Whether the stream stands within a head. Empty lines in front of one mean nothing (RFC 9112, 2.2).
    pub(crate) fn is_in_head(&self) -> bool {
        self.is_at_head() && self.head.has_begun()
    }

    /// Whether a body has begun that has not ended.
    pub(crate) fn is_in_body(&self) -> bool {
        matches!(self.state, State::Body { .. } | State::Chunked(_))
    }

    /// Whether bytes have to wait until [`Self::not_upgraded`] or [`Self::switch_off`] was called.
    pub(crate) fn is_undecided(&self) -> bool {
        matches!(self.state, State::Undecided)
    }

    /// Whether nothing must be read any more.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.state, State::Refused)
    }

    /// The connection is not HTTP/1 (any more): everything passes.
    pub(crate) fn switch_off(&mut self) {
        self.state = State::Off;
    }

    /// The request to upgrade was answered with something else than 101: what follows is HTTP/1 again.
    pub(crate) fn not_upgraded(&mut self) {
        if self.is_undecided() {
            self.state = State::Head;
        }
    }

    /// Looks at the next bytes of the stream. Those that do not pass have been looked at too (but for those after a request
    /// to upgrade): the caller holds them back until a later step lets them pass.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Step {
        let mut at = 0;
        let mut passed = 0;
        // Where the message began whose head came to its end within these bytes: as long as it has not passed for good, it
        // can still be refused as a whole.
        let mut began = None;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match &mut self.state {
                State::Off => return Step { passed: bytes.len(), after: After::More },
                State::Undecided | State::Refused => break,
                State::Head => match self.head.read(rest) {
                    HeadStep::More => break,
                    HeadStep::Refused(why) => return self.refuse(passed, why),
                    HeadStep::Complete { length, used } => {
                        began = Some(passed);
                        at += used;
                        passed = at;
                        self.messages += 1;
                        self.state = match length {
                            Length::None => State::Head,
                            Length::Fixed(left) => State::Body { left },
                            Length::Chunked => State::Chunked(Chunk::first()),
                            Length::Upgrade => State::Undecided,
                        };
                    }
                },
                State::Body { left } => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= take as u64;
                    if *left == 0 {
                        self.state = State::Head;
                    }
                    at += take;
                    passed = at;
                }
                State::Chunked(chunk) => match chunk.read(rest) {
                    Ok((used, next)) => {
                        self.state = next.map_or(State::Head, State::Chunked);
                        at += used;
                        passed = at;
                    }
                    Err(why) => {
                        return match began {
                            Some(began) => {
                                self.messages -= 1;
                                self.refuse(began, Refused::Malformed(why))
                            }
                            None => {
                                self.state = State::Refused;
                                Step { passed, after: After::Abort(why) }
                            }
                        };
                    }
                },
            }
        }
        Step { passed, after: After::More }
    }

    /// Refuses the head whose beginning has been seen because it does not come to its end in time.
    pub(crate) fn give_up(&mut self) -> Step {
        self.refuse(0, Refused::HeadTooSlow)
    }

    fn refuse(&mut self, passed: usize, why: Refused) -> Step {
        self.state = State::Refused;
        self.messages += 1;
        Step { passed, after: After::Refuse(why) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_whole(text: &[u8]) -> (Step, u64) {
        let mut framing = Framing::new(64 * 1024);
        let step = framing.read(text);
        (step, framing.messages())
    }

    /// Reads with the stream cut into pieces, holding back as the connection does. Gives what passed, and how it ended.
    fn read_in_pieces(text: &[u8], size: usize) -> (Vec<u8>, After) {
        let mut framing = Framing::new(64 * 1024);
        let (mut out, mut held) = (Vec::new(), Vec::new());
        for piece in text.chunks(size) {
            let step = framing.read(piece);
            if step.passed > 0 {
                out.append(&mut held);
                out.extend_from_slice(&piece[..step.passed]);
            }
            held.extend_from_slice(&piece[step.passed..]);
            if step.after != After::More {
                return (out, step.after);
            }
        }
        (out, After::More)
    }

    #[test]
    fn good_messages_pass_whole() {
        for (text, messages) in [
            (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], 1),
            (b"\r\nGET / HTTP/1.0\r\n\r\n", 1),
            (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n", 2),
            (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 1),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA;x=\"1\"\r\n0123456789\r\n0\r\nx: y\r\n\r\n", 1),
            (b"GET /?a=b;c HTTP/1.1\r\nx:\r\ny: \t a\tb \r\n\r\n", 1),
        ] {
            let (step, seen) = read_whole(text);
            assert_eq!(step, Step { passed: text.len(), after: After::More }, "{}", text.escape_ascii());
            assert_eq!(seen, messages);
        }
    }

    #[test]
    fn what_smuggling_lives_on_is_refused_without_effect() {
        for text in crate::http::head::tests::BAD_HEADS {
            let (step, _) = read_whole(text);
            assert_eq!(step.passed, 0, "{}", text.escape_ascii());
            assert!(matches!(step.after, After::Refuse(_)), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_bad_message_behind_a_good_one_leaves_the_good_one_alone() {
        let good = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let text = [&good[..], b"GET / HTTP/1.1\nHost: a\r\n\r\n"].concat();
        let (step, messages) = read_whole(&text);
        assert_eq!((step.passed, messages), (good.len(), 2));
        assert!(matches!(step.after, After::Refuse(_)));
    }

    #[test]
    fn a_broken_chunk_refuses_the_message_when_it_came_at_once_and_ends_the_connection_when_not() {
        let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for bad in [
            &b"x\r\n"[..],
            b"3\nabc",
            b"3\r\nabcd\r\n",
            b" 3\r\n",
            b"0x3\r\n",
            b"+3\r\n",
            b"3;\x01\r\n",
            b"\r\n",
            b"0\r\n a: b\r\n",
        ] {
            let text = [&head[..], bad].concat();
            let (step, messages) = read_whole(&text);
            assert!(step.passed == 0 && messages == 1, "{}", bad.escape_ascii());
            assert!(matches!(step.after, After::Refuse(_)), "{}", bad.escape_ascii());
            let mut framing = Framing::new(1000);
            framing.read(head);
            assert!(matches!(framing.read(bad).after, After::Abort(_)), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn bytes_after_a_request_to_upgrade_wait() {
        let head = b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        let mut framing = Framing::new(1000);
        let text = [&head[..], b"\x81\x00"].concat();
        assert_eq!(framing.read(&text).passed, head.len());
        assert!(framing.is_undecided());
        framing.not_upgraded();
        assert!(matches!(framing.read(b"\x81\x00 \r\n").after, After::Refuse(_)));
    }

    proptest! {
        #[test]
        fn how_the_stream_is_cut_changes_nothing(size in 1_usize..40) {
            let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: u\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789GET / HTTP/1.1\r\n\r\n";
            let (out, after) = read_in_pieces(text, size);
            prop_assert_eq!(out, text);
            prop_assert_eq!(after, After::More);
        }

        #[test]
        fn a_bad_head_never_passes_however_it_is_cut(size in 1_usize..40, which in 0..super::super::head::tests::BAD_HEADS.len()) {
            let bad = super::super::head::tests::BAD_HEADS[which];
            if !bad.contains(&b'Z') { // those marked with Z are bad in their chunks only
                let (out, after) = read_in_pieces(bad, size);
                prop_assert!(out.is_empty(), "{}", out.escape_ascii());
                prop_assert!(matches!(after, After::Refuse(_)));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..50) {
            read_in_pieces(&bytes, size);
        }
    }
}
