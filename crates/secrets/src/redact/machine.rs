//! The automaton that looks for all forms of all secrets at once.
//!
//! Every byte is one step. A state says how much of what was read last may be the beginning of a form, and which forms end
//! here, all of them. Where nothing is begun, four bytes are looked at together: no form is shorter, and few texts begin as
//! one does, so that ordinary text is passed over without the automaton. Its tables are the small kind: the dense kind of the
//! same library is slower where secrets stand, since its rows do not fit the caches.

use std::collections::HashMap;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use super::SHORTEST;
use super::forms::Form;

/// One that was built.
pub(super) struct Machine {
    /// None where there are more forms than an automaton can have (2³¹ states): then everything is a find.
    walk: Option<Walk>,
    /// The secret of each form.
    owners: Vec<u32>,
    /// What is put in the place of each secret.
    marks: Vec<String>,
}

struct Walk {
    automaton: NFA,
    start: StateID,
    /// How many bytes of a form a state has seen, where it is not none.
    depths: HashMap<StateID, u32>,
    beginnings: Beginnings,
}

/// Something that was found: where it begins and ends in all that was read, and the number of its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Find {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) secret: u32,
}

/// Where an automaton is; only for the one that it came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(StateID);

impl Machine {
    /// For secrets with their forms; none where there is nothing to look for.
    pub(super) fn new(secrets: Vec<(String, Vec<Form>)>) -> Option<Self> {
        let mut forms = Vec::new();
        let mut owners = Vec::new();
        let mut marks = Vec::new();
        for (name, of_secret) in secrets {
            let number = u32::try_from(marks.len()).ok()?;
            owners.extend(of_secret.iter().map(|_| number));
            forms.extend(of_secret);
            marks.push(format!("[secret {name}]"));
        }
        if forms.is_empty() {
            return None;
        }
        Some(Self { walk: Walk::new(&forms), owners, marks })
    }

    /// What stands in the place of a secret.
    pub(super) fn mark(&self, secret: u32) -> &str {
        self.marks.get(secret as usize).map_or("[secret]", String::as_str)
    }

    /// Where it begins.
    pub(super) fn start(&self) -> Place {
        Place(self.walk.as_ref().map_or(StateID::ZERO, |walk| walk.start))
    }

    /// Reads on; `read` bytes came before. Finds come in the order in which they end.
    pub(super) fn read(&self, place: &mut Place, read: u64, bytes: &[u8], mut found: impl FnMut(Find)) {
        match &self.walk {
            Some(walk) => walk.read(place, read, bytes, &self.owners, found),
            None if bytes.is_empty() => {}
            None => found(Find { start: read, end: read + bytes.len() as u64, secret: u32::MAX }),
        }
    }

    /// How many of the bytes read last may be the beginning of a form.
    pub(super) fn depth(&self, place: Place) -> u64 {
        let depth = self.walk.as_ref().and_then(|walk| walk.depths.get(&place.0));
        depth.copied().map_or(0, u64::from)
    }

    /// Whether anything is in the bytes.
    pub(super) fn finds_in(&self, bytes: &[u8]) -> bool {
        let mut has_found = false;
        self.read(&mut self.start(), 0, bytes, |_| has_found = true);
        has_found
    }
}

impl Walk {
    fn new(forms: &[Form]) -> Option<Self> {
        let mut builder = NFA::builder();
        builder.match_kind(MatchKind::Standard).prefilter(false);
        let automaton = builder.build(forms).ok()?;
        let start = automaton.start_state(Anchored::No).ok()?;
        let mut depths = HashMap::new();
        for form in forms {
            let mut state = start;
            for (at, byte) in form.iter().enumerate() {
                state = automaton.next_state(Anchored::No, state, *byte);
                depths.insert(state, u32::try_from(at + 1).ok()?);
            }
        }
        Some(Self { automaton, start, depths, beginnings: Beginnings::of(forms) })
    }

    fn read(&self, place: &mut Place, read: u64, bytes: &[u8], owners: &[u32], mut found: impl FnMut(Find)) {
        let mut state = place.0;
        let mut at = 0;
        while at < bytes.len() {
            if state == self.start {
                // A form that begins before here would have been begun; the last bytes are left to the automaton, which
                // knows what may go on in the next piece.
                at += self.beginnings.skip(&bytes[at..]);
                if at == bytes.len() {
                    break;
                }
            }
            state = self.automaton.next_state(Anchored::No, state, bytes[at]);
            at += 1;
            if self.automaton.is_special(state) && self.automaton.is_match(state) {
                let end = read + at as u64;
                for index in 0..self.automaton.match_len(state) {
                    let form = self.automaton.match_pattern(state, index);
                    let start = end - self.automaton.pattern_len(form) as u64;
                    let secret = owners.get(form.as_usize()).copied().unwrap_or(u32::MAX);
                    found(Find { start, end, secret });
                }
            }
        }
        place.0 = state;
    }
}

/// With which four bytes forms begin: a set of hashes, so that it says yes to a few others too.
struct Beginnings(Box<[u64]>);

impl Beginnings {
    const BITS: u32 = 16;

    fn of(forms: &[Form]) -> Self {
        let mut set = vec![0_u64; 1 << (Self::BITS - 6)].into_boxed_slice();
        for form in forms {
            if let Some(first) = form.first_chunk::<SHORTEST>() {
                let hash = Self::hash(first);
                set[hash >> 6] |= 1 << (hash & 63);
            }
        }
        Self(set)
    }

    fn hash(bytes: &[u8; SHORTEST]) -> usize {
        (u32::from_le_bytes(*bytes).wrapping_mul(0x9e37_79b1) >> (32 - Self::BITS)) as usize
    }

    /// How many bytes can be passed over: none of them begins a form. The last three cannot be told.
    fn skip(&self, bytes: &[u8]) -> usize {
        let begins = |window: &[u8]| {
            window.first_chunk::<SHORTEST>().is_some_and(|first| {
                let hash = Self::hash(first);
                self.0[hash >> 6] >> (hash & 63) & 1 == 1
            })
        };
        let windows = bytes.windows(SHORTEST);
        let untold = bytes.len().min(SHORTEST - 1);
        windows.into_iter().position(begins).unwrap_or(bytes.len() - untold)
    }
}
