//! What a schema is, as text that stays the same as long as the schema does.

use std::fmt;

use bascule_sql::Dialect;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// One thing of a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Object {
    /// What it is, in the words of the database: `table`, `index`, `function`, …
    pub kind: String,
    /// Its qualified name; what belongs to a table has the table's in front.
    pub name: String,
    /// What it is made of. Sorted, except for a body, whose lines keep their order.
    pub lines: Vec<String>,
}

impl Object {
    /// Of lines with a rank; lines of a rank have no order among them, except for rank 2, which is a body of many lines.
    pub(crate) fn of(kind: String, name: String, mut ranked: Vec<(u8, String)>) -> Self {
        ranked.sort();
        ranked.dedup();
        let lines = ranked.into_iter().flat_map(|(rank, text)| match rank {
            BODY => body(&text),
            _ => vec![text.replace('\r', "\\r").replace('\n', "\\n")],
        });
        Self { kind, name, lines: lines.collect() }
    }
}

/// The rank of a text whose lines have an order.
pub(crate) const BODY: u8 = 2;

fn body(text: &str) -> Vec<String> {
    text.trim_matches('\n').lines().map(|line| line.trim_end().to_owned()).collect()
}

/// All things of a schema, by kind and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    dialect: Dialect,
    objects: Vec<Object>,
}

impl Snapshot {
    /// Of objects in whatever order.
    pub(crate) fn new(dialect: Dialect, mut objects: Vec<Object>) -> Self {
        objects.sort();
        Self { dialect, objects }
    }

    /// The database's kind.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// By kind and name.
    #[must_use]
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The same without things of that kind.
    #[must_use]
    pub fn without(mut self, kind: &str) -> Self {
        self.objects.retain(|object| object.kind != kind);
        self
    }

    /// SHA-256 (hex) of its text.
    #[must_use]
    pub fn hash(&self) -> String {
        crate::hex::encode(&Sha256::digest(self.to_string()))
    }
}

impl fmt::Display for Snapshot {
    /// One object after another: kind and name, then its lines with four spaces before them, then an empty line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for object in &self.objects {
            writeln!(f, "{} {}", object.kind, object.name)?;
            for line in &object.lines {
                writeln!(f, "{}", format!("    {line}").trim_end())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[(u8, &str)]) -> Vec<(u8, String)> {
        texts.iter().map(|(rank, text)| (*rank, (*text).to_owned())).collect()
    }

    #[test]
    fn the_order_of_columns_is_none_and_that_of_a_body_stays() {
        let table = |texts| Object::of("table".to_owned(), "users".to_owned(), lines(texts));
        assert_eq!(
            table(&[(1, "id int"), (0, "table"), (1, "email text")]),
            table(&[(0, "table"), (1, "email text"), (1, "id int")])
        );
        let body =
            Object::of("function".to_owned(), "f()".to_owned(), lines(&[(2, "\nbegin  \n a;\nend\n")]));
        assert_eq!(body.lines, ["begin", " a;", "end"]);
        let folded = Object::of("table".to_owned(), "t".to_owned(), lines(&[(1, "a text default 'x\ny'")]));
        assert_eq!(folded.lines, ["a text default 'x\\ny'"]);
    }

    #[test]
    fn the_text_and_its_hash_do_not_hang_on_the_order_of_reading() {
        let object = |name: &str| Object {
            kind: "table".to_owned(),
            name: name.to_owned(),
            lines: vec!["table".to_owned()],
        };
        let one = Snapshot::new(Dialect::Postgres, vec![object("b"), object("a")]);
        let other = Snapshot::new(Dialect::Postgres, vec![object("a"), object("b")]);
        assert_eq!(one.to_string(), "table a\n    table\n\ntable b\n    table\n\n");
        assert_eq!(one.hash(), other.hash());
        assert_eq!(one.hash().len(), 64);
    }
}
