//! JUnit XML, as pytest, jest, nextest, go-junit-report, Maven, mocha and others write it.

use super::Unreadable;
use super::xml::{self, Attributes, Node};
use crate::suites::Suites;

/// How a test ended, the worse ones later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Passed,
    Flaky,
    Skipped,
    Failed,
    Error,
}

/// Reads one.
pub fn read(text: &str) -> Result<Suites, Unreadable> {
    match xml::root(text)?.as_str() {
        "testsuites" | "testsuite" => {}
        other => return Err(Unreadable::new(format!("it is <{other}>, and no JUnit XML"))),
    }
    let mut suites = Suites::default();
    // What is said of them at the top, which may tell of errors that no test stands for.
    let (mut said_tests, mut said_failed, mut said_errors) = (0_u64, 0_u64, 0_u64);
    let mut is_said = false;
    // Further attempts at tests, which failed and which ended with an error.
    let (mut again_failed, mut again_errors) = (0_u64, 0_u64);
    let mut depth = 0_u32;
    let mut test: Option<(String, End)> = None;
    xml::walk(text, |node| {
        match node {
            Node::Begin(name, attributes) => {
                let is_suite = matches!(name, "testsuite" | "testsuites");
                // At the top, or one below where the top says nothing.
                if is_suite && (depth == 0 || depth == 1 && !is_said) {
                    let mut said = |sum: &mut u64, name: &str| {
                        let number = attributes.number(name);
                        is_said |= depth == 0 && number.is_some();
                        *sum = sum.saturating_add(number.unwrap_or(0));
                    };
                    said(&mut said_tests, "tests");
                    said(&mut said_failed, "failures");
                    said(&mut said_errors, "errors");
                }
                depth += 1;
                if name == "testcase" {
                    if test.is_some() {
                        return Err(Unreadable::new("a test stands within another one"));
                    }
                    test = Some(case(attributes));
                } else if let Some((_, end)) = &mut test {
                    match name {
                        "rerunFailure" | "flakyFailure" => again_failed += 1,
                        "rerunError" | "flakyError" => again_errors += 1,
                        _ => {}
                    }
                    let seen = match name {
                        "failure" | "rerunFailure" => End::Failed,
                        "error" | "rerunError" => End::Error,
                        "skipped" | "ignored" => End::Skipped,
                        "flakyFailure" | "flakyError" => End::Flaky,
                        _ => End::Passed,
                    };
                    *end = seen.max(*end);
                } else if matches!(name, "error" | "failure") {
                    suites.errors += 1;
                    suites.name("outside of any test".to_owned());
                }
            }
            Node::End(name) => {
                depth = depth.saturating_sub(1);
                if name == "testcase"
                    && let Some((name, end)) = test.take()
                {
                    add(&mut suites, name, end);
                }
            }
            Node::Text(_) => {}
        }
        Ok(())
    })?;
    if suites.tests() == 0 && said_tests > 0 {
        return Err(Unreadable::new(format!("it speaks of {said_tests} tests, and none stands in it")));
    }
    // Surefire counts each attempt at a test where it counts tests, failures and errors.
    if said_tests >= suites.tests().saturating_add(again_failed + again_errors) {
        said_failed = said_failed.saturating_sub(again_failed);
        said_errors = said_errors.saturating_sub(again_errors);
    }
    // Whoever says more than is to be found is believed: an error that nobody can find is still one. Some count as errors what they
    // write as failures, and some count errors among the failures.
    let otherwise = suites.failed.saturating_sub(said_failed);
    let errors = said_errors.saturating_sub(suites.errors).saturating_sub(otherwise);
    let failed = said_failed.saturating_sub(suites.failed).saturating_sub(suites.errors);
    suites.errors += errors;
    suites.failed += failed;
    Ok(suites)
}

/// The name of a test, and how it ended as far as its attributes say. They are gone through once: most of a report are tests.
fn case(attributes: &Attributes<'_>) -> (String, End) {
    let (mut called, mut class, mut status, mut result) = (None, None, None, None);
    for (name, value) in attributes.iter() {
        let known = match name {
            "name" => &mut called,
            "classname" => &mut class,
            "status" => &mut status,
            "result" => &mut result,
            _ => continue,
        };
        known.get_or_insert(value);
    }
    let called = called.unwrap_or_default();
    let full = match class.filter(|class| !class.is_empty() && *class != called) {
        Some(class) => [&class, " ", &called].concat(),
        None => called.into_owned(),
    };
    let end = match status.or(result).unwrap_or_default().to_ascii_lowercase().as_str() {
        "notrun" | "skipped" | "disabled" | "ignored" => End::Skipped,
        "failed" | "failure" => End::Failed,
        "error" => End::Error,
        _ => End::Passed,
    };
    (full, end)
}

