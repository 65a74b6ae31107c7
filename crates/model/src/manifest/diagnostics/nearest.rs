//! Which known word was meant, and how words are listed.

/// The known word that is nearest to the given one, when it is near enough to be meant.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace(['-', ' ', '.'], "_");
    let given = plain(given);
    let allowed = (given.chars().count().max(3)) / 3;
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&given, &plain(word)), word))
        .filter(|(distance, word)| {
            *distance <= allowed
                || (given.len() >= 4 && (word.starts_with(&given) || given.starts_with(word)))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// The words in backquotes, with commas between.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_another_word_is_not() {
        let known = ["instances", "interval", "env", "port", "env_file", "max_p95"];
        assert_eq!(nearest("instnaces", known), Some("instances"));
        assert_eq!(nearest("Env-File", known), Some("env_file"));
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("instance", known), Some("instances"));
        assert_eq!(nearest("replicas", known), None);
        assert_eq!(nearest("", known), None);
    }
}
