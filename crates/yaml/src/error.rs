//! Why a text is not read.

/// What is wrong with a text. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It is no YAML.
    #[error("line {line}: this is not YAML: {says}")]
    Syntax {
        /// Where.
        line: usize,
        /// What the parser says.
        says: String,
    },
    /// It is YAML, and more or other than is taken here.
    #[error("line {line}: {says}")]
    Shape {
        /// Where.
        line: usize,
        /// What it is.
        says: String,
    },
}
