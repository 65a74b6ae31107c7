//! Files as text: UTF-8 without a byte order mark, lines that end with line feeds alone.

use std::borrow::Cow;

use crate::folder::FolderError;

/// A file of the folder of migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, relative to the folder, with `/` between.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl File {
    /// A file.
    #[must_use]
    pub fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into() }
    }

    /// Its name without the folders.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it lies in the folder itself.
    pub(crate) fn on_top(&self) -> bool {
        !self.path.contains('/')
    }

    /// What is in it, as it is.
    pub(crate) fn raw(&self) -> Result<&str, FolderError> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let good = self.bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
            let wide = self.bytes.starts_with(&[0xff, 0xfe]) || self.bytes.starts_with(&[0xfe, 0xff]);
            FolderError::NotUtf8 {
                path: self.path.clone(),
                line,
                hint: if wide { " (it looks like UTF-16)" } else { "" },
            }
        })
    }

    /// What is in it, without a byte order mark and with line feeds only.
    pub(crate) fn text(&self) -> Result<String, FolderError> {
        self.raw().map(|raw| normalized(raw).into_owned())
    }
}

const MARK: &str = "\u{feff}";

/// A text without a byte order mark and with line feeds only.
pub(crate) fn normalized(raw: &str) -> Cow<'_, str> {
    let raw = raw.strip_prefix(MARK).unwrap_or(raw);
    if raw.contains('\r') {
        Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(raw)
    }
}

/// Whether a text has nothing but blanks and comments to the end of the line.
pub(crate) fn only_comments(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with("--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_the_mark_make_no_difference() {
        for raw in ["a;\nb;\n", "a;\r\nb;\r\n", "\u{feff}a;\r\nb;\n", "a;\rb;\r"] {
            assert_eq!(normalized(raw), "a;\nb;\n");
        }
    }

    #[test]
    fn a_byte_that_is_no_text_is_named_with_its_line() {
        let file = File::new("1_x.sql", b"SELECT 1;\nSELECT '\xe9';\n".to_vec());
        let error = file.text().unwrap_err();
        assert_eq!(
            error.to_string(),
            "1_x.sql:2: the file is not UTF-8: save it as UTF-8, or take the byte out"
        );
        assert!(File::new("x", vec![0xff, 0xfe, b'a', 0]).text().unwrap_err().to_string().contains("UTF-16"));
    }
}
