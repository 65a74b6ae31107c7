//! The record of an instance's process: boot, pid and start time, written by the process itself before it becomes the app.
//!
//! Two lines: the boot's id, written before the process is made, and the process's own `/proc/self/stat`, written between fork
//! and exec. So there is no moment at which a process of an instance runs that no record names. A record without the second
//! line, of another boot, or of a process that has ended means: nothing runs.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{ProcessError, file};
use crate::state::durable;
use crate::sys::process::Identity;
use crate::sys::stat;

/// Begins a record: the file is empty but for the boot, and the process that gets it may append.
pub(crate) fn begin(path: &Path, boot: &str) -> Result<File, ProcessError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path);
    let mut opened = opened.map_err(file("write", path))?;
    opened.write_all(format!("{boot}\n").as_bytes()).map_err(file("write", path))?;
    Ok(opened)
}

/// The process that the record names, if it is of this boot. Whether it is still there is another question.
pub(crate) fn read(path: &Path, boot: &str) -> Result<Option<Identity>, ProcessError> {
    let Some(bytes) = durable::read_if_there(path)? else { return Ok(None) };
    Ok(parse(&bytes, boot))
}

fn parse(bytes: &[u8], boot: &str) -> Option<Identity> {
    let rest = bytes.strip_prefix(boot.as_bytes())?.strip_prefix(b"\n")?;
    let stat = stat::parse(rest)?;
    Some(Identity { pid: stat.pid, start_ticks: stat.start_ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_record_and_one_of_another_boot_name_nobody() {
        let line = "42 (sh) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n";
        let whole = format!("boot-a\n{line}");
        let identity = Identity { pid: 42, start_ticks: 98765 };
        assert_eq!(parse(whole.as_bytes(), "boot-a"), Some(identity));
        assert_eq!(parse(whole.as_bytes(), "boot-b"), None);
        assert_eq!(parse(b"boot-a\n", "boot-a"), None);
        assert_eq!(parse(b"", "boot-a"), None);
    }
}
