//! What instances run: this test binary, told to be the register. So the scenarios need no other program to be built.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The name of the test below.
const TEST: &str = "databases::instance::is_a_register";
/// Set by Bascule for each instance.
const MARK: &str = "BASCULE_INSTANCE";

/// The line of a script that runs the register.
pub fn line() -> String {
    format!("exec {} {TEST} --exact --nocapture", program().display())
}

/// The folder of the program.
pub fn folder() -> PathBuf {
    program().parent().unwrap().to_owned()
}

fn program() -> PathBuf {
    std::env::current_exe().unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the wiring of an instance")]
fn is_a_register() {
    if std::env::var_os(MARK).is_some() {
        let options = register::Options::read(|name| std::env::var(name).ok());
        options.and_then(register::run).unwrap_or_else(|error| panic!("{error}"));
        return;
    }
    let output = without_a_database(&program());
    assert!(output.contains("DATABASE_URL is not set"), "{output}");
}

fn without_a_database(program: &Path) -> String {
    let mut command = Command::new(program);
    command.args([TEST, "--exact", "--nocapture"]).env_clear().env(MARK, "web-1");
    String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned()
}
