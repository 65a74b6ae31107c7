//! A place in the significant tokens of a statement, with the small steps that reading is made of.
//!
//! No step moves unless it takes what it looks for.

use crate::{
    Dialect, Name,
    lexer::{Kind, Lexer, Token},
};

pub(crate) struct Cursor<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    position: usize,
    pub(crate) dialect: Dialect,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, dialect: Dialect) -> Self {
        let mut lexer = Lexer::new(text, dialect);
        let mut tokens = Vec::new();
        // What is not closed is the splitter's finding; here the tokens before it are enough.
        while let Some(Ok(token)) = lexer.token() {
            let marks = matches!(token.kind, Kind::ExecutableBegin | Kind::ExecutableEnd);
            if token.kind.significant() && !marks {
                tokens.push(token);
            }
        }
        Self { text, tokens, position: 0, dialect }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn back_to(&mut self, position: usize) {
        self.position = position;
    }

    pub(crate) fn at_end(&self) -> bool {
        self.position >= self.tokens.len()
    }

    fn written(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    fn token(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.position + ahead).copied()
    }

    pub(crate) fn kind(&self) -> Option<Kind> {
        self.token(0).map(|token| token.kind)
    }

    /// The token here, as it is written.
    pub(crate) fn here(&self) -> &'a str {
        self.ahead(0)
    }

    pub(crate) fn ahead(&self, ahead: usize) -> &'a str {
        self.token(ahead).map_or("", |token| self.written(token))
    }

    /// Moves behind the token here.
    pub(crate) fn advance(&mut self) {
        self.position = (self.position + 1).min(self.tokens.len());
    }

    /// Whether the word stands a number of tokens ahead.
    pub(crate) fn is_word_ahead(&self, ahead: usize, word: &str) -> bool {
        self.token(ahead)
            .is_some_and(|token| token.kind == Kind::Word && self.written(token).eq_ignore_ascii_case(word))
    }

    pub(crate) fn is(&self, word: &str) -> bool {
        self.is_word_ahead(0, word)
    }

    pub(crate) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Takes a word.
    pub(crate) fn word(&mut self, word: &str) -> bool {
        let found = self.is(word);
        if found {
            self.position += 1;
        }
        found
    }

    /// Takes words in this order, all of them or none.
    pub(crate) fn words(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(ahead, word)| self.is_word_ahead(ahead, word));
        if found {
            self.position += words.len();
        }
        found
    }

    /// Takes one of the words.
    pub(crate) fn any(&mut self, words: &[&str]) -> bool {
        let found = self.is_any(words);
        if found {
            self.position += 1;
        }
        found
    }

    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        self.token(0).is_some_and(|token| token.kind == Kind::Symbol && self.written(token) == symbol)
    }

    pub(crate) fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.position += 1;
        }
        found
    }

    pub(crate) fn if_exists(&mut self) -> bool {
        self.words(&["IF", "EXISTS"])
    }

    pub(crate) fn if_not_exists(&mut self) -> bool {
        self.words(&["IF", "NOT", "EXISTS"])
    }

    /// A name without a schema, as the server knows it.
    pub(crate) fn identifier(&mut self) -> Option<String> {
        let token = self.token(0)?;
        let written = self.written(token);
        let name = match token.kind {
            Kind::Word if self.dialect == Dialect::Postgres => written.to_lowercase(),
            Kind::Word => written.to_owned(),
            Kind::Name => unquoted(written),
            // SQLite takes a string for a name; MySQL does with ANSI_QUOTES.
            Kind::Text if self.dialect == Dialect::Sqlite => unquoted(written),
            Kind::Text if self.dialect == Dialect::Mysql && written.starts_with('"') => unquoted(written),
            // MySQL's names may begin with a digit.
            Kind::Number if self.dialect == Dialect::Mysql => written.to_owned(),
            _ => return None,
        };
        self.position += 1;
        Some(name)
    }

    /// A name that may have a schema before it.
    pub(crate) fn name(&mut self) -> Option<Name> {
        let start = self.token(0)?.start;
        let mut name = self.identifier()?;
        let mut schema = None;
        while self.is_symbol(".") {
            let before = self.position;
            self.position += 1;
            let Some(next) = self.identifier() else {
                self.position = before;
                break;
            };
            schema = Some(std::mem::replace(&mut name, next));
        }
        let end = self.tokens[self.position - 1].end;
        Some(Name { schema, name, written: self.text[start..end].to_owned() })
    }

    /// Names with commas between them. What follows a name (`*`, a function's arguments) is passed over.
    pub(crate) fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        loop {
            self.word("ONLY");
            let Some(name) = self.name() else { break };
            names.push(name);
            self.symbol("*");
            self.group();
            if !self.symbol(",") {
                break;
            }
        }
        names
    }

    /// A string's value.
    pub(crate) fn text(&mut self) -> Option<String> {
        let token = self.token(0).filter(|token| token.kind == Kind::Text)?;
        self.position += 1;
        Some(unquoted(self.written(token)))
    }

    /// What stands in parentheses, without them.
    pub(crate) fn group(&mut self) -> Option<&'a str> {
        if !self.is_symbol("(") {
            return None;
        }
        let start = self.tokens[self.position].end;
        let mut depth = 0_usize;
        while let Some(token) = self.token(0) {
            self.position += 1;
            if token.kind != Kind::Symbol {
                continue;
            }
            match self.written(token) {
                "(" => depth += 1,
                ")" => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(self.text[start..token.start].trim());
                    }
                }
                _ => {}
            }
        }
        Some(self.text[start..].trim())
    }

    /// The columns in parentheses: their names, without what else is said of each (length, order).
    pub(crate) fn columns(&mut self) -> Vec<String> {
        let Some(inside) = self.group() else { return Vec::new() };
        let mut inner = Self::new(inside, self.dialect);
        let mut columns = Vec::new();
        while !inner.at_end() {
            columns.extend(inner.identifier());
            inner.skip_to_comma();
            inner.symbol(",");
        }
        columns
    }

    /// Moves past one token, or past a whole group of parentheses.
    pub(crate) fn skip(&mut self) {
        if self.group().is_none() {
            self.advance();
        }
    }

    /// Moves to the next comma or closing parenthesis that is not within parentheses, or to the end.
    pub(crate) fn skip_to_comma(&mut self) {
        while !self.at_end() && !self.is_symbol(",") && !self.is_symbol(")") {
            self.skip();
        }
    }

    /// Whether the word stands somewhere in the rest, outside of parentheses.
    pub(crate) fn later(&self, word: &str) -> bool {
        self.find(|cursor, ahead| cursor.is_word_ahead(ahead, word)).is_some()
    }

    /// Whether the words stand somewhere in the rest, one after another, outside of parentheses.
    pub(crate) fn later_words(&self, words: &[&str]) -> bool {
        self.find(|cursor, ahead| {
            words.iter().enumerate().all(|(offset, word)| cursor.is_word_ahead(ahead + offset, word))
        })
        .is_some()
    }

    /// Moves right behind the word, wherever it is in the rest outside of parentheses.
    pub(crate) fn find_word(&mut self, word: &str) -> bool {
        match self.find(|cursor, ahead| cursor.is_word_ahead(ahead, word)) {
            Some(ahead) => {
                self.position += ahead + 1;
                true
            }
            None => false,
        }
    }

    fn find(&self, found: impl Fn(&Self, usize) -> bool) -> Option<usize> {
        let mut depth = 0_usize;
        for ahead in 0..self.tokens.len().saturating_sub(self.position) {
            match (self.token(ahead).map(|token| token.kind), self.ahead(ahead)) {
                (Some(Kind::Symbol), "(") => depth += 1,
                (Some(Kind::Symbol), ")") => depth = depth.saturating_sub(1),
                _ if depth == 0 && found(self, ahead) => return Some(ahead),
                _ => {}
            }
        }
        None
    }

    /// Names of functions that the rest calls, in lower case and without their schema; in parentheses as well.
    pub(crate) fn calls(&self) -> Vec<String> {
        let mut calls = Vec::new();
        for at in self.position..self.tokens.len().saturating_sub(1) {
            let token = self.tokens[at];
            let called = matches!(token.kind, Kind::Word | Kind::Name)
                && self.written(self.tokens[at + 1]) == "("
                && self.tokens[at + 1].kind == Kind::Symbol;
            // Behind `::` stands a type.
            let cast = at > self.position && self.written(self.tokens[at - 1]) == ":";
            if called && !cast {
                calls.push(unquoted(self.written(token)).to_lowercase());
            }
        }
        calls
    }

    /// The text from a position up to here.
    pub(crate) fn since(&self, position: usize) -> &'a str {
        match (self.tokens.get(position), self.position.checked_sub(1).and_then(|last| self.tokens.get(last)))
        {
            (Some(first), Some(last)) if first.start < last.end => &self.text[first.start..last.end],
            _ => "",
        }
    }

    /// The rest, as it is written.
    pub(crate) fn rest(&self) -> &'a str {
        self.token(0).map_or("", |token| self.text[token.start..].trim_end())
    }

    /// The next words, in upper case, for what is not understood.
    pub(crate) fn next_words(&self) -> String {
        let words = self.tokens[self.position..].iter().take(4).map(|token| self.written(*token));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// What stands between quotes, with quotes written twice made one.
fn unquoted(written: &str) -> String {
    let Some(open) = written.find(['\'', '"', '`', '[', '$']) else { return written.to_owned() };
    let quote = written.as_bytes()[open];
    if quote == b'$' {
        let tag = written[open + 1..].find('$').map_or(written.len(), |at| open + 2 + at);
        return written.get(tag..written.len().saturating_sub(tag - open)).unwrap_or("").to_owned();
    }
    let inside = written.get(open + 1..written.len().saturating_sub(1)).unwrap_or("");
    match quote {
        b'\'' => inside.replace("''", "'"),
        b'"' => inside.replace("\"\"", "\""),
        b'`' => inside.replace("``", "`"),
        _ => inside.to_owned(),
    }
}
