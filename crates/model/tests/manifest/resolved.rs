//! Which value counts, and what is said when there is none.

use bascule_model::ids::ServiceName;
use bascule_model::manifest::{
    Code, Color, Diagnostics, EnvFile, Environment, Given, GivenSecret, Origin, Value, parse, resolve,
    resolve_with,
};

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
    let cases: [(&str, &str, Option<&str>, &str); 7] = [
        ("", everywhere, Some("X=file"), "environment's service"),
        (
            "",
            "env = { X = \"service\" }\n[environments.staging]\nenv_file = \".env\"\nenv = { X = \"environment\" }\n",
            Some("X=file"),
            "file",
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
        (
            "env = { X = \"shared\" }\n",
            "[environments.staging]\nenv = { X = \"environment\" }\n",
            None,
            "environment",
        ),
    ];
    for (top, rest, file, expected) in cases {
        let manifest = parse(&format!("{top}{HEAD}{rest}"), "bascule.toml").unwrap();
        let environment = resolve(&manifest, "staging", &|_| None, file).unwrap();
        assert_eq!(web(&environment, "X").0, expected, "{rest}");
    }
}

#[test]
fn each_layer_is_over_those_before_it() {
    let layers = "env = { A = \"manifest\", B = \"manifest\", C = \"manifest\", D = \"manifest\", E = \"manifest\", PATH = \"/bin\" }\n";
    let rest = "env = { S = \"service\" }\n[secrets]\nF = \"env\"\nH = \"env\"\n[environments.staging]\n\
                env = { B = \"environment\", C = \"environment\", D = \"environment\", E = \"environment\" }\n";
    let manifest = parse(&format!("{layers}{HEAD}{rest}"), "bascule.toml").unwrap();
    let secret = |value: &str, version| GivenSecret { value: value.to_owned(), version };
    let given = Given {
        variables: &|name| ["E", "F", "S", "PATH", "G", "H"].contains(&name).then(|| "caller".to_owned()),
        env_file: Some(EnvFile { name: ".env.staging", text: "C=file\nD=file\nE=file\nG=file\n" }),
        secrets: [
            ("D", secret("store", Some(3))),
            ("E", secret("store", Some(1))),
            ("F", secret("fetched", None)),
        ]
        .map(|(name, secret)| (name.to_owned(), secret))
        .into(),
        objects: std::collections::BTreeMap::new(),
    };
    let environment = resolve_with(&manifest, "staging", &given).unwrap();
    for (name, value, is_private) in [
        ("A", "manifest", false),
        ("B", "environment", false),
        ("C", "file", true),
        ("D", "store", true),
        ("E", "caller", true),
        ("F", "caller", true),
        ("H", "caller", true),
        // Nobody declared it in the manifest; every shell has it; a service says it for itself.
        ("G", "file", true),
        ("PATH", "/bin", false),
        ("S", "service", false),
    ] {
        assert_eq!(web(&environment, name), (value.to_owned(), is_private), "{name}");
    }
    let origins: Vec<_> = environment.origins.iter().map(|(name, origin)| (name.as_str(), *origin)).collect();
    let expected = [
        ("A", Origin::Manifest),
        ("B", Origin::Environment),
        ("C", Origin::EnvFile),
        ("D", Origin::Secret),
        ("E", Origin::Caller),
        ("F", Origin::Caller),
        ("G", Origin::EnvFile),
        ("H", Origin::Caller),
        ("PATH", Origin::Manifest),
    ];
    assert_eq!(origins, expected);
    assert_eq!(environment.secret_versions, [("D".to_owned(), 3)].into());
}

#[test]
fn a_secret_in_a_command_and_one_that_nobody_gave_are_refused() {
    let manifest = |rest: &str| parse(&format!("{HEAD}{rest}"), "bascule.toml");
    let command = "env = { X = \"${API_TOKEN}\" }\n[secrets]\nAPI_TOKEN = \"store\"\n[services.w]\ncommand = \"w ${API_TOKEN}\"\n\
                   [environments.staging]\n";
    let codes = |diagnostics: Diagnostics| diagnostics.iter().map(|one| one.code).collect::<Vec<_>>();
    assert_eq!(codes(manifest(command).unwrap_err()), [Code::PrivateInCommand]);
    let rest = "[secrets]\nAPI_TOKEN = { from = \"store\" }\n[environments.staging]\n";
    let diagnostics = resolve(&manifest(rest).unwrap(), "staging", &|_| None, None).unwrap_err();
    assert!(diagnostics.render(Color::Never).contains("bascule secret set staging API_TOKEN"));
}

