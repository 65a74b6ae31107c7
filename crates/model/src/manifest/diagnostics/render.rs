//! Messages with excerpts of the source, for a terminal.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::Diagnostic;
use crate::manifest::source::Source;

/// Whether messages are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// With ANSI colours.
    Always,
    /// Plain text.
    Never,
}

const WIDTH: usize = 80;

pub(super) fn render(source: &Source, list: &[Diagnostic], color: Color) -> String {
    let renderer = match color {
        Color::Always => Renderer::styled(),
        Color::Never => Renderer::plain(),
    };
    let renderer = renderer.term_width(WIDTH).decor_style(DecorStyle::Ascii);
    let messages: Vec<String> =
        list.iter().map(|diagnostic| renderer.render(&[group(source, diagnostic)])).collect();
    let mut text = messages.join("\n\n");
    text.push('\n');
    text
}

fn group<'a>(source: &'a Source, diagnostic: &'a Diagnostic) -> Group<'a> {
    let related = diagnostic.related.as_ref();
    let spans: Vec<_> =
        std::iter::once(diagnostic.span.clone()).chain(related.map(|(span, _)| span.clone())).collect();
    let (text, places) = source.excerpt(&spans);
    let mut places = places.into_iter();
    let primary =
        AnnotationKind::Primary.span(places.next().unwrap_or(0..0)).label(diagnostic.label.as_str());
    let mut snippet = Snippet::source(text).path(source.file_name()).annotation(primary);
    if let Some(((_, label), place)) = related.zip(places.next()) {
        snippet = snippet.annotation(AnnotationKind::Context.span(place).label(label.as_str()));
    }
    let title = Level::ERROR.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_str());
    let help = diagnostic.help.as_deref().map(|help| Level::HELP.message(wrapped(help)));
    match help {
        Some(help) => title.element(snippet).element(help),
        None => title.element(snippet),
    }
}

/// Breaks a help text at blanks, so that it fits behind `  = help: `.
fn wrapped(text: &str) -> String {
    let room = WIDTH - 14;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let fits = lines.last().is_some_and(|line| line.is_empty() || line.len() + word.len() < room);
        match lines.last_mut() {
            Some(line) if fits => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
