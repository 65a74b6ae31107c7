//! `render`: what Bascule makes in a cluster, as YAML for those who read it or keep it.

use bascule_model::ids::EnvironmentName;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::Cluster;
use serde_json::Value;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key::Place;
use crate::query;
use crate::screen::Format;
use crate::view::yaml;

const AFTER_HELP: &str = "\
Examples:
  bascule render kubernetes production    what is live there, as YAML
  bascule render rbac production          for `kubectl apply -f -`";

const AFTER_HELP_KUBERNETES: &str = "\
Examples:
  bascule render kubernetes production
  bascule render kubernetes production --release r3-3fa9c1

Values of Secrets are hidden.";

const AFTER_HELP_RBAC: &str = "\
Examples:
  bascule render rbac production          for `kubectl apply -f -`";

/// Options of `render`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The objects of a release in the cluster
    #[command(after_help = AFTER_HELP_KUBERNETES)]
    Kubernetes(ObjectsArgs),
    /// The account that Bascule needs in the namespace, with all that it may do and nothing else
    #[command(after_help = AFTER_HELP_RBAC)]
    Rbac(RoleArgs),
}

#[derive(Debug, clap::Args)]
struct ObjectsArgs {
    #[command(flatten)]
    place: Place,

    /// Of this release [default: the live one]
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
}

#[derive(Debug, clap::Args)]
struct RoleArgs {
    /// The environment, as in `staging`
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
}

/// Runs it.
///
/// # Errors
/// The manifest's mistakes; when nothing is live, or the release is not known.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    match &args.what {
        What::Kubernetes(args) => context.block_on(async {
            let control_plane = ControlPlane::reach(context).await?;
            let key = args.place.known(context, &control_plane).await?.to_string();
            let mut values = vec![("key", key.as_str())];
            values.extend(args.release.as_deref().map(|release| ("release", release)));
            let objects: Vec<Value> = control_plane.get(&query::path("/v1/render", &values)).await?;
            show(context, &objects)
        }),
        What::Rbac(args) => {
            let project = context.project()?;
            let resolved = project.resolve(&args.environment, &|name| context.machine.variable(name))?;
            let Some(cluster) = &resolved.cluster else {
                return Err(Problem::new(
                    Code::Usage,
                    format!("{} is in no cluster", args.environment),
                    "name an environment with target = \"kubernetes\"",
                )
                .into());
            };
            show(context, &role(cluster)?)
        }
    }
}

#[cfg(feature = "kubernetes")]
fn role(cluster: &Cluster) -> Result<Vec<Value>, Failure> {
    Ok(bascule_server::cluster_role(cluster))
}

#[cfg(not(feature = "kubernetes"))]
fn role(_: &Cluster) -> Result<Vec<Value>, Failure> {
    let words = "this build of Bascule has no target kubernetes";
    Err(Problem::new(Code::Usage, words, "install one that has it (feature `kubernetes`)").into())
}

fn show(context: &Context, objects: &[Value]) -> Result<(), Failure> {
    match context.screen.format {
        Format::Text => context.screen.out(&yaml::documents(objects)),
        Format::Json => context.screen.json(&objects),
    }
}
