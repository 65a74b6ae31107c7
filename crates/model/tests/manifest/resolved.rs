//! Which value counts, and what is said when there is none.

use bascule_model::ids::ServiceName;
use bascule_model::manifest::{Code, Color, Diagnostics, Environment, Value, parse, resolve};

const HEAD: &str = "app = \"shop\"\n[services.web]\ncommand = [\"./shop\"]\nport = 3000\n";

fn resolved(
    rest: &str,
    variables: &[(&str, &str)],
    env_file: Option<&str>,
) -> Result<Environment, Diagnostics> {
    let manifest = parse(&format!("{HEAD}{rest}"), "bascule.toml")
        .unwrap_or_else(|d| panic!("{}", d.render(Color::Never)));
    let lookup =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    resolve(&manifest, "staging", &lookup, env_file)
}

fn web(environment: &Environment, name: &str) -> (String, bool) {
    let value = &environment.services[&ServiceName::new("web").unwrap()].env[name];
    let text = value.expose(&environment.secrets).unwrap().render(|name| Some(format!("<{name}>")));
    (text, matches!(value, Value::Private(_)))
}

#[test]
fn the_nearest_word_counts() {
    let everywhere = "env = { X = \"service\" }\n[environments.staging]\nenv_file = \".env\"\nenv = { X = \"environment\" }\n\
                      services.web.env = { X = \"environment's service\" }\n";
    let cases: [(&str, &str, Option<&str>, &str); 6] = [
        ("", everywhere, Some("X=file"), "environment's service"),
        (
            "",
            "env = { X = \"service\" }\n[environments.staging]\nenv_file = \".env\"\nenv = { X = \"environment\" }\n",
            Some("X=file"),
            "environment",
        ),
        (
            "",
            "env = { X = \"service\" }\n[environments.staging]\nenv_file = \".env\"\n",
            Some("X=file"),
            "file",
        ),
        (
            "env = { X = \"shared\" }\n",
            "env = { X = \"service\" }\n[environments.staging]\n",
            None,
            "service",
        ),
        (
            "env = { X = \"shared\" }\n",
            "[environments.staging]\nenv_file = \".env\"\n",
            Some("X=file"),
            "file",
        ),
        ("env = { X = \"shared\" }\n", "[environments.staging]\n", None, "shared"),
    ];
    for (top, rest, file, expected) in cases {
        let manifest = parse(&format!("{top}{HEAD}{rest}"), "bascule.toml").unwrap();
        let environment = resolve(&manifest, "staging", &|_| Some("process".to_owned()), file).unwrap();
        assert_eq!(web(&environment, "X").0, expected, "{rest}");
    }
}

#[test]
fn a_variable_is_looked_for_in_the_configuration_first() {
    let rest = "env = { A = \"${X}\", B = \"${Y}\", C = \"${Z}\", D = \"$PORT $$X ${BASCULE_SLOT} $HOME\" }\n\
                [environments.staging]\nenv_file = \".env\"\nenv = { X = \"public\", W = \"${W}!\" }\n";
    let outside = [("X", "process"), ("Y", "process"), ("Z", "process"), ("W", "process")];
    let environment = resolved(rest, &outside, Some("X=file\nY=fi$le${X}\n")).unwrap();
    assert_eq!(web(&environment, "A"), ("public".to_owned(), false));
    assert_eq!(web(&environment, "B"), ("fi$le${X}".to_owned(), true));
    assert_eq!(web(&environment, "C"), ("process".to_owned(), true));
    assert_eq!(web(&environment, "D"), ("<PORT> $X <BASCULE_SLOT> $HOME".to_owned(), false));
    assert_eq!(web(&environment, "W"), ("process!".to_owned(), true));
    assert_eq!(web(&environment, "Y"), ("fi$le${X}".to_owned(), true));
}

