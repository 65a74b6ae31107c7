//! Points at which tests stop or fail a run: files in the folder that `BASCULE_FAILPOINTS` names. Only in builds for tests.
//!
//! At each point `<run>.<step>.<action>.<when>` the file `reached/<point>` is made. While `pause/<point>` exists the run waits
//! there; where `fail/<point>` exists the step fails with its text.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{Hooks, Point};
use bascule_model::problem::{Code, Problem};

/// Hooks in a folder.
#[derive(Debug)]
pub struct FileHooks(PathBuf);

impl FileHooks {
    /// In that folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }
}

#[async_trait]
impl Hooks for FileHooks {
    async fn reached(&self, point: &Point) -> Result<(), Problem> {
        let name = format!("{}.{}.{}.{}", point.run, point.step, point.action, point.when);
        let reached = self.0.join("reached");
        let _ = std::fs::create_dir_all(&reached);
        let _ = std::fs::write(reached.join(&name), "");
        while self.0.join("pause").join(&name).exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        match std::fs::read_to_string(self.0.join("fail").join(&name)) {
            Ok(text) => Err(Problem::new(
                Code::Internal,
                format!("{name} was made to fail {text}"),
                "nothing: a test",
            )),
            Err(_) => Ok(()),
        }
    }
}
