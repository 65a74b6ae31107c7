use std::process::Command;

use super::*;

/// Made here, so that this file itself has nothing to find.
fn body(length: usize) -> String {
    let alphabet = b"k7Qm2Xz9Lr4Tb8Wd1Nv6Hs3Jc5Pf";
    (0..length).map(|at| char::from(alphabet[at * 11 % alphabet.len()])).collect()
}

fn rules(path: &str, text: &str) -> Vec<&'static str> {
    Scanner::new().unwrap().text(path, text).into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn what_is_found() {
    let strong = body(32);
    let key = ["-----BEGIN RSA PRIVATE ", "KEY-----"].concat();
    let rows: Vec<(&str, String, &str)> = vec![
        ("a.py", format!("k = '{}{}'", "AKIA", body(16).to_uppercase()), "aws-access-key"),
        ("a.py", format!("# {}{}", "ghp_", body(36)), "github-token"),
        ("a.js", format!("x(\"{}{}\")", "gho_", body(36)), "github-token"),
        ("a.js", format!("{}{}", "glpat-", body(20)), "gitlab-token"),
        ("a.txt", format!("{}4829104756-{}", "xoxb-", body(24)), "slack-token"),
        ("a.rb", format!("Stripe.api_key = '{}{}'", "sk_live_", body(24)), "stripe-key"),
        (".npmrc", format!("//registry/:_authToken={}{}", "npm_", body(36)), "npm-token"),
        (".pypirc", format!("password = {}{}", "pypi-AgEIcHlwaS5vcmc", body(60)), "pypi-token"),
        ("a.html", format!("key={}{}", "AIza", body(35)), "google-api-key"),
        ("a.go", format!("{}{}", "sk-ant-api03-", body(80)), "anthropic-key"),
        ("a.ts", format!("{}{}.{}", "SG.", body(22), body(43)), "sendgrid-key"),
        ("a.tf", format!("{}{}", "hvs.", body(24)), "vault-token"),
        ("id_rsa", format!("{key}\n{}\n", body(64)), "private-key"),
        ("a.json", format!("\"k\": \"{key}\\n{}\"", body(64)), "private-key"),
        ("a.md", format!("Bearer {}{}.eyJ{}.{}", "eyJ", body(20), body(30), body(43)), "jwt"),
        ("a.yml", format!("url: postgres://shop:{}@db/shop", body(9)), "address-with-password"),
        ("a.env", format!("REDIS=redis://:x{}@cache:6379", body(8)), "address-with-password"),
        (".git/config", format!("url = https://ci:{}@git.internal/x", body(10)), "address-with-password"),
        ("a.py", format!("API_TOKEN = \"{strong}\""), "literal-secret"),
        ("a.py", format!("d = {{'password': '{strong}'}}"), "literal-secret"),
        ("a.js", format!("const apiKey = `{strong}`;"), "literal-secret"),
        ("a.rs", format!("const API_KEY: &str = \"{strong}\";"), "literal-secret"),
        ("A.java", format!("private String clientSecret = \"{strong}\";"), "literal-secret"),
        ("a.json", format!("{{\"access_token\": \"{strong}\"}}"), "literal-secret"),
        ("a.toml", format!("auth_token = '{strong}'"), "literal-secret"),
        (".env", format!("DB_PASSWORD={strong}"), "literal-secret"),
        (".env.local", format!("export JWT_SECRET={strong} # x"), "literal-secret"),
        ("a.yml", format!("  password: {strong}"), "literal-secret"),
        ("a.properties", format!("spring.datasource.password={strong}"), "literal-secret"),
        ("Dockerfile", format!("ENV API_TOKEN {strong}"), "literal-secret"),
        ("Dockerfile", format!("ARG DB_PASSWORD={strong}"), "literal-secret"),
        ("a.go", format!("dbPassword := \"{}\"", "Zu9-x.Q1&w"), "literal-secret"),
        ("a.rb", format!(":secret_key => '{strong}'"), "literal-secret"),
        ("a.php", format!("$config['api_key'] = '{strong}';"), "literal-secret"),
    ];
    for (path, text, rule) in &rows {
        assert_eq!(rules(path, text), [*rule], "{path}: {text}");
    }
    assert!(rows.len() >= 30);
}

