//! An expression as a tree: what binds tighter stands below.

use super::token::{Token, Word};
use super::{BadExpression, DEEPEST};

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    /// The value that is judged.
    Value,
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Tree>),
    Not(Box<Tree>),
    Negated(Box<Tree>),
    Both(Box<Tree>, Box<Tree>),
    Either(Box<Tree>, Box<Tree>),
    Choice(Box<Tree>, Box<Tree>, Box<Tree>),
    Compared(Comparison, Box<Tree>, Box<Tree>),
    In(Box<Tree>, Box<Tree>),
    Counted(Arithmetic, Box<Tree>, Box<Tree>),
    Element(Box<Tree>, Box<Tree>),
    Called(Function, Vec<Tree>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Plus,
    Minus,
    Times,
    Over,
    Rest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Has,
    Int,
    Double,
    Text,
    Contains,
    StartsWith,
    EndsWith,
}

struct Reader<'t> {
    tokens: &'t [Token],
    next: usize,
    depth: usize,
}

/// Reads a whole expression.
pub(super) fn read(tokens: &[Token]) -> Result<Tree, BadExpression> {
    let mut reader = Reader { tokens, next: 0, depth: 0 };
    let tree = reader.choice()?;
    match reader.tokens.get(reader.next) {
        None => Ok(tree),
        Some(_) => Err(reader.refuse("the expression is over here; `&&` and `||` join two")),
    }
}

type Read = Result<Tree, BadExpression>;

