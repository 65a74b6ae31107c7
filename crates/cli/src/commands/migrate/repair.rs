//! `migrate repair`: shows where journal, database and files do not agree, and does what a person decides. Nothing is forced: each
//! decision names what it is about.

use bascule_migrate::{Ailment, Choice};
use bascule_model::problem::{Code, Exit, Problem};
use serde_json::json;

use super::here::{Where, failed};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::style::{STRONG, paint};
use crate::text::wrap::wrap;
use crate::text::{escape, number};

const AFTER_HELP: &str = "\
Examples:
  bascule migrate repair staging                      what there is to decide
  bascule migrate repair staging --choose 1a          the first choice of the first one
  bascule migrate repair staging --choose 1a --choose 2b";

/// Options of `migrate repair`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,

    /// A decision, as the list names it
    #[arg(long, value_name = "1a")]
    choose: Vec<String>,
}

/// Runs it; exit status 4 while something is left to decide.
///
/// # Errors
/// Those of the files and of the database; a choice that there is none of.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    let set = here.set()?;
    context.block_on(async {
        let mut migrator = here.open(context).await?;
        let mut ailments = migrator.ailments(&set.migrations).await.map_err(|error| failed(&error))?;
        if !args.choose.is_empty() {
            let chosen: Result<Vec<Choice>, Problem> =
                args.choose.iter().map(|named| choice(named, &ailments)).collect();
            let chosen = chosen?;
            migrator.repair(&chosen).await.map_err(|error| failed(&error))?;
            context.screen.note(&format!("{} written down", number::of(chosen.len() as u64, "decision")));
            ailments = migrator.ailments(&set.migrations).await.map_err(|error| failed(&error))?;
        }
        migrator.close().await;
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "ailments": ailments }))?,
            Format::Text => context.screen.out(&text(&ailments))?,
        }
        Ok(if ailments.is_empty() { Exit::Done.status() } else { Exit::Refused.status() })
    })
}

fn letter(at: usize) -> char {
    char::from(b'a' + u8::try_from(at.min(25)).unwrap_or(25))
}

fn choice(named: &str, ailments: &[Ailment]) -> Result<Choice, Problem> {
    let number: String = named.chars().take_while(char::is_ascii_digit).collect();
    let letters = &named[number.len()..];
    let ailment = number.parse::<usize>().ok().and_then(|number| ailments.get(number.checked_sub(1)?));
    let found = ailment.and_then(|ailment| {
        let mut choices = ailment.choices.iter().enumerate();
        choices.find(|(at, _)| letters.chars().eq([letter(*at)])).map(|(_, choice)| choice.clone())
    });
    found.ok_or_else(|| {
        Problem::new(
            Code::Usage,
            format!("there is no choice {named}"),
            "`bascule migrate repair` lists what there is to decide, as in `1a`",
        )
    })
}

fn text(ailments: &[Ailment]) -> String {
    if ailments.is_empty() {
        return "journal, database and files agree".to_owned();
    }
    let mut text = String::new();
    for (at, ailment) in ailments.iter().enumerate() {
        text.push_str(&format!("{} {}\n", at + 1, paint(STRONG, &escape::line(&ailment.version.0))));
        let facts = [("journal", &ailment.journal), ("database", &ailment.catalog), ("file", &ailment.file)];
        for (name, fact) in facts {
            let line = format!("{name:<9} {}", escape::line(fact));
            text.push_str(&format!("  {}\n", wrap(&line, 2, 12)));
        }
        for (at, choice) in ailment.choices.iter().enumerate() {
            let line = format!("{}{} {}", text_of_number(ailments, ailment), letter(at), words(choice));
            text.push_str(&format!("  → {}\n", wrap(&line, 4, 8)));
        }
    }
    text
}

fn text_of_number(ailments: &[Ailment], ailment: &Ailment) -> usize {
    ailments.iter().position(|one| std::ptr::eq(one, ailment)).map_or(0, |at| at + 1)
}

fn words(choice: &Choice) -> &'static str {
    match choice {
        Choice::MarkDone { .. } => "the statement is applied: write that down",
        Choice::RunAgain { .. } => "the statement is not applied: the next run sends it again",
        Choice::Accept { .. } => "the file is right as it is now",
        Choice::Removed { .. } => "the file is gone on purpose",
        Choice::MakeAgain { .. } => "make it again: the statement is sent once more, now",
        Choice::ByHand { .. } => "that is on purpose: write it down, and do not show it again",
        Choice::Forget { .. } => "what it did is not in the database: forget it",
    }
}
