//! The text of the manifest.

use crate::app::App;

/// Rows of a section, in order: key and value, the value as TOML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows(Vec<(String, String)>);

impl Rows {
    pub(crate) fn add(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.push((key.into(), value.into()));
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn write(&self, text: &mut String) {
        for (key, value) in &self.0 {
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
}

/// A text in the quotes of TOML, on one line.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains(['\n', '\r']) {
        // The shortest form of TOML would go over several lines.
        let escaped: String = text
            .chars()
            .map(|c| match c {
                '"' => "\\\"".to_owned(),
                '\\' => "\\\\".to_owned(),
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
                c => c.to_string(),
            })
            .collect();
        return format!("\"{escaped}\"");
    }
    toml::Value::String(text.to_owned()).to_string()
}

pub(crate) fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    let line = quoted.join(", ");
    if line.len() <= 90 { format!("[{line}]") } else { format!("[\n    {},\n]", quoted.join(",\n    ")) }
}

/// A table on one line; keys are names of variables.
pub(crate) fn inline(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// The whole manifest.
pub(crate) fn manifest(app: &App, file_name: &str) -> String {
    let file_name: String = file_name.chars().filter(|c| !c.is_control()).collect();
    let mut text = format!(
        "# How Bascule deploys this: taken from {file_name}.\n# `bascule schema` describes every key.\napp = {}\n",
        quoted(&app.name)
    );
    text.push_str("\n[build]\n");
    app.build.write(&mut text);
    for service in &app.services {
        text.push_str(&format!("\n[services.{}]\n", service.name));
        for comment in &service.comments {
            text.push_str(&format!("# {comment}\n"));
        }
        service.rows.write(&mut text);
        if !service.env.is_empty() {
            text.push_str(&format!("[services.{}.env]\n", service.name));
            for (name, value) in &service.env {
                text.push_str(&format!("{name} = {}\n", quoted(value)));
            }
        }
        if !service.health.is_empty() {
            text.push_str(&format!("[services.{}.health]\n", service.name));
            service.health.write(&mut text);
        }
    }
    for task in &app.tasks {
        text.push_str("\n# Run once in every deploy, before the new release is started.\n[[tasks]]\n");
        task.write(&mut text);
    }
    text.push_str(
        "\n# After the switch the new release is watched this long, and goes back by itself when it does badly.\n\
         [rollout]\nbake = \"60s\"\n",
    );
    let staging = app.listen.map_or_else(|| "127.0.0.1:8080".to_owned(), |listen| listen.to_string());
    let production = if staging.ends_with(":8081") { "127.0.0.1:8080" } else { "127.0.0.1:8081" };
    for (name, listen) in [("staging", staging.as_str()), ("production", production)] {
        text.push_str(&format!(
            "\n[environments.{name}]\ntarget = \"docker\"\nlisten = {}\n",
            quoted(listen)
        ));
        if let Some(file) = &app.env_file {
            text.push_str(&format!("env_file = {}\n", quoted(file)));
        }
    }
    text
}
