use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

fn redactor(secrets: &[(&str, &str)]) -> Redactor {
    let secrets: Vec<_> =
        secrets.iter().map(|(name, value)| (*name, SecretValue::new((*value).to_owned()))).collect();
    Redactor::new(secrets.iter().map(|(name, value)| (*name, value)))
}

/// Says the same in the simplest way: every place of every form, then what they cover.
fn naive(secrets: &[(&str, &str)], text: &[u8]) -> Vec<u8> {
    let mut finds: Vec<(usize, usize, usize)> = Vec::new();
    for (number, (_, value)) in secrets.iter().enumerate() {
        for form in forms::of(value) {
            for start in 0..text.len() {
                if text[start..].starts_with(&form) {
                    finds.push((start, start + form.len(), number));
                }
            }
        }
    }
    finds.sort_by_key(|(start, end, number)| (*start, usize::MAX - *end, *number));
    let mut out = Vec::new();
    let (mut at, mut covered) = (0, 0);
    for (start, end, number) in finds {
        if start >= covered {
            out.extend_from_slice(&text[at.max(covered)..start]);
            out.extend_from_slice(format!("[secret {}]", secrets[number].0).as_bytes());
            at = start;
        }
        covered = covered.max(end);
    }
    out.extend_from_slice(&text[at.max(covered).min(text.len())..]);
    out
}

fn in_pieces(redactor: &Redactor, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut stream = redactor.stream();
    let mut from = 0;
    for cut in cuts.iter().copied().filter(|cut| *cut <= text.len()) {
        if cut >= from {
            stream.push(&text[from..cut], &mut out);
            from = cut;
        }
    }
    stream.push(&text[from..], &mut out);
    stream.finish(&mut out);
    out
}

const CANARY: &str = "C4n\"a'r\\y$ `x`/&<+>!ü=Z";
const KEY: &str = "-----BEGIN KEY-----\nMIIEvQIBADANBg/kqhkiG9\nab+cdefghijklmnop==\nxy\n-----END KEY-----\n";

#[test]
fn a_secret_is_not_in_what_comes_out_whatever_wrote_it() {
    let redactor = redactor(&[("CANARY", CANARY)]);
    let json = serde_json::to_string(CANARY).unwrap();
    let twice = serde_json::to_string(&json).unwrap();
    for text in [CANARY.to_owned(), json, twice, format!("{CANARY:?}"), CANARY.replace('\'', "'\\''")] {
        let out = redactor.text(&text).into_owned();
        assert!(
            out.contains("[secret CANARY]") && !out.contains("C4n") && !out.contains("=Z"),
            "{text}: {out}"
        );
    }
}

#[test]
fn real_shells_and_interpreters_are_understood() {
    let programs: [(&str, &[&str]); 6] = [
        ("bash", &["-c", "printf %q \"$CANARY\""]),
        ("bash", &["-c", "echo \"${CANARY@Q}\"; export -p | grep CANARY"]),
        ("bash", &["-xc", "true \"$CANARY\" 2>&1"]),
        ("sh", &["-c", "export -p; printf %s \"$CANARY\" | base64; printf 'u:%s' \"$CANARY\" | base64 -w0"]),
        ("sh", &["-c", "printf %s \"$CANARY\" | od -An -v -tx1 | tr -d ' \\n'; env"]),
        (
            "python3",
            &[
                "-c",
                "import os, json, urllib.parse as u, html, base64, shlex\nc = os.environ['CANARY']\nprint(repr(c) if chr(39) not in c else '', json.dumps(c), json.dumps({'a': json.dumps([c])}), u.quote(c), u.quote_plus(c), \
                 u.quote(c, safe=''), html.escape(c), shlex.quote(c), c.encode().hex(), sep='\\n')\nfor n in range(3): print(base64.b64encode(b'x' * n + c.encode() + b'tail').decode(), base64.urlsafe_b64encode(b'x' * n + c.encode()).decode())",
            ],
        ),
    ];
    let value = "Q7w3$e'R \"t/Zu+i<ö>&9p\\K";
    let redactor = redactor(&[("CANARY", value)]);
    let mut seen = 0;
    for (program, arguments) in programs {
        let command =
            Command::new(program).args(arguments).env("CANARY", value).stdin(Stdio::null()).output();
        // A machine without that program has nothing to say.
        let Ok(output) = command else { continue };
        let text = [output.stdout, output.stderr].concat();
        let out = String::from_utf8_lossy(&redactor.bytes(&text)).into_owned();
        for part in ["Q7w3", "9p\\K", "%3C%C3%B6%3E", "517733", "UTd3M"] {
            assert!(!out.contains(part), "{program} {arguments:?}: {out}");
        }
        assert!(out.contains("[secret CANARY]"), "{program} {arguments:?}: {out}");
        seen += 1;
    }
    assert!(seen >= 2);
}

