//! Where a value is entered: standard input, or the keyboard without an echo. Never the command line.

use std::io::{IsTerminal as _, Read as _, Write as _};

use bascule_model::problem::{Code, Problem};
use bascule_secrets::SecretValue;
use bascule_secrets::store::LONGEST;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Refuses a value that was given as an argument, without repeating it.
///
/// # Errors
/// `USAGE` when there is one, also as `NAME=VALUE`.
pub fn refuse_argument(name: &str, value: &[String]) -> Result<(), Problem> {
    if value.is_empty() && !name.contains('=') {
        return Ok(());
    }
    let name = name.split('=').next().unwrap_or_default();
    Err(Problem::new(
        Code::Usage,
        "a secret is not taken from the command line: everybody on this machine can read it there while the command runs, and it \
         stays in the history of the shell",
        format!(
            "give it a new value if it is in use, then: bascule secret set ENV {name} (it is asked for, or read from standard input)"
        ),
    ))
}

/// The value: what standard input has, without the line break at its end, or one line from the keyboard.
///
/// # Errors
/// When it is not a text of at most 128 KiB, or nothing was entered.
pub fn value(name: &str) -> Result<SecretValue, Problem> {
    let stdin = std::io::stdin();
    let text = if stdin.is_terminal() { from_keyboard(name)? } else { from_input(name)? };
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err(refused(name, "nothing was entered"));
    }
    Ok(SecretValue::new(text.to_owned()))
}

fn from_input(name: &str) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(LONGEST as u64 + 2).read_to_end(&mut bytes);
    read.map_err(|error| refused(name, &format!("standard input cannot be read: {error}")))?;
    if bytes.len() > LONGEST + 1 {
        return Err(refused(name, "it is longer than 128 KiB"));
    }
    String::from_utf8(bytes).map_err(|_| refused(name, "it is not a text"))
}

fn refused(name: &str, why: &str) -> Problem {
    Problem::new(
        Code::Usage,
        format!("reading the value for {name}: {why}"),
        "enter it when it is asked for, or give it on standard input",
    )
}

fn from_keyboard(name: &str) -> Result<String, Problem> {
    let _ = write!(std::io::stderr(), "value for {name} (not shown): ");
    let _ = std::io::stderr().flush();
    let line = {
        let _quiet = Quiet::begin().map_err(|error| refused(name, &format!("the terminal: {error}")))?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| refused(name, &error.to_string()))?;
        line
    };
    let _ = writeln!(std::io::stderr());
    // Ctrl-C comes as a character here, so that the terminal shows again what is typed before the program ends.
    if line.contains('\u{3}') {
        return Err(refused(name, "it was called off"));
    }
    Ok(line)
}

/// A terminal that does not show what is typed, for as long as this is there.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> rustix::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_the_command_line_is_refused_and_not_repeated() {
        for (name, value) in [("TOKEN=hunter2", vec![]), ("TOKEN", vec!["hunter2".to_owned()])] {
            let problem = refuse_argument(name, &value).unwrap_err();
            assert!(problem.message.contains("command line") && problem.remedy.contains("set ENV TOKEN"));
            assert!(!format!("{}{}", problem.message, problem.remedy).contains("hunter2"));
        }
        assert!(refuse_argument("TOKEN", &[]).is_ok());
    }
}
