//! `.dockerignore`, read as Docker reads it.
//!
//! A line is a pattern; `#` in its first column makes it a comment, `!` takes back what an earlier line ignored. Leading and
//! trailing slashes mean nothing: every pattern begins at the context's root. The last line that fits a path, or a folder above
//! it, decides.

use super::pattern::{BadPattern, Pattern};

/// The rules of one file, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    effect: Effect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Leave,
    TakeBack,
}

impl Ignore {
    /// Reads the text of a file.
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let line = line.trim();
            let (effect, pattern) = match line.strip_prefix('!') {
                Some(rest) => (Effect::TakeBack, rest.trim()),
                None => (Effect::Leave, line),
            };
            if line.is_empty() {
                continue;
            }
            if pattern.is_empty() {
                return Err(BadPattern {
                    pattern: line.to_owned(),
                    detail: "there is nothing after the `!`",
                });
            }
            rules.push(Rule { pattern: Pattern::parse(&cleaned(pattern))?, effect });
        }
        Ok(Self { rules })
    }

    /// Whether the path (with `/`, relative to the context) is left out.
    pub(super) fn ignores(&self, path: &str) -> bool {
        let mut ignored = false;
        for rule in &self.rules {
            // A rule that would change nothing need not be asked.
            let changes = ignored == (rule.effect == Effect::TakeBack);
            if changes && with_parents(path).any(|path| rule.pattern.fits(path)) {
                ignored = !ignored;
            }
        }
        ignored
    }

    /// Whether everything below an ignored folder is ignored too: no rule takes anything back.
    pub(super) fn is_final(&self) -> bool {
        self.rules.iter().all(|rule| rule.effect == Effect::Leave)
    }
}

/// The path, then each folder above it.
fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rfind('/').map(|slash| &path[..slash]))
}

/// Without `.`, `..` that can be resolved, doubled, leading and trailing slashes.
fn cleaned(pattern: &str) -> String {
    let is_rooted = pattern.starts_with('/');
    let mut segments: Vec<&str> = Vec::new();
    for segment in pattern.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.last().is_some_and(|last| *last != "..") => {
                segments.pop();
            }
            ".." if is_rooted => {}
            _ => segments.push(segment),
        }
    }
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules, then paths that are left out, then paths that are sent.
    const TABLE: &[(&str, &[&str], &[&str])] = &[
        ("", &[], &["a", "a/b", ".dockerignore"]),
        ("# all\n\n   \n", &[], &["a", "# all"]),
        (" # no comment", &["# no comment"], &["a"]),
        ("\u{feff}a", &["a"], &["b"]),
        ("a", &["a", "a/b", "a/b/c"], &["b/a", "ab", "A"]),
        ("/a", &["a", "a/b"], &["b/a"]),
        ("a/", &["a", "a/b"], &["b/a"]),
        ("./a", &["a"], &["b/a"]),
        ("//a//b/", &["a/b", "a/b/c"], &["a", "a/c"]),
        ("x/../a", &["a"], &["x", "x/a"]),
        ("/../a", &["a"], &["b/a"]),
        ("../a", &[], &["a"]),
        (".", &[], &["a", ".a"]),
        ("a\r\nb\r\n", &["a", "b"], &["c"]),
        ("  a  ", &["a"], &["b"]),
        ("*", &["a", "a/b", ".git", ".git/config"], &[]),
        ("*.md", &["README.md", ".md", "x.md/y"], &["docs/README.md", "md", "README.mdx"]),
        ("*/*.md", &["docs/a.md"], &["a.md", "docs/deep/a.md"]),
        ("*/temp*", &["a/temp", "a/temporary.txt", "b/temp/x"], &["temp", "a/b/temp"]),
        ("*/*/temp*", &["a/b/temp"], &["a/temp", "a/b/c/temp"]),
        ("temp?", &["tempa", "tempb/c"], &["temp", "tempab", "temp/"]),
        ("**", &["a", "a/b/c", ".x"], &[]),
        ("**/", &["a", "a/b/c"], &[]),
        ("**/*.go", &["a.go", "x/a.go", "x/y/a.go", "x.go/y"], &["a.gox", "go"]),
        ("**/a", &["a", "x/a", "x/y/a", "x/a/b"], &["ab", "x/ba", "x/ab"]),
        ("a/**", &["a/b", "a/b/c"], &["a", "b/a"]),
        ("a/**/c", &["a/c", "a/b/c", "a/b/b/c"], &["a", "a/b", "a/bc", "c"]),
        (
            "**/node_modules/**",
            &["node_modules/x", "a/node_modules/x/y"],
            &["node_modules", "a/node_modules"],
        ),
        ("a**", &["a", "ab", "ab/c", "a/b"], &["b", "ba"]),
        ("**a", &["a", "ba", "x/ba", "ba/c"], &["ab", "b"]),
        ("a**c", &["ac", "ab/c"], &["abc", "a"]),
        ("**/**/a", &["a", "x/a", "x/y/a"], &["b"]),
        ("[ab].txt", &["a.txt", "b.txt"], &["c.txt", "ab.txt"]),
        ("[a-c]", &["a", "b", "c/d"], &["d"]),
        ("[^a-c]", &["d"], &["a", "b"]),
        ("\\*.txt", &["*.txt"], &["a.txt"]),
        ("\\!a", &["!a"], &["a"]),
        ("a.b+c(d)|{e}$^", &["a.b+c(d)|{e}$^"], &["aXb+c(d)|{e}$^"]),
        ("*\n!a", &["b", "b/c"], &["a", "a/b"]),
        ("*\n!/a/", &["b"], &["a", "a/b"]),
        ("*\n! a", &["b"], &["a"]),
        ("!a\n*", &["a", "b"], &[]),
        ("*\n!a\na/b", &["b", "a/b", "a/b/c"], &["a", "a/c"]),
        ("*\n!a\na/b\n!a/b/c", &["a/b", "a/b/d"], &["a", "a/b/c", "a/b/c/d"]),
        ("docs\n!docs/README.md", &["docs", "docs/a"], &["docs/README.md"]),
        ("*.md\n!README*.md\nREADME-secret.md", &["a.md", "README-secret.md"], &["README.md", "README-x.md"]),
        ("*.md\nREADME-secret.md\n!README*.md", &["a.md"], &["README.md", "README-secret.md"]),
        ("**/*.log\n!**/keep.log", &["a.log", "x/a.log"], &["keep.log", "x/keep.log", "x/y/keep.log"]),
        ("*\n!**/keep", &["a", "d", "d/a"], &["keep", "d/keep", "d/keep/x"]),
        ("**\n!src/**", &["a", "src"], &["src/a", "src/b/c"]),
        (".*\n!.env.example", &[".git", ".git/x", ".env"], &[".env.example", "a.b"]),
        ("é?", &["éa", "éé"], &["é", "ea"]),
    ];

    #[test]
    fn what_is_left_out() {
        for (rules, left_out, sent) in TABLE {
            let ignore = Ignore::parse(rules).unwrap();
            for path in *left_out {
                assert!(ignore.ignores(path), "{rules:?} leaves {path:?} out");
            }
            for path in *sent {
                assert!(!ignore.ignores(path), "{rules:?} sends {path:?}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for wrong in ["!", "a\n! ", "[", "[a", "a[]", "[]a]", "a\\", "[b-a]", "[a-]", "[\\"] {
            assert!(Ignore::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn many_stars_are_decided_at_once() {
        let ignore = Ignore::parse(&format!("{}c", "**/*a".repeat(40))).unwrap();
        assert!(!ignore.ignores(&"a/".repeat(300)));
    }
}
