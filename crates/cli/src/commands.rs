//! The commands, one a file. Each has its options, its help with examples, and a `run` that gives the exit status.

mod abort;
mod approve;
mod backup;
mod checklist;
mod completions;
mod config;
mod demo;
mod demo_app;
mod deploy;
mod diff;
mod doctor;
mod down;
mod edge;
mod ended;
mod exec;
mod gate;
mod history;
mod init;
mod logs;
mod migrate;
mod pipeline;
mod pipeline_runner;
mod plan;
mod promote;
mod prune;
mod rehearse;
mod render;
mod resolve;
mod rollback;
mod run;
mod schema;
mod secret;
mod serve;
mod ship;
mod status;
mod validate;
mod verify;

use bascule_model::problem::Exit;
use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// The commands, in the order in which one needs them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a short bascule.toml for the app in this folder
    Init(init::Args),
    /// Check bascule.toml: every mistake at once, nothing is created
    Validate(validate::Args),
    /// Show the configuration of an environment, and where it comes from
    Config(config::Args),
    /// Keep secrets sealed beside the manifest, and find those in clear
    Secret(secret::Args),
    /// Show what is different between two environments
    Diff(diff::Args),
    /// Show what a deploy would change, and its hash
    Plan(plan::Args),
    /// Deploy: build, start, check, switch, watch; or take it all back
    Deploy(deploy::Args),
    /// Take a commit through the pipeline: checks, build, every environment
    Ship(ship::Args),
    /// Show what each gate says of the newest reports, and what would make it pass
    Gate(gate::Args),
    /// Run a part of the pipeline, and see what became of its runs
    Pipeline(pipeline::Args),
    /// Deploy what settled in another environment, by its digest
    Promote(promote::Args),
    /// Say yes to a plan that another user asked for
    Approve(approve::Args),
    /// Show what has to have been seen before a deploy
    Checklist(checklist::Args),
    /// Deploy, roll back, deploy again under load; keep the evidence
    Rehearse(rehearse::Args),
    /// Show who has the traffic and how the instances are
    Status(status::Args),
    /// Bring the former release back
    Rollback(rollback::Args),
    /// List the runs of an environment
    History(history::Args),
    /// Show what instances wrote
    Logs(logs::Args),
    /// Take backups of a database, prove them, put one back
    Backup(backup::Args),
    /// Change databases: plan, apply, take back, try on a copy
    Migrate(migrate::Args),
    /// Run a command of the live release: a console, a task
    Exec(exec::Args),
    /// Run the manifest's checks against what is live
    Verify(verify::Args),
    /// Look at a single run
    Run(run::Args),
    /// End a run that is under way, and undo it
    Abort(abort::Args),
    /// Decide about a run that is stuck
    Resolve(resolve::Args),
    /// Stop everything of an environment
    Down(down::Args),
    /// Remove what releases that nobody keeps have left
    Prune(prune::Args),
    /// Check this machine, with a fix for what is missing
    Doctor(doctor::Args),
    /// Watch an example app being deployed under load
    Demo(demo::Args),
    /// Print what Bascule makes in a cluster, as YAML
    Render(render::Args),
    /// Print the JSON Schema of bascule.toml
    Schema(schema::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Run the control plane (other commands start it when needed)
    Serve(serve::Args),
    /// Run the edge, which carries the traffic (`serve` starts it)
    Edge(edge::Args),
    /// Carry out a run of a pipeline (`serve` starts it)
    #[command(hide = true)]
    PipelineRunner(pipeline_runner::Args),
    /// Run the example app
    #[command(hide = true)]
    DemoApp(demo_app::Args),
}

/// Runs a command and gives the exit status.
///
/// # Errors
/// What kept the command from its end.
pub fn run(command: Command, context: &Context) -> Result<u8, Failure> {
    let done = |()| Exit::Done.status();
    match command {
        Command::Init(args) => init::run(&args, context).map(done),
        Command::Validate(args) => validate::run(&args, context),
        Command::Config(args) => config::run(&args, context),
        Command::Secret(args) => secret::run(&args, context),
        Command::Diff(args) => diff::run(&args, context),
        Command::Plan(args) => plan::run(&args, context).map(done),
        Command::Deploy(args) => deploy::run(&args, context),
        Command::Ship(args) => ship::run(&args, context),
        Command::Gate(args) => gate::run(&args, context),
        Command::Pipeline(args) => pipeline::run(&args, context),
        Command::PipelineRunner(args) => pipeline_runner::run(&args, context),
        Command::Promote(args) => promote::run(&args, context),
        Command::Approve(args) => approve::run(&args, context),
        Command::Checklist(args) => checklist::run(&args, context),
        Command::Rehearse(args) => rehearse::run(&args, context),
        Command::Status(args) => status::run(&args, context).map(done),
        Command::Rollback(args) => rollback::run(&args, context),
        Command::History(args) => history::run(&args, context).map(done),
        Command::Logs(args) => logs::run(&args, context).map(done),
        Command::Backup(args) => backup::run(&args, context),
        Command::Migrate(args) => migrate::run(&args, context),
        Command::Exec(args) => exec::run(&args, context),
        Command::Verify(args) => verify::run(&args, context),
        Command::Run(args) => run::run(&args, context),
        Command::Abort(args) => abort::run(&args, context),
        Command::Resolve(args) => resolve::run(&args, context),
        Command::Down(args) => down::run(&args, context),
        Command::Prune(args) => prune::run(&args, context).map(done),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Demo(args) => demo::run(&args, context),
        Command::Render(args) => render::run(&args, context).map(done),
        Command::Schema(args) => schema::run(&args, context).map(done),
        Command::Completions(args) => completions::run(&args, context).map(done),
        Command::Serve(args) => serve::run(&args, context).map(done),
        Command::Edge(args) => edge::run(&args, context).map(done),
        Command::DemoApp(args) => demo_app::run(&args, context),
    }
}
