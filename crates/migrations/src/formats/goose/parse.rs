//! The annotations of a goose file. What stands between `StatementBegin` and `StatementEnd` is one statement, unless it clearly is
//! several; the rest is split by the splitter, which is wiser about semicolons than goose and so takes every file that goose takes.

use bascule_sql::Statement;

use super::{Parsed, annotated};
use crate::folder::{FolderError, Reading};
use crate::format::Format;
use crate::migration::Transactions;
use crate::text::only_comments;

/// Which side the lines belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    None,
    Up,
    Down,
}

/// Lines that are taken together.
struct Pending {
    text: String,
    line: usize,
    /// Whether they are one statement, by annotation.
    whole: Option<usize>,
}

impl Pending {
    fn starting(line: usize) -> Self {
        Self { text: String::new(), line, whole: None }
    }
}

pub(super) fn parse(path: &str, text: &str, reading: &Reading) -> Result<Parsed, FolderError> {
    let wrong = |line: usize, reason: String| FolderError::Marker { path: path.to_owned(), line, reason };
    let (mut up, mut down) = (vec![], vec![]);
    let mut transactions = Transactions::Usual;
    let (mut side, mut seen_down, mut substitute) = (Side::None, false, false);
    let mut pending = Pending::starting(1);
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        if !annotated(line) {
            if side == Side::None && !only_comments(line) {
                return Err(wrong(
                    number,
                    "a statement before `-- +goose Up`: move it below that line".to_owned(),
                ));
            }
            if substitute && let Some(placeholder) = placeholder(line) {
                return Err(FolderError::Placeholder {
                    path: path.to_owned(),
                    line: number,
                    tool: Format::Goose,
                    placeholder,
                });
            }
            pending.text.push_str(line);
            pending.text.push('\n');
            continue;
        }
        let annotation = annotation(line).map_err(|reason| wrong(number, reason))?;
        // Annotations that only switch something leave the lines around them together.
        match annotation {
            "NO TRANSACTION" => transactions = Transactions::None,
            "ENVSUB ON" => substitute = true,
            "ENVSUB OFF" => substitute = false,
            _ => {
                let target = if side == Side::Down { &mut down } else { &mut up };
                let former = std::mem::replace(&mut pending, Pending::starting(number + 1));
                match (annotation, former.whole) {
                    ("STATEMENTEND", Some(_)) => {
                        target.extend(block(path, &former, reading));
                        continue;
                    }
                    ("STATEMENTEND", None) => {
                        let reason = "`-- +goose StatementEnd` without `-- +goose StatementBegin`";
                        return Err(wrong(number, reason.to_owned()));
                    }
                    (_, Some(begun)) => {
                        return Err(wrong(begun, "no `-- +goose StatementEnd` for this one".to_owned()));
                    }
                    (_, None) => target.extend(reading.statements(path, &former.text, former.line)?),
                }
                match (annotation, side) {
                    ("UP", Side::None) => side = Side::Up,
                    ("UP", _) => return Err(wrong(number, "a second `-- +goose Up`".to_owned())),
                    ("DOWN", Side::Up) => (side, seen_down) = (Side::Down, true),
                    ("DOWN", Side::Down) => {
                        return Err(wrong(number, "a second `-- +goose Down`".to_owned()));
                    }
                    (_, Side::None) => {
                        return Err(wrong(
                            number,
                            "goose wants `-- +goose Up` before anything else".to_owned(),
                        ));
                    }
                    (_, _) => pending.whole = Some(number),
                }
            }
        }
    }
    if let Some(begun) = pending.whole {
        return Err(wrong(begun, "no `-- +goose StatementEnd` for this one".to_owned()));
    }
    if side == Side::None {
        return Err(wrong(1, "no `-- +goose Up`: goose wants one before the statements".to_owned()));
    }
    let target = if side == Side::Down { &mut down } else { &mut up };
    target.extend(reading.statements(path, &pending.text, pending.line)?);
    Ok(Parsed { up, down: seen_down.then_some(down), transactions })
}

/// The annotation of a line, in capitals.
fn annotation(line: &str) -> Result<&'static str, String> {
    if line.starts_with([' ', '\t']) {
        return Err(
            "goose does not see an annotation that is indented: move it to the line's beginning".to_owned()
        );
    }
    let text = line.replace("--", "").replacen("+goose", "", 1);
    let word = text.trim();
    for known in ["UP", "DOWN", "STATEMENTBEGIN", "STATEMENTEND", "NO TRANSACTION", "ENVSUB ON", "ENVSUB OFF"]
    {
        if word.eq_ignore_ascii_case(known) {
            return Ok(known);
        }
    }
    Err(format!(
        "`{word}` is no annotation of goose: it has `Up`, `Down`, `StatementBegin`, `StatementEnd`, `NO TRANSACTION`, `ENVSUB ON` and `ENVSUB OFF`"
    ))
}

/// The statements of a block. goose sends it as it stands, and people put several statements into one; the splitter is believed only
/// where each piece begins as a statement does, and none as the inside of a body.
fn block(path: &str, block: &Pending, reading: &Reading) -> Vec<Statement> {
    const BEGINNINGS: [&str; 16] = [
        "CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE", "GRANT", "REVOKE", "COMMENT", "SELECT",
        "DO", "WITH", "SET", "TRUNCATE", "MERGE", "REPLACE",
    ];
    let begins = |statement: &Statement| {
        let word = statement.text.split(|at: char| !at.is_ascii_alphabetic()).next().unwrap_or_default();
        BEGINNINGS.iter().any(|known| known.eq_ignore_ascii_case(word))
    };
    match reading.statements(path, &block.text, block.line) {
        Ok(several) if several.len() > 1 && several.iter().all(begins) => several,
        Ok(_) | Err(_) => whole(block).into_iter().collect(),
    }
}

/// A block as one statement, without what ends it.
fn whole(block: &Pending) -> Option<Statement> {
    let blank = block.text.lines().take_while(|line| only_comments(line)).count();
    let text = block.text.trim();
    let text = text.strip_suffix(';').unwrap_or(text);
    (!only_comments(text)).then(|| Statement { text: text.trim_end().to_owned(), line: block.line + blank })
}

/// What `ENVSUB ON` would replace in a line: `$NAME` or `${NAME…}`.
fn placeholder(line: &str) -> Option<String> {
    let mut rest = line;
    while let Some(at) = rest.find('$') {
        let tail = rest.get(at + 1..)?;
        if tail.starts_with('{') {
            let end = tail.find('}').map_or(tail.len(), |end| end + 1);
            return Some(format!("${}", tail.get(..end)?));
        }
        let name =
            tail.len() - tail.trim_start_matches(|at: char| at.is_ascii_alphanumeric() || at == '_').len();
        if tail.starts_with(|at: char| at.is_ascii_alphabetic() || at == '_') {
            return Some(format!("${}", tail.get(..name)?));
        }
        rest = tail;
    }
    None
}
