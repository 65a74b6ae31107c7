//! Texts as they are written where some characters mean something else.

use std::fmt::Write as _;

/// The text in every escaped form, the unchanged ones among them included.
pub(super) fn all(text: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for variant in JSON {
        let once = json(text, variant);
        forms.push(json(&once, variant));
        forms.push(once);
    }
    forms.extend([
        text.replace('\'', r"'\''"),
        text.replace('\'', r#"'"'"'"#),
        text.replace('\'', "''"),
        text.replace('"', "\"\""),
        behind_backslashes(text, |c| r#"\"$`"#.contains(c)),
        behind_backslashes(text, |c| r#"\"$`!"#.contains(c)),
        behind_backslashes(text, is_special_to_a_shell).replace('\n', "$'\\n'"),
        dollar_quoted(text),
        text.replace('\n', "\\n"),
        interpreted(text),
        text.replace('\n', "\r\n"),
        markup(text, "&#39;"),
        markup(text, "&apos;"),
        markup(text, "&#x27;"),
        markup(text, "'").replace("&quot;", "\""),
    ]);
    for plain in UNCHANGED_IN_URLS {
        for space in ["%20", "+"] {
            for digits in [Digits::Upper, Digits::Lower] {
                forms.push(percent(text, plain, space, digits));
            }
        }
    }
    forms
}

/// What writers of JSON differ in.
#[derive(Clone, Copy)]
struct Json {
    slash: &'static str,
    is_ascii_only: bool,
    is_for_markup: bool,
    digits: Digits,
}

#[derive(Clone, Copy)]
enum Digits {
    Upper,
    Lower,
}

const PLAIN_JSON: Json =
    Json { slash: "/", is_ascii_only: false, is_for_markup: false, digits: Digits::Lower };

const JSON: [Json; 5] = [
    PLAIN_JSON,
    Json { slash: "\\/", is_ascii_only: true, ..PLAIN_JSON },
    Json { is_ascii_only: true, ..PLAIN_JSON },
    Json { is_for_markup: true, ..PLAIN_JSON },
    Json { is_ascii_only: true, is_for_markup: true, digits: Digits::Upper, ..PLAIN_JSON },
];

/// The inside of a JSON string (RFC 8259).
fn json(text: &str, how: Json) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '/' => out.push_str(how.slash),
            '<' | '>' | '&' if how.is_for_markup => unit(&mut out, c as u32, how.digits),
            c if (c as u32) < 0x20 => unit(&mut out, c as u32, how.digits),
            c if how.is_ascii_only && !c.is_ascii() => {
                let mut units = [0; 2];
                for one in c.encode_utf16(&mut units) {
                    unit(&mut out, u32::from(*one), how.digits);
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn unit(out: &mut String, code: u32, digits: Digits) {
    // Writing into a string cannot fail.
    let _ = match digits {
        Digits::Upper => write!(out, "\\u{code:04X}"),
        Digits::Lower => write!(out, "\\u{code:04x}"),
    };
}

fn behind_backslashes(text: &str, is_special: impl Fn(char) -> bool) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if is_special(c) {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

fn is_special_to_a_shell(c: char) -> bool {
    " \t!\"#$&'()*,;<>?[\\]^`{|}~".contains(c)
}

/// The inside of `$'…'`.
fn dollar_quoted(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{1b}' => out.push_str("\\E"),
            c => out.push(c),
        }
        out
    })
}

/// What `echo` of many shells makes of backslashes.
fn interpreted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('\\') | None => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
        }
    }
    out
}

/// As text of XML or HTML.
fn markup(text: &str, apostrophe: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', apostrophe)
}

/// What is left as it is beside letters and digits: by RFC 3986, by what browsers do with parts, with whole
/// addresses and with forms, and with the slash, as many libraries have it for paths.
const UNCHANGED_IN_URLS: [&str; 6] =
    ["-._~", "-._~!'()*", "-._~!'()*;/?:@&=+$,#", "-._*", "-._~/", "-._~!$&'()*+,;="];

fn percent(text: &str, plain: &str, space: &str, digits: Digits) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte == b' ' {
            out.push_str(space);
        } else if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = match digits {
                Digits::Upper => write!(out, "%{byte:02X}"),
                Digits::Lower => write!(out, "%{byte:02x}"),
            };
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_as_programs_write_it() {
        let text = "a\"b'c\\d$e f/g&h\ni+ü";
        let forms = all(text);
        let expected = [
            r#"a\"b'c\\d$e f/g&h\ni+ü"#,
            r#"a\"b'c\\d$e f\/g&h\ni+\u00fc"#,
            r#"a\"b'c\\d$e f/g\u0026h\ni+ü"#,
            r#"a\\\"b'c\\\\d$e f/g&h\\ni+ü"#,
            "a\"b'\\''c\\d$e f/g&h\ni+ü",
            "a\\\"b'c\\\\d\\$e f/g&h\ni+ü",
            r#"a"b\'c\\d$e f/g&h\ni+ü"#,
            r#"a\"b\'c\\d\$e\ f/g\&h$'\n'i+ü"#,
            "a%22b%27c%5Cd%24e%20f%2Fg%26h%0Ai%2B%C3%BC",
            "a%22b%27c%5cd%24e+f%2fg%26h%0ai%2b%c3%bc",
            "a%22b%27c%5Cd%24e+f/g%26h%0Ai%2B%C3%BC",
            "a&quot;b&#39;c\\d$e f/g&amp;h\ni+ü",
        ];
        for form in expected {
            assert!(forms.iter().any(|one| one == form), "{form}");
        }
    }
}