#[test]
fn a_secret_is_a_file_on_every_target() {
    let manifest = |rest: &str| parse(&format!("{HEAD}{rest}"), "bascule.toml");
    let given = |name: &str| {
        let value = GivenSecret { value: "v".to_owned(), version: None };
        Given {
            variables: &|_| None,
            env_file: None,
            secrets: [(name.to_owned(), value)].into(),
            objects: std::collections::BTreeMap::new(),
        }
    };
    let web = ServiceName::new("web").unwrap();
    let file = "[secrets]\nKEY = { from = \"file:k\", as = \"file\" }\n[environments.staging]\n";
    let environment = resolve_with(&manifest(file).unwrap(), "staging", &given("KEY")).unwrap();
    let service = &environment.services[&web];
    assert_eq!((service.secret_files.as_slice(), &service.container), (&["KEY".to_owned()][..], &None));
    let docker = format!("{file}target = \"docker\"\n[build]\nimage = \"x\"\n");
    let docker = manifest(&docker).unwrap_or_else(|d| panic!("{}", d.render(Color::Never)));
    let environment = resolve_with(&docker, "staging", &given("KEY")).unwrap();
    let service = &environment.services[&web];
    assert_eq!(service.container.as_ref().unwrap().secret_files, ["KEY"]);
    assert!(service.secret_files.is_empty());

    // So is what a service names for itself; a slip is told.
    let named = "[services.w]\ncommand = \"./w\"\nsecret_files = [\"TOKEM\"]\nenv = { TOKEN = \"x\" }\n[environments.staging]\n";
    let told = manifest(named).unwrap_err().render(Color::Never);
    assert!(told.contains("`w` is to get TOKEM as a file, and nothing sets it"), "{told}");
    let named = manifest(&named.replace("TOKEM", "TOKEN")).unwrap();
    let environment = resolve(&named, "staging", &|_| None, None).unwrap();
    assert_eq!(environment.services[&ServiceName::new("w").unwrap()].secret_files, ["TOKEN"]);
}

#[test]
fn secrets_in_clear_are_refused_and_ordinary_values_are_not() {
    // Put together here, so that this file holds none.
    let token = ["ghp_", "k7Qm2Xz9Lr4Tb8Wd1Nv6Hs3Jc5Pfk7Qm2Xz9"].concat();
    let long = "k7Qm2Xz9Lr4Tb8Wd1Nv6Hs3Jc5Pf";
    for (name, value, is_refused) in [
        ("GREETING", token.as_str(), true),
        ("API_TOKEN", long, true),
        ("DATABASE_URL", "postgres://shop:Zu9-x.Q1w@db.internal/shop", true), // bascule:allow-secret made up
        ("DATABASE_URL", "postgres://shop:Zu9-x.Q1w@localhost/shop", false),  // bascule:allow-secret made up
        ("DATABASE_URL", "postgres://postgres:postgres@db/shop", false),
        ("DATABASE_URL", "postgres://shop:${DB_PASSWORD}@db/shop", false),
        ("API_TOKEN", "${API_TOKEN}", false),
        ("API_TOKEN", "development-token", false),
        ("BUILD_ID", long, false),
        ("SECRET_NAME", "shop-production-tls-2026", false),
        ("SESSION_SECRET", "changeme", false),
        ("SECRET_KEY_BASE", "test-0123456789abcdef0123456789abcdef", false),
    ] {
        let text = format!(
            "{HEAD}env = {{ {name} = \"{value}\" }}\n[environments.staging]\n[environments.production]\n"
        );
        match parse(&text, "bascule.toml") {
            Ok(_) => assert!(!is_refused, "{name}={value}"),
            Err(diagnostics) => {
                let rendered = diagnostics.render(Color::Never);
                assert!(
                    is_refused && rendered.contains("bascule secret set ENV"),
                    "{name}={value}: {rendered}"
                );
                assert_eq!(diagnostics.iter().map(|one| one.code).collect::<Vec<_>>(), [Code::SecretLiteral]);
                assert!(!rendered.contains(value) && !rendered.contains(&value[10..16]), "{rendered}");
            }
        }
    }
    let text = format!("{HEAD}[environments.staging.env]\nAPI_TOKEN = \"{long}\"WHY\n");
    assert!(parse(&text.replace("WHY", " # bascule:allow-secret of the sandbox"), "x").is_ok());
    assert!(parse(&text.replace("WHY", " # bascule:allow-secret"), "x").is_err());
}

