//! Several statements as one text, sent in one round trip, and which of them an error is about. Pure.

use crate::error::DatabaseError;

/// What a piece of a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Begin and end, settings.
    Frame,
    /// The look at the lease.
    Fence,
    /// A write to the journal.
    Journal,
    /// A statement of the migration, by its place in the part.
    Statement(usize),
}

/// Several statements as one text.
#[derive(Debug, Clone, Default)]
pub struct Script {
    text: String,
    /// How long the text is, in characters.
    characters: usize,
    pieces: Vec<(What, usize)>,
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blamed {
    pub what: What,
    /// Where in the statement, in characters from 0.
    pub offset: Option<usize>,
}

impl Script {
    /// Adds one statement.
    pub fn push(&mut self, what: What, sql: &str) {
        self.pieces.push((what, self.characters));
        self.text.push_str(sql);
        // A comment at its end goes to the end of its line.
        self.text.push_str("\n;\n");
        self.characters += sql.chars().count() + 3;
    }

    /// Adds writes to the journal.
    pub fn journal(&mut self, list: &[String]) {
        for sql in list {
            self.push(What::Journal, sql);
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which statement an error is about.
    pub fn blame(&self, error: &DatabaseError) -> Blamed {
        // A text that does not parse is refused as a whole, so a place says more than how many statements ended well.
        if let Some(position) = error.position.and_then(|position| position.checked_sub(1))
            && let Some(&(what, begin)) = self.pieces.iter().rev().find(|(_, begin)| *begin <= position)
        {
            return Blamed { what, offset: Some(position - begin) };
        }
        let at = error.completed.min(self.pieces.len().saturating_sub(1));
        let what = self.pieces.get(at).map_or(What::Frame, |(what, _)| *what);
        Blamed { what, offset: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(position: Option<usize>, completed: usize) -> DatabaseError {
        DatabaseError { code: None, message: String::new(), detail: None, hint: None, position, completed }
    }

    #[test]
    fn an_error_is_about_the_statement_at_its_place() {
        let mut script = Script::default();
        script.push(What::Frame, "BEGIN");
        script.push(What::Statement(0), "SELECT 'ü' -- end");
        script.push(What::Statement(1), "SELECT nothing");
        script.push(What::Frame, "COMMIT");
        let at = |text: &str| {
            let byte = script.text().find(text).unwrap();
            Some(script.text()[..byte].chars().count() + 1)
        };
        for (position, completed, what, offset) in [
            (at("nothing"), 0, What::Statement(1), Some(7)),
            (at("'ü'"), 9, What::Statement(0), Some(7)),
            (None, 0, What::Frame, None),
            (None, 2, What::Statement(1), None),
            (None, 7, What::Frame, None),
        ] {
            assert_eq!(script.blame(&error(position, completed)), Blamed { what, offset });
        }
    }
}
