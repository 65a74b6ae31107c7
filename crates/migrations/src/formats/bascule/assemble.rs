//! From sections and recipes to the parts of a migration.

use bascule_sql::{Dialect, Statement};

use super::header::{Header, Kind};
use crate::folder::FolderError;
use crate::migration::{Backfill, Gate, Part};
use crate::recipe;
use crate::words;

/// Rows in the first batch, where the file does not say.
pub(crate) const BATCH: u32 = 5000;
const KEYS: [&str; 4] = ["table", "key", "batch", "gate"];

/// What the sections make.
pub(super) struct Assembled {
    pub parts: Vec<Part>,
    pub down: Option<Vec<Statement>>,
    pub checks: Vec<Statement>,
}

/// Sections as they come.
#[derive(Default)]
pub(super) struct Assembly<'a> {
    path: &'a str,
    seen: Vec<(Kind, usize)>,
    expand: Vec<Statement>,
    backfills: Vec<Backfill>,
    contract: Vec<Statement>,
    checks: Vec<Statement>,
    /// The down section.
    down: Option<Vec<Statement>>,
    /// What takes the recipes back, in the order of the recipes; and how many of them stand before the expand section.
    recipes: Vec<Vec<Statement>>,
    before_expand: usize,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(path: &'a str) -> Self {
        Self { path, ..Self::default() }
    }

    fn wrong(&self, line: usize, reason: impl Into<String>) -> FolderError {
        FolderError::Marker { path: self.path.to_owned(), line, reason: reason.into() }
    }

    /// Takes a section.
    pub(super) fn section(
        &mut self,
        header: &Header,
        line: usize,
        statements: Vec<Statement>,
    ) -> Result<(), FolderError> {
        if header.kind != Kind::Backfill {
            if let Some((_, first)) = self.seen.iter().find(|(kind, _)| *kind == header.kind) {
                let reason =
                    format!("this section was begun in line {first} already: move the statements there");
                return Err(self.wrong(line, reason));
            }
            self.seen.push((header.kind, line));
        }
        match header.kind {
            Kind::Expand => {
                self.before_expand = self.recipes.len();
                self.expand.extend(statements);
            }
            Kind::Contract => self.contract.extend(statements),
            Kind::Down => self.down = Some(statements),
            Kind::Check => self.checks.extend(statements),
            Kind::Backfill => {
                let backfill = self.backfill(header, line, statements)?;
                self.backfills.push(backfill);
            }
            // Recipes are not sections with statements.
            Kind::Recipe => {}
        }
        Ok(())
    }

    fn backfill(
        &self,
        header: &Header,
        line: usize,
        statements: Vec<Statement>,
    ) -> Result<Backfill, FolderError> {
        if let Some(key) = header.pairs.keys().find(|key| !KEYS.contains(key)) {
            let hint = words::meant(key, KEYS);
            return Err(self.wrong(
                line,
                format!("`{key}` is no key of `-- backfill`{hint}: it has {}", words::list(KEYS)),
            ));
        }
        let wanted = |key: &str| {
            header.pairs.get(key).filter(|value| !value.is_empty()).ok_or_else(|| {
                self.wrong(
                    line,
                    format!("`-- backfill` wants `{key}=…`, as in `-- backfill table=users key=id`"),
                )
            })
        };
        let batch = match header.pairs.get("batch") {
            None => BATCH,
            Some(text) => {
                text.parse().ok().filter(|rows| (1..=1_000_000).contains(rows)).ok_or_else(|| {
                    self.wrong(line, format!("`batch={text}`: it is a number of rows from 1 to 1000000"))
                })?
            }
        };
        let gate = match header.pairs.get("gate") {
            None | Some("switch") => Gate::Switch,
            Some("contract") => Gate::Contract,
            Some(other) => {
                return Err(self.wrong(line, format!("`gate={other}`: it is `switch` or `contract`")));
            }
        };
        let mut statements = statements.into_iter();
        let (Some(statement), None) = (statements.next(), statements.next()) else {
            return Err(self.wrong(
                line,
                "a backfill is one statement, an UPDATE of its table: write one below this line",
            ));
        };
        Ok(Backfill {
            table: wanted("table")?.to_owned(),
            key: wanted("key")?.split(',').map(|key| key.trim().to_owned()).collect(),
            batch,
            gate,
            statement,
        })
    }

    /// Takes a recipe.
    pub(super) fn recipe(
        &mut self,
        header: &Header,
        line: usize,
        dialect: Dialect,
    ) -> Result<(), FolderError> {
        let produced = recipe::produce(&header.recipe, &header.pairs.0, dialect)
            .map_err(|source| FolderError::Recipe { path: self.path.to_owned(), line, source })?;
        let at = |texts: Vec<String>| texts.into_iter().map(move |text| Statement { text, line });
        self.expand.extend(at(produced.expand));
        self.contract.extend(at(produced.contract));
        self.checks.extend(at(produced.checks));
        self.recipes.push(at(produced.down).collect());
        self.backfills.extend(produced.backfills.into_iter().map(|backfill| Backfill {
            table: backfill.table,
            key: backfill.key,
            batch: backfill.batch,
            gate: backfill.gate,
            statement: Statement { text: backfill.statement, line },
        }));
        Ok(())
    }

    /// All of it. What came last is taken back first. Where the file has an expand section of its own and does not say how to take it
    /// back, nothing is.
    pub(super) fn finish(self) -> Assembled {
        let own = self.seen.iter().any(|(kind, _)| *kind == Kind::Expand);
        let down = if self.recipes.is_empty() || (own && self.down.is_none()) {
            self.down
        } else {
            let mut pieces = self.recipes;
            pieces.insert(self.before_expand.min(pieces.len()), self.down.unwrap_or_default());
            Some(pieces.into_iter().rev().flatten().collect())
        };
        let count = self.backfills.len()
            + usize::from(!self.expand.is_empty())
            + usize::from(!self.contract.is_empty());
        let mut parts = Vec::with_capacity(count);
        if !self.expand.is_empty() {
            parts.push(Part::Expand { statements: self.expand });
        }
        parts.extend(self.backfills.into_iter().map(Part::Backfill));
        if !self.contract.is_empty() {
            parts.push(Part::Contract { statements: self.contract });
        }
        Assembled { parts, down, checks: self.checks }
    }
}
