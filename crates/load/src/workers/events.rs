//! Event streams. One that ends with `end` or a farewell is opened again; one that breaks off is a loss.

use http::uri::PathAndQuery;
use hyper::body::Incoming;

use super::{Stop, Worker};
use crate::answer::{Broken, Verdict, next_piece, status_detail, verdict};
use crate::cause::Lost;
use crate::client::{Call, broke_off};
use crate::record::Recorder;
use crate::{Cause, Kind};

use parse::{Event, Lines};

/// How a stream ended.
enum Ended {
    Completed,
    Farewell,
    /// Soundly, but without a word.
    Early,
    /// We left.
    Left,
    Failed(Cause, String),
}

pub(super) async fn run(mut worker: Worker, ticks: u64) {
    let Ok(path) = format!("/events?count={ticks}").parse::<PathAndQuery>() else { return };
    let call = Call::get(path);
    let client = worker.client;
    let recorder = &client.target().recorder;
    let patience = client.target().patience;
    while !worker.stop.told() {
        recorder.started(Kind::Events);
        let failed = match client.send(Kind::Events, &call).await {
            Err(Lost { cause, detail, .. }) => Some((cause, detail)),
            Ok(response) => match verdict(&response) {
                Verdict::Injected => {
                    recorder.injected(Kind::Events);
                    client.forget();
                    None
                }
                Verdict::Bad(cause) => {
                    let status = response.status();
                    let text = next_piece(&mut response.into_body(), patience).await;
                    Some((cause, status_detail(status, &text.ok().flatten().unwrap_or_default())))
                }
                Verdict::Good => {
                    recorder.events(|events| events.opened += 1);
                    let ended = follow(response.into_body(), recorder, patience, &mut worker.stop).await;
                    count(recorder, ended)
                }
            },
        };
        if let Some((cause, detail)) = failed {
            client.forget();
            recorder.failed(Kind::Events, cause, detail);
            worker.stop.breath().await;
        }
    }
    client.forget();
}

fn count(recorder: &Recorder, ended: Ended) -> Option<(Cause, String)> {
    recorder.events(|events| match &ended {
        Ended::Completed => events.completed += 1,
        Ended::Farewell => events.farewells += 1,
        Ended::Early => events.ended_early += 1,
        Ended::Left => events.left += 1,
        Ended::Failed(..) => events.cut += 1,
    });
    match ended {
        Ended::Failed(cause, detail) => Some((cause, detail)),
        _ => {
            recorder.ok(Kind::Events);
            None
        }
    }
}

async fn follow(
    mut body: Incoming,
    recorder: &Recorder,
    patience: std::time::Duration,
    stop: &mut Stop,
) -> Ended {
    let mut lines = Lines::default();
    let mut expected = 0;
    let mut bytes = 0;
    let mut end = Ended::Early;
    loop {
        let piece = tokio::select! {
            piece = next_piece(&mut body, patience) => piece,
            () = stop.wait() => return Ended::Left,
        };
        let piece = match piece {
            Ok(Some(piece)) => piece,
            Ok(None) => return end,
            Err(Broken::Stalled) => return Ended::Failed(Cause::Timeout, "no event in time".to_owned()),
            Err(Broken::Off(error)) => return Ended::Failed(Cause::EventsCut, broke_off(&error, bytes)),
        };
        bytes += piece.len() as u64;
        for event in lines.take(&piece) {
            match event {
                Event::Tick(number) if number == expected => {
                    expected += 1;
                    recorder.events(|events| events.ticks += 1);
                }
                Event::Tick(number) => {
                    let detail = format!("tick {number} came where {expected} was expected");
                    return Ended::Failed(Cause::Corrupt, detail);
                }
                Event::End => end = Ended::Completed,
                Event::Bye => end = Ended::Farewell,
            }
        }
    }
}

mod parse {
    //! The few lines of an event stream that matter: the ids of the ticks, and the names of the last events.

    pub(super) enum Event {
        Tick(u64),
        End,
        Bye,
    }

    /// Lines out of pieces that may break them anywhere.
    #[derive(Default)]
    pub(super) struct Lines {
        begun: Vec<u8>,
    }

    impl Lines {
        pub(super) fn take(&mut self, piece: &[u8]) -> Vec<Event> {
            self.begun.extend_from_slice(piece);
            let Some(last) = self.begun.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
            let rest = self.begun.split_off(last + 1);
            let whole = std::mem::replace(&mut self.begun, rest);
            whole.split(|byte| *byte == b'\n').filter_map(event).collect()
        }
    }

    fn event(line: &[u8]) -> Option<Event> {
        match std::str::from_utf8(line).ok()? {
            "event: end" => Some(Event::End),
            "event: bye" => Some(Event::Bye),
            line => line.strip_prefix("id: ")?.parse().ok().map(Event::Tick),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn broken_lines_are_joined() {
            let mut lines = Lines::default();
            assert!(lines.take(b"id: 1").is_empty());
            let events = lines.take(b"7\nevent: tick\ndata: {}\n\nevent: e");
            assert!(matches!(events[..], [Event::Tick(17)]));
            assert!(matches!(lines.take(b"nd\n")[..], [Event::End]));
        }
    }
}
