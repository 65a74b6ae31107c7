//! Which environment a command is about: `ENV` of the project's app, or of the one that `--app` names.
//!
//! The manifest may be wrong or gone while something of it runs: the app's name is all that is needed here, so that a
//! rollback never depends on what was changed since.

use bascule_model::ids::{AppName, EnvironmentKey, EnvironmentName};
use bascule_model::problem::{Code, Problem};
use bascule_server::api::EnvironmentStatus;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::query;

/// Names an environment.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The environment, as in `staging`
    #[arg(value_name = "ENV")]
    pub environment: EnvironmentName,

    /// The app, where there is no project at hand
    #[arg(long, value_name = "NAME")]
    pub app: Option<AppName>,
}

impl Place {
    /// The key.
    ///
    /// # Errors
    /// When there is neither `--app` nor a project.
    pub fn key(&self, context: &Context) -> Result<EnvironmentKey, Failure> {
        let app = match &self.app {
            Some(app) => app.clone(),
            None => context.project()?.app()?,
        };
        Ok(EnvironmentKey { app, environment: self.environment.clone() })
    }

    /// The key of an environment that the manifest or the control plane knows.
    ///
    /// # Errors
    /// `USAGE`, with the names that there are, when nobody knows it.
    pub async fn known(
        &self,
        context: &Context,
        control_plane: &ControlPlane<'_>,
    ) -> Result<EnvironmentKey, Failure> {
        let key = self.key(context)?;
        let declared = match self.app {
            Some(_) => Vec::new(),
            None => context.project()?.environments(),
        };
        if declared.contains(&key.environment) {
            return Ok(key);
        }
        let all: Vec<EnvironmentStatus> = control_plane.get("/v1/environments").await?;
        if all.iter().any(|one| one.app == key.app && one.environment == key.environment) {
            return Ok(key);
        }
        let mut names: Vec<String> = declared.iter().map(ToString::to_string).collect();
        names.extend(all.iter().filter(|one| one.app == key.app).map(|one| one.environment.to_string()));
        names.sort();
        names.dedup();
        Err(unknown(&key, &names).into())
    }
}

fn unknown(key: &EnvironmentKey, names: &[String]) -> Problem {
    let there_are = match names {
        [] => "nothing of it was deployed from this state folder".to_owned(),
        names => format!("it has {}", names.join(", ")),
    };
    Problem::new(
        Code::Usage,
        format!("{} has no environment {}: {there_are}", key.app, key.environment),
        "name one that there is, or add it to bascule.toml under [environments]",
    )
}

/// Asks how an environment is.
///
/// # Errors
/// Those of the control plane.
pub async fn status(
    control_plane: &ControlPlane<'_>,
    key: &EnvironmentKey,
) -> Result<EnvironmentStatus, Problem> {
    control_plane.get(&query::path("/v1/status", &[("key", &key.to_string())])).await
}
