//! The JSON of `llvm-cov export`: segments, from which lines are counted as LLVM counts them.

use serde_json::Value;

use super::{Unreadable, json, relative};
use crate::coverage::{Coverage, Lines};

/// A place from which on a count holds: line, count, whether it has one, whether a region begins there, whether it is a gap.
struct Segment {
    line: u32,
    count: u64,
    has_count: bool,
    begins: bool,
    is_gap: bool,
}

/// More lines than that, in all files, are no source code.
const LINES: u32 = 20_000_000;

/// Reads one.
pub fn read(text: &str, root: &str) -> Result<Coverage, Unreadable> {
    let document = json::read(text)?;
    if document["type"] != "llvm.coverage.json.export" {
        return Err(Unreadable::new("it is JSON, and not that of `llvm-cov export`"));
    }
    let mut coverage = Coverage::default();
    let mut files = 0;
    let mut budget = LINES;
    for file in
        document["data"].as_array().into_iter().flatten().flat_map(|data| data["files"].as_array()).flatten()
    {
        let name = file["filename"].as_str().ok_or_else(|| Unreadable::new("a file has no name"))?;
        let Some(segments) = file["segments"].as_array() else {
            return Err(Unreadable::new("it has no segments: export it without --summary-only"));
        };
        let segments: Option<Vec<Segment>> = segments.iter().map(segment).collect();
        let segments =
            segments.ok_or_else(|| Unreadable::new(format!("a segment of {name} has another form")))?;
        let span = segments
            .last()
            .zip(segments.first())
            .map_or(0, |(last, first)| last.line.saturating_sub(first.line));
        budget = budget
            .checked_sub(span)
            .ok_or_else(|| Unreadable::new("its files have more lines than anybody wrote"))?;
        coverage.add(&relative(name, root), Lines::new(lines(&segments)));
        files += 1;
    }
    if files == 0 { Err(Unreadable::new("it names no file")) } else { Ok(coverage) }
}

fn segment(value: &Value) -> Option<Segment> {
    Some(Segment {
        line: u32::try_from(value[0].as_u64()?).ok()?,
        count: value[2].as_u64()?,
        has_count: value[3].as_bool()?,
        begins: value[4].as_bool()?,
        is_gap: value[5].as_bool().unwrap_or(false),
    })
}

/// Each line from the first segment to the last: its count is the highest of what begins on it and of what goes on over it.
fn lines(segments: &[Segment]) -> Vec<(u32, bool)> {
    let mut lines = Vec::new();
    let (mut at, mut over): (usize, Option<&Segment>) = (0, None);
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return lines };
    for line in first.line..=last.line {
        let from = at;
        while segments.get(at).is_some_and(|segment| segment.line <= line) {
            at += 1;
        }
        let here = &segments[from..at];
        let begun = || here.iter().filter(|segment| segment.begins && segment.has_count && !segment.is_gap);
        let is_skipped = here.first().is_some_and(|segment| !segment.has_count && segment.begins);
        let goes_on = over.filter(|segment| segment.has_count);
        if !is_skipped && (goes_on.is_some() || begun().next().is_some()) {
            let counts = begun().map(|segment| segment.count).chain(goes_on.map(|segment| segment.count));
            lines.push((line, counts.max().unwrap_or(0) > 0));
        }
        over = here.last().or(over);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::Share;

    #[test]
    fn lines_from_segments() {
        // fn f() {        line 1, 3 times
        //   if x {        line 2
        //     never();    line 3, never
        //   }             line 4, as the block that it ends
        // }               line 5
        let text = r#"{"type":"llvm.coverage.json.export","version":"2.0.1","data":[{"files":[{"filename":"/w/a.rs","segments":
            [[1,1,3,true,true,false],[2,8,0,true,true,false],[4,4,3,true,false,false],[5,2,0,false,false,false]]}]}]}"#;
        let coverage = read(text, "/w").unwrap();
        assert_eq!(coverage.share(), Share { covered: 3, total: 5 });
        assert!(
            read(r#"{"type":"llvm.coverage.json.export","data":[{"files":[{"filename":"a"}]}]}"#, "")
                .is_err()
        );
        assert!(read(r#"{"type":"llvm.coverage.json.export","data":[]}"#, "").is_err());
    }
}
