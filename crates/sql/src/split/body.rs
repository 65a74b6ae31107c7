//! Bodies with semicolons in them: functions, procedures, triggers, events.
//!
//! It is told each token of a statement and says whether a semicolon ends it. Key words count only where they can be
//! ones: `END` ends a block only where a statement could begin, and `IF` opens one only there, so that columns and
//! functions of these names do no harm.

use crate::{Dialect, lexer::Kind};

/// Whether the statement is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Here,
    NotYet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Begin,
    If,
    Loop,
    /// Its `END` stands behind a condition.
    Repeat,
    CaseStatement,
    CaseExpression,
}

/// What kind of statement it is, as far as semicolons go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// Not known yet.
    Open,
    /// A semicolon ends it.
    Plain,
    /// There may be a body.
    Routine,
    /// `; END ;` ends it, as SQLite's own rule is.
    SqliteTrigger,
    /// `COPY` of PostgreSQL.
    Copy,
}

/// The last token, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Previous {
    None,
    Semicolon,
    /// `END` right behind a semicolon.
    LastEnd,
    /// `END` of a block: the next word may say which (`END IF`).
    BlockEnd,
    /// `.` or `@`: a name follows.
    Qualifier,
    Begin,
    From,
    /// `FOLLOWS` or `PRECEDES`: the name of another trigger comes, and then the body.
    Order,
    Other,
}

pub(super) struct Body {
    dialect: Dialect,
    head: Head,
    words: usize,
    parentheses: usize,
    blocks: Vec<(Block, usize)>,
    /// A statement of the body could begin here.
    at_start: bool,
    /// Within `DECLARE … HANDLER FOR …`, behind which a block may stand.
    in_handler: bool,
    previous: Previous,
    copies: bool,
}

