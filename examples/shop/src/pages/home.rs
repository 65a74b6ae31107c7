//! `GET /`: the page for people. One HTML file with its style and script inside; what is filled in is escaped.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Html;

use crate::app::Application;

const PAGE: &str = include_str!("home.html");

pub(crate) async fn page(State(application): State<Arc<Application>>) -> Html<String> {
    let identity = &application.identity;
    Html(fill(&[
        ("{{version}}", &identity.version),
        ("{{release}}", &identity.release),
        ("{{slot}}", &identity.slot),
        ("{{instance}}", &identity.instance),
    ]))
}

fn fill(values: &[(&str, &str)]) -> String {
    values.iter().fold(PAGE.to_owned(), |page, (mark, value)| page.replace(mark, &escape(value)))
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_and_escaped() {
        let page = fill(&[
            ("{{version}}", "<b>\"2\""),
            ("{{release}}", "r"),
            ("{{slot}}", "green"),
            ("{{instance}}", "i"),
        ]);
        assert!(page.contains("&lt;b&gt;&quot;2&quot;"));
        assert!(!page.contains("{{"), "a mark was left in the page");
    }
}
