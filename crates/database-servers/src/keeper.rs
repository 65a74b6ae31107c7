//! A server's process, kept by a small shell that ends it and removes its folder when the test process is gone, however
//! it went: the shell reads from a pipe that ends with us.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// `$0` the folder that goes with the server, `$1` where to write its process id, `$2` the signal that ends it, then the command.
const SCRIPT: &str = r#"
folder=$0; note=$1; signal=$2; shift 2
"$@" </dev/null & server=$!
echo "$server" > "$note.new"; mv "$note.new" "$note"
read -r word
kill -"$signal" "$server" 2>/dev/null
wait "$server"
[ "$word" = keep ] || rm -rf "$folder"
"#;

/// One running server.
pub struct Keeper {
    shell: Child,
    pid: i32,
}

/// What is to be run.
pub struct Recipe<'a> {
    /// Goes when the server does.
    pub folder: &'a Path,
    /// Who runs it when we are root, which most servers refuse to be.
    pub user: &'a str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What ends it at once, without harm to its data.
    pub signal: &'static str,
}

impl Keeper {
    /// Starts a server.
    pub fn start(recipe: &Recipe<'_>) -> Self {
        let note = recipe.folder.join("pid");
        let _ = std::fs::remove_file(&note);
        let log = || std::fs::File::options().create(true).append(true).open(recipe.folder.join("log"));
        let mut command = Command::new("sh");
        command.arg("-c").arg(SCRIPT).arg(recipe.folder).arg(&note).arg(recipe.signal);
        let mut server = as_user(recipe.user, &recipe.program);
        server.args(&recipe.arguments);
        command.arg(server.get_program()).args(server.get_args());
        // A group of its own: whoever ends the test with its group must leave the one that cleans up.
        command.process_group(0).stdin(Stdio::piped());
        command.stdout(log().expect("the log")).stderr(log().expect("the log"));
        let shell = command.spawn().expect("a shell");
        let pid =
            wait_for("the server's process id", || std::fs::read_to_string(&note).ok()?.trim().parse().ok());
        Self { shell, pid }
    }

    /// The server's process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends the server a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.pid) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Ends the server and leaves its folder.
    pub fn end(mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            let _ = pipe.write_all(b"keep\n");
        }
        let _ = self.shell.wait();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A command as that user, when we are root.
pub fn as_user(user: &str, program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--clear-groups").arg(program);
    command
}

/// Gives a folder to that user, when we are root.
pub fn give(user: &str, folder: &Path) {
    if rustix::process::geteuid().is_root() {
        let done = Command::new("chown").arg("-R").arg(format!("{user}:{user}")).arg(folder).status();
        assert!(done.is_ok_and(|status| status.success()), "chown of {}", folder.display());
    }
}

/// Asks until there is an answer, for a minute.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{what} did not come");
        sleep(Duration::from_millis(5));
    }
}
