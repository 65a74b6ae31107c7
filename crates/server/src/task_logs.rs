//! Files with what tasks wrote, beside those of builds.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bascule_engine::ports::{Log, Logs, PortError};
use bascule_model::problem::{Code, Problem};

pub(crate) struct TaskLogs;

struct TaskLog {
    path: PathBuf,
    file: File,
}

impl Logs for TaskLogs {
    fn create(&self, path: &Path) -> Result<Box<dyn Log>, PortError> {
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        let file = folder.and_then(|()| File::create(path)).map_err(|error| unwritten(path, &error))?;
        Ok(Box::new(TaskLog { path: path.to_owned(), file }))
    }
}

impl Log for TaskLog {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        Ok(self.file.write_all(bytes).map_err(|error| unwritten(&self.path, &error))?)
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Problem {
    let message = format!("what a task writes could not be kept in {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Problem::new(Code::DiskFull, message, "make room there, then deploy again")
        }
        _ => Problem::new(
            Code::StateUnusable,
            message,
            "see to it that Bascule may write there, then deploy again",
        ),
    }
}
