//! What a Dockerfile says of the image that it makes, as far as a manifest wants to know: port, user, health check.
//!
//! A look, not a build: base images are not known, and variables only where the file itself sets them.

use std::collections::BTreeMap;

/// What the last stage of a Dockerfile says, with what it has from the stages that it begins at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// The image that it begins with, as it is written.
    pub base: String,
    /// The first TCP port of `EXPOSE`.
    pub port: Option<u16>,
    /// `USER`; none: whom the base image says.
    pub user: Option<String>,
    /// The path that `HEALTHCHECK` asks on the container itself by HTTP, where it does.
    pub health_path: Option<String>,
    /// There is a `HEALTHCHECK`.
    pub has_health_check: bool,
    /// `ENTRYPOINT`, when it is a list.
    pub entrypoint: Vec<String>,
    /// What is run: entry point and command, for a person.
    pub runs: String,
    /// `STOPSIGNAL`.
    pub stop_signal: Option<String>,
    /// `PORT`, when the file sets it.
    env: BTreeMap<String, String>,
}

/// Reads a Dockerfile; none when it has no `FROM`. `target` is the stage that is meant, else the last one.
#[must_use]
pub fn read(text: &str, target: Option<&str>) -> Option<Dockerfile> {
    let mut stages: Vec<(String, Dockerfile)> = Vec::new();
    let mut global = BTreeMap::new();
    for (word, rest) in instructions(text) {
        if word == "FROM" {
            if let Some(target) = target
                && stages.last().is_some_and(|(name, _)| name.eq_ignore_ascii_case(target))
            {
                break;
            }
            let words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
            let base = filled(words.first()?, &global);
            let name = match words.as_slice() {
                [_, as_, name] if as_.eq_ignore_ascii_case("as") => (*name).to_owned(),
                _ => String::new(),
            };
            let earlier =
                stages.iter().find(|(name, _)| !name.is_empty() && name.eq_ignore_ascii_case(&base));
            let stage =
                earlier.map_or(Dockerfile { base, ..Dockerfile::default() }, |(_, stage)| stage.clone());
            stages.push((name, stage));
        } else if let Some((_, stage)) = stages.last_mut() {
            stage.take(&word, &rest);
        } else if word == "ARG" {
            set(&mut global, &rest);
        }
    }
    let (_, mut stage) = stages.pop()?;
    if stage.port.is_none() {
        stage.port = stage.env.get("PORT").and_then(|port| port.parse().ok()).filter(|port| *port > 0);
    }
    Some(stage)
}

impl Dockerfile {
    fn take(&mut self, word: &str, rest: &str) {
        match word {
            "ENV" | "ARG" => set(&mut self.env, rest),
            "EXPOSE" if self.port.is_none() => self.port = exposed(&filled(rest, &self.env)),
            "USER" => self.user = Some(filled(rest, &self.env)).filter(|user| !user.is_empty()),
            "STOPSIGNAL" => self.stop_signal = Some(filled(rest, &self.env)),
            "HEALTHCHECK" => {
                self.has_health_check = !rest.eq_ignore_ascii_case("NONE");
                self.health_path = asked_path(&filled(rest, &self.env));
            }
            "ENTRYPOINT" => {
                self.entrypoint = list(rest).unwrap_or_default();
                self.runs = list(rest).map_or_else(|| rest.to_owned(), |words| words.join(" "));
            }
            "CMD" => {
                let command = list(rest).map_or_else(|| rest.to_owned(), |words| words.join(" "));
                let entry = self.entrypoint.join(" ");
                self.runs = format!("{entry} {command}").trim().to_owned();
            }
            _ => {}
        }
    }
}

/// The instructions in order, in capitals, with what follows on one line; no comments, no contents of here-documents.
fn instructions(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = String::new();
    let mut ends: Option<String> = None;
    for line in text.lines() {
        if let Some(end) = &ends {
            if line.trim() == end {
                ends = None;
            }
            continue;
        }
        if line.trim_start().starts_with('#') || (line.trim().is_empty() && open.is_empty()) {
            continue;
        }
        let line = line.trim();
        if let Some(part) = line.strip_suffix('\\') {
            open.push_str(part);
            open.push(' ');
            continue;
        }
        open.push_str(line);
        if let Some((word, rest)) = open.split_once(char::is_whitespace) {
            let word = word.to_ascii_uppercase();
            if ["RUN", "COPY", "ADD"].contains(&word.as_str()) {
                ends = here_document(rest);
            }
            found.push((word, rest.trim().to_owned()));
        }
        open.clear();
    }
    found
}