#[test]
fn a_variable_is_looked_for_in_the_configuration_first() {
    let rest = "env = { A = \"${X}\", B = \"${Y}\", C = \"${Z}\", D = \"$PORT $$X ${BASCULE_SLOT} $HOME\" }\n\
                [environments.staging]\nenv_file = \".env\"\nenv = { X = \"public\", W = \"${V}!\" }\n";
    let outside = [("Y", "process"), ("Z", "process"), ("V", "process")];
    let environment = resolved(rest, &outside, Some("Y=fi$le$${X}\n")).unwrap();
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
    assert!(resolved(through_env, &[], Some("TOKEN=hunter2")).is_err());
    let environment = resolved(through_env, &[], Some("OTHER=hunter2")).unwrap();
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
    let of_checks = environment.secrets.keys().filter(|name| name.as_str().starts_with("verify."));
    assert_eq!(of_checks.count(), 4, "{:?}", environment.secrets.keys());
}

#[test]
fn what_containers_are_made_of_may_use_variables_of_the_manifest() {
    let rest = "user = \"${UID}:${UID}\"\nvolumes = [\"/srv/${NAME}:/data:ro\", \"logs:/logs\"]\nsecret_files = [\"NAME\"]\n\
                [build]\nimage = \"${HOST}/shop:${TAG}\"\n\
                [environments.staging]\ntarget = \"docker\"\nenv_file = \".env\"\n";
    let taken = |rest: &str, env: &str| {
        let manifest = parse(&format!("{HEAD}{rest}env = {{ {env} }}\n"), "bascule.toml")?;
        let is_declared = |name: &str| env.contains(&format!("{name} = "));
        let caller = |name: &str| (name == "TAG" && !is_declared(name)).then(|| "hunter2".to_owned());
        let file = if is_declared("NAME") { "" } else { "NAME=hunter2" };
        resolve(&manifest, "staging", &caller, Some(file))
    };
    let good = "HOST = \"r.example.com\", TAG = \"1.2\", UID = \"1000\", NAME = \"shop\"";
    let environment = taken(rest, good).unwrap_or_else(|d| panic!("{}", d.render(Color::Never)));
    let container = environment.services[&ServiceName::new("web").unwrap()].container.clone().unwrap();
    assert_eq!(container.user.as_deref(), Some("1000:1000"));
    let volumes: Vec<_> = container.volumes.iter().map(|volume| volume.source.as_str()).collect();
    assert_eq!(volumes, ["/srv/shop", "logs"]);
    let image = serde_json::to_value(environment.build.image.unwrap()).unwrap().to_string();
    assert!(image.contains("r.example.com/shop:1.2"), "{image}");

    let codes = |env: &str| {
        let diagnostics = taken(rest, env).unwrap_err();
        assert!(
            !diagnostics.render(Color::Never).contains("hunter2"),
            "{}",
            diagnostics.render(Color::Never)
        );
        diagnostics.iter().map(|diagnostic| diagnostic.code).collect::<Vec<_>>()
    };
    // From the caller, and from the env file.
    assert_eq!(codes(&good.replace("TAG = \"1.2\", ", "")), [Code::PrivateInCommand]);
    assert_eq!(codes(&good.replace(", NAME = \"shop\"", "")), [Code::PrivateInCommand]);
    // What is wrong only once it is filled in.
    assert_eq!(codes(&good.replace("1.2", "a b")), [Code::BadValue]);
    assert_eq!(codes(&good.replace("\"shop\"", "\"../shop\"")), [Code::BadValue]);
    assert_eq!(codes(&good.replace("1000", "0")), [Code::Conflict]);
    // `$PORT` is an instance's.
    let port = rest.replace("${TAG}", "$PORT");
    let diagnostics = taken(&port, good).unwrap_err();
    assert_eq!(diagnostics.iter().map(|one| one.code).collect::<Vec<_>>(), [Code::Conflict]);
}

