//! Passwords in addresses: `scheme://user:password@host`.

use std::ops::Range;

use super::placeholder::is_placeholder;

/// Where the password is in an address whose `://` is at `at`; none where there is none, or a placeholder.
#[must_use]
pub fn password_in(text: &str, at: usize) -> Option<Range<usize>> {
    let has_scheme = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    let start = at + 3;
    let is_end = |c: char| c.is_whitespace() || "/?#\"'`<>()|,;\\".contains(c);
    let rest = text.get(start..).filter(|_| has_scheme)?;
    let authority = &rest[..rest.find(is_end).unwrap_or(rest.len())];
    let (account, host) = authority.rsplit_once('@')?;
    let (user, password) = account.split_once(':')?;
    // A password that is the user's own name guards nothing but a try-out.
    let is_none = password.len() < 3 || password == user || is_placeholder(password) || host.is_empty();
    let is_common = ["pass", "pw", "pwd", "root", "admin", "postgres", "guest", "user", "mysql", "token"]
        .contains(&password);
    let is_example = host.contains("example.") || host.starts_with('$') || host.starts_with('{');
    let from = start + user.len() + 1;
    (!is_none && !is_common && !is_example).then_some(from..from + password.len())
}
