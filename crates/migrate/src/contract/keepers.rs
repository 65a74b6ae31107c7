//! Triggers that keep two columns equal go on doing so while one of them is a tombstone: rows that the new release writes meanwhile are
//! in it, and nothing has to be filled in when it comes back. They go for good with the column. Pure.

use bascule_sql::{Dialect, follow};

use super::facts::Keeper;
use super::soften::Burial;
use crate::identifier;

/// What is run around a column's renaming.
pub struct Around {
    /// Before it goes.
    before: Vec<String>,
    /// When it has gone.
    after: Vec<String>,
    /// Before it comes back.
    before_back: Vec<String>,
    /// When it is back.
    after_back: Vec<String>,
    /// Before it goes for good.
    pub hard: Vec<String>,
}

/// What becomes of a column's keepers. Where none of them speaks of the column in a way that can be followed, they are dropped, and
/// come back from their definitions.
pub fn of(keepers: &[Keeper], burial: &Burial, renamed: &str, dialect: Dialect) -> Around {
    let definitions = || keepers.iter().map(|keeper| keeper.definition.clone()).rev().collect();
    let drops = || keepers.iter().map(|keeper| keeper.drop.clone()).collect();
    let mut around = Around {
        before: Vec::new(),
        after: Vec::new(),
        before_back: Vec::new(),
        after_back: Vec::new(),
        hard: drops(),
    };
    let followed: Vec<(&Keeper, String)> = keepers
        .iter()
        .filter_map(|keeper| {
            let text = follow(&keeper.definition, burial.own_name(), renamed, dialect)?;
            Some((keeper, forgiving(&text, renamed, dialect)?))
        })
        .collect();
    if followed.is_empty() {
        (around.before, around.after_back, around.hard) = (drops(), definitions(), Vec::new());
        return around;
    }
    match dialect {
        // SQLite follows a column to its new name itself, in triggers too.
        Dialect::Sqlite => {}
        // A function is put in the place of the other; its triggers stay.
        Dialect::Postgres => {
            around.after = followed.iter().map(|(_, text)| text.clone()).collect();
            around.after_back = followed.iter().map(|(keeper, _)| keeper.definition.clone()).collect();
        }
        // Nobody writes between the steps.
        Dialect::Mysql => {
            let lock = format!("LOCK TABLES {} WRITE", burial.name.written);
            let unlock = || "UNLOCK TABLES".to_owned();
            around.before = [vec![lock.clone()], drops()].concat();
            around.after = followed.into_iter().map(|(_, text)| text).chain([unlock()]).collect();
            around.before_back = [vec![lock], drops()].concat();
            around.after_back = [definitions(), vec![unlock()]].concat();
        }
    }
    around
}

/// The same, but that a value which does not fit the tombstone is left out: nobody reads it, and it must not stop who writes.
fn forgiving(text: &str, renamed: &str, dialect: Dialect) -> Option<String> {
    let column = identifier(dialect, renamed);
    match dialect {
        Dialect::Sqlite => Some(text.to_owned()),
        Dialect::Postgres => {
            const END: &str = "  RETURN NEW;\nEND";
            let (head, rest) = text.split_once("\nBEGIN\n")?;
            let (body, tail) = rest.rsplit_once(END)?;
            Some(format!(
                "{head}\nBEGIN\n  BEGIN\n{body}  EXCEPTION WHEN OTHERS THEN\n    NEW.{column} := NULL;\n  END;\n{END}{tail}"
            ))
        }
        Dialect::Mysql => {
            let begin = text.find("FOR EACH ROW")?;
            let behind = begin + text[begin..].find("BEGIN")? + "BEGIN".len();
            let (head, body) = text.split_at(behind);
            Some(format!(
                "{head}\n  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET NEW.{column} = NULL;{body}"
            ))
        }
    }
}

impl Around {
    /// The whole course there and back.
    pub fn around(&self, run: Vec<String>, undo: Vec<String>) -> (Vec<String>, Vec<String>) {
        let put =
            |before: &[String], middle: Vec<String>, after: &[String]| [before, &middle, after].concat();
        (put(&self.before, run, &self.after), put(&self.before_back, undo, &self.after_back))
    }
}
