use proptest::prelude::*;

use super::*;

fn outside(name: &str) -> Option<String> {
    match name {
        "HOME" => Some("/home/ada".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn all(text: &str) -> Result<BTreeMap<String, Entry>, Vec<Mistake>> {
    match read(text, &outside) {
        (entries, mistakes) if mistakes.is_empty() => Ok(entries),
        (_, mistakes) => Err(mistakes),
    }
}

fn one(text: &str) -> String {
    all(text).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))["A"].value.clone()
}

fn mistakes(text: &str) -> Vec<String> {
    all(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// Beside each: what others make of it, where it is something else.
#[test]
fn values_are_as_they_are_meant() {
    for (text, value) in [
        ("A=1", "1"),
        ("A = two words ", "two words"), // a shell: an error
        ("A=", ""),
        ("A= # c", ""),
        ("export A=1", "1"),
        ("export\tA=1", "1"),
        ("  A=1", "1"),
        ("A=x # comment", "x"),
        ("A=x#y", "x#y"), // dotenv of Node: x
        ("A=#x", ""),
        ("A=a=b", "a=b"),
        ("A=1\r\nB=2\r\n", "1"),
        ("\u{feff}A=1", "1"),
        ("A='a # \"b\" ${HOME} \\n'", "a # \"b\" ${HOME} \\n"),
        ("A=`it's \"${HOME}\"`", "it's \"${HOME}\""), // a shell: runs it
        ("A=\"a\\n\\tb\\\"c\\\\d\\$e\\q\"", "a\n\tb\"c\\d$e\\q"),
        ("A=\"x\" # c", "x"),
        ("A='x'# c", "x"),
        ("A=\"line 1\nline 2\"\nB=1", "line 1\nline 2"),
        ("A='l1\r\nl2'", "l1\nl2"),
        ("A=\"\"", ""),
        ("A=it's", "it's"), // a shell: an open quote
        ("A=${HOME}/x", "/home/ada/x"),
        ("A=\"${HOME}\"", "/home/ada"),
        ("A=$HOME", "$HOME"),  // a shell, Compose: /home/ada
        ("A=$$HOME", "$HOME"), // a shell: its process id
        ("A=$${HOME}", "${HOME}"),
        ("A=\"\\${HOME}\"", "${HOME}"),
        ("A=p$ss", "p$ss"),
        ("A=${NO:-default}", "default"),
        ("A=${EMPTY:-default}", "default"),
        ("A=${EMPTY-default}", ""),
        ("A=${NO-default}", "default"),
        ("A=${NO:-}", ""),
        ("A=${NO:-a b}", "a b"),
        ("A=${NO:-${HOME}/x}", "/home/ada/x"),
        ("A=${NO:-${NEITHER:-deep}}", "deep"),
        ("A=${HOME:-${NO}}", "/home/ada"), // what is not needed need not be there
        ("B=1\nA=${B}2", "12"),
        ("A=${B}2\nB=1", "12"), // a shell: 2
        ("A=${B}\nB=\"x${C}\"\nC=y", "xy"),
        ("HOME=/here\nA=${HOME}", "/here"), // dotenv of Node: the outside one
        ("HOME=${HOME}/here\nA=${HOME}", "/home/ada/here"),
        ("A=1\nA=2", "2"), // Ruby's dotenv: also the last
        ("A=\\n", "\\n"),
        ("A=ä ö", "ä ö"),
    ] {
        assert_eq!(one(text), value, "{text}");
    }
}

#[test]
fn mistakes_have_a_line_and_the_way() {
    for (text, expected) in [
        ("A=1\nnonsense", vec!["line 2: it is not KEY=VALUE: there is no \"=\""]),
        ("1A=1", vec!["line 1: it is not KEY=VALUE: the key is not letters, digits and _"]),
        ("A-B=1", vec!["line 1: it is not KEY=VALUE: the key is not letters, digits and _"]),
        ("A=\"x\" y", vec!["line 1: it is not KEY=VALUE: something stands behind the closing quote"]),
        ("\nA='x\nB=1", vec!["line 2: it is not KEY=VALUE: the quote is not closed"]),
        ("A=${}", vec!["line 1: `${` without a name and `}`: write $$ for a dollar sign"]),
        ("A=${X", vec!["line 1: `${` without a name and `}`: write $$ for a dollar sign"]),
        ("A=${X Y}", vec!["line 1: `${` without a name and `}`: write $$ for a dollar sign"]),
        ("A=${NO}", vec!["line 1: the variable NO is not set (A needs NO)"]),
        ("# c\nA=${B}\nB=${NO}", vec!["line 3: the variable NO is not set (A needs B needs NO)"]),
        ("A=${A}", vec!["line 1: the variable A is not set (A needs A)"]),
        ("A=${B}\nB=${A}", vec!["line 1: A needs B needs A leads back to itself"]),
        ("A=\"x\ny\"\nB=${NO}", vec!["line 3: the variable NO is not set (B needs NO)"]),
    ] {
        assert_eq!(mistakes(text), expected, "{text}");
    }
}

#[test]
fn lines_are_counted_through_values_of_several() {
    let entries = all("# c\nA='1\n2\n3'\n\nB=4").unwrap();
    assert_eq!((entries["A"].line, entries["B"].line), (2, 6));
    assert_eq!(format!("{:?}", entries["B"]), "Entry(***, line 6)");
}

#[test]
fn values_that_grow_without_end_are_refused() {
    let doubled = (1..40).map(|n| format!("A{n}=${{A{0}}}${{A{0}}}\n", n - 1)).collect::<String>();
    let found = mistakes(&format!("A0=0123456789\n{doubled}"));
    assert!(found.iter().all(|mistake| mistake.contains("128 KiB")), "{found:?}");
}

proptest! {
    #[test]
    fn any_text_is_read_and_nothing_of_values_is_in_mistakes(text in "(A|B|[A-Z]{1,2}|\\$\\{|\\}|=|\"|'|`|#| |\n|geh!eim|:-|\\\\){0,40}") {
        if let Err(mistakes) = all(&text) {
            for mistake in mistakes {
                prop_assert!(!mistake.to_string().contains("geh!eim"));
                prop_assert!(mistake.line <= text.lines().count());
            }
        }
    }

    #[test]
    fn what_is_in_single_quotes_is_what_it_is(value in "[^'\0\r]{0,60}") {
        prop_assert_eq!(one(&format!("A='{value}'\nB=1")), value);
    }
}
