//! Text into statements, with their lines in the file that the text is a part of.

use bascule_sql::{Dialect, SplitError, Statement};

/// The statements of a text whose first line is `line` of its file. The error's line is the file's.
pub(crate) fn statements(text: &str, line: usize, dialect: Dialect) -> Result<Vec<Statement>, SplitError> {
    let mut statements = bascule_sql::split(text, dialect).map_err(|error| error.moved(line))?;
    for statement in &mut statements {
        statement.line += line.saturating_sub(1);
    }
    Ok(statements)
}

/// What a split error says, without its line: that is said in front.
pub(crate) fn reason(error: &SplitError) -> String {
    let text = error.to_string();
    let told = format!("line {}: ", error.line());
    text.strip_prefix(&told).map_or(text.clone(), str::to_owned)
}
