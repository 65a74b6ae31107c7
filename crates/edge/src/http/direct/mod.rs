//! Usual requests, served without the HTTP library: HTTP/1.1, come at once and whole, nothing in them that asks for special
//! treatment. Bytes in, bytes out, and no memory held between two requests.
//!
//! All others are the library's; the bytes that were read are handed over with them. Both ways share the strict reading, the
//! claim, the connections to the instances and the rules for repeating.

mod relay;
mod request;
mod response;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::client_io::has_gone;
use super::framing::{After, Step};
use super::headers::Wish;
use super::host::route_name;
use super::request_head;
use crate::upstream::claim::{Claim, Claimed, Notes, claim};
use crate::upstream::request_body::RequestBody;
use crate::worker::thread::Worker;
use crate::worker::watch::Client;

/// Room for the lines of the edge's own.
const OWN_LINES: usize = 384;

/// Why there is no further usual request.
#[derive(Debug)]
pub(crate) enum Next {
    /// The connection is over.
    End,
    /// After so many usual requests these bytes came instead; nobody has looked at them.
    Unusual(u64, Bytes),
}

/// What becomes of a connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionEnd {
    Keep,
    Close,
}

/// What a read brought.
enum Came {
    Request(Rc<Claim>, ConnectionEnd),
    Unusual(Bytes),
    End,
}

/// Serves requests until there is one that is not usual.
pub(crate) async fn serve(worker: &Rc<Worker>, client: &Rc<Client>, stream: &mut TcpStream) -> Next {
    for served in 0.. {
        let (claim, wanted) = match poll_fn(|context| poll_request(worker, client, stream, context)).await {
            Came::Request(claim, wanted) => (claim, wanted),
            Came::Unusual(bytes) => return Next::Unusual(served, bytes),
            Came::End => break,
        };
        let Some(mut relay) = while_there(client, stream, relay::answer(worker, claim, wanted)).await else {
            break;
        };
        let end = poll_fn(|context| relay.poll(worker, client, stream, context)).await;
        // Whoever sees the connection end finds the request counted out.
        drop(relay);
        if end == ConnectionEnd::Close {
            // The client may have closed first.
            let _ = poll_fn(|context| Pin::new(&mut *stream).poll_shutdown(context)).await;
            break;
        }
    }
    Next::End
}

fn poll_request(
    worker: &Rc<Worker>,
    client: &Rc<Client>,
    stream: &mut TcpStream,
    context: &mut Context<'_>,
) -> Poll<Came> {
    let mut scratch = worker.scratch.borrow_mut();
    let mut buffer = ReadBuf::new(&mut scratch);
    let read = ready!(Pin::new(stream).poll_read(context, &mut buffer));
    let bytes = buffer.filled();
    if read.is_err() || bytes.is_empty() {
        return Poll::Ready(Came::End);
    }
    client.progress.set(worker.clock.now());
    Poll::Ready(match begin(worker, client, bytes) {
        Some((claim, wanted)) => Came::Request(claim, wanted),
        None => {
            client.begin_anew();
            Came::Unusual(Bytes::copy_from_slice(bytes))
        }
    })
}

/// Claims the release that a usual request leads to. `None`: the library has to see to it.
fn begin(worker: &Worker, client: &Rc<Client>, bytes: &[u8]) -> Option<(Rc<Claim>, ConnectionEnd)> {
    let started = Instant::now();
    if worker.is_leaving() || !is_one_message(client, bytes) {
        return None;
    }
    let mut head = Vec::with_capacity(bytes.len() + OWN_LINES);
    let usual = request::read(bytes, &mut head)?;
    let has_hosts = worker.table.load().has_hosts(client.listener);
    let name = if has_hosts { route_name(usual.host) } else { None };
    let claimed = claim(&worker.table, worker.index, client.listener, name.as_deref(), usual.path);
    // The answer to a request that leads nowhere is made in one place only.
    let Claimed::Held(hold) = claimed else { return None };
    let id = usual.request_id.and_then(|given| given.try_into().ok()).unwrap_or_else(|| worker.ids.next());
    request_head::write_own(
        &mut head,
        &client.provenance.borrow_mut().lines(Some(usual.host)),
        usual.request_id.is_none().then_some(&id),
    );
    head.extend_from_slice(b"\r\n");
    head.extend_from_slice(usual.body);
    let notes = Notes {
        started,
        id,
        asked: usual.asked,
        version: Version::HTTP_11,
        wish: Wish::Stay,
        repeatable: usual.repeatable,
    };
    Some((Rc::new(Claim::new(hold, Rc::clone(client), notes, head, RequestBody::none())), usual.end))
}

/// Whether the bytes are one message that may pass, from its first byte to its last.
fn is_one_message(client: &Client, bytes: &[u8]) -> bool {
    let mut framing = client.framing.borrow_mut();
    let before = framing.messages();
    framing.read(bytes) == Step { passed: bytes.len(), after: After::More }
        && framing.is_at_head()
        && framing.messages() == before + 1
}

/// Waits as long as the client is there; the tick says when to look.
async fn while_there<F: Future>(client: &Client, stream: &TcpStream, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if client.look.take().is_some() && has_gone(stream) {
            return Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}
