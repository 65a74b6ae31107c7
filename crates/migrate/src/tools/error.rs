//! Why a server's program could not do its work.

/// Why one could not.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is not installed.
    #[error("{program} is not installed, or is too old for the server. Install {package}")]
    Missing {
        /// Its name.
        program: String,
        /// What it comes with.
        package: String,
    },
    /// It could not be started, or its files not be made.
    #[error("{program} could not be run")]
    Start {
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("{program} failed: {said}")]
    Failed {
        /// Its name.
        program: String,
        /// The end of what it wrote to its error output.
        said: String,
    },
}