impl Body {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            head: Head::Open,
            words: 0,
            parentheses: 0,
            blocks: Vec::new(),
            at_start: false,
            in_handler: false,
            previous: Previous::None,
            copies: false,
        }
    }

    /// `COPY … FROM stdin`.
    pub(super) fn copies_from_client(&self) -> bool {
        self.copies
    }

    /// Where a body begins that is not closed, if the text ends here.
    pub(super) fn left_open(&self, start: usize) -> Option<usize> {
        if self.head == Head::SqliteTrigger {
            return (self.previous != Previous::LastEnd).then_some(start);
        }
        self.blocks.last().map(|(_, place)| *place)
    }

    pub(super) fn feed(&mut self, kind: Kind, written: &str, place: usize, executable: bool) -> End {
        match kind {
            Kind::Symbol => self.symbol(written, executable),
            Kind::Word => {
                self.word(written, place);
                End::NotYet
            }
            Kind::ExecutableBegin | Kind::ExecutableEnd => End::NotYet,
            _ => {
                self.at_start = self.previous == Previous::Order;
                self.previous = Previous::Other;
                End::NotYet
            }
        }
    }

    fn symbol(&mut self, written: &str, executable: bool) -> End {
        let before = self.previous;
        self.previous = Previous::Other;
        match written {
            ";" => {
                self.previous = Previous::Semicolon;
                self.at_start = self.parentheses == 0 || !self.blocks.is_empty();
                self.in_handler = false;
                let ends = match self.head {
                    Head::SqliteTrigger => before == Previous::LastEnd,
                    // As psql: the actions of a rule stand in parentheses.
                    _ => {
                        self.blocks.is_empty() && (self.dialect != Dialect::Postgres || self.parentheses == 0)
                    }
                };
                return if ends && !executable { End::Here } else { End::NotYet };
            }
            "(" => self.parentheses += 1,
            ")" => self.parentheses = self.parentheses.saturating_sub(1),
            "." | "@" => self.previous = Previous::Qualifier,
            _ => {}
        }
        // A label, or the end of a routine's parameters: a statement may follow.
        self.at_start = written == ":" || (written == ")" && self.head == Head::Routine && self.outside());
        End::NotYet
    }

    fn outside(&self) -> bool {
        self.blocks.is_empty() && self.parentheses == 0
    }

    fn word(&mut self, written: &str, place: usize) {
        let is = |word: &str| written.eq_ignore_ascii_case(word);
        self.words += 1;
        let before = self.previous;
        self.previous = Previous::Other;
        match self.head {
            Head::Open => self.head = self.head_word(written, place),
            Head::Plain => {}
            Head::SqliteTrigger => {
                if is("end") && before == Previous::Semicolon {
                    self.previous = Previous::LastEnd;
                }
            }
            Head::Copy => {
                self.copies |= before == Previous::From && self.parentheses == 0 && is("stdin");
                if is("from") {
                    self.previous = Previous::From;
                }
            }
            Head::Routine => self.routine_word(written, place, before),
        }
    }

    /// What the first words say. They are few: what is no routine is known as plain soon.
    fn head_word(&mut self, written: &str, place: usize) -> Head {
        let is = |word: &str| written.eq_ignore_ascii_case(word);
        let any = |words: &[&str]| words.iter().any(|word| is(word));
        if self.words == 1 {
            return match self.dialect {
                _ if is("create") => Head::Open,
                Dialect::Postgres if is("copy") => Head::Copy,
                Dialect::Sqlite if is("explain") => Head::Open,
                Dialect::Mysql if is("alter") || is("begin") => Head::Open,
                _ => Head::Plain,
            };
        }
        match self.dialect {
            Dialect::Postgres if any(&["or", "replace"]) => Head::Open,
            Dialect::Postgres if any(&["function", "procedure"]) => Head::Routine,
            Dialect::Sqlite if any(&["query", "plan", "create", "temp", "temporary"]) => Head::Open,
            Dialect::Sqlite if is("trigger") => Head::SqliteTrigger,
            // MariaDB's block on its own: `BEGIN NOT ATOMIC … END`.
            Dialect::Mysql if self.words == 2 && is("not") => {
                self.blocks.push((Block::Begin, place));
                Head::Routine
            }
            Dialect::Mysql if any(&["function", "procedure", "trigger", "event", "package"]) => Head::Routine,
            // A definer may stand before, with a user's name.
            Dialect::Mysql if !any(&["table", "view", "index", "database", "schema"]) => Head::Open,
            _ => Head::Plain,
        }
    }

    fn routine_word(&mut self, written: &str, place: usize, before: Previous) {
        let is = |word: &str| written.eq_ignore_ascii_case(word);
        let any = |words: &[&str]| words.iter().any(|word| is(word));
        let start = self.at_start;
        self.at_start = false;
        if before == Previous::Qualifier {
            return;
        }
        if before == Previous::Order {
            self.at_start = true;
            return;
        }
        // The second word of `END IF` opens nothing.
        if before == Previous::BlockEnd && any(&["if", "case", "loop", "while", "repeat", "for"]) {
            return;
        }
        if is("end") {
            self.end_word(start);
        } else if is("case") {
            let block = if start { Block::CaseStatement } else { Block::CaseExpression };
            if !self.blocks.is_empty() || self.dialect == Dialect::Mysql {
                self.blocks.push((block, place));
            }
        } else if self.dialect == Dialect::Postgres {
            if is("begin") {
                self.previous = Previous::Begin;
            } else if is("atomic") && before == Previous::Begin && self.outside() {
                self.blocks.push((Block::Begin, place));
                self.at_start = true;
            }
        } else {
            self.mysql_word(written, place, start);
        }
    }

    fn end_word(&mut self, start: bool) {
        match self.blocks.last() {
            Some((Block::CaseExpression, _)) => {
                self.blocks.pop();
            }
            Some((block, _)) if start || *block == Block::Repeat => {
                self.blocks.pop();
                self.previous = Previous::BlockEnd;
            }
            _ => {}
        }
    }

    fn mysql_word(&mut self, written: &str, place: usize, start: bool) {
        let is = |word: &str| written.eq_ignore_ascii_case(word);
        let any = |words: &[&str]| words.iter().any(|word| is(word));
        if is("begin") && (start || self.in_handler || self.outside()) {
            self.blocks.push((Block::Begin, place));
            self.in_handler = false;
            self.at_start = true;
        } else if is("if") && start {
            self.blocks.push((Block::If, place));
        } else if any(&["while", "for"]) && start {
            self.blocks.push((Block::Loop, place));
        } else if is("loop") && start {
            self.blocks.push((Block::Loop, place));
            self.at_start = true;
        } else if is("repeat") && start {
            self.blocks.push((Block::Repeat, place));
            self.at_start = true;
        } else if any(&["then", "else"]) {
            self.at_start = !matches!(self.blocks.last(), Some((Block::CaseExpression, _)));
        } else if is("do") {
            self.at_start = true;
        } else if is("handler") {
            self.in_handler = true;
        } else if any(&["follows", "precedes"]) && start && self.outside() {
            self.previous = Previous::Order;
        } else if self.outside() {
            // What may stand right before the body of a routine.
            self.at_start = any(&["row", "data", "deterministic", "sql", "invoker", "definer"]);
        }
    }
}