#[test]
fn a_key_of_several_lines_is_found_whole_by_line_and_escaped() {
    let redactor = redactor(&[("KEY", KEY)]);
    assert_eq!(redactor.text(KEY), "[secret KEY]\n");
    assert_eq!(redactor.text("log: MIIEvQIBADANBg/kqhkiG9 x"), "log: [secret KEY] x");
    assert_eq!(redactor.text("MIIEvQIBADANBg\\/kqhkiG9"), "[secret KEY]");
    assert_eq!(redactor.text("ab%2bcdefghijklmnop%3d%3d"), "[secret KEY]");
    // Lines that stand in every key, and those that are too short.
    assert_eq!(redactor.text("-----BEGIN KEY----- xy"), "-----BEGIN KEY----- xy");
    let json = serde_json::to_string(KEY).unwrap();
    assert_eq!(redactor.text(&json), "\"[secret KEY]\\n\"");
    assert_eq!(redactor.text(&KEY.replace('\n', "\r\n")), "[secret KEY]\r\n");
}

#[test]
fn overlapping_secrets_leave_nothing_beside_the_mark() {
    let redactor =
        redactor(&[("URL", "postgres://u:hunter22@db"), ("PASSWORD", "hunter22"), ("TAIL", "22@db/shop")]);
    assert_eq!(redactor.text("to postgres://u:hunter22@db/shop."), "to [secret URL].");
    assert_eq!(
        redactor.text("hunter22 hunter22hunter22"),
        "[secret PASSWORD] [secret PASSWORD][secret PASSWORD]"
    );
}

#[test]
fn what_is_too_short_is_said_and_not_looked_for() {
    let redactor = redactor(&[("A", "abc"), ("B", "{"), ("C", "abcd")]);
    assert_eq!(redactor.unsearched(), ["A", "B"]);
    assert_eq!(redactor.text("abc { abcd"), "abc { [secret C]");
}

#[test]
fn only_what_may_be_the_beginning_of_a_secret_is_held_back() {
    let redactor = redactor(&[("A", "hunter22")]);
    let (mut stream, mut out) = (redactor.stream(), Vec::new());
    stream.push(b"a line\nhunt", &mut out);
    assert_eq!(out, b"a line\n");
    stream.push(b"ing\n", &mut out);
    assert_eq!(out, b"a line\nhunting\n");
    stream.push(b"hunter2", &mut out);
    stream.push(b"2", &mut out);
    stream.finish(&mut out);
    assert_eq!(out, b"a line\nhunting\n[secret A]");
}

#[test]
fn a_secret_without_end_needs_no_memory() {
    let redactor = redactor(&[("A", "aaaa")]);
    let (mut stream, mut out) = (redactor.stream(), Vec::new());
    for _ in 0..1000 {
        stream.push(&[b'a'; 1000], &mut out);
    }
    assert!(stream.held_bytes() < 16);
    stream.finish(&mut out);
    assert_eq!(out, b"[secret A]");
}

#[test]
fn json_is_redacted_in_its_texts() {
    let redactor = redactor(&[("A", "hunter\"22")]);
    let mut value = serde_json::json!({ "hunter\"22": ["x hunter\"22 y", 1, { "k": "\"hunter\\\"22\"" }] });
    redactor.json(&mut value);
    let expected = serde_json::json!({ "[secret A]": ["x [secret A] y", 1, { "k": "\"[secret A]\"" }] });
    assert_eq!(value, expected);
}

proptest! {
    #[test]
    fn it_does_as_the_simple_way_does_however_the_text_is_cut(
        text in "[abc\n]{0,80}",
        one in "[abc]{4,9}",
        two in "[abc]{4,6}(\n[abc]{6,7})?",
        mut cuts in proptest::collection::vec(0_usize..90, 0..12),
    ) {
        let secrets = [("ONE", one.as_str()), ("TWO", two.as_str())];
        let redactor = redactor(&secrets);
        let whole = naive(&secrets, text.as_bytes());
        prop_assert_eq!(redactor.bytes(text.as_bytes()), whole.clone());
        cuts.sort_unstable();
        prop_assert_eq!(in_pieces(&redactor, text.as_bytes(), &cuts), whole.clone());
        let every: Vec<usize> = (0..text.len()).collect();
        prop_assert_eq!(in_pieces(&redactor, text.as_bytes(), &every), whole);
    }

    #[test]
    fn no_form_of_a_canary_is_left(
        secret in "[ -~äöü\n]{4,40}",
        before in "[ -~]{0,20}",
        after in "[ -~]{0,20}",
        cut in 0_usize..60,
    ) {
        let redactor = redactor(&[("X", secret.as_str())]);
        let forms = forms::of(&secret);
        prop_assume!(!forms.is_empty());
        for form in &forms {
            let text = [before.as_bytes(), form, after.as_bytes()].concat();
            let out = in_pieces(&redactor, &text, &[cut.min(text.len())]);
            // The mark itself may hold a form, as `secr` is one of `secr`.
            let rest: Vec<&[u8]> = split_at_marks(&out);
            for part in rest {
                prop_assert!(!forms.iter().any(|form| part.windows(form.len()).any(|w| w == form.as_slice())));
            }
        }
    }
}

fn split_at_marks(text: &[u8]) -> Vec<&[u8]> {
    let mark = b"[secret X]";
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        parts.push(&rest[..at]);
        rest = &rest[at + mark.len()..];
    }
    parts.push(rest);
    parts
}
