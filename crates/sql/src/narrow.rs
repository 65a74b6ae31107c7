//! One `UPDATE`, with a condition more: how a change of all rows becomes one of a batch of them.

use thiserror::Error;

use crate::Dialect;
use crate::lexer::{Kind, Lexer, Token};

/// Why no condition can be added to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NarrowError {
    /// It is something else.
    #[error("it is no `UPDATE`; a backfill is one `UPDATE` of its table")]
    NotUpdate,
    /// It is more than one.
    #[error("it is more than one statement; give each `UPDATE` a backfill of its own")]
    Several,
    /// It says itself how many rows it takes.
    #[error("it has `{0}`; leave it out: the batches go by the key, in its order")]
    Limited(&'static str),
    /// It cannot be read.
    #[error("it cannot be read to its end")]
    Unclosed,
}

/// An `UPDATE` that is open for a condition more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    head: String,
    tail: String,
    table: String,
    target: String,
}

impl Narrowed {
    /// Reads an `UPDATE`.
    ///
    /// # Errors
    /// When it is none, or when a condition would not make batches of it.
    pub fn of(text: &str, dialect: Dialect) -> Result<Self, NarrowError> {
        let tokens = tokens(text, dialect)?;
        let reader = Reader { text, tokens };
        reader.read(dialect)
    }

    /// The table, as it is written.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// What the table's columns are written with in the condition (`users.`).
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The statement with that condition as well.
    #[must_use]
    pub fn with(&self, condition: &str) -> String {
        format!("{}({condition}){}", self.head, self.tail)
    }
}

/// A token, and how many parentheses it stands in.
struct Nested {
    token: Token,
    depth: usize,
}

