//! Variables replaced.

use std::collections::BTreeMap;

use super::parse::{Piece, When, Written};
use super::{Entry, Mistake, Why};

/// The longest text that a process can be given, in bytes.
const LONGEST: usize = 128 * 1024 - 1;

struct Expansion<'a> {
    /// The last line of each key.
    written: BTreeMap<&'a str, &'a Written>,
    outside: &'a dyn Fn(&str) -> Option<String>,
    done: BTreeMap<&'a str, Result<String, Mistake>>,
}

/// The entries, and what is wrong with the others.
pub(super) fn expand(
    written: &[Written],
    outside: &dyn Fn(&str) -> Option<String>,
) -> (BTreeMap<String, Entry>, Vec<Mistake>) {
    let by_key: BTreeMap<&str, &Written> = written.iter().map(|one| (one.key.as_str(), one)).collect();
    let mut expansion = Expansion { written: by_key.clone(), outside, done: BTreeMap::new() };
    let (mut entries, mut mistakes) = (BTreeMap::new(), Vec::new());
    for (key, one) in by_key {
        match expansion.key(key, &mut Vec::new()) {
            Ok(value) => {
                entries.insert(key.to_owned(), Entry { value, line: one.line });
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    (entries, mistakes)
}

impl<'a> Expansion<'a> {
    /// The value of a key of the file; `way` has the keys that wait for it.
    fn key(&mut self, key: &'a str, way: &mut Vec<&'a str>) -> Result<String, Mistake> {
        if let Some(done) = self.done.get(key) {
            return done.clone();
        }
        let Some(written) = self.written.get(key).copied() else { return Ok(String::new()) };
        let fail = |why| Mistake { line: written.line, why };
        if let Some(at) = way.iter().position(|earlier| *earlier == key) {
            let chain = way[at..].iter().chain([&key]).map(ToString::to_string).collect();
            return Err(fail(Why::Cycle { chain }));
        }
        way.push(key);
        let value = self.pieces(key, &written.value, written.line, way);
        way.pop();
        self.done.insert(key, value.clone());
        value
    }

    fn pieces(
        &mut self,
        own: &'a str,
        pieces: &'a [Piece],
        line: usize,
        way: &mut Vec<&'a str>,
    ) -> Result<String, Mistake> {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Variable { name, default } => {
                    let is_here = name != own && self.written.contains_key(name.as_str());
                    let known = if is_here { Some(self.key(name, way)?) } else { (self.outside)(name) };
                    let is_enough = |value: &String| {
                        default
                            .as_ref()
                            .is_none_or(|default| default.when == When::Missing || !value.is_empty())
                    };
                    match (known.filter(is_enough), default) {
                        (Some(value), _) => out.push_str(&value),
                        (None, Some(default)) => {
                            let value = self.pieces(own, &default.value, line, way)?;
                            out.push_str(&value);
                        }
                        (None, None) => {
                            let chain = way.iter().map(ToString::to_string).chain([name.clone()]).collect();
                            return Err(Mistake { line, why: Why::Missing { name: name.clone(), chain } });
                        }
                    }
                }
            }
            if out.len() > LONGEST {
                return Err(Mistake { line, why: Why::Long });
            }
        }
        Ok(out)
    }
}