#[test]
fn a_prometheus_is_asked_in_clusters_alone_and_key_by_key() {
    let top = "[observe]\nprometheus = \"http://one:9090\"\nby = \"app\"\nerrors = \"sum(failed)\"\n";
    let here = "target = \"kubernetes\"\nnamespace = \"shop\"\n\
                observe = { prometheus = \"http://two:9090/prometheus\" }\n";
    let image = "[build]\nimage = \"registry.test/shop\"\n";
    let environment = resolved(&format!("{image}{top}[environments.staging]\n{here}"), &[], None)
        .unwrap_or_else(|d| panic!("{}", d.render(Color::Never)));
    let observe = environment.cluster.clone().unwrap().observe.unwrap();
    assert_eq!(observe.prometheus, "http://two:9090/prometheus");
    assert_eq!((observe.by.as_str(), observe.errors.as_deref()), ("app", Some("sum(failed)")));
    assert_eq!(observe.requests, None);
    assert_eq!(environment.cluster.unwrap().probe, None);
    // Elsewhere the edge counts.
    assert!(resolved(&format!("{top}[environments.staging]\n"), &[], None).unwrap().cluster.is_none());
    let nowhere = "[environments.staging]\nobserve = { prometheus = \"http://one:9090\" }\n";
    let refused = parse(&format!("{HEAD}{nowhere}"), "bascule.toml").unwrap_err();
    assert!(refused.render(Color::Never).contains("`observe` has no use"), "{refused:?}");
}

#[test]
fn requests_of_our_own_are_where_no_prometheus_is_nearer() {
    let image = "[build]\nimage = \"registry.test/shop\"\n";
    let here = "[environments.staging]\ntarget = \"kubernetes\"\n";
    let read = |top: &str, own: &str| resolved(&format!("{image}{top}{here}{own}"), &[], None);
    let figures = |top: &str, own: &str| {
        let cluster =
            read(top, own).unwrap_or_else(|d| panic!("{}", d.render(Color::Never))).cluster.unwrap();
        (cluster.observe.map(|one| one.prometheus), cluster.probe.map(|probe| (probe.rate, probe.path)))
    };
    let prometheus = "[observe]\nprometheus = \"http://one:9090\"\n";
    let probe = "observe = { probe = { rate = 20 } }\n";
    assert_eq!(figures("", probe), (None, Some((20, None))));
    assert_eq!(figures(prometheus, probe), (None, Some((20, None))));
    let top = "[observe]\nprobe = { rate = 200, path = \"/orders?few\" }\n";
    assert_eq!(figures(top, ""), (None, Some((200, Some("/orders?few".to_owned())))));
    let own = "observe = { prometheus = \"http://two:9090\" }\n";
    assert_eq!(figures(top, own), (Some("http://two:9090".to_owned()), None));
    let told = |own: &str| {
        parse(&format!("{HEAD}{image}{here}{own}"), "bascule.toml").unwrap_err().render(Color::Never)
    };
    assert!(
        told("observe = { prometheus = \"http://two:9090\", probe = { rate = 2 } }\n").contains("beside")
    );
    assert!(told("observe = { probe = {} }\n").contains("`rate` is missing"));
    let nowhere = format!("{HEAD}[environments.staging]\n{probe}");
    let refused = parse(&nowhere, "bascule.toml").unwrap_err();
    assert!(refused.render(Color::Never).contains("`probe` has no use"), "{refused:?}");
}

#[test]
fn a_cluster_is_told_how_its_nodes_get_the_image() {
    let source = "app = \"shop\"\nbuild.dockerfile = \"Dockerfile\"\nservices.web.port = 3000\n[environments.production]\n\
                  target = \"kubernetes\"\nkubernetes.pull_secrets = [\"registry\", \"mirror.corp\"]\n";
    let manifest =
        parse(source, "bascule.toml").unwrap_or_else(|mistakes| panic!("{}", mistakes.render(Color::Never)));
    let environment = resolve(&manifest, "production", &|_| None, None).unwrap();
    assert_eq!(environment.cluster.unwrap().pull_secrets, ["registry", "mirror.corp"]);
}
