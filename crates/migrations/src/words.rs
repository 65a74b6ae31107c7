//! Words in messages: which known one was meant.

/// The known word that is nearest to the given one, when it is near enough to be meant.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    // Of something shorter, everything is near.
    if given.chars().count() < 3 {
        return None;
    }
    let allowed = given.chars().count() / 3;
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&given, word), word))
        .filter(|(distance, word)| *distance <= allowed || (given.len() >= 4 && word.starts_with(&given)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// A hint behind a message, where a word was meant.
pub(crate) fn meant<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, known).map(|word| format!(" (did you mean `{word}`?)")).unwrap_or_default()
}

/// The words in backquotes, with commas between.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
