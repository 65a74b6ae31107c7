//! `rehearse`: deploys, rolls back and deploys again under a small load, and has the evidence kept with the artifact.
//!
//! It is made of the runs that a person would make, each as durable as ever: whatever ends this command, they come to their end, and
//! no evidence is kept of what was not seen to its end.

use std::time::Duration;

use bascule_load::{Figures, Load, Profile};
use bascule_model::gate::Provenance;
use bascule_model::ids::{EnvironmentKey, EnvironmentName, RunId};
use bascule_model::manifest::{CheckRequest, Environment, Method, Probe, Value};
use bascule_model::problem::{Code, Exit, Problem};
use bascule_model::rehearsal::Rehearsal;
use bascule_server::api::{DeployRequest, RehearsalRequest, RollbackRequest, Started, WishRequest};

use crate::commands::{ended, plan};
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key;
use crate::screen::Format;
use crate::text::number;

const AFTER_HELP: &str = "\
Examples:
  bascule rehearse staging                 deploy, roll back, deploy again
  bascule rehearse staging --path /users   with requests to that path
  bascule rehearse staging --rate 100      a hundred of them a second";

/// Options of `rehearse`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The environment, as in `staging`
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,

    /// The path of the requests; it has to answer 2xx [default: that of the first
    /// check that is a plain GET, else that of the health check]
    #[arg(long, value_name = "PATH")]
    path: Option<String>,

    /// Requests a second
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
}

/// A rehearsal under way.
struct Rehearsing<'a> {
    context: &'a Context,
    control_plane: ControlPlane<'a>,
    key: EnvironmentKey,
    wish: WishRequest,
    runs: Vec<RunId>,
}

/// How one of its runs ended.
enum Went {
    /// It went live.
    Live,
    /// It did not, and that was said: the command ends with this status.
    Otherwise(u8),
}

/// Runs it.
///
/// # Errors
/// What a run is refused with, and `REHEARSAL_REFUSED` when requests were lost.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let wish = plan::wish(context, &args.environment)?;
    let profile = profile(args, &wish.environment)?;
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let key = wish.environment.key();
        let mut rehearsing = Rehearsing { context, control_plane, key, wish, runs: Vec::new() };
        let (load, went) = rehearsing.all(profile).await;
        let figures = match load {
            Some(load) => load.stop().await,
            None => Figures::default(),
        };
        match went? {
            Went::Live => rehearsing.keep(&figures).await,
            Went::Otherwise(status) => Ok(status),
        }
    })
}

