//! The files of a folder of migrations, as they lie there.

use std::path::Path;

use bascule_migrations::{File, Format, FormatWish, MigrationSet};
use bascule_model::manifest::MigrationFormat;
use bascule_model::problem::{Code, Problem};
use bascule_sql::Dialect;

/// More than this is no folder of migrations.
const MOST_FILES: usize = 20_000;
/// A larger file is data, not a migration (bytes).
const LARGEST: u64 = 16 * 1024 * 1024;

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
    let mut files = Vec::new();
    if !root.is_dir() {
        return Err(unreadable(
            format!("{} is no folder", root.display()),
            "name the folder of the migrations with `migrations` in [database], or make one with `bascule migrate new`",
        ));
    }
    gather(&root, "", &mut files)?;
    bascule_migrations::read(&files, wish(format), dialect).map_err(|error| {
        unreadable(
            format!("reading {folder}: {error}"),
            "mend the file, or name the convention with `format` in [database]",
        )
    })
}

fn gather(folder: &Path, inner: &str, files: &mut Vec<File>) -> Result<(), Problem> {
    let failed = |path: &Path, error: &std::io::Error| {
        unreadable(format!("reading {}: {error}", path.display()), "make it readable, then try again")
    };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        entries.push(entry.map_err(|error| failed(folder, &error))?);
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if inner.is_empty() { name } else { format!("{inner}/{name}") };
        let place = entry.path();
        // What a link leads to counts, as for every tool.
        let about = std::fs::metadata(&place).map_err(|error| failed(&place, &error))?;
        if about.is_dir() {
            if path.split('/').count() < 8 {
                gather(&place, &path, files)?;
            }
            continue;
        }
        if !about.is_file() {
            continue;
        }
        if about.len() > LARGEST || files.len() >= MOST_FILES {
            return Err(unreadable(
                format!("{} is too large for a migration", place.display()),
                "load data with the database's own tools, and keep it out of the folder",
            ));
        }
        files.push(File::new(path, std::fs::read(&place).map_err(|error| failed(&place, &error))?));
    }
    Ok(())
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
