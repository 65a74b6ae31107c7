//! A response on its way to the client: what is made of its head, and the body, piece by piece.
//!
//! The next piece is read when the one before is out, so that a client that takes nothing holds the instance up.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use http::StatusCode;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::super::client_io::has_gone;
use super::super::errors;
use super::super::exchange::{
    Answered, Attempt, Tried, broke_off, cut_response, first_attempt, go_on, perform,
};
use super::ConnectionEnd;
use super::response::{Framing, write_head};
use crate::upstream::body::{Body, Piece};
use crate::upstream::claim::Claim;
use crate::upstream::connection::{BodyError, Progress};
use crate::upstream::response::ResponseHead;
use crate::worker::thread::Worker;
use crate::worker::watch::Client;

/// Room for a head and a small body.
const USUAL_RESPONSE: usize = 1024;

/// A response on its way.
#[derive(Debug)]
pub(crate) struct Relay {
    /// For the client.
    out: Vec<u8>,
    /// So many of these bytes have gone.
    gone: usize,
    framing: Framing,
    /// Where the rest comes from; `None`: all of it is here, and nobody is kept waiting any more.
    rest: Option<Rest>,
    end: ConnectionEnd,
}

/// The rest of a response that is not here yet.
#[derive(Debug)]
struct Rest {
    attempt: Attempt,
    claim: Rc<Claim>,
}

/// What is made of a response's head, and of the data that came with it.
struct Begun {
    out: Vec<u8>,
    framing: Framing,
    end: ConnectionEnd,
}

/// Gets the answer to a claimed request.
pub(super) async fn answer(worker: &Rc<Worker>, claim: Rc<Claim>, wanted: ConnectionEnd) -> Relay {
    let take = |head: &ResponseHead<'_, '_>, body: &mut Body, bytes: &[u8]| {
        worker.date.with(worker.clock.now(), |date| begin(worker, wanted, head, body, bytes, date))
    };
    // What is rare is boxed: it is large, and not a part of every connection's task.
    let answered = match first_attempt(worker, &claim) {
        None => Box::pin(perform(worker, &claim, take, Tried::default())).await,
        Some(mut attempt) => match attempt.connection.wait(worker, take).await {
            Ok((status, taken)) => Ok(Answered { attempt, status, taken }),
            Err(error) => Box::pin(go_on(Rc::clone(worker), Rc::clone(&claim), attempt, error, take)).await,
        },
    };
    let own = match answered {
        // Nobody asked for another protocol: there is no telling what follows.
        Ok(answered) if answered.status == StatusCode::SWITCHING_PROTOCOLS => {
            broke_off(worker, &claim, &answered.attempt.connection)
        }
        Ok(Answered { attempt, status, taken }) => {
            claim.responded(status);
            let Begun { out, framing, end } = taken;
            let ended = attempt.connection.body().is_ended();
            let mut relay = Relay { out, gone: 0, framing, rest: Some(Rest { attempt, claim }), end };
            if ended {
                relay.finish(worker);
            }
            return relay;
        }
        Err(own) => own,
    };
    claim.responded(own.status());
    let end = end(worker, wanted);
    let id = claim.notes.id.clone();
    let out =
        worker.date.with(worker.clock.now(), |date| errors::write(own, id, claim.notes.asked, end, date));
    Relay { out, gone: 0, framing: Framing::Bare, rest: None, end }
}

fn end(worker: &Worker, wanted: ConnectionEnd) -> ConnectionEnd {
    if worker.is_leaving() { ConnectionEnd::Close } else { wanted }
}

/// Writes the head and the data that came with it. Gives how many of the bytes behind the head were used.
fn begin(
    worker: &Worker,
    wanted: ConnectionEnd,
    head: &ResponseHead<'_, '_>,
    body: &mut Body,
    bytes: &[u8],
    date: &str,
) -> (Begun, usize) {
    let mut out = Vec::with_capacity(USUAL_RESPONSE.max(bytes.len() + 512));
    let end = end(worker, wanted);
    let framing = write_head(head, body, end, date, &mut out);
    let mut used = 0;
    loop {
        match body.take(&bytes[used..]) {
            Ok(Piece::Data(data, count)) => {
                framing.write(data, &mut out);
                used += count;
            }
            Ok(Piece::End(_, count)) => return (Begun { out, framing, end }, used + count),
            // That the body is broken is found again by reading on.
            Ok(Piece::More) | Err(_) => return (Begun { out, framing, end }, bytes.len()),
        }
    }
}

impl Relay {
    /// Passes the response on to its end. Ready: what becomes of the connection.
    pub(super) fn poll(
        &mut self,
        worker: &Worker,
        client: &Client,
        stream: &mut TcpStream,
        context: &mut Context<'_>,
    ) -> Poll<ConnectionEnd> {
        if client.look.take().is_some() && has_gone(stream) {
            return Poll::Ready(ConnectionEnd::Close);
        }
        loop {
            if ready!(self.poll_write(worker, client, stream, context)).is_err() {
                return Poll::Ready(ConnectionEnd::Close);
            }
            let Some(Rest { attempt, claim }) = &mut self.rest else { return Poll::Ready(self.end) };
            let (framing, out) = (self.framing, &mut self.out);
            out.clear();
            self.gone = 0;
            match ready!(attempt.connection.poll_body(worker, context, &mut |data| framing.write(data, out)))
            {
                Ok(Progress::More) if attempt.connection.body().is_ended() => self.finish(worker),
                Ok(Progress::More) => {}
                Ok(Progress::Ended(_)) => self.finish(worker),
                Err(error) => {
                    if matches!(error, BodyError::Upstream) {
                        cut_response(worker, claim, &attempt.connection);
                    }
                    // Without its end, the client sees that the body is not whole.
                    return Poll::Ready(ConnectionEnd::Close);
                }
            }
        }
    }

    fn poll_write(
        &mut self,
        worker: &Worker,
        client: &Client,
        stream: &mut TcpStream,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        while self.gone < self.out.len() {
            let written = Pin::new(&mut *stream).poll_write(context, &self.out[self.gone..]);
            let now = worker.clock.now();
            if written.is_pending() && client.write_since.get().is_none() {
                client.write_since.set(Some(now));
            }
            self.gone += ready!(written)?;
            client.write_since.set(None);
            client.progress.set(now);
        }
        Poll::Ready(Ok(()))
    }

    /// The body has ended: gives the connection back, if nothing is left of the exchange. The request has ended with it:
    /// what is left for the client does not concern the release.
    fn finish(&mut self, worker: &Worker) {
        self.framing.write_end(&mut self.out);
        if let Some(Rest { attempt: Attempt { mut connection, .. }, .. }) = self.rest.take()
            && connection.finish()
        {
            worker.pool.keep(connection, worker.clock.now());
        }
    }
}
