//! What an instance is told: its environment variables and its command line.
//!
//! The environment is clean: `PATH`, `HOME`, `LANG` and `TZ` as the wiring gives them, the configured variables (which win over
//! those four), and ours (which win over all): `PORT` for a service that gets traffic, `BASCULE_APP`, `BASCULE_ENVIRONMENT`,
//! `BASCULE_RELEASE`, `BASCULE_SLOT`, `BASCULE_INSTANCE`, and `BASCULE_STATE_ID`, by which processes that an instance leaves
//! behind are told from those of another state folder.
//!
//! What an instance gets as a file is not in its environment: `NAME_FILE` has the path instead, as many programs know it.

use std::collections::BTreeMap;
use std::path::Path;

use bascule_model::ids::{EnvironmentKey, InstanceId, ReleaseId, Slot};
use bascule_model::manifest::InstanceText;

const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// Who an instance is.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// Its environment.
    pub key: &'a EnvironmentKey,
    /// Its release.
    pub release: &'a ReleaseId,
    /// Where that stands.
    pub slot: Slot,
    /// Its name.
    pub instance: &'a InstanceId,
    /// Whose instances these are.
    pub state_id: &'a str,
    /// What it is to listen on.
    pub port: Option<u16>,
}

impl Who<'_> {
    fn own(&self) -> BTreeMap<String, String> {
        let mut own: BTreeMap<String, String> = [
            ("BASCULE_APP", self.key.app.to_string()),
            ("BASCULE_ENVIRONMENT", self.key.environment.to_string()),
            ("BASCULE_RELEASE", self.release.to_string()),
            ("BASCULE_SLOT", self.slot.to_string()),
            ("BASCULE_INSTANCE", self.instance.to_string()),
            ("BASCULE_STATE_ID", self.state_id.to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        own.extend(self.port.map(|port| ("PORT".to_owned(), port.to_string())));
        own
    }

    /// All its variables.
    #[must_use]
    pub fn environment(
        &self,
        wiring: &BTreeMap<String, String>,
        configured: &BTreeMap<String, InstanceText>,
    ) -> BTreeMap<String, String> {
        let own = self.own();
        let inherited = wiring.iter().filter(|(name, _)| INHERITED.contains(&name.as_str()));
        let mut all: BTreeMap<String, String> =
            inherited.map(|(name, value)| (name.clone(), value.clone())).collect();
        let render = |text: &InstanceText| text.render(|name| own.get(name).cloned());
        all.extend(configured.iter().map(|(name, text)| (name.clone(), render(text))));
        all.extend(own.clone());
        all
    }

    /// All its variables, but those of `names`, which are files in `folder`: of each, `NAME_FILE` says the path, unless the
    /// configuration says something else by that name.
    #[must_use]
    pub fn environment_beside_files(
        &self,
        wiring: &BTreeMap<String, String>,
        configured: &BTreeMap<String, InstanceText>,
        names: &[String],
        folder: &Path,
    ) -> BTreeMap<String, String> {
        let mut all = self.environment(wiring, configured);
        for name in names {
            if all.remove(name).is_some() {
                let path = folder.join(name).display().to_string();
                all.entry(format!("{name}_FILE")).or_insert(path);
            }
        }
        all
    }

    /// The values that it gets as files, by name.
    #[must_use]
    pub fn files(
        &self,
        configured: &BTreeMap<String, InstanceText>,
        names: &[String],
    ) -> BTreeMap<String, String> {
        let all = self.environment(&BTreeMap::new(), configured);
        names.iter().filter_map(|name| Some((name.clone(), all.get(name)?.clone()))).collect()
    }

    /// Its command line.
    #[must_use]
    pub fn command(&self, command: &[InstanceText]) -> Vec<String> {
        let own = self.own();
        command.iter().map(|text| text.render(|name| own.get(name).cloned())).collect()
    }
}

/// What every process of an instance carries in its environment.
#[must_use]
pub fn marks(state_id: &str, instance: &InstanceId) -> Vec<String> {
    vec![format!("BASCULE_INSTANCE={instance}"), format!("BASCULE_STATE_ID={state_id}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_win_over_the_configured_and_those_over_the_inherited() {
        let key: EnvironmentKey = "shop/staging".parse().unwrap();
        let release = ReleaseId::from_text("r1-abcdef");
        let instance = InstanceId::new(&key, &release, &"web".parse().unwrap(), 1);
        let who = Who {
            key: &key,
            release: &release,
            slot: Slot::Blue,
            instance: &instance,
            state_id: "s1",
            port: Some(4711),
        };
        let text = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let wiring = text(&[("PATH", "/bin"), ("HOME", "/root"), ("SECRET_OF_THE_CALLER", "x")]);
        let mut url = InstanceText::literal("http://localhost:");
        url.push_variable("PORT");
        let configured = [
            ("HOME".to_owned(), InstanceText::literal("/app")),
            ("BASCULE_APP".to_owned(), InstanceText::literal("other")),
            ("URL".to_owned(), url.clone()),
        ]
        .into();
        let all = who.environment(&wiring, &configured);
        let mut expected = text(&[
            ("PATH", "/bin"),
            ("HOME", "/app"),
            ("URL", "http://localhost:4711"),
            ("PORT", "4711"),
            ("BASCULE_APP", "shop"),
            ("BASCULE_ENVIRONMENT", "staging"),
            ("BASCULE_RELEASE", "r1-abcdef"),
            ("BASCULE_SLOT", "blue"),
            ("BASCULE_STATE_ID", "s1"),
        ]);
        expected.insert("BASCULE_INSTANCE".to_owned(), instance.to_string());
        assert_eq!(all, expected);
        assert_eq!(who.command(&[InstanceText::literal("$PORT"), url]), ["$PORT", "http://localhost:4711"]);
        for mark in marks("s1", &instance) {
            let (name, value) = mark.split_once('=').unwrap();
            assert_eq!(all[name], value);
        }

        let names = ["URL", "HOME", "MISSING"].map(str::to_owned);
        let mut configured = configured;
        configured.insert("HOME_FILE".to_owned(), InstanceText::literal("/own"));
        let beside = who.environment_beside_files(&wiring, &configured, &names, Path::new("/run/secrets"));
        assert_eq!(beside["URL_FILE"], "/run/secrets/URL");
        assert_eq!(beside["HOME_FILE"], "/own", "what the configuration says counts");
        for name in ["URL", "HOME", "MISSING_FILE"] {
            assert!(!beside.contains_key(name), "{name}");
        }
        assert_eq!(
            who.files(&configured, &names),
            text(&[("HOME", "/app"), ("URL", "http://localhost:4711")])
        );
    }
}
