//! The files of a folder of migrations, as they lie there.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bascule_migrations::{File, Format, FormatWish, MigrationSet, Outline, shares};
use bascule_model::manifest::MigrationFormat;
use bascule_model::problem::{Code, Problem};
use bascule_sql::Dialect;

/// More than this is no folder of migrations.
const MOST_FILES: usize = 20_000;
/// A larger file is data, not a migration (bytes).
const LARGEST: u64 = 16 * 1024 * 1024;
/// Most are no larger (bytes).
const USUAL: usize = 4096;

/// The files of a folder, as they lie there.
pub struct Files {
    folder: String,
    format: MigrationFormat,
    files: Vec<File>,
}

impl Files {
    /// Reads the files of a folder of the project.
    ///
    /// # Errors
    /// `MIGRATIONS_UNREADABLE` with the file.
    pub fn read(project: &Path, folder: &str, format: MigrationFormat) -> Result<Self, Problem> {
        let files = shares::each(&found(project, folder)?, read)?;
        Ok(Self { folder: folder.to_owned(), format, files })
    }

    /// Reads them, and what they are without what they do; none where that cannot be said so quickly.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_with_outline(
        project: &Path,
        folder: &str,
        format: MigrationFormat,
    ) -> Result<(Self, Option<Vec<Outline>>), Problem> {
        let wish = wish(format);
        let all = shares::each(&found(project, folder)?, |found| {
            let file = read(found)?;
            Ok::<_, Problem>((Outline::of(&file, wish), file))
        })?;
        let (outlines, files): (Vec<_>, _) = all.into_iter().unzip();
        Ok((Self { folder: folder.to_owned(), format, files }, Outline::all(outlines)))
    }

    /// The migrations that they are.
    ///
    /// # Errors
    /// `MIGRATIONS_UNREADABLE` with file and line.
    pub fn set(&self, dialect: Dialect) -> Result<MigrationSet, Problem> {
        bascule_migrations::read(&self.files, wish(self.format), dialect).map_err(|error| {
            unreadable(
                format!("reading {}: {error}", self.folder),
                "mend the file, or name the convention with `format` in [database]",
            )
        })
    }
}

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
    Files::read(project, folder, format)?.set(dialect)
}

/// A file that may be a migration.
struct Found {
    /// Within the folder, with `/`.
    path: String,
    /// The same, as the system has it.
    place: PathBuf,
}

/// The files of a folder of the project, by their names.
fn found(project: &Path, folder: &str) -> Result<Vec<Found>, Problem> {
    let root = project.join(folder);
    if !root.is_dir() {
        return Err(unreadable(
            format!("{} is no folder", root.display()),
            "name the folder of the migrations with `migrations` in [database], or make one with `bascule migrate new`",
        ));
    }
    let mut found = Vec::new();
    list(&root, "", &mut found)?;
    Ok(found)
}

/// The files below a folder, by their names. Hidden ones are nobody's migrations.
fn list(folder: &Path, inner: &str, found: &mut Vec<Found>) -> Result<(), Problem> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        let entry = entry.map_err(|error| failed(folder, &error))?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        entries.push((name, entry.file_type().map_err(|error| failed(&entry.path(), &error))?));
    }
    entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    for (name, mut kind) in entries {
        let place = folder.join(&name);
        let name = name.into_string().unwrap_or_else(|name| name.to_string_lossy().into_owned());
        let path = if inner.is_empty() { name } else { format!("{inner}/{name}") };
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

/// Reads one. Most of the time of a thousand small ones is the kernel's, for each of them.
fn read(found: &Found) -> Result<File, Problem> {
    let failed = |error: std::io::Error| failed(&found.place, &error);
    let file = fs::File::open(&found.place).map_err(failed)?;
    // Each question to the kernel counts when there are a thousand files: how long one is, is seen from what it has.
    let mut bytes = Vec::with_capacity(USUAL);
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large(&found.place));
    }
    bytes.shrink_to_fit();
    Ok(File::new(found.path.clone(), bytes))
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
        super::found(folder, "").unwrap()
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
        let files = shares::each(&found, read).unwrap();
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
        let problem = shares::each(&found(folder.path()), read).unwrap_err();
        assert!(problem.to_string().contains("data.sql is too large for a migration"), "{problem}");
    }
}
