//! Conditions on keys: behind one row, up to another. Pure.

use bascule_sql::Dialect;

use super::error::Error;
use super::key::{Key, KeyColumn};
use crate::identifier;

/// What a table is called in queries for keys. To PostgreSQL, a bare name in `ORDER BY` is a column of the result: the key as text.
pub(super) const TABLE: &str = "batch";

impl Key {
    /// The columns as the server's text, with commas: what a query for keys asks for.
    #[must_use]
    pub fn texts(&self) -> String {
        let texts: Vec<_> = self.columns.iter().map(|column| column.text(self.dialect)).collect();
        texts.join(", ")
    }

    /// What a query for keys is ordered by.
    #[must_use]
    pub fn order(&self, direction: &str) -> String {
        let names = self.columns.iter().map(|column| identifier(self.dialect, &column.name));
        names.map(|name| format!("{TABLE}.{name}{direction}")).collect::<Vec<_>>().join(", ")
    }

    /// Rows behind `after` (from the first one where there is none) up to `upto`, that one included. `of` is what the columns are
    /// written with (`users.`), or empty.
    ///
    /// # Errors
    /// [`Error::KeyValue`].
    pub fn range(
        &self,
        of: &str,
        after: Option<&[String]>,
        upto: Option<&[String]>,
    ) -> Result<String, Error> {
        let mut conditions = Vec::new();
        if let Some(after) = after {
            conditions.push(self.compare(of, ">", after)?);
        }
        if let Some(upto) = upto {
            conditions.push(self.compare(of, "<=", upto)?);
        }
        Ok(if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") })
    }

    /// The one row with that key.
    ///
    /// # Errors
    /// [`Error::KeyValue`].
    pub fn only(&self, of: &str, values: &[String]) -> Result<String, Error> {
        let equal = |(column, value): (&KeyColumn, &String)| {
            Ok(format!("{of}{} = {}", identifier(self.dialect, &column.name), column.literal(value)?))
        };
        let terms: Vec<_> = self.columns.iter().zip(values).map(equal).collect::<Result<_, Error>>()?;
        Ok(terms.join(" AND "))
    }

    fn compare(&self, of: &str, operator: &str, values: &[String]) -> Result<String, Error> {
        let names: Vec<_> = self
            .columns
            .iter()
            .map(|column| format!("{of}{}", identifier(self.dialect, &column.name)))
            .collect();
        if values.len() != names.len() {
            let column = self.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ");
            return Err(Error::KeyValue { column, value: values.join(", ") });
        }
        let literals: Vec<_> = self
            .columns
            .iter()
            .zip(values)
            .map(|(column, value)| column.literal(value))
            .collect::<Result<_, _>>()?;
        Ok(match (&names[..], &literals[..]) {
            ([name], [literal]) => format!("{name} {operator} {literal}"),
            _ if self.dialect == Dialect::Mysql => spelled_out(&names, operator, &literals),
            _ => format!("({}) {operator} ({})", names.join(", "), literals.join(", ")),
        })
    }
}

/// MySQL does not use an index for `(a, b) > (1, 2)`; it does for what that means. The first column stands once more in front, which
/// is what the index is entered with.
fn spelled_out(names: &[String], operator: &str, literals: &[String]) -> String {
    let strict = operator.trim_end_matches('=');
    let mut cases = Vec::new();
    for at in 0..names.len() {
        let last = at + 1 == names.len();
        let mut terms: Vec<_> =
            (0..at).map(|before| format!("{} = {}", names[before], literals[before])).collect();
        terms.push(format!("{} {} {}", names[at], if last { operator } else { strict }, literals[at]));
        cases.push(format!("({})", terms.join(" AND ")));
    }
    format!("({} {strict}= {} AND ({}))", names[0], literals[0], cases.join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::key::Kind;

    fn key(dialect: Dialect, names: &[&str]) -> Key {
        let kind = match dialect {
            Dialect::Postgres => Kind::Postgres { data_type: "integer".to_owned() },
            Dialect::Mysql => Kind::Number,
            Dialect::Sqlite => Kind::Sqlite,
        };
        let column = |name: &&str| KeyColumn { name: (*name).to_owned(), kind: kind.clone() };
        Key { dialect, columns: names.iter().map(column).collect() }
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn a_range_of_one_column() {
        let (after, upto) = (texts(&["3"]), texts(&["9"]));
        for (dialect, expected) in [
            (Dialect::Postgres, r#"u."id" > '3'::integer AND u."id" <= '9'::integer"#),
            (Dialect::Mysql, "u.`id` > 3 AND u.`id` <= 9"),
            (Dialect::Sqlite, r#"u."id" > 3 AND u."id" <= 9"#),
        ] {
            let range = key(dialect, &["id"]).range("u.", Some(&after), Some(&upto)).unwrap();
            assert_eq!(range, expected);
        }
    }

    #[test]
    fn a_range_of_several_columns_compares_rows() {
        let after = texts(&["1", "2"]);
        let range = |dialect| key(dialect, &["a", "b"]).range("", Some(&after), None).unwrap();
        assert_eq!(range(Dialect::Sqlite), r#"("a", "b") > (1, 2)"#);
        assert_eq!(range(Dialect::Mysql), "(`a` >= 1 AND ((`a` > 1) OR (`a` = 1 AND `b` > 2)))");
        let upto = key(Dialect::Mysql, &["a", "b"]).range("", None, Some(&after)).unwrap();
        assert_eq!(upto, "(`a` <= 1 AND ((`a` < 1) OR (`a` = 1 AND `b` <= 2)))");
    }

    #[test]
    fn a_place_of_another_key_is_refused() {
        let key = key(Dialect::Postgres, &["a", "b"]);
        assert!(matches!(key.range("", Some(&texts(&["1"])), None), Err(Error::KeyValue { .. })));
    }
}
