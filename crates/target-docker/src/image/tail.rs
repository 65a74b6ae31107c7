//! The last lines of a step's output, for a failure.
//!
//! Engines tell standard output and standard error apart, and not in the order in which they were written: so that the reason is
//! among the last lines, neither pushes the other one out.

use std::mem;

/// How many lines a failure tells.
const MOST: usize = 20;

/// Where a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Errors,
}

/// The lines, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<(Stream, String)>);

impl Tail {
    pub(super) fn push(&mut self, stream: Stream, line: String) {
        self.0.push((stream, line));
        if self.0.len() > MOST {
            let errors = self.0.iter().filter(|(stream, _)| *stream == Stream::Errors).count();
            let longer = if errors > MOST / 2 { Stream::Errors } else { Stream::Output };
            let oldest = self.0.iter().position(|(stream, _)| *stream == longer).unwrap_or_default();
            self.0.remove(oldest);
        }
    }

    /// The lines; none are left.
    pub(super) fn take(&mut self) -> Vec<String> {
        mem::take(&mut self.0).into_iter().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_stream_pushes_the_other_one_out() {
        for (few, many) in [(Stream::Errors, Stream::Output), (Stream::Output, Stream::Errors)] {
            let mut tail = Tail::default();
            tail.push(few, "it is broken".to_owned());
            (1..=40).for_each(|n| tail.push(many, format!("line-{n}")));
            let lines = tail.take();
            assert_eq!(lines.len(), MOST);
            assert_eq!([&lines[0], &lines[1], &lines[19]], ["it is broken", "line-22", "line-40"]);
        }
        let mut tail = Tail::default();
        for n in 1..=40 {
            tail.push(Stream::Output, format!("out-{n}"));
            tail.push(Stream::Errors, format!("err-{n}"));
        }
        let lines = tail.take();
        assert_eq!([&lines[0], &lines[1], &lines[19]], ["out-31", "err-31", "err-40"]);
        assert!(tail.take().is_empty());
    }
}
