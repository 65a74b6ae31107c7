//! Python: Django, FastAPI and Flask by what the project requires and how its files look.
//!
//! Packages go into `vendor/` and from there into the artifact: unlike a virtual environment it knows no absolute paths.

use super::Folder;
use super::draft::{Draft, Service, whole_project};

pub(super) fn draft(folder: &dyn Folder) -> Option<Draft> {
    let requirements = folder.text("requirements.txt");
    let project = folder.text("pyproject.toml");
    let names = folder.names("");
    let has = |file: &str| names.iter().any(|name| name == file);
    if requirements.is_none() && project.is_none() && !has("manage.py") {
        return None;
    }
    let required = format!("{}\n{}", requirements.as_deref().unwrap_or(""), project.as_deref().unwrap_or(""))
        .to_lowercase();
    let requires = |package: &str| required.contains(package);
    let module = |candidates: [&str; 4], sign: &str| {
        let with_sign = |file: &&str| folder.text(file).is_some_and(|text| text.contains(sign));
        let found =
            candidates.into_iter().find(with_sign).or_else(|| candidates.into_iter().find(|file| has(file)));
        found.and_then(|file| file.strip_suffix(".py")).unwrap_or("app").to_owned()
    };
    let candidates = ["app.py", "main.py", "wsgi.py", "server.py"];
    let (framework, port, command) = if has("manage.py") {
        let settings = names.iter().filter_map(|name| name.strip_suffix('/'));
        let settings =
            settings.into_iter().find(|name| folder.names(name).iter().any(|file| file == "wsgi.py"));
        let command = match settings.filter(|_| requires("gunicorn")) {
            Some(package) => gunicorn(&format!("{package}.wsgi:application")),
            None => words("python3 manage.py runserver --noreload 127.0.0.1:$PORT"),
        };
        ("a Django project", 8000, command)
    } else if requires("fastapi") || requires("uvicorn") {
        let module = module(candidates, "FastAPI(");
        (
            "a FastAPI app",
            8000,
            words(&format!("python3 -m uvicorn {module}:app --host 127.0.0.1 --port $PORT")),
        )
    } else if requires("flask") {
        let module = module(candidates, "Flask(");
        let command = if requires("gunicorn") {
            gunicorn(&format!("{module}:app"))
        } else {
            words(&format!("python3 -m flask --app {module} run --host 127.0.0.1 --port $PORT"))
        };
        ("a Flask app", 5000, command)
    } else {
        let file = ["main.py", "app.py", "server.py", "run.py"].into_iter().find(|file| has(file))?;
        ("a Python program", 8000, words(&format!("python3 {file}")))
    };
    let install =
        match (requirements.is_some(), project.as_deref().is_some_and(|text| text.contains("[project]"))) {
            (true, _) => Some("python3 -m pip install --quiet --upgrade --target vendor -r requirements.txt"),
            (false, true) => Some("python3 -m pip install --quiet --upgrade --target vendor ."),
            (false, false) => None,
        };
    let mut files = whole_project(folder);
    let mut env = vec![("PYTHONUNBUFFERED", "1")];
    if install.is_some() {
        env.push(("PYTHONPATH", "vendor"));
        if !files.iter().any(|file| file == "vendor/") {
            files.push("vendor/".to_owned());
        }
    }
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let name = project.as_deref().and_then(|text| text.parse::<toml::Table>().ok());
    let name = name.and_then(|table| Some(table.get("project")?.get("name")?.as_str()?.to_owned()));
    Some(Draft {
        what: framework.to_owned(),
        name,
        build: install.map(str::to_owned),
        files,
        services: vec![Service { env, ..Service::web(port, &command) }],
        ..Draft::default()
    })
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn gunicorn(app: &str) -> Vec<String> {
    words(&format!("python3 -m gunicorn {app} --bind 127.0.0.1:$PORT"))
}
