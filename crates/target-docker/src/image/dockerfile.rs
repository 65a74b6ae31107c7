//! What a Dockerfile says of images that it stands on, and of the program that reads it.
//!
//! Only that is read here: the engine reads the rest. What cannot be told without running the build (a variable without a
//! value) is left out.

use std::collections::{BTreeMap, BTreeSet};

/// The images that a build takes from elsewhere, by the names that the Dockerfile gives them.
pub(super) fn images(text: &str, args: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    let mut stages: BTreeSet<String> = BTreeSet::new();
    let mut found = BTreeSet::new();
    let mut is_in_stage = false;
    for line in instructions(text) {
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        match instruction.as_str() {
            "ARG" if !is_in_stage => {
                for word in words {
                    let (name, default) = word.split_once('=').unwrap_or((word, ""));
                    let value =
                        args.get(name).map_or_else(|| default.trim_matches('"').to_owned(), Clone::clone);
                    variables.insert(name.to_owned(), value);
                }
            }
            "FROM" => {
                is_in_stage = true;
                let words: Vec<&str> = words.filter(|word| !word.starts_with("--")).collect();
                let named = words.first().and_then(|name| filled(name, &variables));
                found.extend(named.filter(|name| !stages.contains(&name.to_lowercase())));
                if let [_, between, stage] = words[..]
                    && between.eq_ignore_ascii_case("as")
                {
                    stages.insert(stage.to_lowercase());
                }
            }
            "COPY" | "ADD" | "RUN" => {
                let sources = words.filter_map(|word| {
                    let options = word.strip_prefix("--")?;
                    options
                        .split(',')
                        .find_map(|part| part.rsplit_once("from=").filter(|(key, _)| is_key(key)))
                });
                let is_stage = |name: &str| {
                    stages.contains(&name.to_lowercase()) || name.bytes().all(|byte| byte.is_ascii_digit())
                };
                found.extend(
                    sources
                        .map(|(_, name)| name)
                        .filter(|name| !is_stage(name) && !name.contains('$'))
                        .map(str::to_owned),
                );
            }
            _ => {}
        }
    }
    found.remove("scratch");
    found
}

/// The image that reads the Dockerfile (`# syntax=…`), where it names one.
pub(super) fn syntax(text: &str) -> Option<&str> {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    directives
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("syntax"))
        .map(|(_, image)| image.trim())
}

fn is_key(before: &str) -> bool {
    before.is_empty() || before.ends_with('=')
}

/// Lines put together where they go on, without comments.
fn instructions(text: &str) -> Vec<String> {
    let mut whole = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('#') || (line.is_empty() && !open.is_empty()) {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => {
                open.push_str(part);
                open.push(' ');
            }
            None => {
                open.push_str(line);
                whole.push(std::mem::take(&mut open));
            }
        }
    }
    whole.push(open);
    whole
}

/// Replaces `$NAME`, `${NAME}` and `${NAME:-default}`.
fn filled(text: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let value = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        if let Some(inner) = after.strip_prefix('{') {
            let (inner, behind) = inner.split_once('}')?;
            let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, d)| (name, Some(d)));
            filled.push_str(&value(name).or_else(|| default.map(str::to_owned))?);
            rest = behind;
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            filled.push_str(&value(&after[..end])?);
            rest = &after[end..];
        }
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_a_build_stands_on() {
        let args = BTreeMap::from([("VERSION".to_owned(), "20".to_owned())]);
        let table: &[(&str, &[&str])] = &[
            ("FROM scratch\nCOPY . /", &[]),
            ("from --platform=linux/amd64 alpine:3 as build\nRUN x\nFROM build\n", &["alpine:3"]),
            ("ARG VERSION=18\nARG BASE=node\nFROM $BASE:${VERSION}-slim", &["node:20-slim"]),
            ("ARG BASE\nFROM ${BASE:-busybox}", &["busybox"]),
            ("ARG BASE\nFROM $BASE", &[]),
            (
                "FROM a AS x\nFROM b\nCOPY --from=x /a /b\nCOPY --from=0 /c /d\nADD --chown=1 --from=c:1 /a /",
                &["a", "b", "c:1"],
            ),
            (
                "FROM a\nRUN --mount=type=bind,from=tools:2,target=/t \\\n # why\n  /t/run --from=z",
                &["a", "tools:2", "z"],
            ),
            ("# FROM no\nFROM \\\n  yes", &["yes"]),
        ];
        for (text, expected) in table {
            let found = images(text, &args);
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), *expected, "{text}");
        }
    }

    #[test]
    fn who_reads_it() {
        assert_eq!(syntax("# syntax=docker/dockerfile:1\nFROM a"), Some("docker/dockerfile:1"));
        assert_eq!(syntax("# escape=`\n#syntax = x/y\nFROM a"), Some("x/y"));
        assert_eq!(syntax("FROM a\n# syntax=x"), None);
    }
}
