//! Where a database is, as the library takes it: a relative file of SQLite begins at the project's folder.

use std::path::Path;

use bascule_migrate::Address;
use bascule_model::problem::{Code, Problem};

/// The address that a text of the manifest means.
///
/// # Errors
/// `USAGE`, without repeating the text: it may hold a password.
pub fn address(text: &str, project: Option<&Path>) -> Result<Address, Problem> {
    let found = Address::parse(text).map_err(|error| {
        Problem::new(
            Code::Usage,
            error.to_string(),
            "correct `url` in [database], or the variable that it names",
        )
    })?;
    let Some(file) = found.file().filter(|file| !Path::new(file).is_absolute()) else { return Ok(found) };
    let Some(project) = project else {
        return Err(Problem::new(
            Code::Usage,
            format!("the database's file {file} is relative, and the project's folder is not known"),
            "write its whole path in `url`",
        ));
    };
    let options = text.split_once('?').map_or_else(String::new, |(_, options)| format!("?{options}"));
    let whole = project.join(file);
    Address::parse(&format!("sqlite:{}{options}", whole.display()))
        .map_err(|error| Problem::new(Code::Usage, error.to_string(), "correct `url` in [database]"))
}

/// The folder that a relative path of the manifest means.
#[must_use]
pub fn place_in(project: Option<&Path>, path: &str) -> std::path::PathBuf {
    project.map_or_else(|| path.into(), |project| project.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_file_begins_at_the_project() {
        let project = Some(Path::new("/srv/shop"));
        for (text, place) in [
            ("sqlite:data/shop.db", "/srv/shop/data/shop.db"),
            ("sqlite://data/shop.db?mode=rwc", "/srv/shop/data/shop.db"),
            ("sqlite:///var/shop.db", "/var/shop.db"),
            ("postgres://ann:secret@db/shop", "db/shop"),
        ] {
            assert_eq!(address(text, project).unwrap().place(), place);
        }
        assert!(address("sqlite:shop.db", None).is_err());
    }

    #[test]
    fn a_wrong_address_is_not_repeated() {
        let problem = address("orcale://sys:hunter2@db/x", None).unwrap_err();
        assert!(!format!("{problem:?}").contains("hunter2"));
    }
}
