//! One pattern of a `.dockerignore`: `*` and `?` stay within a folder's name, `**` does not.
//!
//! It is decided in one pass over the path for each part, so no pattern can make it slow.

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern {pattern:?} cannot be read: {detail}")]
pub(super) struct BadPattern {
    /// The text.
    pub(super) pattern: String,
    /// What is wrong.
    pub(super) detail: &'static str,
}

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// This character.
    One(char),
    /// `?`: any one but a slash.
    Any,
    /// `*`: any number of them but slashes.
    Within,
    /// `**` before something: any number of whole folders, also none.
    Folders,
    /// `**` at the end, or in front of the rest of a name: whatever there is.
    Rest,
    /// `[a-z]`: one of these, or with `^` one of all others.
    OneOf { ranges: Vec<(char, char)>, is_negated: bool },
}

impl Pattern {
    /// Reads a pattern that has no needless slashes.
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        let bad = |detail| BadPattern { pattern: text.to_owned(), detail };
        let mut parts = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            let part = match c {
                '*' if rest.next_if_eq(&'*').is_some() => {
                    let is_first = parts.is_empty();
                    let is_whole = rest.next_if_eq(&'/').is_some();
                    // In front of plain text that does not begin with a slash it fits a part of a name as well.
                    let is_plain = !rest.clone().any(|c| matches!(c, '*' | '?' | '[' | '\\'));
                    let is_rest = rest.peek().is_none() || (is_first && !is_whole && is_plain);
                    if is_rest { Part::Rest } else { Part::Folders }
                }
                '*' => Part::Within,
                '?' => Part::Any,
                '[' => one_of(&mut rest).map_err(bad)?,
                '\\' => Part::One(rest.next().ok_or_else(|| bad("there is nothing after the backslash"))?),
                c => Part::One(c),
            };
            parts.push(part);
        }
        Ok(Self(parts))
    }

    /// Whether it fits the whole path.
    pub(super) fn fits(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        // The places in the path that the parts so far can end at.
        let mut ends = vec![false; path.len() + 1];
        ends[0] = true;
        for part in &self.0 {
            ends = part.step(&path, &ends);
        }
        ends[path.len()]
    }
}

impl Part {
    fn step(&self, path: &[char], starts: &[bool]) -> Vec<bool> {
        let mut ends = vec![false; starts.len()];
        let mut has_begun = false;
        for (at, may_start) in starts.iter().copied().enumerate() {
            has_begun |= may_start;
            let next = path.get(at).copied();
            match self {
                Self::Within => {
                    ends[at] |= may_start;
                    if ends[at] && next.is_some_and(|c| c != '/') {
                        ends[at + 1] = true;
                    }
                }
                Self::Folders => {
                    ends[at] |= may_start;
                    if has_begun && next == Some('/') {
                        ends[at + 1] = true;
                    }
                }
                Self::Rest => ends[at] = has_begun,
                Self::One(_) | Self::Any | Self::OneOf { .. } => {
                    if may_start && next.is_some_and(|c| self.takes(c)) {
                        ends[at + 1] = true;
                    }
                }
            }
        }
        ends
    }

    fn takes(&self, c: char) -> bool {
        match self {
            Self::One(one) => *one == c,
            Self::Any => c != '/',
            Self::OneOf { ranges, is_negated } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *is_negated
            }
            Self::Within | Self::Folders | Self::Rest => false,
        }
    }
}

fn one_of(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Part, &'static str> {
    let is_negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let from = match rest.next() {
            None => return Err("a `[` is not closed"),
            Some(']') if ranges.is_empty() => return Err("there is nothing between `[` and `]`"),
            Some(']') => return Ok(Part::OneOf { ranges, is_negated }),
            Some(c) => member(c, rest)?,
        };
        let to = match rest.next_if_eq(&'-') {
            None => from,
            Some(_) => match rest.next() {
                None | Some(']') => return Err("a range has no end"),
                Some(c) => member(c, rest)?,
            },
        };
        if to < from {
            return Err("a range ends before it begins");
        }
        ranges.push((from, to));
    }
}

fn member(c: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<char, &'static str> {
    match c {
        '\\' => rest.next().ok_or("there is nothing after the backslash"),
        c => Ok(c),
    }
}
