//! Which lines were changed, from the text of `git diff -U0`.

use std::collections::{BTreeMap, BTreeSet};

/// Lines that are new or other than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedLines {
    /// All: there is nothing to compare with.
    All,
    /// These, by file.
    Some(BTreeMap<String, BTreeSet<u32>>),
}

impl ChangedLines {
    /// Which lines of a file are among them. Reports may name a file by the end of its path, as those of packages do, or by a longer one,
    /// as those from a container: where several files fit, a line of any of them counts.
    #[must_use]
    pub fn of(&self, file: &str) -> Box<dyn Fn(u32) -> bool + '_> {
        let Self::Some(files) = self else { return Box::new(|_| true) };
        if let Some(lines) = files.get(file) {
            return Box::new(|line| lines.contains(&line));
        }
        let ends_with =
            |long: &str, short: &str| long.strip_suffix(short).is_some_and(|rest| rest.ends_with('/'));
        let fitting: Vec<&BTreeSet<u32>> = files
            .iter()
            .filter(|(path, _)| ends_with(path, file) || ends_with(file, path))
            .map(|(_, lines)| lines)
            .collect();
        Box::new(move |line| fitting.iter().any(|lines| lines.contains(&line)))
    }

    /// Reads what `git diff -U0 --no-color --no-ext-diff` prints; what is no part of a diff is passed over.
    #[must_use]
    pub fn read(diff: &str) -> Self {
        let mut files: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        let mut file = None;
        // Lines of a hunk that are still to come: they may look like the head of a file.
        let mut left = 0_u64;
        for line in diff.lines() {
            if left > 0 && (line.starts_with('+') || line.starts_with('-')) {
                left -= 1;
                continue;
            }
            if let Some(path) = line.strip_prefix("+++ ") {
                file = path_of(path);
            } else if let Some(hunk) = line.strip_prefix("@@ -")
                && let Some((old, new)) = ranges(hunk)
            {
                left = u64::from(old.1) + u64::from(new.1);
                if let Some(file) = &file {
                    let lines = files.entry(file.clone()).or_default();
                    lines.extend((0..new.1.min(1_000_000)).map(|at| new.0.saturating_add(at)));
                }
            }
        }
        Self::Some(files)
    }
}

/// The path behind `+++ `; none for a file that is gone.
fn path_of(text: &str) -> Option<String> {
    let text = text.trim_end_matches(['\t', '\r']);
    let plain = match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) => unquoted(quoted),
        None => text.to_owned(),
    };
    plain.strip_prefix("b/").map(str::to_owned)
}

/// A path as git quotes it: octal bytes and the usual escapes.
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(digit) = rest.next_if(|byte| (b'0'..=b'7').contains(byte)) {
                        value = value * 8 + u32::from(digit - b'0');
                    }
                }
                bytes.push(u8::try_from(value & 0xff).unwrap_or_default());
            }
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `10,2 +12,3 @@ …`: first line and count, before and after.
fn ranges(hunk: &str) -> Option<((u32, u32), (u32, u32))> {
    let (old, rest) = hunk.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| {
        let (first, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((first.parse::<u32>().ok()?, count.parse::<u32>().ok()?))
    };
    Some((range(old)?, range(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_side_of_every_hunk() {
        let diff = "diff --git a/a.py b/a.py\nindex 1..2 100644\n--- a/a.py\n+++ b/a.py\n@@ -1,0 +2,2 @@ def f():\n+x\n+++ b/not.py\n\
                    @@ -9 +11 @@\n-old\n+new\n@@ -20,2 +21,0 @@\n-a\n--- b\n\
                    --- \"a/gr\\303\\266\\303\\237e.py\"\n+++ \"b/gr\\303\\266\\303\\237e.py\"\n@@ -0,0 +1 @@\n+x\n\
                    --- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";
        let changed = ChangedLines::read(diff);
        let ChangedLines::Some(files) = &changed else { panic!("{changed:?}") };
        let seen: Vec<_> = files.iter().map(|(file, lines)| (file.as_str(), lines.len())).collect();
        assert_eq!(seen, [("a.py", 3), ("größe.py", 1)]);
        let has = |file: &str, line: u32| changed.of(file)(line);
        assert!(has("a.py", 2) && has("a.py", 3) && has("a.py", 11));
        assert!(!has("a.py", 1) && !has("not.py", 2) && !has("aa.py", 2) && !has(".py", 2));
        assert!(has("/app/a.py", 2), "from a container");
        assert!(ChangedLines::All.of("any")(7));
        let java = ChangedLines::read("+++ b/src/main/java/com/x/A.java\n@@ -0,0 +5 @@\n+x\n");
        assert!(java.of("com/x/A.java")(5) && !java.of("om/x/A.java")(5), "of a package");
    }
}