impl Reader<'_> {
    fn refuse(&self, what: impl Into<String>) -> BadExpression {
        let last = self.tokens.last().map_or(1, |token| token.at + 1);
        BadExpression { at: self.tokens.get(self.next).map_or(last, |token| token.at), what: what.into() }
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.tokens.get(self.next).is_some_and(|token| matches!(token.word, Word::Sign(it) if it == sign))
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), BadExpression> {
        if self.take(sign) { Ok(()) } else { Err(self.refuse(format!("expected `{sign}`"))) }
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Read) -> Read {
        if self.depth == DEEPEST {
            return Err(self.refuse(format!("it is nested more than {DEEPEST} deep")));
        }
        self.depth += 1;
        let tree = read(self);
        self.depth -= 1;
        tree
    }

    fn choice(&mut self) -> Read {
        self.deeper(|reader| {
            let condition = reader.either()?;
            if !reader.take("?") {
                return Ok(condition);
            }
            let yes = reader.either()?;
            reader.expect(":")?;
            Ok(Tree::Choice(Box::new(condition), Box::new(yes), Box::new(reader.choice()?)))
        })
    }

    fn either(&mut self) -> Read {
        let mut tree = self.both()?;
        while self.take("||") {
            tree = Tree::Either(Box::new(tree), Box::new(self.both()?));
        }
        Ok(tree)
    }

    fn both(&mut self) -> Read {
        let mut tree = self.compared()?;
        while self.take("&&") {
            tree = Tree::Both(Box::new(tree), Box::new(self.compared()?));
        }
        Ok(tree)
    }

    fn compared(&mut self) -> Read {
        let one = self.sum()?;
        let is_in = self.tokens.get(self.next).is_some_and(|token| token.word == Word::Name("in".to_owned()));
        if is_in {
            self.next += 1;
            return Ok(Tree::In(Box::new(one), Box::new(self.sum()?)));
        }
        let comparisons = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        match comparisons.iter().find(|(sign, _)| self.is_sign(sign)) {
            Some((_, comparison)) => {
                self.next += 1;
                Ok(Tree::Compared(*comparison, Box::new(one), Box::new(self.sum()?)))
            }
            None => Ok(one),
        }
    }

    fn sum(&mut self) -> Read {
        let mut tree = self.product()?;
        loop {
            let arithmetic = match () {
                () if self.take("+") => Arithmetic::Plus,
                () if self.take("-") => Arithmetic::Minus,
                () => return Ok(tree),
            };
            tree = Tree::Counted(arithmetic, Box::new(tree), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Read {
        let mut tree = self.single()?;
        loop {
            let arithmetic = match () {
                () if self.take("*") => Arithmetic::Times,
                () if self.take("/") => Arithmetic::Over,
                () if self.take("%") => Arithmetic::Rest,
                () => return Ok(tree),
            };
            tree = Tree::Counted(arithmetic, Box::new(tree), Box::new(self.single()?));
        }
    }

    fn single(&mut self) -> Read {
        if self.take("!") {
            return self.deeper(|reader| Ok(Tree::Not(Box::new(reader.single()?))));
        }
        if self.take("-") {
            return self.deeper(|reader| Ok(Tree::Negated(Box::new(reader.single()?))));
        }
        let mut tree = self.first()?;
        loop {
            if self.take("[") {
                let at = self.choice()?;
                self.expect("]")?;
                tree = Tree::Element(Box::new(tree), Box::new(at));
            } else if self.take(".") {
                tree = self.member(tree)?;
            } else {
                return Ok(tree);
            }
        }
    }

    fn member(&mut self, of: Tree) -> Read {
        let name = self.name().ok_or_else(|| self.refuse("expected a name"))?;
        if !self.is_sign("(") {
            return Ok(Tree::Element(Box::new(of), Box::new(Tree::Text(name))));
        }
        let (function, count) = match name.as_str() {
            "contains" => (Function::Contains, 1),
            "startsWith" => (Function::StartsWith, 1),
            "endsWith" => (Function::EndsWith, 1),
            "size" => (Function::Size, 0),
            _ => {
                self.next -= 1;
                return Err(self.refuse(format!(
                    "there is no function `{name}` here: there are contains, startsWith, endsWith and size"
                )));
            }
        };
        let mut arguments = vec![of];
        arguments.extend(self.arguments(count)?);
        Ok(Tree::Called(function, arguments))
    }

    fn name(&mut self) -> Option<String> {
        let Word::Name(name) = &self.tokens.get(self.next)?.word else { return None };
        self.next += 1;
        Some(name.clone())
    }

    /// What stands in the brackets of a call, which has so many arguments.
    fn arguments(&mut self, count: usize) -> Result<Vec<Tree>, BadExpression> {
        self.expect("(")?;
        let arguments = self.listed(")")?;
        if arguments.len() == count {
            return Ok(arguments);
        }
        self.next -= 1;
        Err(self.refuse(format!("this function takes {count} of them, not {}", arguments.len())))
    }

    /// Expressions with commas between them, up to that sign.
    fn listed(&mut self, end: &str) -> Result<Vec<Tree>, BadExpression> {
        let mut list = Vec::new();
        if self.take(end) {
            return Ok(list);
        }
        loop {
            list.push(self.choice()?);
            if self.take(end) {
                return Ok(list);
            }
            self.expect(",")?;
        }
    }

    fn first(&mut self) -> Read {
        if self.take("(") {
            let tree = self.choice()?;
            self.expect(")")?;
            return Ok(tree);
        }
        if self.take("[") {
            return Ok(Tree::List(self.listed("]")?));
        }
        let Some(token) = self.tokens.get(self.next) else {
            return Err(self.refuse("something is missing at the end"));
        };
        let tree = match &token.word {
            Word::Int(number) => Tree::Int(*number),
            Word::Double(number) => Tree::Double(*number),
            Word::Text(text) => Tree::Text(text.clone()),
            Word::Sign(sign) => return Err(self.refuse(format!("`{sign}` cannot stand here"))),
            Word::Name(name) => {
                let function = match name.as_str() {
                    "value" => return self.past(Tree::Value),
                    "true" => return self.past(Tree::Bool(true)),
                    "false" => return self.past(Tree::Bool(false)),
                    "null" => return self.past(Tree::Null),
                    "size" => Function::Size,
                    "has" => Function::Has,
                    "int" => Function::Int,
                    "double" => Function::Double,
                    "string" => Function::Text,
                    _ => return Err(self.refuse(format!("there is no `{name}`: what is judged is `value`"))),
                };
                self.next += 1;
                return Ok(Tree::Called(function, self.arguments(1)?));
            }
        };
        self.past(tree)
    }

    fn past(&mut self, tree: Tree) -> Read {
        self.next += 1;
        Ok(tree)
    }
}
