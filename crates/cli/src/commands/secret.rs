//! `secret`: the sealed values of an environment, and those that stand in files in clear.

mod change;
mod entry;
mod import;
mod list;
mod rotate;
mod scan;

use std::path::PathBuf;

use bascule_model::ids::EnvironmentName;

use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule secret set production API_TOKEN           asks for it, without showing it
  op read op://shop/token | bascule secret set production API_TOKEN
  bascule secret list production
  bascule secret scan                               what stands in files in clear

The store is .bascule/secrets/ENV.toml: sealed, made to be committed. Its key is in
BASCULE_KEY, in the file that BASCULE_KEY_FILE names, on the output of
BASCULE_KEY_COMMAND, or in ~/.config/bascule/secrets.key, which the first `set` makes.";

const AFTER_HELP_SET: &str = "\
Examples:
  bascule secret set production API_TOKEN           asks for it, without showing it
  bascule secret set production TLS_KEY < tls.key
  printf %s \"$TOKEN\" | bascule secret set production API_TOKEN";

const AFTER_HELP_LIST: &str = "\
Examples:
  bascule secret list production
  bascule secret list production --output json";

const AFTER_HELP_RM: &str = "\
Examples:
  bascule secret rm production API_TOKEN";

const AFTER_HELP_ROTATE: &str = "\
Examples:
  bascule secret rotate production API_TOKEN < new-token      a new value for one
  bascule secret rotate production                            a new key within the file
  bascule secret rotate production --new-key-file new.key     another key to open it with";

const AFTER_HELP_IMPORT: &str = "\
Examples:
  bascule secret import production .env.production
  sops -d secrets.env | bascule secret import production -";

const AFTER_HELP_SCAN: &str = "\
Examples:
  bascule secret scan                        all that git has or would take
  bascule secret scan src --output json
  bascule secret scan --form sarif           for code scanning

A comment on the line or above it, `bascule:allow-secret REASON`, lets one stay.";

/// Options of `secret`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Set a secret: from standard input, or asked for; the next deploy uses it
    #[command(after_help = AFTER_HELP_SET)]
    Set(SetArgs),
    /// List names and versions, never values
    #[command(after_help = AFTER_HELP_LIST)]
    List(ListArgs),
    /// Remove a secret; former versions stay for rollbacks
    #[command(after_help = AFTER_HELP_RM)]
    Rm(RmArgs),
    /// Give a secret a new value, or the store new keys
    #[command(after_help = AFTER_HELP_ROTATE)]
    Rotate(RotateArgs),
    /// Take over the values of an env file
    #[command(after_help = AFTER_HELP_IMPORT)]
    Import(ImportArgs),
    /// Find secrets that stand in files in clear; exit code 4 when there are any
    #[command(after_help = AFTER_HELP_SCAN)]
    Scan(ScanArgs),
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,

    /// The secret
    #[arg(value_name = "NAME")]
    name: String,

    /// Taken only to be refused with the reason.
    #[arg(hide = true, num_args = 0.., allow_hyphen_values = true)]
    value: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
}

#[derive(Debug, clap::Args)]
struct RmArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,

    /// The secret
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, clap::Args)]
struct RotateArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,

    /// The secret that gets a new value [default: none, the keys are changed]
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Taken only to be refused with the reason.
    #[arg(hide = true, num_args = 0.., allow_hyphen_values = true)]
    value: Vec<String>,

    /// Seal the store with the key in this file from now on; it is made where it is not there
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    new_key_file: Option<PathBuf>,

    /// Take the lines as they are, after a merge in which each is meant
    #[arg(long, conflicts_with = "name")]
    accept_lines: bool,
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,

    /// The env file; `-` is standard input [default: .env.ENV]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ScanArgs {
    /// The folder or file [default: this folder]
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,

    /// The form of the findings
    #[arg(long, value_name = "usual|sarif", default_value = "usual", hide_possible_values = true)]
    form: scan::Form,
}

/// Runs it.
///
/// # Errors
/// Those of the store and its key, and what standard input is refused for.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    match &args.what {
        What::Set(args) => change::set(args, context),
        What::List(args) => list::run(args, context),
        What::Rm(args) => change::remove(args, context),
        What::Rotate(args) => rotate::run(args, context),
        What::Import(args) => import::run(args, context),
        What::Scan(args) => scan::run(args, context),
    }
}
