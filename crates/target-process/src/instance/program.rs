//! Finds the program of a command, and says in words why it could not be run.
//!
//! The checks come before the start, since the kernel tells too little: its "no such file" may mean the program, the interpreter
//! of a script or the loader of a binary, and a binary for another machine is handed to the shell as if it were a script.

mod elf;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::nearest::nearest;

/// The file to run for the first word of a command: with a slash in it from the release's folder, else by `PATH`.
///
/// # Errors
/// One sentence for a person: what is wrong and what was probably meant.
pub(crate) fn find(program: &str, folder: &Path, path_variable: &str) -> Result<PathBuf, String> {
    if program.is_empty() {
        return Err("the command is empty".to_owned());
    }
    if program.contains('/') {
        let file = folder.join(program.trim_start_matches("./"));
        check(&file, program, folder)?;
        return Ok(file);
    }
    let places = path_variable.split(':').filter(|place| place.starts_with('/'));
    let mut refused = None;
    for place in places {
        let file = Path::new(place).join(program);
        if !file.is_file() {
            continue;
        }
        match check(&file, program, folder) {
            Ok(()) => return Ok(file),
            Err(reason) => refused = refused.or(Some(reason)),
        }
    }
    Err(refused.unwrap_or_else(|| not_in_path(program, folder)))
}

fn not_in_path(program: &str, folder: &Path) -> String {
    let hint = if folder.join(program).is_file() {
        format!("; it is in the artifact: write \"./{program}\"")
    } else {
        String::new()
    };
    format!("{program} was not found in PATH{hint}")
}

fn check(file: &Path, program: &str, folder: &Path) -> Result<(), String> {
    let metadata = match fs::metadata(file) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(file, program, folder)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(format!("{program} cannot be reached: permission denied"));
        }
        Err(error) => return Err(format!("{program} cannot be looked at: {error}")),
    };
    if metadata.is_dir() {
        return Err(format!("{program} is a folder, not a program"));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(format!(
            "{program} is not executable: make it so in the project (chmod +x), then deploy again"
        ));
    }
    if rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_err() {
        return Err(format!(
            "{program} may not be executed by this user, or its file system is mounted noexec"
        ));
    }
    check_contents(file, program, folder)
}

fn missing(file: &Path, program: &str, folder: &Path) -> String {
    if file.symlink_metadata().is_ok() {
        return format!("{program} is a link to something that is not there");
    }
    if !file.starts_with(folder) {
        return format!("{program} is not there");
    }
    let wanted = program.trim_start_matches("./");
    let candidates = files_below(folder);
    let hint = nearest(wanted, candidates.iter().map(String::as_str))
        .map_or_else(|| contents_hint(&candidates), |near| format!("; did you mean ./{near}?"));
    format!("{program} is not in the artifact{hint}")
}

fn contents_hint(candidates: &[String]) -> String {
    if candidates.is_empty() {
        return ", which is empty: name it under `files` of [build]".to_owned();
    }
    let shown: Vec<&str> = candidates.iter().take(5).map(String::as_str).collect();
    let more = if candidates.len() > shown.len() { ", …" } else { "" };
    format!(", which holds {}{more}", shown.join(", "))
}

/// Paths of the files of a folder, relative to it; of a large one the first thousand.
fn files_below(folder: &Path) -> Vec<String> {
    let mut waiting = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(path),
                _ => {
                    let relative = path.strip_prefix(folder).ok().and_then(Path::to_str);
                    files.extend(relative.map(ToOwned::to_owned));
                }
            }
        }
        if files.len() >= 1000 {
            break;
        }
    }
    files.sort();
    files
}

