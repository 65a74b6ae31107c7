//! Redaction of what comes in pieces.
//!
//! Bytes are held back only while they may be the beginning of a secret. What overlapping finds cover together is
//! one gap, with the mark of the find that begins first (of those, the longest).

use std::sync::Arc;

use super::machine::{Find, Machine, Place};

/// One text on its way through. Ends with [`Stream::finish`].
pub struct Stream {
    machine: Option<(Arc<Machine>, Place)>,
    state: State,
}

/// What is known of the text so far. Places count from its first byte.
#[derive(Default)]
struct State {
    /// How much was read.
    read: u64,
    /// What comes out next: the place of the first byte in `held`.
    next: u64,
    /// Read, and neither given out nor swallowed.
    held: Vec<u8>,
    /// Up to here everything was found, and its mark was given out.
    swallowed: u64,
    /// Gaps whose marks were not given out, in order, apart from each other.
    gaps: Vec<Find>,
}

impl Stream {
    pub(super) fn new(machine: Option<Arc<Machine>>) -> Self {
        let machine = machine.map(|machine| {
            let start = machine.start();
            (machine, start)
        });
        Self { machine, state: State::default() }
    }

    /// More of the text; what is sure to be no secret is added to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some((machine, place)) = &mut self.machine else {
            out.extend_from_slice(bytes);
            return;
        };
        let state = &mut self.state;
        let (swallowed, gaps) = (&mut state.swallowed, &mut state.gaps);
        machine.read(place, state.read, bytes, |find| take_in(find, swallowed, gaps));
        state.read += bytes.len() as u64;
        let sure = state.read - machine.depth(*place).min(state.read);
        if state.held.is_empty()
            && state.gaps.is_empty()
            && state.swallowed <= state.next
            && sure == state.read
        {
            // The usual case: nothing was found, nothing is open.
            out.extend_from_slice(bytes);
            state.next = state.read;
            return;
        }
        state.held.extend_from_slice(bytes);
        state.give_out(machine, sure, out);
    }

    /// That was all: what was held back is no secret, but for what was found.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.flush(out);
    }

    /// Says that what comes next does not belong to what was: a secret does not go on behind here.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        let Some((machine, place)) = &mut self.machine else { return };
        *place = machine.start();
        self.state.give_out(machine, self.state.read, out);
    }
}

impl Stream {
    /// What is held back and may still be no secret; nothing where a secret was found in it.
    pub(super) fn held(&self) -> &[u8] {
        if self.state.gaps.is_empty() { &self.state.held } else { &[] }
    }

    /// Gives out what is held back all the same. A secret that it turns out to begin gets its mark behind it, and the rest of it
    /// is not given out.
    pub(super) fn give_held(&mut self, out: &mut Vec<u8>) {
        if self.state.gaps.is_empty() {
            out.append(&mut self.state.held);
            self.state.next = self.state.read;
        }
    }
}

/// Enters a find. Those that touch what was marked already make that longer.
fn take_in(find: Find, swallowed: &mut u64, gaps: &mut Vec<Find>) {
    if find.start < *swallowed {
        *swallowed = find.end.max(*swallowed);
        while gaps.first().is_some_and(|gap| gap.start < *swallowed) {
            *swallowed = gaps.remove(0).end.max(*swallowed);
        }
        return;
    }
    let mut gap = find;
    while let Some(last) = gaps.last().copied().filter(|last| gap.start < last.end) {
        gaps.pop();
        // The one that begins first has the mark; where both begin together the longer one, which ends last.
        let secret = if last.start < gap.start { last.secret } else { gap.secret };
        gap = Find { start: gap.start.min(last.start), end: gap.end.max(last.end), secret };
    }
    gaps.push(gap);
}

impl State {
    /// Gives out what comes before `sure`.
    fn give_out(&mut self, machine: &Machine, sure: u64, out: &mut Vec<u8>) {
        let mut taken = 0;
        let mut done = 0;
        for gap in &self.gaps {
            if gap.start >= sure {
                break;
            }
            taken += plain(&self.held[taken..], &mut self.next, self.swallowed, gap.start, out);
            out.extend_from_slice(machine.mark(gap.secret).as_bytes());
            self.swallowed = gap.end;
            done += 1;
        }
        self.gaps.drain(..done);
        taken += plain(&self.held[taken..], &mut self.next, self.swallowed, sure, out);
        self.held.drain(..taken);
    }
}

/// Gives out the bytes from `next` to `until`, but those that are swallowed. Says how many were used.
fn plain(held: &[u8], next: &mut u64, swallowed: u64, until: u64, out: &mut Vec<u8>) -> usize {
    let length = |from: u64, to: u64| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    // What was found is never given out, so it need not be held either, even where more of it may follow.
    let end = until.max(swallowed);
    let used = length(*next, end).min(held.len());
    let skipped = length(*next, swallowed.min(end)).min(used);
    out.extend_from_slice(&held[skipped..used]);
    *next += used as u64;
    used
}

#[cfg(test)]
impl Stream {
    pub(super) fn held_bytes(&self) -> usize {
        self.state.held.len() + self.state.gaps.len()
    }
}
