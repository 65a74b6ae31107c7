//! Makes the process of an instance.
//!
//! The child gets a session of its own, default signals, no descriptor of ours, and its control groups, and writes itself into
//! the process record, all before it becomes the app. Between fork and exec it makes plain system calls only.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bascule_instances::StateError;

use crate::error::{ProcessError, file};
use crate::instance::process_record;
use crate::state::durable;
use crate::state::layout::InstanceFolder;
use crate::sys::process::Handle;

/// Everything that a process is made from.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) folder: &'a InstanceFolder,
    /// The release's folder.
    pub(crate) working: &'a Path,
    pub(crate) program: &'a Path,
    /// Command line, the program's name first.
    pub(crate) command: &'a [String],
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) boot: &'a str,
    /// Control groups to join.
    pub(crate) groups: &'a [PathBuf],
}

/// Why there is no process.
#[derive(Debug)]
pub(crate) enum LaunchError {
    /// The kernel refused; one sentence for a person.
    Refused(String),
    /// Our own records could not be written.
    State(ProcessError),
}

impl From<StateError> for LaunchError {
    fn from(error: StateError) -> Self {
        Self::State(error.into())
    }
}

impl From<ProcessError> for LaunchError {
    fn from(error: ProcessError) -> Self {
        Self::State(error)
    }
}

/// Makes the process. When this returns it has become the app, and its record is written.
pub(crate) fn launch(launch: &Launch<'_>) -> Result<Handle, LaunchError> {
    let record_path = launch.folder.process();
    let record = process_record::begin(&record_path, launch.boot)?;
    let log_path = launch.folder.log(0);
    let log = open_log(&log_path)?;
    let error_log = log.try_clone().map_err(file("open", &log_path))?;
    let groups = open_groups(launch.groups)?;

    let mut command = Command::new(launch.program);
    command
        .arg0(&launch.command[0])
        .args(&launch.command[1..])
        .env_clear()
        .envs(launch.environment)
        .current_dir(launch.working)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(error_log);
    let record_fd = record.as_raw_fd();
    let group_fds: Vec<RawFd> = groups.iter().map(AsRawFd::as_raw_fd).collect();
    // SAFETY: the closure runs in the child between fork and exec. It makes system calls on numbers and on memory that was made
    // before the fork, allocates nothing and takes no lock. The descriptors stay open until `spawn` has returned.
    unsafe {
        command.pre_exec(move || prepare(record_fd, &group_fds));
    }
    let spawned = command.spawn();
    drop((record, groups));
    if let Err(error) = spawned {
        durable::remove_file(&record_path)?;
        return Err(LaunchError::Refused(refusal(launch, &error)));
    }
    // Dropping the child neither kills nor awaits it: its exit is asked for through the handle.
    let identity = process_record::read(&record_path, launch.boot)?;
    identity.and_then(Handle::open).ok_or_else(|| {
        let detail = "the process that was just made did not write itself into it".to_owned();
        LaunchError::State(StateError::Damaged { path: record_path, detail }.into())
    })
}

fn open_log(path: &Path) -> Result<File, ProcessError> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path).map_err(file("open", path))
}

fn open_groups(groups: &[PathBuf]) -> Result<Vec<File>, ProcessError> {
    let open = |group: &PathBuf| {
        let path = group.join("cgroup.procs");
        OpenOptions::new().write(true).open(&path).map_err(file("open", &path))
    };
    groups.iter().map(open).collect()
}

fn refusal(launch: &Launch<'_>, error: &io::Error) -> String {
    let name = &launch.command[0];
    match error.raw_os_error() {
        Some(libc::E2BIG) => format!("{name} was not started: its arguments and environment are too large"),
        Some(libc::EAGAIN) => {
            format!(
                "{name} was not started: this user has too many processes (see `ulimit -u`), or memory is short"
            )
        }
        Some(libc::ENOMEM) => format!("{name} was not started: memory is short"),
        Some(libc::ETXTBSY) => format!("{name} was not started: something has the file open for writing"),
        Some(libc::ENOENT) if !launch.working.is_dir() => {
            format!("{name} was not started: the release's folder {} is gone", launch.working.display())
        }
        _ => format!("{name} was not started: {error}"),
    }
}

/// What the child does to itself before it becomes the app.
fn prepare(record: RawFd, groups: &[RawFd]) -> io::Result<()> {
    become_alone(groups)?;
    // SAFETY: the record is open until the child has become the app.
    unsafe { write_stat(record) }
}

