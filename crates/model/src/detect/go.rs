//! Go: the module's program, at the top or below `cmd/`.

use super::Folder;
use super::draft::{Draft, Service, data_folders, name_like};

pub(super) fn draft(folder: &dyn Folder) -> Option<Draft> {
    let text = folder.text("go.mod")?;
    let module = text.lines().find_map(|line| line.trim().strip_prefix("module "))?.trim().to_owned();
    // A module's path may end in its major version.
    let is_version = |part: &str| {
        part.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let last = module.rsplit('/').find(|part| !is_version(part)).unwrap_or(&module);
    let is_go = |path: &str| {
        folder.names(path).iter().any(|name| name.ends_with(".go") && !name.ends_with("_test.go"))
    };
    let commands = folder.names("cmd");
    let command =
        commands.iter().filter_map(|name| name.strip_suffix('/')).find(|name| is_go(&format!("cmd/{name}")));
    let (package, program) = match command {
        Some(command) if !folder.names("").iter().any(|name| name == "main.go") => {
            (format!("./cmd/{command}"), name_like(command)?)
        }
        _ => (".".to_owned(), name_like(last)?),
    };
    let mut files = vec![format!("bin/{program}")];
    files.extend(data_folders(folder));
    Some(Draft {
        what: format!("a Go module with the program `{program}`"),
        name: Some(last.to_owned()),
        build: Some(format!("CGO_ENABLED=0 go build -o bin/{program} {package}")),
        files,
        services: vec![Service::web(8080, &[&format!("./{program}")])],
        ..Draft::default()
    })
}
