//! What was left out or changed, each with its place.

/// One thing that is not in the manifest as it is in the compose file. Holds no value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Its line in the compose file, from 1.
    pub line: usize,
    /// Its place, as in `services.web.networks`.
    pub place: String,
    /// What became of it, and what to do.
    pub says: String,
}

/// The notes in the making.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Note>);

impl Notes {
    pub(crate) fn add(&mut self, line: usize, place: impl Into<String>, says: impl Into<String>) {
        let note = Note { line, place: place.into(), says: says.into() };
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// In the order of the file. What an anchor gave to several services is said once, with all of their places.
    pub(crate) fn into_vec(mut self) -> Vec<Note> {
        self.0.sort();
        let mut notes: Vec<Note> = Vec::new();
        for note in self.0 {
            match notes.iter_mut().find(|other| other.line == note.line && other.says == note.says) {
                Some(same) => same.place = format!("{}, {}", same.place, note.place),
                None => notes.push(note),
            }
        }
        notes
    }
}