/// The word that ends the here-document that begins in the line, if one does.
fn here_document(line: &str) -> Option<String> {
    let after = line.split_once("<<")?.1.trim_start_matches('-');
    let word: String = after
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// `NAME=value NAME="value"`, or the old `NAME value`.
fn set(env: &mut BTreeMap<String, String>, rest: &str) {
    let mut take = |name: &str, value: &str| {
        let value = filled(value.trim_matches(['"', '\'']), env);
        env.insert(name.to_owned(), value);
    };
    match rest.split_once(char::is_whitespace) {
        Some((name, value)) if !name.contains('=') => take(name, value.trim()),
        _ => rest.split_whitespace().filter_map(|pair| pair.split_once('=')).for_each(|(n, v)| take(n, v)),
    }
}

/// Variables replaced where the file sets them; a default counts where it does not.
fn filled(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, default, tail) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((inner, tail)) => {
                let (name, default) = inner.split_once(":-").or(inner.split_once('-')).unwrap_or((inner, ""));
                (name, default, tail)
            }
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], "", &after[end..])
            }
        };
        out.push_str(env.get(name).map_or(default, String::as_str));
        rest = tail;
    }
    out.push_str(rest);
    out.trim().to_owned()
}

fn exposed(ports: &str) -> Option<u16> {
    ports.split_whitespace().find_map(|port| {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        number.parse().ok().filter(|number| *number > 0 && protocol.eq_ignore_ascii_case("tcp"))
    })
}

fn list(text: &str) -> Option<Vec<String>> {
    serde_json::from_str::<Vec<String>>(text).ok().filter(|words| !words.is_empty())
}

/// The path that a command asks on its own machine with curl or wget; none for anything else, and where the address holds
/// something private.
#[must_use]
pub fn asked_path(command: &str) -> Option<String> {
    let words: Vec<&str> = command
        .split(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '[' | ']' | ';' | '|' | '&' | '(' | ')')
        })
        .filter(|word| !word.is_empty())
        .collect();
    if !words.iter().any(|word| matches!(word.rsplit('/').next(), Some("curl" | "wget"))) {
        return None;
    }
    words.iter().find_map(|word| {
        let address = word.strip_prefix("http://").unwrap_or(word);
        let (host, path) =
            address.split_once('/').map_or((address, String::new()), |(h, p)| (h, p.to_owned()));
        let host = host.split(':').next().unwrap_or_default();
        let is_own = ["localhost", "127.0.0.1", "0.0.0.0"].contains(&host);
        let path = format!("/{path}");
        // A query may hold a token.
        (is_own && !path.contains(['?', '$', '@']) && crate::manifest::is_url_path(&path)).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_counts_with_what_it_begins_at() {
        let text = "# syntax=docker/dockerfile:1\nARG BASE=node:22\nFROM ${BASE} AS base\nUSER node\nENV PORT=8080 X=\"y\"\n\
                    from base as build\nRUN <<EOF\nEXPOSE 1\nUSER root\nEOF\nUSER root\nFROM base\nRUN a \\\n  # no\n  b\n\
                    EXPOSE 53/udp ${PORT}/tcp\nHEALTHCHECK --interval=5s CMD curl -f http://localhost:${PORT}/healthz || exit 1\n\
                    STOPSIGNAL SIGQUIT\nENTRYPOINT [\"node\"]\nCMD [\"server.js\"]\n";
        let read = read(text, None).unwrap();
        assert_eq!((read.port, read.user.as_deref()), (Some(8080), Some("node")));
        assert_eq!((read.base.as_str(), read.runs.as_str()), ("node:22", "node server.js"));
        assert_eq!(read.health_path.as_deref(), Some("/healthz"));
        assert_eq!(read.stop_signal.as_deref(), Some("SIGQUIT"));
    }

    #[test]
    fn a_stage_that_is_named_is_the_one() {
        let text = "FROM a AS one\nEXPOSE 1\nFROM b AS two\nEXPOSE 2\n";
        assert_eq!(read(text, Some("one")).unwrap().port, Some(1));
        assert_eq!(read(text, None).unwrap().port, Some(2));
        assert_eq!(read("RUN x\n", None), None);
        assert_eq!(read("FROM x\nENV PORT 4000\n", None).unwrap().port, Some(4000));
    }

    #[test]
    fn paths_that_are_asked() {
        for (command, path) in [
            ("curl -f http://localhost:3000/health || exit 1", Some("/health")),
            ("[\"CMD\", \"wget\", \"-qO-\", \"http://127.0.0.1/\"]", Some("/")),
            ("/usr/bin/curl localhost:80", Some("/")),
            ("curl http://localhost/x?token=a", None),
            ("curl http://other/health", None),
            ("pg_isready", None),
            ("wget -q --spider http://localhost:${PORT}/up", Some("/up")),
        ] {
            assert_eq!(asked_path(command).as_deref(), path, "{command}");
        }
    }
}
