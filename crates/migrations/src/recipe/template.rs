//! Expressions that name their columns in braces: `lower({email})`. A doubled brace is a brace.

use bascule_sql::Dialect;

use super::name;

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Column(String),
}

impl Template {
    /// Reads one; only these columns may be named.
    pub(super) fn read(written: &str, columns: &[String]) -> Result<Self, String> {
        let mut pieces = vec![];
        let mut text = String::new();
        let mut rest = written.chars().peekable();
        while let Some(at) = rest.next() {
            match at {
                '{' | '}' if rest.peek() == Some(&at) => {
                    rest.next();
                    text.push(at);
                }
                '{' => {
                    let column: String = rest.by_ref().take_while(|at| *at != '}').collect();
                    let Some(found) = columns.iter().find(|known| **known == column.trim()) else {
                        let known = crate::words::list(columns.iter().map(String::as_str));
                        return Err(format!("`{{{column}}}` is no column that it can name: {known}"));
                    };
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Column(found.clone()));
                }
                other => text.push(other),
            }
        }
        pieces.push(Piece::Text(text));
        Ok(Self(pieces))
    }

    /// A column itself.
    pub(super) fn column(column: &str) -> Self {
        Self(vec![Piece::Column(column.to_owned())])
    }

    /// As SQL, with something before each column (`NEW.`, or nothing).
    pub(super) fn sql(&self, before: &str, dialect: Dialect) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Column(column) => format!("{before}{}", name::quoted(column, dialect)),
        };
        self.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_put_in_their_places() {
        let columns = ["first".to_owned(), "last".to_owned()];
        let template = Template::read("concat_ws(' ', {first}, {last}) || '{{}}'", &columns).unwrap();
        assert_eq!(template.sql("NEW.", Dialect::Mysql), "concat_ws(' ', NEW.`first`, NEW.`last`) || '{}'");
        assert!(Template::read("{middle}", &columns).is_err());
    }
}
