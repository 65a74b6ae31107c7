//! What is read quickly is compared with a reading line by line that knows no short cut.

use std::collections::BTreeMap;

use proptest::prelude::*;

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
        "SF:a\nDA:1,1",
        "SF:a\nDA:1,1\nend_of_recor",
        "DA:1,1\n",
        "SF:a\nend_of_record\nDA:1,1\n",
        "SF:a\nDA:x,1\nend_of_record",
        "SF:a\nDA:1\nend_of_record",
        "SF:a\nDA:1,\nend_of_record",
        "SF:a\nDA:1,\r\nend_of_record",
        "SF:a\nDA:,1\nend_of_record",
        "SF:a\nDA:0,1\nend_of_record",
        "SF:a\nDA:-1,1\nend_of_record",
        "SF:a\nDA:4294967296,1\nend_of_record",
        "SF:a\nDA:99999999999999999999,1\nend_of_record",
        "SF:a\nDA:1,1.5\nend_of_record",
        "SF:a\nSF:b\nend_of_record",
        "hello",
        "TN:\n",
    ] {
        assert!(read(bad, "").is_err(), "{bad:?}");
    }
    let Unreadable(why) = read("TN:\nSF:a\nDA:1,1\r\n\nDA:2,0\nDA:3,x\nend_of_record\n", "").unwrap_err();
    assert_eq!(why, "line 6: DA:3,x is no line with a count");
}

#[test]
fn lines_and_counts_of_any_length() {
    for (data, number, is_covered) in [
        ("1,0", 1, false),
        ("1,1\r", 1, true),
        ("12,000", 12, false),
        ("007,010", 7, true),
        ("999999999,1", 999_999_999, true),
        ("1000000000,1", 1_000_000_000, true),
        ("4294967295,0", u32::MAX, false),
        ("0000000000000000000000001,1", 1, true),
        ("1,18446744073709551616", 1, true),
        ("1,00000000000000000000000000000", 1, false),
        ("1,100000000000000000000000000000000000000000", 1, true),
        ("1,-7", 1, false),
        ("1,2,a+checksum/==", 1, true),
        ("1,0,1", 1, false),
        (" 1 , 2 \t", 1, true),
    ] {
        let coverage = read(&format!("SF:a\nDA:{data}\nend_of_record"), "").unwrap();
        let (_, lines) = coverage.files().next().unwrap();
        let expected = Lines::new(vec![(number, is_covered)]);
        assert_eq!(*lines, expected, "{data:?}");
    }
}

#[test]
fn records_of_one_file_are_one() {
    let text = "SF:a\nDA:3,1\nDA:1,0\nend_of_record\nSF:b\nDA:9,9\nend_of_record\nSF:./a\nDA:1,4\nDA:2,0\nend_of_record";
    let coverage = read(text, "").unwrap();
    let files: Vec<_> = coverage.files().map(|(file, lines)| (file, lines.clone())).collect();
    let lines = |lines: &[(u32, bool)]| Lines::new(lines.to_vec());
    assert_eq!(files, [("a", lines(&[(1, true), (2, false), (3, true)])), ("b", lines(&[(9, true)]))]);
}

#[test]
fn what_is_plain() {
    assert_eq!(plain(b"DA:12,3\nDA:13,0\n"), Some(((12, true), 8)));
    assert_eq!(plain(b"DA:12,0\r\n"), Some(((12, false), 9)));
    for other in [
        "DA:12,3",
        "DA:12,3\r",
        "DA:12,3 \n",
        "DA:12,3,4\n",
        "DA:0,1\n",
        "DA:1,-1\n",
        "DA:+1,1\n",
        "DA:1,\n",
        "SF:1,1\n",
    ] {
        assert_eq!(plain(other.as_bytes()), None, "{other:?}");
    }
}

/// The lines of each file, or the line that is wrong; 0 where it is the whole.
fn line_by_line(text: &str) -> Result<BTreeMap<String, BTreeMap<u32, bool>>, usize> {
    let mut files: BTreeMap<String, BTreeMap<u32, bool>> = BTreeMap::new();
    let mut open: Option<(&str, Vec<(u32, bool)>)> = None;
    for (index, line) in text.lines().map(str::trim_end).enumerate() {
        match (line.split_once(':'), &mut open) {
            (Some(("SF", path)), None) => open = Some((path.trim(), Vec::new())),
            (Some(("DA", data)), Some((_, lines))) => lines.push(hit(data).ok_or(index + 1)?),
            (Some(("SF" | "DA", _)), _) => return Err(index + 1),
            _ if line == "end_of_record" => {
                let Some((path, lines)) = open.take() else { continue };
                let known = files.entry(path.to_owned()).or_default();
                lines
                    .into_iter()
                    .for_each(|(line, is_covered)| *known.entry(line).or_default() |= is_covered);
            }
            _ => {}
        }
    }
    if open.is_some() || files.is_empty() { Err(0) } else { Ok(files) }
}

/// Mostly lines that reports have, in an order that they mostly have.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => (1_u32..40, 0_u32..3).prop_map(|(line, count)| format!("DA:{line},{count}")),
        2 => "DA:[1-9][0-9]{0,8},[0-9]{1,24}",
        1 => "DA:[1-9],-?[0-9]{1,2}(,[a-z,]{0,3})?",
        1 => "(TN:|FN:1,f|LF:3|BRDA:1,0,0,1|DA|)",
        3 => "end_of_record\nSF:[ab]",
    ]
}

fn report() -> impl Strategy<Value = String> {
    let end = prop_oneof![4 => Just("\n"), 1 => Just("\r\n"), 1 => Just(" \n")];
    let lines = prop::collection::vec((line(), end), 0..40);
    let strange = prop_oneof![8 => Just(String::new()), 1 => "DA:[-+ 0-9,x]{0,14}\n", 1 => "SF:c\n"];
    let last = prop_oneof![8 => Just("end_of_record"), 1 => Just("end_of_record\r\n"), 1 => Just("")];
    (lines, strange, last).prop_map(|(lines, strange, last)| {
        let lines: String = lines.into_iter().flat_map(|(line, end)| [line, end.to_owned()]).collect();
        format!("SF:a\n{lines}{strange}{last}")
    })
}

proptest! {
    #[test]
    fn what_is_plain_is_what_it_says_to_a_close_look(text in "DA:[0-9]{0,11},[-0-9]{0,3}[,0-9 ]{0,2}\r?\n?(DA:1)?") {
        if let Some((found, length)) = plain(text.as_bytes()) {
            let line = text[..length].strip_suffix('\n').unwrap();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(hit(line.trim_end().strip_prefix("DA:").unwrap()), Some(found));
        }
    }

    #[test]
    fn a_report_says_what_its_lines_say(text in report()) {
        let expected = line_by_line(&text);
        match read(&text, "") {
            Ok(coverage) => {
                let mut files = Coverage::default();
                for (file, lines) in expected.map_err(|at| TestCaseError::fail(format!("line {at} is wrong")))? {
                    files.add(&file, Lines::new(lines));
                }
                prop_assert_eq!(coverage, files);
            }
            Err(Unreadable(why)) => {
                let at = why.strip_prefix("line ").and_then(|why| why.split_once(':')).map_or("0", |(at, _)| at);
                prop_assert_eq!(expected.unwrap_err().to_string(), at);
            }
        }
    }
}
