//! What a deploy would change of a cluster's objects, field by field.

use bascule_model::plan::{Change, FieldChange, ObjectChange};

use crate::text::escape;
use crate::text::style::{BAD, DIM, GOOD, WARNING, paint};
use crate::text::wrap::{WIDTH, wrap};

/// The section's text.
pub fn section(objects: &[ObjectChange]) -> String {
    objects.iter().map(object).collect()
}

fn object(change: &ObjectChange) -> String {
    let mark = match change.change {
        Change::Added => paint(GOOD, "+"),
        Change::Changed => paint(WARNING, "~"),
        Change::Removed => paint(BAD, "-"),
        Change::Same => paint(DIM, "="),
    };
    let mut words = escape::line(&change.object);
    if let Some(beside) = &change.beside {
        words.push_str(&format!(" beside {}", escape::line(beside)));
        if change.fields.is_empty() {
            words.push_str(": like it");
        }
    }
    let mut text = format!("  {mark} {}\n", wrap(&words, 4, 6));
    change.fields.iter().for_each(|one| text.push_str(&field(one)));
    text
}

fn field(change: &FieldChange) -> String {
    let mut text = format!("      {}\n", cut(&escape::line(&change.path), 8));
    for (mark, value) in [("-", &change.from), ("+", &change.to)] {
        if let Some(value) = value {
            text.push_str(&format!("        {mark} {}\n", cut(&escape::line(value), 10)));
        }
    }
    text
}

/// Cut where a line is full: paths and digests have no spaces to break at. The second line and those after it are indented.
fn cut(text: &str, indent: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    let lines: Vec<String> = letters.chunks(WIDTH - indent).map(|line| line.iter().collect()).collect();
    lines.join(&format!("\n{:indent$}", ""))
}
