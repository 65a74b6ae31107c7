//! "Did you mean …?"

/// The candidate that is most like the wanted name, if any is like it at all. Of paths, the last part may decide as well.
pub(crate) fn nearest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted_last = last(wanted);
    let like = |candidate: &str| {
        let whole = strsim::normalized_damerau_levenshtein(wanted, candidate);
        // A right name in another folder is likely what was meant, but less so than one that is written alike as a whole.
        let name = strsim::normalized_damerau_levenshtein(wanted_last, last(candidate)) * 0.95;
        whole.max(name)
    };
    candidates
        .map(|candidate| (like(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn last(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likest_name_is_proposed_and_none_for_what_is_unlike() {
        let there = ["shop", "static", "target/release/shop", "README.md"];
        assert_eq!(nearest("shopp", there.into_iter()), Some("shop"));
        assert_eq!(nearest("target/relaese/shop", there.into_iter()), Some("target/release/shop"));
        assert_eq!(nearest("build/README.md", there.into_iter()), Some("README.md"));
        assert_eq!(nearest("worker", there.into_iter()), None);
    }
}
