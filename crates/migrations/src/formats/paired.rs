//! Up and down sides in files of their own: what belongs together.

use std::collections::BTreeMap;

use crate::folder::{FolderError, Reading};
use crate::text::File;

/// Which side a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Up,
    Down,
}

/// An up side, and its down side where there is one.
pub(super) struct Sides<'a> {
    pub up: &'a File,
    pub name: String,
    pub down: Option<&'a File>,
}

/// A version's files, as they are found.
#[derive(Default)]
pub(super) struct Pair<'a> {
    pub up: Option<(&'a File, String)>,
    pub down: Option<&'a File>,
}

/// The files of a folder by their number.
#[derive(Default)]
pub(super) struct Pairs<'a>(BTreeMap<i64, Pair<'a>>);

impl<'a> Pairs<'a> {
    /// Adds a file; `name` is the migration's name as it says it.
    pub(super) fn add(
        &mut self,
        number: i64,
        side: Side,
        file: &'a File,
        name: String,
    ) -> Result<(), FolderError> {
        let pair = self.0.entry(number).or_default();
        let former = match side {
            Side::Up => pair.up.replace((file, name)).map(|(file, _)| file),
            Side::Down => pair.down.replace(file),
        };
        match former {
            None => Ok(()),
            Some(other) => Err(FolderError::Duplicate {
                version: number.to_string(),
                path: file.path.clone(),
                other: other.path.clone(),
            }),
        }
    }

    /// In order, each with its up side.
    pub(super) fn complete(self) -> Result<Vec<Sides<'a>>, FolderError> {
        self.0
            .into_iter()
            .map(|(number, pair)| match (pair.up, pair.down) {
                (Some((up, name)), down) => Ok(Sides { up, name, down }),
                (None, down) => Err(FolderError::DownWithoutUp {
                    path: down.map(|file| file.path.clone()).unwrap_or_default(),
                    version: number.to_string(),
                }),
            })
            .collect()
    }
}

/// The down side's text and statements.
pub(super) fn down(
    file: Option<&File>,
    reading: &Reading,
) -> Result<(Option<String>, Option<Vec<bascule_sql::Statement>>), FolderError> {
    let Some(file) = file else { return Ok((None, None)) };
    let text = file.text()?;
    let statements = reading.statements(&file.path, &text, 1)?;
    Ok((Some(text), Some(statements)))
}