#[test]
fn what_is_not_found() {
    let strong = body(32);
    let rows: Vec<(&str, String)> = vec![
        ("a.py", "API_TOKEN = os.environ['API_TOKEN']".to_owned()),
        ("a.py", "password = getpass('password: ')".to_owned()),
        ("a.js", "const token = process.env.API_TOKEN1;".to_owned()),
        ("a.js", "const password = `${user}-${id1}`;".to_owned()),
        (".env", "DB_PASSWORD=${DB_PASSWORD}".to_owned()),
        (".env", "DB_PASSWORD=".to_owned()),
        (".env", "DB_PASSWORD=changeme".to_owned()),
        (".env.example", "API_TOKEN=your-token-here1".to_owned()),
        (".env", "API_TOKEN=xxxxxxxxxxxxxxxxxxxx1".to_owned()),
        (".env", "SECRET_KEY=<put the 32 bytes here>".to_owned()),
        ("a.yml", "password: ${{ secrets.DB_PASSWORD1 }}".to_owned()),
        ("a.yml", "password: {{ vault_db_password1 }}".to_owned()),
        ("a.yml", "password: !vault |".to_owned()),
        ("a.yml", "secretName: tls-production-2026".to_owned()),
        ("a.yml", "token_file: /var/run/secrets/token1".to_owned()),
        ("a.md", format!("{}{}", "AKIA", "IOSFODNN7EXAMPLE")),
        ("a.md", "tokens begin with ghp_ or github_pat_".to_owned()),
        ("a.md", format!("ghp_{}", "x".repeat(36))),
        ("a.rs", "const BEGIN: &str = \"-----BEGIN PRIVATE KEY-----\";".to_owned()),
        ("a.pem", format!("-----BEGIN PUBLIC KEY-----\n{}", body(64))),
        ("a.md", "postgres://user:password@localhost/db".to_owned()),
        ("a.md", "postgres://postgres:postgres@localhost/db".to_owned()),
        ("a.md", "https://user:${TOKEN}@host/x".to_owned()),
        ("a.py", format!("CHECKSUM = \"{strong}\"")),
        ("package-lock.json", format!("\"integrity\": \"sha512-{}\"", body(86))),
        ("a.py", "token_url = \"https://auth.internal/oauth2/token1\"".to_owned()),
        ("a.py", "password_hash_rounds = \"12345678901\"".to_owned()),
        ("a.js", "if (token === 'identifier') return;".to_owned()),
        ("a.js", "const primaryKey = 'user_id_column_1';".to_owned()),
        ("a.rs", "let key = \"k7Qm2Xz9Lr4Tb8Wd1Nv6\";".to_owned()),
        ("a.toml", "env = { TOKEN = \"${TOKEN}\" }".to_owned()),
        ("a.ts", "type Props = { password: string };".to_owned()),
        ("a.py", "def f(password: str = \"\"): pass".to_owned()),
        ("a.sh", "export TOKEN=$(cat /run/secrets/token)".to_owned()),
        ("a.sql", "ALTER USER shop WITH PASSWORD '${PW}';".to_owned()),
        ("a.json", "{\"token\": \"AAAAAAAAAAAAAAAAAAAAAAAA\"}".to_owned()),
        ("a.py", format!("API_TOKEN = \"{strong}\"  # bascule:allow-secret of the sandbox")),
        ("a.py", format!("# bascule:allow-secret of the sandbox\nAPI_TOKEN = \"{strong}\"")),
    ];
    for (path, text) in &rows {
        assert_eq!(rules(path, text), Vec::<&str>::new(), "{path}: {text}");
    }
    assert!(rows.len() >= 30);
    // A permission without a reason, or on a line of code above, is none.
    let text = format!("x = 1 # bascule:allow-secret for x\nAPI_TOKEN = \"{strong}\" # bascule:allow-secret");
    assert_eq!(rules("a.py", &text), ["literal-secret"]);
}

