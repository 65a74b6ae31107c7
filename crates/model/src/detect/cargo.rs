//! Cargo: the package with a program, of this folder or of its workspace.

use super::Folder;
use super::draft::{Draft, Service, data_folders};

pub(super) fn draft(folder: &dyn Folder) -> Option<Draft> {
    let root: toml::Table = folder.text("Cargo.toml")?.parse().ok()?;
    let found = program(folder, "", &root).or_else(|| {
        members(folder, &root).into_iter().find_map(|member| {
            let manifest: toml::Table = folder.text(&format!("{member}/Cargo.toml"))?.parse().ok()?;
            program(folder, &member, &manifest)
        })
    });
    let (package, program) = found?;
    let build = if root.contains_key("workspace") {
        format!("cargo build --release -p {package}")
    } else {
        "cargo build --release".to_owned()
    };
    let mut files = vec![format!("target/release/{program}")];
    files.extend(data_folders(folder));
    Some(Draft {
        what: format!("a Cargo package with the program `{program}`"),
        name: Some(package),
        build: Some(build),
        files,
        services: vec![Service::web(3000, &[&format!("./{program}")])],
        ..Draft::default()
    })
}

/// The names of the package in a folder and of its program.
fn program(folder: &dyn Folder, path: &str, manifest: &toml::Table) -> Option<(String, String)> {
    let package = manifest.get("package")?;
    let name = package.get("name")?.as_str().filter(|name| is_plain(name))?.to_owned();
    let named = package.get("default-run").and_then(|run| run.as_str()).or_else(|| {
        let programs = manifest.get("bin")?.as_array()?;
        programs.first()?.get("name")?.as_str()
    });
    if let Some(program) = named.filter(|program| is_plain(program)) {
        return Some((name, program.to_owned()));
    }
    let source = if path.is_empty() { "src".to_owned() } else { format!("{path}/src") };
    folder.names(&source).iter().any(|file| file == "main.rs").then(|| (name.clone(), name))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The folders of the workspace's members.
fn members(folder: &dyn Folder, root: &toml::Table) -> Vec<String> {
    let members = root.get("workspace").and_then(|workspace| workspace.get("members"));
    let members = members.and_then(|members| members.as_array()).into_iter().flatten();
    members
        .filter_map(|member| member.as_str())
        .flat_map(|member| match member.strip_suffix("/*") {
            Some(parent) => {
                let names = folder.names(parent);
                let folders = names.iter().filter_map(|name| name.strip_suffix('/'));
                folders.map(|name| format!("{parent}/{name}")).collect()
            }
            None => vec![member.to_owned()],
        })
        .collect()
}
