//! LCOV's tracefiles: `SF`, `DA`, `end_of_record`.

use super::{Unreadable, relative};
use crate::coverage::{Coverage, Lines};

/// Reads one.
pub fn read(text: &str, root: &str) -> Result<Coverage, Unreadable> {
    let mut coverage = Coverage::default();
    let mut file: Option<String> = None;
    // Those of the record that is open; the buffer is the same for all records.
    let mut lines = Vec::new();
    let mut records = 0;
    let mut rest = text;
    let mut at = 0;
    while !rest.is_empty() {
        at += 1;
        if file.is_some()
            && let Some((found, length)) = plain(rest.as_bytes())
        {
            lines.push(found);
            rest = &rest[length..];
            continue;
        }
        let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = below;
        let line = line.trim_end();
        if let Some(data) = line.strip_prefix("DA:") {
            if file.is_none() {
                return Err(Unreadable::at(at, "DA stands before any SF"));
            }
            let Some(found) = hit(data) else {
                return Err(Unreadable::at(at, format!("DA:{data:.60} is no line with a count")));
            };
            lines.push(found);
        } else if let Some(path) = line.strip_prefix("SF:") {
            if file.is_some() {
                return Err(Unreadable::at(at, "SF stands before the end of the record before it"));
            }
            file = Some(relative(path.trim(), root));
        } else if line == "end_of_record"
            && let Some(path) = file.take()
        {
            coverage.add(&path, Lines::new(lines.drain(..)));
            records += 1;
        }
    }
    if file.is_some() {
        return Err(Unreadable::new("it is cut off: the last record has no end_of_record"));
    }
    if records == 0 {
        return Err(Unreadable::new("it has no record of LCOV (SF … end_of_record)"));
    }
    Ok(coverage)
}

/// So many digits are below the highest number of a line, whatever they are.
const DIGITS: usize = 9;

/// What a text begins with, where that is a line of nothing but `DA:12,3`, and its length with its end. Nearly all lines of a report are
/// such; none: it has to be read by [`hit`], which says the same of these.
fn plain(text: &[u8]) -> Option<((u32, bool), usize)> {
    let data = text.strip_prefix(b"DA:")?;
    let (mut rest, mut number) = (data, 0_u32);
    while let [digit @ b'0'..=b'9', below @ ..] = rest {
        number = number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'));
        rest = below;
    }
    if number == 0 || data.len() - rest.len() > DIGITS {
        return None;
    }
    let [b',', count @ ..] = rest else { return None };
    let (mut rest, mut bits) = (count, 0);
    while let [digit @ b'0'..=b'9', below @ ..] = rest {
        bits |= digit - b'0';
        rest = below;
    }
    let is_number = rest.len() < count.len();
    let ([b'\n', below @ ..] | [b'\r', b'\n', below @ ..]) = rest else { return None };
    is_number.then_some(((number, bits != 0), text.len() - below.len()))
}

/// `12,3` or `12,3,CHECKSUM`; a count below zero is a tool's overflow, and no hit.
fn hit(data: &str) -> Option<(u32, bool)> {
    let (line, rest) = data.split_once(',')?;
    let count = rest.split_once(',').map_or(rest, |(count, _)| count).trim();
    let line = line.trim().parse().ok().filter(|line| *line > 0)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(below) = count.strip_prefix('-') {
        return is_number(below).then_some((line, false));
    }
    is_number(count).then(|| (line, count.bytes().any(|digit| digit != b'0')))
}

#[cfg(test)]
mod tests;
