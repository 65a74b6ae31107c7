//! From a manifest to one of its environments: overrides merged, defaults filled in, variables replaced.
//!
//! The same walk without any variable known finds, when the manifest is read, what cannot be right in any environment.

mod check;
mod command;
mod configuration;
mod container;
mod database;
mod env_file;
mod gates;
mod given;
mod image;
mod kubernetes;
mod literals;
mod merge;
mod network;
mod objects;
mod patches;
mod policy;
mod resolver;
mod rollout;
mod route;
mod secret_files;
mod service;
mod task;
pub(crate) mod template;
mod templated;
mod variables;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

pub use self::given::{EnvFile, Given, GivenObject, GivenSecret, Origin};
pub use self::template::command_text;

use self::resolver::Resolver;
use self::variables::Outside;
use super::diagnostics::{Code, Diagnostic, Diagnostics, list, nearest};
use super::read::reader::shortened;
use super::types::{Environment, EnvironmentSettings, Gates, Manifest, Shipping};
use crate::ids::EnvironmentName;

/// Where users come in when the manifest does not say: only from this machine.
pub const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Resolves one environment without secrets.
///
/// `variables` is the caller's own environment. `env_file` is the text of the file that [`EnvironmentSettings::env_file`]
/// names; none when it cannot be read.
///
/// # Errors
/// Those of [`resolve_with`].
pub fn resolve(
    manifest: &Manifest,
    environment: &str,
    variables: &dyn Fn(&str) -> Option<String>,
    env_file: Option<&str>,
) -> Result<Environment, Diagnostics> {
    let named = manifest.env_file(environment);
    let env_file = named.zip(env_file).map(|(name, text)| EnvFile { name, text });
    resolve_with(
        manifest,
        environment,
        &Given { variables, env_file, secrets: BTreeMap::new(), objects: BTreeMap::new() },
    )
}

/// Resolves one environment.
///
/// Each layer is over those before it: `env` of the manifest, `env` of the environment, the env file, the secrets, and for
/// names that one of them declares the caller's environment.
///
/// # Errors
/// Every mistake: an unknown environment, each variable that no one sets, an env file that is not there or not one,
/// a private value in a command.
pub fn resolve_with(
    manifest: &Manifest,
    environment: &str,
    given: &Given<'_>,
) -> Result<Environment, Diagnostics> {
    let found = manifest.environments.iter().find(|(name, _)| name.as_str() == environment);
    let Some((name, settings)) = found else {
        return Err(Diagnostics::new(
            manifest.source.clone(),
            vec![unknown_environment(manifest, environment)],
        ));
    };
    let mut problems = Vec::new();
    let entries = env_file::entries(settings, given, &mut problems);
    let outside = Outside::Known { env_file: entries, secrets: &given.secrets, process: given.variables };
    let (environment, more) = complete(manifest, name, settings, outside, Some(&given.objects));
    problems.extend(more);
    if problems.is_empty() {
        Ok(environment)
    } else {
        Err(Diagnostics::new(manifest.source.clone(), problems))
    }
}

/// What is wrong in any environment, whatever the variables are.
pub(crate) fn problems_in_any_environment(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut problems: Vec<Diagnostic> = manifest
        .environments
        .iter()
        .flat_map(|(name, settings)| complete(manifest, name, settings, Outside::Unknown, None).1)
        .collect();
    if manifest.environments.is_empty()
        && let Ok(name) = EnvironmentName::new("none")
    {
        problems = complete(manifest, &name, &EnvironmentSettings::default(), Outside::Unknown, None).1;
    }
    problems
}

impl Manifest {
    /// The gates of an environment, or those of all of them; what is wrong with one leaves it out, and is said when the environment is
    /// resolved.
    #[must_use]
    pub fn gates_in(&self, environment: Option<&EnvironmentName>) -> Gates {
        let settings = environment.and_then(|name| self.environments.get(name));
        gates::gates(
            self.gates.as_ref(),
            settings.and_then(|settings| settings.gates.as_ref()),
            &mut Vec::new(),
        )
    }
}

fn complete(
    manifest: &Manifest,
    name: &EnvironmentName,
    settings: &EnvironmentSettings,
    outside: Outside<'_>,
    objects: Option<&BTreeMap<String, Vec<GivenObject>>>,
) -> (Environment, Vec<Diagnostic>) {
    let mut resolver = Resolver::new(manifest, name, settings, outside);
    resolver.objects = objects;
    let env = resolver.shared_env();
    let build = resolver.build();
    let services = resolver.services(&env);
    let verify = resolver.checks(&services);
    let tasks = resolver.tasks(&services);
    let database = resolver.database();
    let backup = resolver.backup();
    let cluster = resolver.cluster(&services);
    resolver.check_drift();
    resolver.check_strategy(services.iter().map(|(name, (service, _))| (name, service)));
    resolver.check_literals();
    resolver.check_promotion();
    resolver.check_secrets();
    let origins = resolver.variables.origins();
    let secret_versions = resolver.variables.secret_versions();
    resolver.keep_pieces();
    let gates = gates::gates(manifest.gates.as_ref(), settings.gates.as_ref(), &mut resolver.problems);
    let environment = Environment {
        app: manifest.app.value.clone(),
        name: name.clone(),
        target: resolver.target(),
        drift: settings.drift.as_ref().map(|drift| drift.value).unwrap_or_default(),
        listen: match &settings.listen {
            Some(listen) => listen.value,
            None => Resolver::door_of(cluster.as_ref(), LISTEN),
        },
        cluster,
        hosts: resolver.hosts(),
        env,
        build,
        services: services.into_iter().map(|(name, (service, _))| (name, service)).collect(),
        verify,
        tasks,
        database,
        backup,
        rollout: merge::rollout(manifest.rollout.as_ref(), settings.rollout.as_ref()),
        gates,
        promote_from: settings.promote_from.as_ref().map(|from| from.value.clone()),
        policy: policy::policy(
            name.as_str(),
            settings,
            if manifest.pipeline.is_some() { Shipping::ByPipeline } else { Shipping::ByHand },
        ),
        secrets: resolver.secrets,
        secret_versions,
        origins,
    };
    (environment, resolver.problems)
}

fn unknown_environment(manifest: &Manifest, given: &str) -> Diagnostic {
    let names = || manifest.environments.keys().map(EnvironmentName::as_str);
    let meant = nearest(given, names());
    let (shown, label) = match meant {
        Some(meant) => (Some(meant), format!("did you mean `{meant}`?")),
        None => (names().next(), "the manifest has this one".to_owned()),
    };
    let span = manifest
        .environments
        .iter()
        .find(|(name, _)| Some(name.as_str()) == shown)
        .map_or(0..0, |(_, settings)| settings.span.clone());
    Diagnostic::new(
        Code::UnknownEnvironment,
        &span,
        format!("there is no environment `{}`", shortened(given)),
    )
    .label(label)
    .help(format!("the environments are {}", list(names())))
}