impl Rehearsing<'_> {
    /// All runs, and the load that went on meanwhile.
    async fn all(&mut self, profile: Profile) -> (Option<Load>, Result<Went, Failure>) {
        let mut load = None;
        let went = self.each(profile, &mut load).await;
        (load, went)
    }

    async fn each(&mut self, profile: Profile, load: &mut Option<Load>) -> Result<Went, Failure> {
        let live = key::status(&self.control_plane, &self.key).await.ok().and_then(|status| status.live);
        if let Some(live) = live {
            *load = Some(start(profile.clone())?);
            // What a pipeline made is what goes on from here, and the folder may hold something else by now.
            let is_shipped = live.provenance.as_ref().is_some_and(|provenance| provenance.pipeline.is_some());
            if is_shipped && self.wish.artifact.is_none() {
                self.wish.artifact = Some(live.artifact);
                // Services, configuration and migrations are those of the folder: where that is not the commit's, it is said so.
                let here = self.wish.provenance.take();
                self.wish.provenance = live.provenance.map(|shipped| {
                    let is_same = here.is_some_and(|here| !here.dirty && here.commit == shipped.commit);
                    Provenance { dirty: shipped.dirty || !is_same, ..shipped }
                });
            }
        }
        let mut went = self.deploy().await?;
        if let Went::Otherwise(_) = went {
            return Ok(went);
        }
        if load.is_none() {
            *load = Some(start(profile)?);
        }
        // From here on it is this artifact.
        let status = key::status(&self.control_plane, &self.key).await?;
        self.wish.artifact = status.live.map(|live| live.artifact).filter(|artifact| !artifact.is_empty());
        went = match self.rollback().await {
            // The first release of an environment: there has to be one to go back from.
            Err(Failure::Problem(problem)) if problem.code == Code::NothingToRollBackTo => {
                match self.deploy().await? {
                    Went::Live => self.rollback().await?,
                    otherwise => otherwise,
                }
            }
            went => went?,
        };
        match went {
            Went::Live => self.deploy().await,
            otherwise => Ok(otherwise),
        }
    }

    async fn deploy(&mut self) -> Result<Went, Failure> {
        let request =
            DeployRequest { wish: self.wish.clone(), plan: None, actor: self.context.machine.actor() };
        let started = self.control_plane.client().post("/v1/deploy", &request).await?;
        self.follow(started).await
    }

    async fn rollback(&mut self) -> Result<Went, Failure> {
        let actor = self.context.machine.actor();
        let request = RollbackRequest { key: self.key.clone(), to: None, plan: None, actor };
        let started = self.control_plane.client().post("/v1/rollback", &request).await?;
        self.follow(started).await
    }

    async fn follow(&mut self, started: Started) -> Result<Went, Failure> {
        let outcome = ended::followed(self.context, &self.control_plane, &started).await?;
        self.runs.push(started.run);
        let status = ended::status(&outcome);
        Ok(if status == Exit::Done.status() { Went::Live } else { Went::Otherwise(status) })
    }

    async fn keep(&self, figures: &Figures) -> Result<u8, Failure> {
        let request = RehearsalRequest {
            key: self.key.clone(),
            runs: self.runs.clone(),
            requests: figures.started(),
            lost: figures.failed(),
            why: figures.failures.first().map(|failure| failure.detail.clone()).unwrap_or_default(),
            actor: self.context.machine.actor(),
        };
        self.control_plane.ensure().await?;
        let kept: Rehearsal = self.control_plane.client().post("/v1/rehearsals", &request).await?;
        match self.context.screen.format {
            Format::Json => self.context.screen.json(&kept)?,
            Format::Text => self.context.screen.out(&format!(
                "rehearsed {} in {}: {} through {}, 0 lost",
                crate::view::plan::short(&kept.artifact),
                kept.environment,
                number::of(kept.requests, "request"),
                number::of(kept.runs.len() as u64, "run"),
            ))?,
        }
        Ok(Exit::Done.status())
    }
}

fn start(profile: Profile) -> Result<Load, Failure> {
    bascule_load::start(profile).map_err(|error| {
        let problem = Problem::new(
            Code::Usage,
            format!("the load cannot be made: {error}"),
            "name a path that begins with / in --path",
        );
        Failure::from(problem)
    })
}

/// A few plain requests a second through the users' door.
fn profile(args: &Args, environment: &Environment) -> Result<Profile, Failure> {
    let Some(path) = args.path.clone().or_else(|| path(environment)) else {
        return Err(Problem::new(
            Code::Usage,
            "nothing says which path of the app answers 2xx",
            "name one with --path",
        )
        .into());
    };
    let mut target = environment.listen;
    if target.ip().is_unspecified() {
        let here: std::net::IpAddr = match target {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        target.set_ip(here);
    }
    let own = environment.services.values().find_map(|service| service.traffic.as_ref());
    let hosts = own.map(|traffic| traffic.hosts.iter()).into_iter().flatten();
    let host = hosts.chain(&environment.hosts).map(ToString::to_string).next();
    Ok(Profile {
        host: host.map(|host| host.replacen("*.", "rehearsal.", 1)),
        http1: 2,
        rate_per_second: Some(f64::from(args.rate)),
        path: Some(path),
        patience: Duration::from_secs(10),
        ..Profile::idle(target)
    })
}

/// A path that has to answer 2xx, by what the manifest says.
fn path(environment: &Environment) -> Option<String> {
    let plain = environment.verify.iter().find_map(|check| match &check.request {
        CheckRequest::Http { method: Method::Get, path: Value::Public(path), headers, .. }
            if headers.is_empty()
                && check.expect.status.is_none_or(|status| (200..300).contains(&status)) =>
        {
            Some(path.render(|_| None))
        }
        _ => None,
    });
    plain.or_else(|| {
        environment.services.values().find_map(|service| {
            let traffic = service.traffic.as_ref()?;
            match &service.health.probe {
                Probe::Http { path } if path.starts_with(traffic.path.to_string().as_str()) => {
                    Some(path.clone())
                }
                _ => None,
            }
        })
    })
}
