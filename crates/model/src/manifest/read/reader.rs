//! Walks the tree of a TOML document and gathers every mistake on the way, instead of stopping at the first.
//!
//! Holds: every key of a section is either taken by its name or reported; what may be a secret is remembered as a mask.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Keys};
use crate::manifest::diagnostics::{Code, Diagnostic, list, nearest};

/// A value of the document, with its place.
pub(crate) type Node<'t> = Spanned<DeValue<'t>>;

/// What has been found so far.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) problems: Vec<Diagnostic>,
    pub(crate) masks: Vec<Range<usize>>,
}

/// A table of the document whose keys are known.
pub(crate) struct Section<'t> {
    table: &'t DeTable<'t>,
    /// How it is called in messages, as in `[services.web]`.
    pub(crate) place: String,
    keys: &'static Keys,
}

/// What a value is, in words.
pub(crate) fn type_in_words(node: &Node<'_>) -> &'static str {
    match node.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl Reader {
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.problems.push(diagnostic);
    }

    /// Reports that a value is of another type than the wanted one.
    pub(crate) fn wrong_type(&mut self, key: &str, node: &Node<'_>, wanted: &str, help: impl Into<String>) {
        let message = format!("`{key}` is {}, expected {wanted}", type_in_words(node));
        self.report(
            Diagnostic::new(Code::WrongType, &node.span(), message)
                .label(format!("expected {wanted}"))
                .help(help),
        );
    }

    /// Remembers that no value in here is to be shown.
    pub(crate) fn hide(&mut self, node: &Node<'_>) {
        match node.get_ref() {
            DeValue::Array(array) => array.iter().for_each(|element| self.hide(element)),
            DeValue::Table(table) => table.iter().for_each(|(_, value)| self.hide(value)),
            _ => self.masks.push(node.span()),
        }
    }

    /// The table in a node, as a section with these keys.
    pub(crate) fn section<'t>(
        &mut self,
        node: &'t Node<'t>,
        place: impl Into<String>,
        keys: &'static Keys,
    ) -> Option<Section<'t>> {
        let place = place.into();
        if let DeValue::Table(table) = node.get_ref() {
            let section = Section { table, place, keys };
            section.report_unknown(self);
            Some(section)
        } else {
            self.hide(node);
            let message = format!("{place} is {}, expected a table", type_in_words(node));
            self.report(
                Diagnostic::new(Code::WrongType, &node.span(), message)
                    .label("expected a table")
                    .help(format!("its keys are {}", list(keys.names.iter().copied()))),
            );
            None
        }
    }

    /// The entries of a table whose keys are names that the user chose.
    pub(crate) fn entries<'t>(
        &mut self,
        key: &str,
        node: &'t Node<'t>,
        help: &str,
    ) -> Vec<(&'t str, Range<usize>, &'t Node<'t>)> {
        if let DeValue::Table(table) = node.get_ref() {
            table.iter().map(|(name, value)| (name.get_ref().as_ref(), name.span(), value)).collect()
        } else {
            self.wrong_type(key, node, "a table", help);
            Vec::new()
        }
    }
}

impl<'t> Section<'t> {
    /// The document itself.
    pub(crate) fn top(reader: &mut Reader, table: &'t DeTable<'t>) -> Self {
        let section = Self { table, place: keys::TOP.place.to_owned(), keys: &keys::TOP };
        section.report_unknown(reader);
        section
    }

    /// The key's place and value, if it is there.
    pub(crate) fn get(&self, key: &'static str) -> Option<(Range<usize>, &'t Node<'t>)> {
        debug_assert!(self.keys.names.contains(&key), "{key} is not in the list of {}", self.keys.place);
        let (found, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some((found.span(), value))
    }

    /// Reads the key's value, if it is there.
    pub(crate) fn read<T>(
        &self,
        reader: &mut Reader,
        key: &'static str,
        read: impl FnOnce(&mut Reader, &'static str, &'t Node<'t>) -> Option<T>,
    ) -> Option<T> {
        let (_, node) = self.get(key)?;
        read(reader, key, node)
    }

    fn report_unknown(&self, reader: &mut Reader) {
        for (key, value) in self.table {
            let name = key.get_ref().as_ref();
            if self.keys.names.contains(&name) {
                continue;
            }
            let meant = nearest(name, self.keys.names.iter().copied());
            let place = elsewhere(name, self.keys);
            let is_harmless =
                meant.or(place.map(|_| name)).is_some_and(|meant| !keys::HIDDEN.contains(&meant))
                    && !matches!(value.get_ref(), DeValue::Table(_));
            if !is_harmless {
                reader.hide(value);
            }
            let known = format!("{} takes {}", self.place, list(self.keys.names.iter().copied()));
            let problem = Diagnostic::new(
                Code::UnknownKey,
                &key.span(),
                format!("unknown key `{}` in {}", shortened(name), self.place),
            );
            let problem = match (meant, place) {
                (Some(meant), _) => problem.label(format!("did you mean `{meant}`?")).help(known),
                (None, Some(place)) => {
                    problem.label("not here").help(format!("`{name}` belongs in {place}; {known}"))
                }
                (None, None) => problem.label("not known here").help(known),
            };
            reader.report(problem);
        }
    }
}

/// Where a key that is unknown here would be known.
fn elsewhere(name: &str, here: &Keys) -> Option<&'static str> {
    keys::ALL
        .iter()
        .find(|keys| keys.place != here.place && keys.names.contains(&name))
        .map(|keys| keys.place)
}

/// A text of the file as it may stand in a message: on one line, at most 40 characters.
pub(crate) fn shortened(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if clean.chars().count() <= 40 {
        clean
    } else {
        format!("{}…", clean.chars().take(39).collect::<String>())
    }
}
