//! The files of a folder of migrations, as they lie there.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bascule_migrations::{File, Format, FormatWish, MigrationSet};
use bascule_model::manifest::MigrationFormat;
use bascule_model::problem::{Code, Problem};
use bascule_sql::Dialect;

/// More than this is no folder of migrations.
const MOST_FILES: usize = 20_000;
/// A larger file is data, not a migration (bytes).
const LARGEST: u64 = 16 * 1024 * 1024;
/// Most are no larger (bytes).
const USUAL: usize = 16 * 1024;
/// So many threads read a folder, none of them fewer files than [`FEW`].
const READERS: usize = 4;
const FEW: usize = 100;

/// Reads a folder of the project.
///
/// # Errors
/// `MIGRATIONS_UNREADABLE` with file and line.
pub fn read_folder(
    project: &Path,
    folder: &str,
    format: MigrationFormat,
    dialect: Dialect,
) -> Result<MigrationSet, Problem> {
    let root = project.join(folder);
    if !root.is_dir() {
        return Err(unreadable(
            format!("{} is no folder", root.display()),
            "name the folder of the migrations with `migrations` in [database], or make one with `bascule migrate new`",
        ));
    }
    let mut found = Vec::new();
    list(&root, "", &mut found)?;
    bascule_migrations::read(&read_all(&found)?, wish(format), dialect).map_err(|error| {
        unreadable(
            format!("reading {folder}: {error}"),
            "mend the file, or name the convention with `format` in [database]",
        )
    })
}

/// A file that may be a migration.
struct Found {
    /// Within the folder, with `/`.
    path: String,
    place: PathBuf,
}

/// The files below a folder, by their names.
fn list(folder: &Path, inner: &str, found: &mut Vec<Found>) -> Result<(), Problem> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        entries.push(entry.map_err(|error| failed(folder, &error))?);
    }
    // A name is copied each time that it is asked for.
    entries.sort_by_cached_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if inner.is_empty() { name } else { format!("{inner}/{name}") };
        let place = entry.path();
        let mut kind = entry.file_type().map_err(|error| failed(&place, &error))?;
        if kind.is_symlink() {
            // What a link leads to counts, as for every tool.
            kind = fs::metadata(&place).map_err(|error| failed(&place, &error))?.file_type();
        }
        if kind.is_dir() {
            if path.split('/').count() < 8 {
                list(&place, &path, found)?;
            }
        } else if kind.is_file() {
            if found.len() >= MOST_FILES {
                return Err(too_large(&place));
            }
            found.push(Found { path, place });
        }
    }
    Ok(())
}

/// Reads files, in their order. Most of the time of a thousand small ones is the kernel's, for each of them: they are shared out.
fn read_all(found: &[Found]) -> Result<Vec<File>, Problem> {
    std::thread::scope(|scope| {
        let share = found.len().div_ceil(READERS).max(FEW);
        let read = |part: &[Found]| {
            let mut buffer = Vec::with_capacity(USUAL);
            part.iter().map(|found| read(found, &mut buffer)).collect::<Result<Vec<File>, Problem>>()
        };
        let readers: Vec<_> = found.chunks(share).map(|part| scope.spawn(move || read(part))).collect();
        let mut files = Vec::with_capacity(found.len());
        for reader in readers {
            files.extend(reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(files)
    })
}

/// Reads one. `buffer` is used for one after the other: only what a file has is kept of it.
fn read(found: &Found, buffer: &mut Vec<u8>) -> Result<File, Problem> {
    let failed = |error: std::io::Error| failed(&found.place, &error);
    let file = fs::File::open(&found.place).map_err(failed)?;
    // Each question to the kernel counts when there are a thousand files: how long one is, is seen from what it has.
    buffer.clear();
    file.take(LARGEST + 1).read_to_end(buffer).map_err(failed)?;
    if buffer.len() as u64 > LARGEST {
        return Err(too_large(&found.place));
    }
    Ok(File::new(found.path.clone(), buffer.as_slice()))
}

fn failed(path: &Path, error: &std::io::Error) -> Problem {
    unreadable(format!("reading {}: {error}", path.display()), "make it readable, then try again")
}

fn too_large(path: &Path) -> Problem {
    unreadable(
        format!("{} is too large for a migration", path.display()),
        "load data with the database's own tools, and keep it out of the folder",
    )
}

fn wish(format: MigrationFormat) -> FormatWish {
    FormatWish::Named(match format {
        MigrationFormat::Auto => return FormatWish::Auto,
        MigrationFormat::Bascule => Format::Bascule,
        MigrationFormat::Dbmate => Format::Dbmate,
        MigrationFormat::GolangMigrate => Format::GolangMigrate,
        MigrationFormat::Goose => Format::Goose,
        MigrationFormat::Sqlx => Format::Sqlx,
        MigrationFormat::Diesel => Format::Diesel,
        MigrationFormat::Refinery => Format::Refinery,
        MigrationFormat::Flyway => Format::Flyway,
    })
}

fn unreadable(message: String, remedy: &str) -> Problem {
    Problem::new(Code::MigrationsUnreadable, message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(folder: &Path) -> Vec<Found> {
        let mut found = Vec::new();
        list(folder, "", &mut found).unwrap();
        found
    }

    #[test]
    fn files_are_read_in_their_order_however_many_there_are() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("500")).unwrap();
        fs::write(folder.path().join("500/inner.sql"), "inner").unwrap();
        for number in 0..1000 {
            fs::write(folder.path().join(format!("{number:03}.sql")), number.to_string()).unwrap();
        }
        let found = found(folder.path());
        let files = read_all(&found).unwrap();
        let text = |at: usize| (files[at].path.as_str(), std::str::from_utf8(&files[at].bytes).unwrap());
        assert_eq!(files.len(), 1001);
        assert_eq!((text(0), text(500)), (("000.sql", "0"), ("500/inner.sql", "inner")));
        assert_eq!((text(501), text(1000)), (("500.sql", "500"), ("999.sql", "999")));
    }

    #[test]
    fn links_are_followed_and_what_is_no_file_is_passed_by() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("one.sql"), "one").unwrap();
        fs::create_dir(at("elsewhere")).unwrap();
        std::os::unix::fs::symlink("one.sql", at("link.sql")).unwrap();
        std::os::unix::fs::symlink("elsewhere", at("folder")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket.sql")).unwrap();
        let names: Vec<String> = found(folder.path()).into_iter().map(|one| one.path).collect();
        assert_eq!(names, ["link.sql", "one.sql"]);
        std::os::unix::fs::symlink("nowhere", at("lost.sql")).unwrap();
        assert!(list(folder.path(), "", &mut Vec::new()).is_err());
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("data.sql");
        fs::File::create(&place).unwrap().set_len(LARGEST + 1).unwrap();
        let problem = read_all(&found(folder.path())).unwrap_err();
        assert!(problem.to_string().contains("data.sql is too large for a migration"), "{problem}");
    }
}
