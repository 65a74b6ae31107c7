//! Whole files in one transaction: the disk is waited for once, not once for each of them.

use std::time::Instant;

use super::Runner;
use super::script::{Script, What};
use super::work::Work;
use crate::journal::Outcome;
use crate::policy::Patience;
use crate::watch::Event;

impl Runner<'_> {
    /// Runs parts that have nothing behind them yet, all in one transaction. False when that did not go well: then nothing of them is
    /// done, and each is run on its own, which also tells what is wrong with it.
    pub async fn together(&mut self, works: &[Work<'_>]) -> bool {
        let mut script = Script::default();
        self.frame(&mut script, Patience::Budget);
        script.push(What::Fence, &self.writer.fence());
        for work in works {
            script.journal(&work.whole);
            for (member, statement) in work.statements.iter().enumerate() {
                script.push(What::Statement(member), &statement.text);
                script.journal(&self.writer.step(work.key(), member, statement, &Outcome::Done));
            }
        }
        script.push(What::Frame, "COMMIT");
        let begin = Instant::now();
        if let Some(first) = works.first() {
            self.focus.begin(self.place(first, 0));
        }
        let outcome = self.connection.run(script.text()).await;
        self.focus.end();
        if let Err(error) = outcome {
            self.roll_back(&error).await;
            return false;
        }
        let took = begin.elapsed() / u32::try_from(works.len()).unwrap_or(1).max(1);
        for work in works {
            let (version, phase, at) = (work.version.clone(), work.phase, self.place(work, 0));
            let (name, statements) = (work.name.to_owned(), work.statements.len());
            let told = |event: &Event| self.settings.watch.told(event);
            told(&Event::PartBegun { version: version.clone(), name, phase, statements });
            told(&Event::StatementBegun { at: at.clone() });
            told(&Event::StatementDone { at, took });
            told(&Event::PartDone { version, phase, took });
        }
        true
    }
}