/// A session, signals, descriptors and control groups of its own. For a child between fork and exec.
pub(super) fn become_alone(groups: &[RawFd]) -> io::Result<()> {
    // SAFETY: system calls on numbers, constant strings and a buffer of this stack frame; each is async-signal-safe.
    unsafe {
        check(libc::setsid())?;
        libc::umask(0o022);
        // Signals that were ignored stay ignored through exec (nohup, a shell's background job): the app gets the defaults.
        // The C library hides the two that its threads use; the kernel's call knows them all. Zeros are the default action with no
        // flags and no mask, in the layout of every architecture.
        let default = [0_u64; 8];
        for signal in 1..=64 {
            let none = std::ptr::null_mut::<libc::c_void>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, 8_usize);
        }
        // Sockets that were handed to this process for others must not end up in the app. A kernel before 5.11 does not know it;
        // everything that we open ourselves is closed at exec anyhow.
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
        for group in groups {
            if libc::write(*group, b"0".as_ptr().cast(), 1) != 1 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// Copies `/proc/self/stat` into the record.
///
/// # Safety
/// `record` must be an open descriptor.
unsafe fn write_stat(record: RawFd) -> io::Result<()> {
    const STAT: &CStr = c"/proc/self/stat";
    let mut buffer = [0_u8; 1024];
    // SAFETY: the path is a constant, the buffer is ours and its length is passed along.
    unsafe {
        let stat = check(libc::open(STAT.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC))?;
        let length = libc::read(stat, buffer.as_mut_ptr().cast(), buffer.len());
        let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
        libc::close(stat);
        let written = libc::write(record, buffer.as_ptr().cast(), length);
        if usize::try_from(written) != Ok(length) {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
    }
    Ok(())
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use bascule_model::evidence::Exit;

    use super::*;
    use crate::sys::boot;

    fn with<T>(test: impl FnOnce(&InstanceFolder, &Path, &str) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let working = tempfile::tempdir().unwrap();
        test(&InstanceFolder::at(folder.path().to_owned()), working.path(), &boot::id().unwrap())
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_process_is_alone_in_its_session_with_a_clean_environment() {
        let (handle, output) = with(|folder, working, boot| {
            let script = "env | sort; pwd; cat /proc/self/stat | cut -d' ' -f5,6; echo $$; ls /proc/self/fd; \
                          grep -E 'Sig(Ign|Blk)' /proc/self/status; umask; exit 3";
            let command = words(&["/bin/sh", "-c", script]);
            let environment = [("ONLY".to_owned(), "this".to_owned())].into();
            let started = Launch {
                folder,
                working,
                program: Path::new("/bin/sh"),
                command: &command,
                environment: &environment,
                boot,
                groups: &[],
            };
            // A descriptor without close-on-exec, as one that was handed to this process would be.
            let leaked = File::open("/dev/null").unwrap();
            rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
            let handle = launch(&started).unwrap();
            while !handle.has_ended() {
                std::thread::yield_now();
            }
            (handle, std::fs::read_to_string(folder.log(0)).unwrap())
        });
        assert_eq!(handle.reap(), Exit::Code { code: 3 });
        let lines: Vec<&str> = output.lines().collect();
        let pid = handle.identity.pid.to_string();
        assert!(lines.contains(&"ONLY=this"), "{output}");
        let names: Vec<&str> =
            lines.iter().filter_map(|line| line.split_once('=').map(|(name, _)| name)).collect();
        assert!(names.iter().all(|name| ["ONLY", "PWD", "OLDPWD", "SHLVL", "_"].contains(name)), "{output}");
        assert!(lines.contains(&format!("{pid} {pid}").as_str()), "{output}");
        assert!(lines.contains(&"SigIgn:\t0000000000000000"), "{output}");
        assert!(lines.contains(&"0022"), "{output}");
        // `ls` itself has the folder open as 3.
        assert!(!lines.contains(&"4"), "a descriptor of ours was inherited: {output}");
    }

    #[test]
    fn a_refused_start_leaves_no_record() {
        with(|folder, working, boot| {
            let command = words(&["./nothing"]);
            let program = working.join("nothing");
            let refused = launch(&Launch {
                folder,
                working,
                program: &program,
                command: &command,
                environment: &BTreeMap::new(),
                boot,
                groups: &[],
            });
            assert!(matches!(refused, Err(LaunchError::Refused(_))), "{refused:?}");
            assert!(!folder.process().exists());
        });
    }
}
