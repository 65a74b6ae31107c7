//! What makes the artifact.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::image::Image;

/// How the artifact is made and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Build {
    /// The program and its arguments, run in the project's folder before the files are collected; none when nothing is to be built.
    pub command: Option<Vec<String>>,
    /// What the artifact holds, relative to the project's folder, each under its last name. Empty: the artifact is empty,
    /// and the commands are found on the machine.
    pub files: Vec<RelativePath>,
    /// The image, on targets that run containers; then the two above are not used.
    pub image: Option<Image>,
}

/// A refused path of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} does not stay inside the project's folder: use a relative path without \"..\"")]
pub struct BadRelativePath {
    /// The refused text.
    pub given: String,
}

/// A path inside the project's folder: relative, with `/`, without `..`. Names a file, or a folder with all it holds; `.` is the whole folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(String);

impl RelativePath {
    /// The path as text, without `./` in front and `/` behind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole folder.
    #[must_use]
    pub fn whole() -> Self {
        Self(".".to_owned())
    }

    /// Where it lands in the artifact: its last name; `.` for the whole folder.
    #[must_use]
    pub fn landing(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl FromStr for RelativePath {
    type Err = BadRelativePath;

    fn from_str(text: &str) -> Result<Self, BadRelativePath> {
        let is_inside = !text.is_empty()
            && !text.starts_with('/')
            && !text.contains(['\\', '\0'])
            && text.split('/').all(|segment| segment != "..");
        if !is_inside {
            return Err(BadRelativePath { given: text.to_owned() });
        }
        let segments: Vec<&str> = text.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
        Ok(Self(if segments.is_empty() { ".".to_owned() } else { segments.join("/") }))
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for RelativePath {
    type Error = BadRelativePath;
    fn try_from(text: String) -> Result<Self, BadRelativePath> {
        text.parse()
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!("./static//css/".parse::<RelativePath>().unwrap().as_str(), "static/css");
        assert_eq!("./".parse::<RelativePath>().unwrap().as_str(), ".");
        for bad in ["", "/etc/passwd", "..", "a/../b", "a\\b"] {
            assert!(bad.parse::<RelativePath>().is_err(), "{bad}");
        }
    }
}
