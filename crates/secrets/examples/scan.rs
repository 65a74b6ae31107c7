//! Looks through a folder and prints what was found, and how long it took.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::path::Path;
use std::time::Instant;

use bascule_secrets::scan;

fn main() -> Result<(), scan::ScanError> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let began = Instant::now();
    let found = scan::scan(Path::new(&folder))?;
    let took = began.elapsed();
    print!("{}", scan::text(&found));
    println!("{} ms", took.as_millis());
    Ok(())
}
