//! Which files are looked through.
//!
//! In a git repository those that git has or would take (tracked, and untracked ones that are not ignored); elsewhere all but
//! what the `.gitignore` files there name and what tools make (`node_modules`, `target`, …). Binary and large files are left
//! out, and said to be.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ignore::WalkBuilder;

use super::{Confidence, Finding, Scanner};

/// Larger files are not looked through, in bytes.
const LARGEST: u64 = 2 * 1024 * 1024;
/// Folders that tools fill.
const MADE: [&str; 9] =
    [".git", "node_modules", "target", ".venv", "venv", "__pycache__", "vendor", "dist", ".terraform"];

/// What a scan found, and what it did not look at.
#[derive(Debug, Default)]
pub struct Scan {
    /// The findings, by file and line.
    pub findings: Vec<Finding>,
    /// How many files were looked through.
    pub files: usize,
    /// Files that were left out, and why.
    pub skipped: Vec<(String, &'static str)>,
    /// Whether git said which files there are.
    pub is_repository: bool,
}

/// Why there was nothing to look through.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The place is not there.
    #[error("looking through {path}: {source}", path = path.display())]
    Place {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// There is not a single file.
    #[error("there is no file to look through in {path}", path = path.display())]
    Empty {
        /// Where.
        path: PathBuf,
    },
    /// The rules cannot be put together.
    #[error("the rules of the scan cannot be put together")]
    Rules,
}

/// Looks through a folder or a file.
///
/// # Errors
/// When it is not there, or there is nothing to look through: that is no pass.
pub fn scan(path: &Path) -> Result<Scan, ScanError> {
    let failed = |source| ScanError::Place { path: path.to_owned(), source };
    let about = std::fs::metadata(path).map_err(failed)?;
    let scanner = Scanner::new()?;
    let mut scan = Scan::default();
    if about.is_file() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        scan.one(&scanner, path, name);
        return Ok(scan);
    }
    let (names, tracked) = match listed(path, &["--cached", "--others"]) {
        Some(names) => {
            scan.is_repository = true;
            (names, listed(path, &["--cached"]).unwrap_or_default())
        }
        None => (walked(path).map_err(failed)?, Vec::new()),
    };
    for name in names {
        let is_tracked = tracked.binary_search(&name).is_ok();
        scan.one(&scanner, &path.join(&name), name.clone());
        if is_tracked && is_env_file(&name) && has_values(&path.join(&name)) {
            scan.findings.push(Finding {
                rule: "committed-env-file",
                path: name,
                line: 1,
                column: 1,
                what: "an env file that git tracks".to_owned(),
                confidence: Confidence::High,
                masked: "…".to_owned(),
            });
        }
    }
    if scan.files == 0 && scan.skipped.is_empty() {
        return Err(ScanError::Empty { path: path.to_owned() });
    }
    scan.findings.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
    Ok(scan)
}

impl Scan {
    fn one(&mut self, scanner: &Scanner, path: &Path, name: String) {
        // What is sealed there is meant to be there.
        if name.contains(".bascule/secrets/") {
            return;
        }
        match read(path) {
            Ok(text) => {
                self.files += 1;
                self.findings.extend(scanner.text(&name, &text));
            }
            Err(why) => self.skipped.push((name, why)),
        }
    }
}

fn read(path: &Path) -> Result<String, &'static str> {
    let about = std::fs::symlink_metadata(path).map_err(|_| "it is not there")?;
    if about.is_symlink() {
        return Err("a symbolic link: what it leads to is looked through where it is");
    }
    if !about.is_file() {
        return Err("not a file");
    }
    if about.len() > LARGEST {
        return Err("larger than 2 MiB");
    }
    let mut bytes = Vec::new();
    let unreadable = |_| "it cannot be read";
    File::open(path).map_err(unreadable)?.take(LARGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.iter().take(8192).any(|byte| *byte == 0) {
        return Err("binary");
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// What git lists below a folder, sorted; none where there is no repository or no git.
fn listed(folder: &Path, which: &[&str]) -> Option<Vec<String>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["ls-files", "-z", "--exclude-standard"])
        .args(which)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut names: Vec<String> =
        text.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    // A tracked file that was removed is not there to be looked through.
    names.retain(|name| folder.join(name).symlink_metadata().is_ok());
    Some(names)
}

/// What is below a folder that no repository knows, sorted. Only the `.gitignore` files from there on count: what stands above is
/// about something else.
fn walked(root: &Path) -> std::io::Result<Vec<String>> {
    let mut walk = WalkBuilder::new(root);
    walk.standard_filters(false).git_ignore(true).require_git(false);
    walk.filter_entry(|entry| {
        let is_made = MADE.iter().any(|made| entry.file_name() == *made);
        !(is_made && entry.depth() > 0 && is_folder(entry))
    });
    let mut names = Vec::new();
    for entry in walk.build() {
        let entry = entry.map_err(|error| {
            let words = error.to_string();
            error.into_io_error().unwrap_or_else(|| std::io::Error::other(words))
        })?;
        if !is_folder(&entry)
            && let Ok(name) = entry.path().strip_prefix(root)
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn is_folder(entry: &ignore::DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

/// `.env`, `.env.production`, `production.env`; not what shows how one looks.
fn is_env_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let shows = ["example", "sample", "template", "dist", "defaults", "schema", "test"];
    (name == ".env" || name.starts_with(".env.") || name.ends_with(".env"))
        && !name.split('.').any(|part| shows.contains(&part))
}

fn has_values(path: &Path) -> bool {
    read(path).is_ok_and(|text| {
        text.lines().map(str::trim).filter(|line| !line.starts_with('#')).any(|line| {
            line.split_once('=').is_some_and(|(_, value)| !value.trim().trim_matches(['"', '\'']).is_empty())
        })
    })
}
