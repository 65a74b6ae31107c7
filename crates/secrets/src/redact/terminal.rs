//! Redaction of what a terminal shows while somebody types.
//!
//! What may be the beginning of a secret is held back here as well, and nothing is given out because time has passed: a program may
//! write as slowly as it likes. Two things are given out at once, since nobody could work without them: what was typed in this
//! line, when it comes back, and the control sequences that move and paint (ECMA-48). Neither tells anything of a secret: the one
//! is known to whoever typed it, the other is no text. They stay known as beginnings, so that a secret which goes on behind them
//! gets its mark, and no more of it is shown.

use super::stream::Stream;

/// So much of a line that is being typed is remembered, in bytes.
const LONGEST_LINE: usize = 4096;

/// One terminal. Ends with [`Terminal::flush`].
pub struct Terminal {
    stream: Stream,
    /// What was typed since the last end of a line.
    typed: Vec<u8>,
    control: Control,
    /// How many of the bytes shown last belong to control sequences.
    controls: usize,
}

/// Where in a control sequence the output is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    None,
    /// Behind the escape character.
    Escape,
    /// Behind `ESC [`: up to the first byte from `@` to `~`.
    Sequence,
}

impl Terminal {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, typed: Vec::new(), control: Control::None, controls: 0 }
    }

    /// Somebody typed this. Say it before what comes of it is pushed.
    pub fn typed(&mut self, bytes: &[u8]) {
        self.typed.extend_from_slice(bytes);
        if let Some(end) = self.typed.iter().rposition(|byte| matches!(byte, b'\r' | b'\n')) {
            self.typed.drain(..=end);
        }
        let excess = self.typed.len().saturating_sub(LONGEST_LINE);
        self.typed.drain(..excess);
    }

    /// The program wrote this; what may be shown is added to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.stream.push(bytes, out);
        bytes.iter().for_each(|byte| self.follow(*byte));
        let held = self.stream.held();
        if !held.is_empty() && (held.len() <= self.controls || self.is_typed(held)) {
            self.stream.give_held(out);
        }
    }

    /// That was all.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.stream.flush(out);
    }

    fn is_typed(&self, held: &[u8]) -> bool {
        self.typed.windows(held.len()).any(|typed| typed == held)
    }

    fn follow(&mut self, byte: u8) {
        (self.control, self.controls) = match (self.control, byte) {
            (_, 0x1b) => (Control::Escape, self.controls + 1),
            (Control::Escape, b'[') => (Control::Sequence, self.controls + 1),
            // Others have texts in them, which are not passed over: a window's title, for one.
            (Control::Sequence, 0x20..=0x3f) => (Control::Sequence, self.controls + 1),
            (Control::Sequence, 0x40..=0x7e) => (Control::None, self.controls + 1),
            _ => (Control::None, 0),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Redactor;
    use super::*;
    use crate::SecretValue;

    fn terminal(secret: &str) -> Terminal {
        let secret = SecretValue::new(secret.to_owned());
        Redactor::new([("PASSWORD", &secret)]).terminal()
    }

    /// What is shown after each of these: what was typed (`<`) and what the program wrote (`>`).
    fn play(secret: &str, script: &[&str]) -> Vec<String> {
        let mut terminal = terminal(secret);
        let mut shown = Vec::new();
        for line in script {
            let mut out = Vec::new();
            match line.split_at(1) {
                ("<", typed) => {
                    terminal.typed(typed.as_bytes());
                    continue;
                }
                (_, written) => terminal.push(written.as_bytes(), &mut out),
            }
            shown.push(String::from_utf8(out).unwrap());
        }
        let mut out = Vec::new();
        terminal.flush(&mut out);
        shown.push(String::from_utf8(out).unwrap());
        shown
    }

    #[test]
    fn what_is_typed_comes_back_at_once() {
        assert_eq!(play("hunter22", &["<h", ">h", "<e", ">e", "<llo", ">llo"]), ["h", "e", "llo", ""]);
        // Also where it is the beginning of the secret. The rest that the program adds is not shown.
        let completed = ["<hun", ">hun", "<\t", ">ter22", "> x"];
        assert_eq!(play("hunter22", &completed), ["hun", "", "[secret PASSWORD] x", ""]);
        let by_key = ["<hunter2", ">h", ">unt", ">er2", "<2", ">2\r\n"];
        assert_eq!(play("hunter22", &by_key), ["h", "unt", "er2", "[secret PASSWORD]\r\n", ""]);
    }

    #[test]
    fn what_was_not_typed_is_held_back_however_slowly_it_comes() {
        assert_eq!(play("hunter22", &[">h", ">unt", ">er2", ">2"]), ["", "", "", "", "[secret PASSWORD]"]);
        assert_eq!(play("hunter22", &[">hunt", ">ing\r\n"]), ["", "hunting\r\n", ""]);
        // What was typed in an earlier line counts no more.
        assert_eq!(play("hunter22", &["<hunt\r", ">hunt"]), ["", "hunt"]);
        assert_eq!(play("hunter22", &["<h", ">xh", ">unter22."]), ["xh", "[secret PASSWORD].", ""]);
        // A find within what may be a longer one stays.
        let secrets = ["hunter22", "a hunter22 b"].map(|text| SecretValue::new(text.to_owned()));
        let mut terminal = Redactor::new(secrets.iter().map(|secret| ("X", secret))).terminal();
        let mut out = Vec::new();
        terminal.typed(b"a hunter22 ");
        terminal.push(b"a hunter22 ", &mut out);
        assert!(out.is_empty(), "{}", String::from_utf8_lossy(&out));
        terminal.flush(&mut out);
        assert_eq!(out, b"a [secret X] ");
    }

    #[test]
    fn control_sequences_are_whole_at_once() {
        assert_eq!(play("mm22hunter", &[">\x1b[0;31m", ">\x1b[m", ">x"]), ["\x1b[0;31m", "\x1b[m", "x", ""]);
        let title = play("hunter22", &[">\x1b]0;hunt", ">er22\x07"]);
        assert_eq!(title, ["\x1b]0;", "[secret PASSWORD]\x07", ""]);
        assert_eq!(
            play("22hunter", &[">\x1b[1m2", ">2hunter\r\n"]),
            ["\x1b[1m", "[secret PASSWORD]\r\n", ""]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_only_what_was_typed_is_shown_of_a_secret(
            pieces in proptest::collection::vec(("[abc]{0,3}", "[abcx\u{1b}\\[m]{0,6}"), 0..12),
            secret in "[abc]{4,7}",
        ) {
            let mut terminal = terminal(&secret);
            let (mut out, mut all) = (Vec::new(), Vec::new());
            for (typed, written) in &pieces {
                terminal.typed(typed.as_bytes());
                terminal.push(written.as_bytes(), &mut out);
                all.extend_from_slice(written.as_bytes());
            }
            terminal.flush(&mut out);
            let out = String::from_utf8(out).unwrap();
            let all = String::from_utf8(all).unwrap();
            if all.contains(&secret) {
                prop_assert!(out.contains("[secret PASSWORD]"));
            } else {
                prop_assert_eq!(out, all);
            }
        }

        #[test]
        fn where_nothing_is_typed_it_shows_what_a_stream_does(
            pieces in proptest::collection::vec("[abcx]{0,6}", 0..12),
            secret in "[abc]{4,7}",
        ) {
            let value = SecretValue::new(secret);
            let redactor = Redactor::new([("PASSWORD", &value)]);
            let (mut terminal, mut stream) = (redactor.terminal(), redactor.stream());
            let (mut shown, mut expected) = (Vec::new(), Vec::new());
            for piece in &pieces {
                terminal.push(piece.as_bytes(), &mut shown);
                stream.push(piece.as_bytes(), &mut expected);
                prop_assert_eq!(&shown, &expected);
            }
            terminal.flush(&mut shown);
            stream.finish(&mut expected);
            prop_assert_eq!(shown, expected);
        }
    }
}
