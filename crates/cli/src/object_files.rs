//! The files of `manifests`: found, read, and taken apart into objects. What is in them is looked at where the manifest is resolved.

use std::collections::BTreeMap;
use std::path::Path;

use bascule_model::manifest::GivenObject;
use bascule_model::problem::{Code, Problem};
use bascule_yaml::{YamlError, documents, to_json};

/// Nobody writes a larger file by hand.
const LARGEST: usize = 1024 * 1024;

/// Where files come from: a folder, or a commit. Paths are relative to the manifest's folder.
pub trait Files {
    /// The names of the files of a folder; none where there is no such folder.
    fn names(&self, folder: &str) -> Vec<String>;

    /// The text of a file.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn text(&self, path: &str) -> Result<String, String>;
}

/// Files of a folder, as they are.
pub struct OnDisk<'a>(pub &'a Path);

impl Files for OnDisk<'_> {
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.path().is_file());
        files.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    fn text(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(self.0.join(path)).map_err(|error| error.to_string())
    }
}

/// The objects of each of `patterns` (`k8s/*.yaml`), file by file in the order of their names.
///
/// # Errors
/// When a file cannot be read, or is neither YAML nor JSON.
pub fn read<'p>(
    files: &dyn Files,
    patterns: impl IntoIterator<Item = &'p str>,
) -> Result<BTreeMap<String, Vec<GivenObject>>, Problem> {
    let mut all = BTreeMap::new();
    for pattern in patterns {
        let (folder, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        let mut names: Vec<String> =
            files.names(folder).into_iter().filter(|given| is_like(given, name)).collect();
        names.sort();
        let mut objects = Vec::new();
        for name in names {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let text = files.text(&path).map_err(|why| unreadable(&path, &why))?;
            objects.extend(objects_of(&path, &text).map_err(|why| unreadable(&path, &why))?);
        }
        all.insert(pattern.to_owned(), objects);
    }
    Ok(all)
}

fn objects_of(path: &str, text: &str) -> Result<Vec<GivenObject>, String> {
    if text.len() > LARGEST {
        return Err(format!("it is larger than {} KiB", LARGEST / 1024));
    }
    let of = |line, object| GivenObject { file: path.to_owned(), line, object };
    if path.ends_with(".json") {
        let object = serde_json::from_str(text).map_err(|error| error.to_string())?;
        return Ok(vec![of(1, object)]);
    }
    let said = |error: YamlError| error.to_string();
    let documents = documents(text).map_err(said)?;
    documents.iter().map(|node| Ok(of(node.line, to_json(node).map_err(said)?))).collect()
}

fn unreadable(path: &str, why: &str) -> Problem {
    Problem::new(
        Code::ManifestUnreadable,
        format!("reading {path} of `manifests`: {why}"),
        "make it a text file of YAML documents, or of one JSON object, that this user can read",
    )
}

/// Whether a file's name is like that, in which `*` stands for any letters. One that begins with a dot is hidden.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return name == pattern };
    let Some(mut open) = name.strip_prefix(begin) else { return false };
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match open.find(part) {
            Some(at) => open = &open[at + part.len()..],
            None => return false,
        }
    }
    open.ends_with(end)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_like_patterns() {
        for (name, pattern, expected) in [
            ("a.yaml", "*.yaml", true),
            ("a.yml", "*.yaml", false),
            ("a.yaml", "a.yaml", true),
            ("ab.yaml", "a.yaml", false),
            (".a.yaml", "*.yaml", false),
            (".yaml", "*.yaml", false),
            ("shop-web-a.yaml", "shop-*-*.yaml", true),
            ("shop-web.yaml", "shop-*-*.yaml", false),
            ("aa.yaml", "a*a.yaml", true),
            ("a.yaml", "a*a.yaml", false),
        ] {
            assert_eq!(is_like(name, pattern), expected, "{name} {pattern}");
        }
    }

    #[test]
    fn documents_are_read_with_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("k8s")).unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join("k8s").join(name), text).unwrap();
        write("b.yaml", "kind: A\n---\nkind: B\n");
        write("a.yaml", "# nothing\n");
        write("c.json", "{\n\t\"kind\": \"C\"\n}");
        write("notes.txt", "no: yes: no");
        let files = OnDisk(folder.path());
        let all_of = |patterns: &[&str]| read(&files, patterns.iter().copied());
        let all = all_of(&["k8s/*.yaml", "k8s/c.json", "none/*.yaml"]).unwrap();
        let found = |pattern: &str| -> Vec<(String, usize, serde_json::Value)> {
            all[pattern].iter().map(|one| (one.file.clone(), one.line, one.object["kind"].clone())).collect()
        };
        let b = |line, kind: &str| ("k8s/b.yaml".to_owned(), line, json!(kind));
        assert_eq!(found("k8s/*.yaml"), [b(1, "A"), b(3, "B")]);
        assert_eq!(found("k8s/c.json"), [("k8s/c.json".to_owned(), 1, json!("C"))]);
        assert_eq!(found("none/*.yaml"), []);
        write("d.yaml", "a: [1\n");
        let problem = all_of(&["k8s/*.yaml"]).unwrap_err();
        assert!(problem.message.contains("k8s/d.yaml") && problem.message.contains("line 2"), "{problem:?}");
        write("d.yaml", "a: yes\n");
        assert!(all_of(&["k8s/d.yaml"]).unwrap_err().message.contains("line 1: `yes` is a truth value"));
        write("d.yaml", &"#".repeat(LARGEST + 1));
        assert!(all_of(&["k8s/d.yaml"]).unwrap_err().message.contains("larger than 1024 KiB"));
    }
}