#[test]
fn places_are_exact_and_values_are_not_shown() {
    let token = format!("{}{}", "ghp_", body(36));
    let text = format!("\n  ü = \"{token}\" # {token}\n");
    let found = Scanner::new().unwrap().text("a b.py", &text);
    let places: Vec<_> = found.iter().map(|one| (one.line, one.column, one.masked.as_str())).collect();
    assert_eq!(places, [(2, 8, "ghp_… (40 characters)"), (2, 52, "ghp_… (40 characters)")]);
    let scan = Scan {
        findings: found,
        files: 1,
        skipped: vec![("x.png".to_owned(), "binary")],
        is_repository: false,
    };
    let shown = format!("{}{}{}", super::text(&scan), json(&scan), sarif(&scan, "1"));
    assert!(!shown.contains(&token[4..12]), "{shown}");
    assert!(shown.contains("a b.py:2:8: a token of GitHub [github-token]") && shown.contains("a%20b.py"));
    assert!(shown.contains("left out (binary): x.png"));
}

#[test]
fn files_are_those_that_git_has_or_would_take() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let line = format!("API_TOKEN=\"{}\"\n", body(32));
    let write = |name: &str, text: &[u8]| {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for name in ["tracked.py", "new.py", "ignored/x.py", "node_modules/x.py"] {
        write(name, line.as_bytes());
    }
    write(".gitignore", b"ignored/\n");
    write(".env", b"# c\nLOG=debug\n");
    write(".env.example", b"LOG=debug\n");
    write("binary", &[line.as_bytes(), b"\0"].concat());
    write("large.py", &line.as_bytes().repeat(60_000));
    let paths = |scan: &Scan| scan.findings.iter().map(|one| one.path.clone()).collect::<Vec<_>>();
    let skipped = [("binary".to_owned(), "binary"), ("large.py".to_owned(), "larger than 2 MiB")];
    let outside = scan(root).unwrap();
    assert_eq!(paths(&outside), ["new.py", "tracked.py"]);
    assert_eq!(outside.skipped, skipped);
    let git = |arguments: &[&str]| Command::new("git").arg("-C").arg(root).args(arguments).output().unwrap();
    // A machine without git has nothing to say here.
    if !git(&["init", "-q"]).status.success() {
        return;
    }
    git(&["add", "tracked.py", ".env", ".env.example", ".gitignore"]);
    let inside = scan(root).unwrap();
    assert!(inside.is_repository);
    assert_eq!(paths(&inside), [".env", "new.py", "node_modules/x.py", "tracked.py"]);
    assert_eq!(inside.findings[0].rule, "committed-env-file");
    assert_eq!(scan(&root.join("ignored/x.py")).unwrap().findings.len(), 1);
    assert!(scan(&root.join("nothing")).is_err());
    std::fs::create_dir(root.join("empty")).unwrap();
    assert!(matches!(scan(&root.join("empty")), Err(ScanError::Empty { .. })));
}

#[test]
fn without_a_repository_gitignore_files_count_from_the_folder_on() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("project");
    std::fs::create_dir_all(folder.join("deep/made")).unwrap();
    std::fs::create_dir_all(folder.join("node_modules")).unwrap();
    let token = format!("token = \"ghp_{}\"\n", body(36));
    let ignored = [".env", "deep/made/x.toml", "deep/own.toml", "node_modules/x.js"];
    let taken = ["deep/kept.toml", "main.toml", "seen.toml", ".hidden.toml"];
    for name in ignored.iter().chain(&taken) {
        std::fs::write(folder.join(name), &token).unwrap();
    }
    std::fs::write(
        folder.join(".gitignore"),
        ".env\n*.toml\n!main.toml\n!kept.toml\n!.hidden.toml\n!seen.toml\n",
    )
    .unwrap();
    std::fs::write(folder.join("deep/.gitignore"), "made/\n").unwrap();
    // Neither what is another tool's nor what stands above says what belongs to this folder.
    std::fs::write(folder.join(".ignore"), "seen.toml\n").unwrap();
    std::fs::write(above.path().join(".gitignore"), "*\n").unwrap();
    let scan = scan(&folder).unwrap();
    assert!(!scan.is_repository);
    let found: Vec<&str> = scan.findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(found, [".hidden.toml", "deep/kept.toml", "main.toml", "seen.toml"]);
}
