//! The page of errors and the codes say the same: every code has its row with the exit status that it has, and no row is of a
//! code that is not there.

use std::collections::BTreeMap;

use bascule_model::problem::Code;

const PAGE: &str = include_str!("../../../docs/errors.md");

/// The rows of the page's tables of codes: code and exit status.
fn rows() -> BTreeMap<&'static str, &'static str> {
    let mut rows = BTreeMap::new();
    for line in PAGE.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let code = cells.next().and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
        if let (Some(code), Some(status)) = (code, cells.next()) {
            assert!(rows.insert(code, status).is_none(), "{code} has two rows");
            let rest: Vec<&str> = cells.take(2).collect();
            assert!(rest.len() == 2 && !rest.contains(&""), "{code}: the meaning or the remedy is missing");
        }
    }
    rows
}

#[test]
fn every_code_has_its_row_and_its_exit_status() {
    let rows = rows();
    for code in Code::ALL {
        let status = rows.get(code.as_str()).unwrap_or_else(|| panic!("docs/errors.md does not name {code}"));
        assert_eq!(*status, code.exit().status().to_string(), "the exit status of {code} in docs/errors.md");
    }
}

#[test]
fn every_row_is_of_a_code_that_is_there() {
    for code in rows().keys() {
        assert!(Code::ALL.iter().any(|known| known.as_str() == *code), "there is no code {code}");
    }
}
