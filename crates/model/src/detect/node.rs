//! Node: `package.json` and its scripts.

use serde_json::Value;

use super::Folder;
use super::draft::{Command, Draft, Service, one_line, whole_project};

pub(super) fn draft(folder: &dyn Folder) -> Option<Draft> {
    let package: Value = serde_json::from_str(&folder.text("package.json")?).ok()?;
    let script = |name: &str| package.pointer(&format!("/scripts/{name}")).and_then(Value::as_str);
    let names = folder.names("");
    let has = |file: &str| names.iter().any(|name| name == file);
    let (install, run, start) = if has("pnpm-lock.yaml") {
        ("pnpm install --frozen-lockfile", "pnpm run build", ["pnpm", "start"])
    } else if has("yarn.lock") {
        ("yarn install --frozen-lockfile", "yarn run build", ["yarn", "start"])
    } else if has("package-lock.json") {
        ("npm ci", "npm run build", ["npm", "start"])
    } else {
        ("npm install", "npm run build", ["npm", "start"])
    };
    let main = package.get("main").and_then(Value::as_str);
    let main = main.map(str::to_owned).or_else(|| {
        ["server.js", "index.js", "app.js"].into_iter().find(|file| has(file)).map(str::to_owned)
    });
    let command = match (script("start"), main) {
        (Some(line), _) => plain_node(line).unwrap_or_else(|| start.map(str::to_owned).to_vec()),
        (None, Some(main)) => vec!["node".to_owned(), main],
        (None, None) => return None,
    };
    let has_build = script("build").is_some();
    let mut files = whole_project(folder);
    for made in ["node_modules/", "dist/"] {
        let is_made = made == "node_modules/" || (has_build && uses(&command, "dist/"));
        if is_made && !files.iter().any(|file| file == made) {
            files.push(made.to_owned());
        }
    }
    files.sort();
    Some(Draft {
        what: format!("a Node package, started by `{}`", one_line(&command.join(" "))),
        name: package.get("name").and_then(Value::as_str).map(str::to_owned),
        build: Some(if has_build { format!("{install} && {run}") } else { install.to_owned() }),
        files,
        services: vec![Service {
            name: "web".to_owned(),
            command: Command::Program(command),
            port: Some(3000),
            env: vec![("NODE_ENV", "production")],
            lines: Vec::new(),
            health_path: None,
        }],
        ..Draft::default()
    })
}

/// The words of a start script that is nothing but a call of node: so that signals reach the app itself.
fn plain_node(line: &str) -> Option<Vec<String>> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let is_plain = line.bytes().all(|b| b.is_ascii_alphanumeric() || b" ./_-=:@".contains(&b));
    (is_plain && words.len() > 1 && words.first().is_some_and(|first| first == "node")).then_some(words)
}

fn uses(command: &[String], folder: &str) -> bool {
    command.iter().any(|word| word.trim_start_matches("./").starts_with(folder))
}