fn check_contents(file: &Path, program: &str, folder: &Path) -> Result<(), String> {
    let mut head = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(64 * 1024).read_to_end(&mut head));
    if read.is_err() {
        // A program may be executable and not readable; then the kernel has the last word.
        return Ok(());
    }
    if head.is_empty() {
        return Err(format!("{program} is empty"));
    }
    if let Some(line) = head.strip_prefix(b"#!") {
        return check_interpreter(line, program, folder);
    }
    match elf::inspect(&head) {
        elf::Finding::OtherMachine { built_for } => {
            Err(format!("{program} was built for {built_for}, this machine is {}", std::env::consts::ARCH))
        }
        elf::Finding::Loader(loader) if !Path::new(&loader).exists() => Err(format!(
            "{program} needs the loader {loader}, which is not on this machine (it was built against another C library)"
        )),
        elf::Finding::Fits | elf::Finding::Loader(_) => Ok(()),
        elf::Finding::NoBinary if head.contains(&0) => {
            Err(format!("{program} is neither a program for this machine nor a script"))
        }
        elf::Finding::NoBinary => Ok(()),
    }
}

fn check_interpreter(line: &[u8], program: &str, folder: &Path) -> Result<(), String> {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    if line.ends_with('\r') {
        return Err(format!(
            "{program} has Windows line ends, so the interpreter of its first line (#!) is not found: save it with Unix line ends"
        ));
    }
    let Some(interpreter) = line.split_ascii_whitespace().next() else {
        return Err(format!("the first line of {program} (#!) names no interpreter"));
    };
    if folder.join(interpreter).exists() {
        Ok(())
    } else {
        Err(format!(
            "{program} asks for the interpreter {interpreter} in its first line (#!), which is not there"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8], u32)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, contents, mode) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, contents).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
        }
        folder
    }

    #[test]
    fn programs_are_found_in_the_release_and_in_path() {
        let folder = folder(&[("shop", b"#!/bin/sh\n", 0o755), ("bin/tool", b"#!/bin/sh\n", 0o755)]);
        let at = |name: &str| folder.path().join(name);
        assert_eq!(find("./shop", folder.path(), "").unwrap(), at("shop"));
        assert_eq!(find("bin/tool", folder.path(), "").unwrap(), at("bin/tool"));
        let path = format!("relative:{}", folder.path().display());
        assert_eq!(find("shop", folder.path(), &path).unwrap(), at("shop"));
        assert!(find("/bin/sh", folder.path(), "").is_ok());
    }

    #[test]
    fn each_reason_is_told_with_what_helps() {
        let mut foreign = b"\x7fELF\x02\x01\x01".to_vec();
        foreign.resize(16, 0);
        foreign.extend_from_slice(&[2, 0, 0xf3, 0]);
        foreign.resize(64, 0);
        let folder = folder(&[
            ("shop", b"#!/bin/sh\n", 0o755),
            ("plain", b"#!/bin/sh\n", 0o644),
            ("script", b"#!/usr/bin/nothing -x\n", 0o755),
            ("windows", b"#!/bin/sh\r\n", 0o755),
            ("empty", b"", 0o755),
            ("foreign", &foreign, 0o755),
            ("data", &[1, 0, 2, 0], 0o755),
            ("bin/tool", b"", 0o755),
        ]);
        std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
        let reason = |program: &str| find(program, folder.path(), "/nowhere").unwrap_err();
        for (program, part) in [
            ("./shopp", "did you mean ./shop?"),
            ("shop", "write \"./shop\""),
            ("cargo-of-nobody", "not found in PATH"),
            ("./qqqqqqqq", "which holds bin/tool"),
            ("./plain", "chmod +x"),
            ("./script", "/usr/bin/nothing"),
            ("./windows", "Windows line ends"),
            ("./empty", "is empty"),
            ("./foreign", "built for RISC-V"),
            ("./data", "neither a program"),
            ("./bin", "is a folder"),
            ("./link", "is a link"),
            ("/nowhere/x", "is not there"),
            ("", "is empty"),
        ] {
            assert!(reason(program).contains(part), "{program}: {}", reason(program));
        }
    }
}