fn tokens(text: &str, dialect: Dialect) -> Result<Vec<Nested>, NarrowError> {
    let mut lexer = Lexer::new(text, dialect);
    let (mut tokens, mut depth) = (Vec::new(), 0_usize);
    while let Some(token) = lexer.token() {
        let token = token.map_err(|_| NarrowError::Unclosed)?;
        match (token.kind, &text[token.start..token.end]) {
            (Kind::Space | Kind::Comment, _) => continue,
            // What is in there is read by some servers and not by others.
            (Kind::ExecutableBegin | Kind::ExecutableEnd, _) => return Err(NarrowError::Unclosed),
            (Kind::Symbol, ")") => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens.push(Nested { token, depth });
        if token.kind == Kind::Symbol && &text[token.start..token.end] == "(" {
            depth += 1;
        }
    }
    if depth == 0 { Ok(tokens) } else { Err(NarrowError::Unclosed) }
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Nested>,
}

impl Reader<'_> {
    fn word(&self, at: usize) -> String {
        match self.tokens.get(at) {
            Some(Nested { token, depth: 0 }) if token.kind == Kind::Word => {
                self.written(token).to_ascii_uppercase()
            }
            _ => String::new(),
        }
    }

    fn symbol(&self, at: usize) -> &str {
        match self.tokens.get(at) {
            Some(Nested { token, depth: 0 }) if token.kind == Kind::Symbol => self.written(token),
            _ => "",
        }
    }

    fn written(&self, token: &Token) -> &str {
        &self.text[token.start..token.end]
    }

    /// The first of these words outside of parentheses, from a place on.
    fn find(&self, from: usize, words: &[&str]) -> Option<usize> {
        (from..self.tokens.len()).find(|&at| words.contains(&self.word(at).as_str()))
    }

    fn name(&self, at: usize) -> Option<&str> {
        let token = &self.tokens.get(at)?.token;
        matches!(token.kind, Kind::Word | Kind::Name).then(|| self.written(token))
    }

    fn read(mut self, dialect: Dialect) -> Result<Narrowed, NarrowError> {
        let mut end = self.text.len();
        if let Some(at) = (0..self.tokens.len()).find(|&at| self.symbol(at) == ";") {
            if at + 1 < self.tokens.len() {
                return Err(NarrowError::Several);
            }
            end = self.tokens[at].token.start;
            self.tokens.truncate(at);
        }
        let update = match self.word(0).as_str() {
            "UPDATE" => 0,
            "WITH" => self.find(1, &["UPDATE"]).ok_or(NarrowError::NotUpdate)?,
            _ => return Err(NarrowError::NotUpdate),
        };
        let mut at = update + 1;
        loop {
            match self.word(at).as_str() {
                "ONLY" | "LOW_PRIORITY" | "IGNORE" => at += 1,
                "OR" if dialect == Dialect::Sqlite => at += 2,
                _ => break,
            }
        }
        let begin = at;
        let mut name = self.name(at).ok_or(NarrowError::NotUpdate)?;
        while self.symbol(at + 1) == "." {
            at += 2;
            name = self.name(at).ok_or(NarrowError::NotUpdate)?;
        }
        let table = self.text[self.tokens[begin].token.start..self.tokens[at].token.end].to_owned();
        at += 1;
        if self.symbol(at) == "*" {
            at += 1;
        }
        const NO_ALIAS: [&str; 10] =
            ["SET", "JOIN", "INNER", "LEFT", "RIGHT", "CROSS", "NATURAL", "STRAIGHT_JOIN", "INDEXED", "NOT"];
        if self.word(at) == "AS" {
            at += 1;
            name = self.name(at).ok_or(NarrowError::NotUpdate)?;
        } else if !NO_ALIAS.contains(&self.word(at).as_str()) {
            name = self.name(at).unwrap_or(name);
        }
        let target = format!("{name}.");
        let set = self.find(at, &["SET"]).ok_or(NarrowError::NotUpdate)?;
        if let Some(at) = self.find(set, &["LIMIT", "ORDER"]) {
            return Err(NarrowError::Limited(if self.word(at) == "LIMIT" { "LIMIT" } else { "ORDER BY" }));
        }
        let returning = self.find(set, &["RETURNING"]);
        let close = returning.map_or(end, |at| self.tokens[at].token.start);
        // A comment may stand before the place: the line's end closes it.
        let (head, tail) = match self.find(set, &["WHERE"]) {
            Some(at) if self.word(at + 1) == "CURRENT" => {
                return Err(NarrowError::Limited("WHERE CURRENT OF"));
            }
            Some(at) => {
                let open = self.tokens[at].token.end;
                (format!("{} ({}\n) AND ", &self.text[..open], self.text[open..close].trim()), close)
            }
            None => (format!("{}\nWHERE ", self.text[..close].trim_end()), close),
        };
        let tail = match &self.text[tail..end] {
            "" => String::new(),
            rest => format!(" {rest}\n"),
        };
        Ok(Narrowed { head, tail, table, target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrowed(dialect: Dialect, text: &str) -> Result<(String, String, String), NarrowError> {
        let narrowed = Narrowed::of(text, dialect)?;
        let sql = narrowed.with("K").split_whitespace().collect::<Vec<_>>().join(" ");
        Ok((sql, narrowed.table, narrowed.target))
    }

    #[test]
    fn a_condition_is_added_whatever_the_statement_looks_like() {
        use Dialect::{Mysql, Postgres, Sqlite};
        for (dialect, text, sql, table, target) in [
            (Postgres, "UPDATE users SET a = b", "UPDATE users SET a = b WHERE (K)", "users", "users."),
            (
                Postgres,
                "UPDATE app.\"Users\" SET a = b WHERE a IS NULL OR b = ';' -- why;\n;",
                "UPDATE app.\"Users\" SET a = b WHERE (a IS NULL OR b = ';' -- why; ) AND (K)",
                "app.\"Users\"",
                "\"Users\".",
            ),
            (
                Postgres,
                "update only users as u set a = (select x from o where o.id = u.id limit 1) from p where p.id = u.p",
                "update only users as u set a = (select x from o where o.id = u.id limit 1) from p where (p.id = u.p ) AND (K)",
                "users",
                "u.",
            ),
            (
                Postgres,
                "WITH x AS (UPDATE y SET z = 1 RETURNING z) UPDATE users SET a = 1 RETURNING id",
                "WITH x AS (UPDATE y SET z = 1 RETURNING z) UPDATE users SET a = 1 WHERE (K) RETURNING id",
                "users",
                "users.",
            ),
            (
                Mysql,
                "UPDATE IGNORE `users` u JOIN o ON o.id = u.id SET u.a = o.a WHERE u.a IS NULL # why",
                "UPDATE IGNORE `users` u JOIN o ON o.id = u.id SET u.a = o.a WHERE (u.a IS NULL # why ) AND (K)",
                "`users`",
                "u.",
            ),
            (
                Sqlite,
                "UPDATE OR FAIL users SET a = 1",
                "UPDATE OR FAIL users SET a = 1 WHERE (K)",
                "users",
                "users.",
            ),
        ] {
            let expected = (sql.to_owned(), table.to_owned(), target.to_owned());
            assert_eq!(narrowed(dialect, text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_comment_at_the_end_does_not_swallow_the_condition() {
        let sql = Narrowed::of("UPDATE t SET a = 1 -- all of them", Dialect::Sqlite).unwrap().with("K");
        assert_eq!(sql, "UPDATE t SET a = 1 -- all of them\nWHERE (K)");
    }

    #[test]
    fn what_cannot_be_done_in_batches_is_refused() {
        for (text, error) in [
            ("DELETE FROM users", NarrowError::NotUpdate),
            ("INSERT INTO users SELECT 1", NarrowError::NotUpdate),
            ("UPDATE users SET a = 1; UPDATE users SET b = 1", NarrowError::Several),
            ("UPDATE users SET a = 1 LIMIT 5", NarrowError::Limited("LIMIT")),
            ("UPDATE users SET a = 1 WHERE b ORDER BY id LIMIT 5", NarrowError::Limited("ORDER BY")),
            ("UPDATE users SET a = (1", NarrowError::Unclosed),
            ("UPDATE users SET a = 'x", NarrowError::Unclosed),
        ] {
            assert_eq!(narrowed(Dialect::Mysql, text), Err(error), "{text}");
        }
    }
}
