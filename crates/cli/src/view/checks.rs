//! Results of verify checks, one a line.

use bascule_model::evidence::{CheckResult, Status};

use crate::text::escape;
use crate::text::style::{BAD, GOOD, WARNING};
use crate::text::table::{Cell, Table};
use crate::text::wrap::shortened;

/// The mark of a verdict, with its word.
pub fn mark(status: Status) -> Cell {
    match status {
        Status::Pass => Cell::styled("✓ pass", GOOD),
        Status::Fail => Cell::styled("✗ fail", BAD),
        Status::NoData => Cell::styled("? no data", WARNING),
    }
}

/// The results behind `indent` spaces. A failure's detail stands whole on lines of its own.
pub fn checks(results: &[CheckResult], indent: usize) -> String {
    let mut table = Table::default();
    for result in results {
        let detail = escape::lines(&result.detail);
        let tries = if result.attempts > 1 { format!("{} attempts", result.attempts) } else { String::new() };
        let passed = result.status == Status::Pass;
        let beside = if passed { shortened(&detail, 40) } else { String::new() };
        table.row([
            mark(result.status),
            escape::line(&result.name).into(),
            format!("{} ms", result.took_ms).into(),
            tries.into(),
            beside.into(),
        ]);
        if !passed {
            for line in detail.lines() {
                table.free(format!("{}{line}", " ".repeat(indent + 2)));
            }
        }
    }
    table.render(indent)
}
