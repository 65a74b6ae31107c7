//! Why a compose file could not be converted at all.

use bascule_model::problem::{Code, Problem};
use bascule_yaml::YamlError;

/// What is wrong with the file. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The text is not YAML.
    #[error("line {line}: this is not YAML: {says}")]
    Syntax {
        /// Where.
        line: usize,
        /// What the parser says.
        says: String,
    },
    /// It is YAML, and no compose file.
    #[error("line {line}: this is not a compose file: {says}")]
    NotCompose {
        /// Where.
        line: usize,
        /// What is missing.
        says: String,
    },
    /// It is one, and every service in it is somebody else's image.
    #[error("no service of this file is built here, and none gets requests: there is no app in it to deploy")]
    NoApp,
}

impl From<YamlError> for ComposeError {
    fn from(error: YamlError) -> Self {
        match error {
            YamlError::Syntax { line, says } => Self::Syntax { line, says },
            YamlError::Shape { line, says } => Self::NotCompose { line, says },
        }
    }
}

impl From<ComposeError> for Problem {
    fn from(error: ComposeError) -> Self {
        let remedy = match &error {
            ComposeError::Syntax { .. } => "mend the line; `docker compose config` shows the same place",
            ComposeError::NotCompose { .. } => {
                "name a compose file, as in `bascule init --from docker-compose.yml`"
            }
            ComposeError::NoApp => {
                "give the app's service a `build`, or write a manifest with `bascule init` and name its image there"
            }
        };
        Self::new(Code::Usage, format!("reading the compose file: {error}"), remedy)
    }
}
