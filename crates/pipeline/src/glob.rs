//! Patterns of paths: `*` and `?` within a name, `**` over any number of folders. A pattern that names a folder means all in it.
//! `..` at the beginning is a folder above, and no other pattern means anything there.

/// Whether a path is meant. Both are relative, with `/`.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    let names: Vec<&str> = path.split('/').collect();
    let parts: Vec<&str> = pattern.split('/').collect();
    let (up, above) = (ups(&parts), ups(&names));
    if up != above {
        return false;
    }
    let (parts, names) = (&parts[up..], &names[up..]);
    if parts.is_empty() {
        return true;
    }
    (1..=names.len()).any(|length| segments(parts, &names[..length]))
}

/// How many folders above it begins.
pub(crate) fn ups(parts: &[&str]) -> usize {
    parts.iter().take_while(|part| **part == "..").count()
}

fn segments(parts: &[&str], names: &[&str]) -> bool {
    match parts.split_first() {
        None => names.is_empty(),
        Some((&"**", rest)) => (0..=names.len()).any(|skipped| segments(rest, &names[skipped..])),
        Some((part, rest)) => names.split_first().is_some_and(|(name, others)| {
            segment(part.as_bytes(), name.as_bytes()) && segments(rest, others)
        }),
    }
}

/// Goes back to the last `*` only: no pattern takes longer than the product of both lengths.
fn segment(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_mean_what_they_say() {
        for (pattern, path) in [
            ("src", "src/a/b.rs"),
            ("src/", "src/a.rs"),
            ("*.rs", "a.rs"),
            ("**/*.rs", "a.rs"),
            ("**/*.rs", "x/y/a.rs"),
            ("src/**", "src/a/b"),
            ("src/**/b", "src/b"),
            ("a?c*e", "abcde"),
            ("**", "x"),
            ("*a*b", "xaxxabb"),
            ("../lib", "../lib/a"),
            ("../**/*.rs", "../lib/x/a.rs"),
            ("..", "../lib/a"),
            ("../../x", "../../x"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("src", "source/a"),
            ("*.rs", "a/b.rs.txt"),
            ("a?c", "ac"),
            ("src/*.rs", "src/a/b.rss"),
            ("", "x"),
            ("**", "../lib/a"),
            ("../**", "lib/a"),
            ("../lib", "../../lib"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }
}
