//! Reports that real tools wrote, with what the tools themselves say of them.

use std::fs;
use std::path::Path;

use bascule_gates::findings::Severity;
use bascule_gates::read;
use bascule_model::units::Ratio;

#[test]
fn every_report_has_the_totals_of_its_tool() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let mut seen = 0;
    for tool in fs::read_dir(folder).unwrap() {
        let tool = tool.unwrap().path();
        let totals: toml::Table = fs::read_to_string(tool.join("totals.toml")).unwrap().parse().unwrap();
        for report in totals["report"].as_array().unwrap() {
            let text = |key: &str| report[key].as_str().unwrap();
            let number = |key: &str| u64::try_from(report[key].as_integer().unwrap()).unwrap();
            let file = tool.join(text("file"));
            let bytes = fs::read(&file).unwrap();
            let place = file.display();
            match text("kind") {
                "coverage" => {
                    let share = read::coverage(&bytes, "").unwrap().share();
                    assert_eq!((share.covered, share.total), (number("covered"), number("total")), "{place}");
                }
                "tests" => {
                    let suites = read::suites(&bytes).unwrap();
                    assert_eq!(
                        (suites.tests(), suites.failed, suites.errors, suites.skipped),
                        (number("tests"), number("failed"), number("errors"), number("skipped")),
                        "{place}"
                    );
                }
                "security" => {
                    let found = read::findings(&bytes, "").unwrap();
                    for severity in [Severity::Critical, Severity::High, Severity::Medium, Severity::Low] {
                        let word = severity.as_str();
                        assert_eq!(found.count(severity), number(word), "{place}: {word}");
                    }
                }
                _ => {
                    let load = read::load(&bytes).unwrap();
                    assert_eq!(
                        (load.requests, load.errors),
                        (number("requests"), number("errors")),
                        "{place}"
                    );
                    let p95 = report["p95_ms"].as_float().and_then(Ratio::from_f64);
                    assert_eq!(load.p95, p95, "{place}");
                }
            }
            seen += 1;
        }
    }
    assert!(seen >= 31, "{seen} reports");
}

/// Two formats of one run name the same files and lines.
#[test]
fn formats_of_one_run_are_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    for (tool, root, one, two) in [
        ("coverage-py", "/build/py", "lcov.info", "cobertura.xml"),
        ("jest", "/build/js", "lcov.info", "cobertura-coverage.xml"),
        ("llvm-cov", "/build/c", "shop.info", "shop.json"),
        ("llvm-cov", "/build/c", "list.info", "list.json"),
    ] {
        let of = |file: &str| read::coverage(&fs::read(folder.join(tool).join(file)).unwrap(), root).unwrap();
        assert_eq!(of(one), of(two), "{tool}");
    }
}
