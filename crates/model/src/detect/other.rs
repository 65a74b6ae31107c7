//! A folder of pages, and a folder that says nothing.

use super::Folder;
use super::draft::{Draft, Service, data_folders};

/// Pages, served by Python's own server.
pub(super) fn static_site(folder: &dyn Folder) -> Option<Draft> {
    let places = ["public", "dist", "site", "www"];
    let has_page = |path: &&str| folder.names(path).iter().any(|name| name == "index.html");
    let place = places.into_iter().find(has_page)?;
    Some(Draft {
        what: format!("pages in `{place}/`"),
        remarks: vec![
            "Python's server is enough for a look; put a real web server here for more.".to_owned(),
        ],
        files: vec![format!("{place}/")],
        services: vec![Service::web(
            8000,
            &["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", place, "$PORT"],
        )],
        ..Draft::default()
    })
}

/// Nothing was recognized: a manifest to fill in.
pub(super) fn unknown(folder: &dyn Folder) -> Draft {
    let mut files = vec!["server".to_owned()];
    files.extend(data_folders(folder));
    Draft {
        what: "an app of a kind that was not recognized".to_owned(),
        remarks: vec!["Nothing here was recognized. Put in what builds and starts the app.".to_owned()],
        build: Some("make".to_owned()),
        files,
        services: vec![Service::web(3000, &["./server", "--port", "$PORT"])],
        ..Draft::default()
    }
}
