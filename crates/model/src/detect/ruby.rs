//! Ruby: Rails and anything with a `config.ru`.

use super::Folder;
use super::draft::{Draft, Service, whole_project};

pub(super) fn draft(folder: &dyn Folder) -> Option<Draft> {
    folder.text("Gemfile")?;
    let is_rails = folder.names("bin").iter().any(|name| name == "rails");
    let (what, port, command): (_, _, &[&str]) = if is_rails {
        (
            "a Rails app",
            3000,
            &["bundle", "exec", "rails", "server", "--binding", "127.0.0.1", "--port", "$PORT"],
        )
    } else if folder.text("config.ru").is_some() {
        ("a Rack app", 9292, &["bundle", "exec", "rackup", "--host", "127.0.0.1", "--port", "$PORT"])
    } else {
        return None;
    };
    let mut files = whole_project(folder);
    if !files.iter().any(|file| file == "vendor/") {
        files.push("vendor/".to_owned());
    }
    let env = vec![("BUNDLE_PATH", "vendor/bundle"), ("RACK_ENV", "production")];
    Some(Draft {
        what: what.to_owned(),
        build: Some("BUNDLE_PATH=vendor/bundle bundle install".to_owned()),
        files,
        services: vec![Service { env, ..Service::web(port, command) }],
        ..Draft::default()
    })
}