fn add(suites: &mut Suites, name: String, end: End) {
    match end {
        End::Passed => suites.passed += 1,
        End::Flaky => {
            suites.passed += 1;
            suites.flaky += 1;
        }
        End::Skipped => suites.skipped += 1,
        End::Failed => {
            suites.failed += 1;
            suites.name(name);
        }
        End::Error => {
            suites.errors += 1;
            suites.name(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> (u64, u64, u64, u64) {
        let suites = read(text).unwrap_or_else(|error| panic!("{error:?}: {text}"));
        (suites.passed, suites.failed, suites.errors, suites.skipped)
    }

    #[test]
    fn dialects() {
        for (text, expected) in [
            (
                "<testsuite><testcase name='a'/><testcase name='b'><failure/></testcase></testsuite>",
                (1, 1, 0, 0),
            ),
            (
                "<testsuites><testsuite><testsuite><testcase name='a'><skipped/></testcase></testsuite></testsuite></testsuites>",
                (0, 0, 0, 1),
            ),
            ("<testsuite><testcase name='a'><error/><failure/></testcase></testsuite>", (0, 0, 1, 0)),
            ("<testsuite><testcase name='a'><flakyFailure/></testcase></testsuite>", (1, 0, 0, 0)),
            ("<testsuite><testcase name='a'><failure/><rerunFailure/></testcase></testsuite>", (0, 1, 0, 0)),
            ("<testsuite><testcase name='a' status='notrun'/></testsuite>", (0, 0, 0, 1)),
            ("<testsuite tests='1' errors='1'><error>no such module</error></testsuite>", (0, 0, 1, 0)),
            ("<testsuite tests='2' errors='1' failures='0'><testcase name='a'/></testsuite>", (1, 0, 1, 0)),
            // mocha's way, and Maven's of old.
            (
                "<testsuite tests='2' failures='0' errors='2'><testcase name='a'><failure/></testcase><testcase name='b'><failure/></testcase></testsuite>",
                (0, 2, 0, 0),
            ),
            (
                "<testsuite tests='2' failures='2' errors='1'><testcase name='a'><failure/></testcase><testcase name='b'><error/></testcase></testsuite>",
                (0, 1, 1, 0),
            ),
            (
                "<testsuite tests='3' failures='3'><testcase name='a'><failure/></testcase></testsuite>",
                (0, 3, 0, 0),
            ),
            // Each attempt is a test at the head of the file, and a failure that is not among them is one more.
            (
                "<testsuite tests='2' failures='1'><testcase name='a'><flakyFailure/></testcase></testsuite>",
                (1, 0, 0, 0),
            ),
            (
                "<testsuite tests='2' errors='2'><testcase name='a'><error/><rerunError/></testcase></testsuite>",
                (0, 0, 1, 0),
            ),
            (
                "<testsuite tests='2' failures='1' errors='1'><testcase name='a'><flakyFailure/></testcase></testsuite>",
                (1, 0, 1, 0),
            ),
            (
                "<testsuite tests='1' failures='1'><testcase name='a'><flakyFailure/></testcase></testsuite>",
                (1, 1, 0, 0),
            ),
            (
                "<testsuites><testsuite tests='2' errors='1' failures='0'><testcase name='a'/></testsuite></testsuites>",
                (1, 0, 1, 0),
            ),
            ("<testsuites/>", (0, 0, 0, 0)),
        ] {
            assert_eq!(counts(text), expected, "{text}");
        }
    }

    #[test]
    fn names_of_those_that_did_not_pass() {
        let text = "<testsuite><testcase classname='m' name='a &lt;b&gt;'><failure/></testcase></testsuite>";
        assert_eq!(read(text).unwrap().bad, ["m a <b>"]);
    }

    #[test]
    fn what_attributes_say_of_a_test() {
        for (attributes, name, end) in [
            ("", "", End::Passed),
            ("name='a'", "a", End::Passed),
            ("name='a' classname=''", "a", End::Passed),
            ("name='a' classname='a'", "a", End::Passed),
            ("time='1' classname='m' file='f' name='a'", "m a", End::Passed),
            ("name='a' name='b' classname='m' classname='n'", "m a", End::Passed),
            ("name='a&#10;&lt;b' classname='&amp;m'", "&m a\n<b", End::Passed),
            ("name='a &what; &lt;'", "a &what; &lt;", End::Passed),
            ("result='skipped' name='a'", "a", End::Skipped),
            ("result='completed' status='FAILED' name='a'", "a", End::Failed),
            ("status='' result='error' name='a'", "a", End::Passed),
        ] {
            let text = format!("<testcase {attributes}/>");
            let mut seen = Vec::new();
            let read = xml::walk(&text, |node| {
                if let Node::Begin(_, attributes) = node {
                    seen.push(case(attributes));
                }
                Ok(())
            });
            assert_eq!((read, seen), (Ok(()), vec![(name.to_owned(), end)]), "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_is_unreadable() {
        for bad in [
            "<testsuite><testcase name='a'>",
            "<testsuite tests='3'/>",
            "<html/>",
            "<testsuite><testcase></testsuite>",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
