//! Reading reports. Lenient about dialects, strict about truth: a report that cannot be read to its end is unreadable.

mod cobertura;
mod cyclonedx;
mod jacoco;
mod json;
mod junit;
mod k6;
mod lcov;
mod llvm_cov;
mod oha;
mod sarif;
mod vegeta;
mod wrk;
mod xml;

use crate::coverage::Coverage;
use crate::findings::Findings;
use crate::load::Load;
use crate::suites::Suites;

/// A longer report is not read, in bytes.
pub const LONGEST: usize = 256 << 20;

/// Why a report cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl Unreadable {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// At a line, from 1.
    pub(crate) fn at(line: usize, why: impl std::fmt::Display) -> Self {
        Self(format!("line {line}: {why}"))
    }
}

/// Reads a report of coverage: LCOV, Cobertura, JaCoCo or the JSON of llvm-cov. `root` is where the checkout was, absolute: paths
/// under it become relative.
///
/// # Errors
/// What it is that cannot be read, and where.
pub fn coverage(bytes: &[u8], root: &str) -> Result<Coverage, Unreadable> {
    let text = text(bytes)?;
    let found = match text.as_bytes().first() {
        Some(b'<') => match xml::root(&text)?.as_str() {
            "coverage" => cobertura::read(&text, root)?,
            "report" => jacoco::read(&text, root)?,
            other => return Err(unknown(&format!("<{other}>"), "Cobertura, JaCoCo, LCOV, llvm-cov")),
        },
        Some(b'{') => llvm_cov::read(&text, root)?,
        _ => lcov::read(&text, root)?,
    };
    Ok(found)
}

/// Reads a report of tests: JUnit XML.
///
/// # Errors
/// What it is that cannot be read, and where.
pub fn suites(bytes: &[u8]) -> Result<Suites, Unreadable> {
    let text = text(bytes)?;
    if !text.starts_with('<') {
        return Err(unknown("no XML", "JUnit XML"));
    }
    junit::read(&text)
}

/// Reads a report of findings: SARIF 2.1.0, or a CycloneDX document with vulnerabilities.
///
/// # Errors
/// What it is that cannot be read, and where.
pub fn findings(bytes: &[u8], root: &str) -> Result<Findings, Unreadable> {
    let document = json::read(&text(bytes)?)?;
    if document["bomFormat"] == "CycloneDX" {
        return cyclonedx::read(&document);
    }
    if document["runs"].is_array() {
        return sarif::read(&document, root);
    }
    Err(unknown("JSON with neither `runs` nor `bomFormat`", "SARIF, CycloneDX"))
}

/// Reads the result of a load tool: k6, oha, vegeta (JSON or text), wrk.
///
/// # Errors
/// What it is that cannot be read, and where.
pub fn load(bytes: &[u8]) -> Result<Load, Unreadable> {
    let text = text(bytes)?;
    if text.starts_with('{') {
        let document = json::read(&text)?;
        // oha has `metrics` of its own as well, beside what only it has.
        return if document["latencyPercentiles"].is_object() {
            oha::read(&document)
        } else if document["metrics"].is_object() {
            k6::read(&document)
        } else if document["latencies"].is_object() {
            vegeta::read(&document)
        } else {
            Err(unknown("JSON of none of these tools", "k6, oha, vegeta, wrk"))
        };
    }
    if text.starts_with("Requests ") {
        return vegeta::read_text(&text);
    }
    if text.starts_with("Running ") {
        return wrk::read(&text);
    }
    Err(unknown("a text of none of these tools", "k6, oha, vegeta, wrk"))
}

/// Reads a report of the project's own: JSON.
///
/// # Errors
/// What it is that cannot be read, and where.
pub fn custom(bytes: &[u8]) -> Result<serde_json::Value, Unreadable> {
    json::read(&text(bytes)?)
}

fn unknown(seen: &str, known: &str) -> Unreadable {
    Unreadable::new(format!("it is {seen}, and not one of {known}"))
}

/// The text of a report, without the mark at its beginning and the space around it.
fn text(bytes: &[u8]) -> Result<std::borrow::Cow<'_, str>, Unreadable> {
    if bytes.len() > LONGEST {
        return Err(Unreadable::new(format!("it is longer than {} MiB", LONGEST >> 20)));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Unreadable::new("it is UTF-16: have the tool write UTF-8"));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => std::borrow::Cow::Borrowed(text.trim_start_matches('\u{feff}').trim()),
        Err(_) => std::borrow::Cow::Owned(String::from_utf8_lossy(bytes).trim().to_owned()),
    };
    if text.is_empty() { Err(Unreadable::new("it is empty")) } else { Ok(text) }
}

/// A path as the repository has it: `/`, relative to the checkout where it lies in there.
pub(crate) fn relative(path: &str, root: &str) -> String {
    let path = path.strip_prefix("file://").unwrap_or(path).replace('\\', "/");
    let root = root.replace('\\', "/");
    let root = root.trim_end_matches('/');
    let inner = path.strip_prefix(root).filter(|_| !root.is_empty()).and_then(|rest| rest.strip_prefix('/'));
    inner.unwrap_or(&path).trim_start_matches("./").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_repository() {
        for (path, expected) in [
            ("/w/app/src/a.py", "src/a.py"),
            ("./src/a.py", "src/a.py"),
            ("file:///w/app/a", "a"),
            ("C:\\w\\a.cs", "C:/w/a.cs"),
            ("/w/apple/a", "/w/apple/a"),
        ] {
            assert_eq!(relative(path, "/w/app"), expected);
        }
    }

    #[test]
    fn what_is_empty_or_strange_is_unreadable() {
        for bytes in [
            &b""[..],
            b"  \n",
            b"\xef\xbb\xbf",
            b"\xff\xfeT",
            b"{",
            b"<",
            b"<a>",
            b"[]",
            b"{}",
            b"hello",
            b"null",
        ] {
            assert!(coverage(bytes, "").is_err(), "coverage {bytes:?}");
            assert!(suites(bytes).is_err(), "tests {bytes:?}");
            assert!(findings(bytes, "").is_err(), "security {bytes:?}");
            assert!(load(bytes).is_err(), "load {bytes:?}");
        }
    }
}
