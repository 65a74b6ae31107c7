//! LCOV's tracefiles: `SF`, `DA`, `end_of_record`.

use std::collections::BTreeMap;

use super::{Unreadable, relative};
use crate::coverage::{Coverage, Lines};

/// Reads one.
pub fn read(text: &str, root: &str) -> Result<Coverage, Unreadable> {
    // Of a file with many records, all lines are put in order once.
    let mut files: BTreeMap<String, Vec<(u32, bool)>> = BTreeMap::new();
    let mut file: Option<(String, Vec<(u32, bool)>)> = None;
    let mut records = 0;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if let Some(data) = line.strip_prefix("DA:") {
            let Some((_, lines)) = &mut file else {
                return Err(Unreadable::at(at + 1, "DA stands before any SF"));
            };
            let Some(found) = hit(data) else {
                return Err(Unreadable::at(at + 1, format!("DA:{data:.60} is no line with a count")));
            };
            lines.push(found);
        } else if let Some(path) = line.strip_prefix("SF:") {
            if file.is_some() {
                return Err(Unreadable::at(at + 1, "SF stands before the end of the record before it"));
            }
            file = Some((relative(path.trim(), root), Vec::new()));
        } else if line == "end_of_record"
            && let Some((path, lines)) = file.take()
        {
            files.entry(path).or_default().extend(lines);
            records += 1;
        }
    }
    if file.is_some() {
        return Err(Unreadable::new("it is cut off: the last record has no end_of_record"));
    }
    if records == 0 {
        return Err(Unreadable::new("it has no record of LCOV (SF … end_of_record)"));
    }
    let mut coverage = Coverage::default();
    files.into_iter().for_each(|(file, lines)| coverage.add(&file, Lines::new(lines)));
    Ok(coverage)
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
mod tests {
    use super::*;
    use crate::coverage::Share;

    #[test]
    fn dialects() {
        let text = "TN:\nSF:/w/src/a.c\nFN:1,f\nDA:1,5\nDA:2,0,abc\nDA:3,-7\nDA:1,0\nLF:99\nLH:99\nend_of_record\r\nSF:b.c\nend_of_record\n";
        let coverage = read(text, "/w").unwrap();
        assert_eq!(coverage.share(), Share { covered: 1, total: 3 });
        assert_eq!(coverage.files().map(|(file, _)| file).collect::<Vec<_>>(), ["b.c", "src/a.c"]);
    }

    #[test]
    fn what_is_cut_off_or_wrong_is_unreadable() {
        for bad in [
            "SF:a\nDA:1,1\n",
            "DA:1,1\n",
            "SF:a\nDA:x,1\nend_of_record",
            "SF:a\nDA:1\nend_of_record",
            "SF:a\nDA:1,\nend_of_record",
            "SF:a\nDA:0,1\nend_of_record",
            "SF:a\nSF:b\nend_of_record",
            "hello",
            "TN:\n",
        ] {
            assert!(read(bad, "").is_err(), "{bad:?}");
        }
    }
}
