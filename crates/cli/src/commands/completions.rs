//! `completions`: what makes a shell complete commands and options.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule completions bash > ~/.local/share/bash-completion/completions/bascule
  bascule completions zsh > ~/.zfunc/_bascule
  bascule completions fish > ~/.config/fish/completions/bascule.fish";

/// Options of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs it.
///
/// # Errors
/// When nobody reads it.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "bascule", &mut script);
    context.screen.out(&String::from_utf8_lossy(&script))
}
