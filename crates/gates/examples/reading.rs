//! How fast reports are read: prints milliseconds on one core for 12 MB of LCOV and for 5,000 test cases of JUnit XML, like
//! those that `scripts/bench` has `bascule gate` read. A report that cannot be read has no lines and no cases.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bascule_gates::read;

const ROUNDS: usize = 15;

fn main() {
    let (lcov, junit) = (lcov(500, 2_200), junit(5_000));
    let coverage =
        best(|| read::coverage(lcov.as_bytes(), "/build/app").map(|coverage| coverage.share().total));
    let suites = best(|| read::suites(junit.as_bytes()).map(|suites| suites.tests()));
    for (what, bytes, (took, count)) in [("LCOV", lcov.len(), coverage), ("JUnit XML", junit.len(), suites)] {
        let megabytes = bytes as f64 / 1e6;
        let milliseconds = took.as_secs_f64() * 1e3;
        println!("{what}: {milliseconds:.1} ms ({megabytes:.1} MB, {count} lines or cases)");
    }
}

/// The shortest of some rounds, what goes with dropping what was read too.
fn best(round: impl Fn() -> Result<u64, read::Unreadable>) -> (Duration, u64) {
    let mut best = Duration::MAX;
    let mut count = 0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        count = round().unwrap_or_default();
        best = best.min(began.elapsed());
    }
    (best, count)
}

/// Every third line is not covered.
fn lcov(files: u32, lines: u32) -> String {
    let mut text = String::new();
    for file in 1..=files {
        let _ = writeln!(text, "TN:\nSF:src/module_{file}/file.rs");
        for line in 1..=lines {
            let _ = writeln!(text, "DA:{line},{}", if line % 3 == 0 { 0 } else { line });
        }
        text.push_str("end_of_record\n");
    }
    text
}

/// A hundred cases a suite.
fn junit(cases: u32) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for case in 0..cases {
        if case % 100 == 0 {
            let _ = writeln!(text, "<testsuite name=\"suite {}\">", case / 100);
        }
        let _ = writeln!(
            text,
            "<testcase classname=\"suite_{}\" name=\"does number {case} &amp; more\" time=\"0.01\"/>",
            case / 100
        );
        if case % 100 == 99 || case + 1 == cases {
            text.push_str("</testsuite>\n");
        }
    }
    text.push_str("</testsuites>\n");
    text
}