#[test]
fn every_missing_variable_is_named_with_its_place() {
    let rest = "env = { A = \"x ${NOWHERE}\", B = \"${ALSO_NOWHERE}\" }\n[[verify]]\nname = \"users\"\nget = \"/u/${USER_ID}\"\n\
                header = { Authorization = \"Bearer ${TEST_TOKEN}\" }\nexpect = { status = 200 }\n\
                [environments.staging]\nenv = { C = \"${A_THIRD}\", D = \"${C}\" }\n";
    let diagnostics = resolved(rest, &[], None).unwrap_err();
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.code == Code::UndefinedVariable));
    insta::assert_snapshot!("resolved__missing", diagnostics.render(Color::Never));
}

#[test]
fn a_command_never_holds_what_came_from_outside() {
    let rest = "[services.worker]\ncommand = [\"./w\", \"--token=${TOKEN}\"]\n[environments.staging]\nenv_file = \".env\"\n";
    let diagnostics = resolved(rest, &[], Some("TOKEN=hunter2")).unwrap_err();
    let codes: Vec<Code> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, [Code::PrivateInCommand]);
    assert!(!diagnostics.render(Color::Never).contains("hunter2"));
    let through_env = "[services.worker]\ncommand = [\"./w\", \"--token=${TOKEN}\"]\n[environments.staging]\nenv_file = \".env\"\n\
                       env = { TOKEN = \"spelled out\" }\n";
    let environment = resolved(through_env, &[], Some("TOKEN=hunter2")).unwrap();
    let worker = &environment.services[&ServiceName::new("worker").unwrap()];
    assert_eq!(worker.command[1].as_source(), "--token=spelled out");
}

#[test]
fn what_is_wrong_only_once_it_is_known_is_said_without_the_value() {
    let rest = "[[verify]]\nname = \"users\"\nget = \"${WHERE}\"\nheader = { A = \"${LINES}\" }\nexpect = { status = 200 }\n\
                [environments.staging]\n";
    let diagnostics =
        resolved(rest, &[("WHERE", "hunter2"), ("LINES", "hunter2\r\nB: c")], None).unwrap_err();
    let rendered = diagnostics.render(Color::Never);
    assert_eq!(diagnostics.iter().count(), 2, "{rendered}");
    assert!(!rendered.contains("hunter2"), "{rendered}");
    insta::assert_snapshot!("resolved__after_replacement", rendered);
}

#[test]
fn an_env_file_is_read_line_by_line() {
    let rest = "[environments.staging]\nenv_file = \".env.staging\"\n";
    let missing = resolved(rest, &[], None).unwrap_err();
    let broken = resolved(rest, &[], Some("A=1\nhunter2\nB=\"hunter2\nPORT=hunter2\n")).unwrap_err();
    let rendered = format!("{}\n{}", missing.render(Color::Never), broken.render(Color::Never));
    assert!(!rendered.contains("hunter2"), "{rendered}");
    insta::assert_snapshot!("resolved__env_file", rendered);
}

#[test]
fn an_unknown_environment_is_answered_with_the_known_ones() {
    let manifest =
        parse(&format!("{HEAD}[environments.staging]\n[environments.production]\n"), "bascule.toml").unwrap();
    let near = resolve(&manifest, "prodution", &|_| None, None).unwrap_err();
    let far = resolve(&manifest, "x", &|_| None, None).unwrap_err();
    insta::assert_snapshot!(
        "resolved__unknown_environment",
        format!("{}\n{}", near.render(Color::Never), far.render(Color::Never))
    );
    insta::assert_snapshot!(
        "resolved__unknown_environment_record",
        serde_json::to_string_pretty(&near.records()).unwrap()
    );
}

#[test]
fn no_two_secrets_have_the_same_name() {
    let check = |name: &str, header: &str, variable: &str| {
        format!(
            "[[verify]]\nname = \"{name}\"\nget = \"/${{{variable}}}\"\nheader = {{ {header} = \"${{{variable}}}\" }}\nexpect = {{ status = 200 }}\n"
        )
    };
    let rest =
        format!("{}{}[environments.staging]\n", check("a", "get", "ONE"), check("a.header", "X", "TWO"));
    let environment = resolved(&rest, &[("ONE", "1"), ("TWO", "2")], None).unwrap();
    assert_eq!(environment.secrets.len(), 4, "{:?}", environment.secrets.keys());
}
