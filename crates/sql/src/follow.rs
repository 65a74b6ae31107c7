//! A trigger's text that follows a column to its new name.

use crate::Dialect;
use crate::lexer::{Kind, Lexer};

/// The text with `NEW.column` and `OLD.column` under the column's new name; none where it does not speak of it. Looks into the
/// dollar-quoted body of a function as well.
#[must_use]
pub fn follow(text: &str, column: &str, to: &str, dialect: Dialect) -> Option<String> {
    let mut lexer = Lexer::new(text, dialect);
    let (mut out, mut found) = (String::with_capacity(text.len()), false);
    // The row that was named, and the point behind it.
    let (mut row, mut point) = (false, false);
    while let Some(token) = lexer.token() {
        let token = token.ok()?;
        let written = &text[token.start..token.end];
        let mut changed = None;
        if token.kind == Kind::Text && written.starts_with('$') {
            changed = body(written, column, to, dialect);
        } else if row
            && point
            && matches!(token.kind, Kind::Word | Kind::Name)
            && same(written, column, dialect)
        {
            changed = Some(quoted(to, dialect));
        }
        if token.kind.significant() {
            point = row && written == ".";
            row = point || ["NEW", "OLD"].iter().any(|name| name.eq_ignore_ascii_case(written));
        }
        found |= changed.is_some();
        out.push_str(changed.as_deref().unwrap_or(written));
    }
    found.then_some(out)
}

fn body(written: &str, column: &str, to: &str, dialect: Dialect) -> Option<String> {
    let tag = written.get(..=written[1..].find('$')? + 1)?;
    let inner = written.strip_prefix(tag)?.strip_suffix(tag)?;
    let inner = follow(inner, column, to, dialect)?;
    Some(format!("{tag}{inner}{tag}"))
}

fn same(written: &str, column: &str, dialect: Dialect) -> bool {
    let mark = written.chars().next().filter(|mark| "\"`[".contains(*mark));
    let name = match mark {
        None => written.to_owned(),
        Some(mark) => {
            let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
            inner.replace(&format!("{mark}{mark}"), &mark.to_string())
        }
    };
    match (dialect, mark) {
        (Dialect::Postgres, Some(_)) => name == column,
        (Dialect::Postgres, None) => name.to_lowercase() == column,
        _ => name.eq_ignore_ascii_case(column),
    }
}

fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
        Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_column_of_the_row_is_followed() {
        let text = "CREATE FUNCTION f() RETURNS trigger AS $function$\nBEGIN\n  -- NEW.name\n  NEW.\"name\" := OLD . NAME || 'NEW.name' || name || NEW.names;\nEND$function$";
        let followed = "CREATE FUNCTION f() RETURNS trigger AS $function$\nBEGIN\n  -- NEW.name\n  NEW.\"gone\" := OLD . \"gone\" || 'NEW.name' || name || NEW.names;\nEND$function$";
        assert_eq!(follow(text, "name", "gone", Dialect::Postgres).as_deref(), Some(followed));
        assert_eq!(follow(text, "email", "gone", Dialect::Postgres), None);
        assert_eq!(
            follow("SET NEW.`a` = new.B", "b", "gone", Dialect::Mysql).as_deref(),
            Some("SET NEW.`a` = new.`gone`")
        );
    }
}
