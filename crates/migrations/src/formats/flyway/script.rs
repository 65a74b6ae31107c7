//! What Flyway's file beside a script (`V1__x.sql.conf`) says, and the placeholders in the script.

use crate::folder::FolderError;
use crate::format::Format;
use crate::migration::Transactions;
use crate::text::File;

/// The configuration of one script.
pub(super) struct Configuration {
    pub transactions: Transactions,
    placeholders: Placeholders,
}

#[derive(PartialEq, Eq)]
enum Placeholders {
    Replaced,
    Kept,
}

impl Configuration {
    /// That of a script, from the file beside it.
    pub(super) fn of(files: &[&File], script: &File) -> Result<Self, FolderError> {
        let mut configuration =
            Self { transactions: Transactions::Usual, placeholders: Placeholders::Replaced };
        let beside = files.iter().find(|file| file.path.strip_suffix(".conf") == Some(script.path.as_str()));
        let Some(file) = beside else { return Ok(configuration) };
        for (at, line) in file.text()?.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) =
                line.split_once('=').map_or((line, ""), |(key, value)| (key.trim(), value.trim()));
            match (key, value) {
                ("executeInTransaction", "false") => configuration.transactions = Transactions::None,
                ("placeholderReplacement", "false") => configuration.placeholders = Placeholders::Kept,
                ("executeInTransaction" | "placeholderReplacement" | "shouldExecute", "true") => {}
                ("encoding", encoding) if encoding.eq_ignore_ascii_case("UTF-8") => {}
                _ => {
                    return Err(FolderError::Marker {
                        path: file.path.clone(),
                        line: at + 1,
                        reason: format!(
                            "`{key} = {value}` has no meaning here: `executeInTransaction` and `placeholderReplacement` have, with `true` or `false`"
                        ),
                    });
                }
            }
        }
        Ok(configuration)
    }

    /// Files are run as they are: what Flyway would replace has no value here.
    pub(super) fn refuse_placeholders(&self, file: &File, text: &str) -> Result<(), FolderError> {
        if self.placeholders == Placeholders::Kept {
            return Ok(());
        }
        match placeholder(text) {
            None => Ok(()),
            Some((line, placeholder)) => Err(FolderError::Placeholder {
                path: file.path.clone(),
                line,
                tool: Format::Flyway,
                placeholder,
            }),
        }
    }
}

/// The first `${…}` and its line.
pub(crate) fn placeholder(text: &str) -> Option<(usize, String)> {
    text.lines().enumerate().find_map(|(at, line)| {
        let rest = line.get(line.find("${")?..)?;
        let end = rest.find('}')?;
        Some((at + 1, rest.get(..=end)?.to_owned()))
    })
}
