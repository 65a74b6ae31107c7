//! Copies an upgraded connection both ways, and ends it in good order when its release has to go.
//!
//! A WebSocket on a drained release stays usable until shortly before the deadline; then the client is told with a Close
//! between two frames, at a moment that differs from connection to connection so that not all come back at once; what the
//! instance sends after that is dropped (nothing may follow a Close), what the client sends still passes. At the deadline it
//! is cut.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::websocket::{FrameReader, close_frame};
use super::{Kind, PendingTunnel};
use crate::registry::Registered;
use crate::release::Release;
use crate::worker::thread::Worker;
use crate::worker::watch::OpenTunnel;

/// The most bytes that are read at once; the buffer is the worker's, so a silent tunnel has none.
pub(crate) const PIECE: usize = 32 * 1024;

/// How long before the deadline a WebSocket is told to go: a tenth of the time it has, at most this.
const NOTICE_AT_MOST: Duration = Duration::from_secs(2);

/// How a tunnel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// One side ended it.
    Closed,
    /// The deadline did.
    Cut,
}

/// One direction.
#[derive(Debug, Default)]
struct Direction {
    /// Read, and not taken by the other side yet.
    pending: Bytes,
    state: Flow,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Flow {
    #[default]
    Open,
    /// The reader saw the end; the writer has not been told.
    Ended,
    /// The writer was told.
    Done,
}

/// Runs a tunnel to its end.
pub(crate) async fn run(worker: &Rc<Worker>, client: TcpStream, sent_early: Bytes, tunnel: PendingTunnel) {
    let release = Rc::clone(&tunnel.claim);
    let release = release.release();
    let counters = tunnel.claim.counters();
    counters.upgraded_open.increase();
    let open = worker.tunnels.register(OpenTunnel {
        release: std::sync::Arc::clone(release),
        bell: crate::worker::watch::Bell::default(),
    });
    let mut pipe = Pipe {
        worker,
        open,
        client,
        upstream: tunnel.upstream,
        to_upstream: Direction { pending: sent_early, state: Flow::Open },
        to_client: Direction { pending: Bytes::new(), state: Flow::Open },
        frames: (tunnel.kind == Kind::WebSocket).then(FrameReader::new),
        told: None,
        alarm: None,
        deadline: None,
        notice: None,
    };
    if !tunnel.early.is_empty() {
        pipe.take_from_upstream(&tunnel.early);
    }
    if poll_fn(|context| pipe.poll(context)).await == End::Cut {
        release.note_cut_upgraded();
    }
    counters.upgraded_open.decrease();
    drop(tunnel.load);
}

struct Pipe<'worker> {
    worker: &'worker Worker,
    open: Registered<OpenTunnel>,
    client: TcpStream,
    upstream: TcpStream,
    to_upstream: Direction,
    to_client: Direction,
    /// Follows the instance's frames; `None`: not a WebSocket.
    frames: Option<FrameReader>,
    /// Whether the Close was written.
    told: Option<()>,
    alarm: Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
    notice: Option<Instant>,
}

impl Pipe<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        self.open.bell.listen(context);
        if self.poll_clock(context).is_ready() {
            return Poll::Ready(End::Cut);
        }
        let up = self.poll_to_upstream(context);
        let down = self.poll_to_client(context);
        match (up, down) {
            // Broken on one side: there is nothing to be told to the other but the end.
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => Poll::Ready(End::Closed),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(End::Closed),
            // A WebSocket has no half: its Close was there, or it broke.
            (Poll::Ready(Ok(())), _) | (_, Poll::Ready(Ok(()))) if self.frames.is_some() => {
                Poll::Ready(End::Closed)
            }
            _ => Poll::Pending,
        }
    }

    /// Keeps the times of the release's drain. Ready: the deadline has come.
    fn poll_clock(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = earlier(self.open.release.drain_deadline(), self.worker.leave_deadline());
        if deadline != self.deadline {
            self.deadline = deadline;
            let spread = self.worker.ids.spread();
            self.notice = deadline.map(|deadline| notice_time(Instant::now(), deadline, spread));
            self.alarm = None;
        }
        let Some(deadline) = self.deadline else { return Poll::Pending };
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Poll::Ready(());
            }
            if self.told.is_none() && self.notice.is_some_and(|notice| now >= notice) {
                self.tell_to_go();
            }
            let next = match self.notice {
                Some(notice) if now < notice => notice,
                _ => deadline,
            };
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(next)));
            if alarm.deadline() != next {
                alarm.as_mut().reset(next);
            }
            ready!(alarm.as_mut().poll(context));
        }
    }

    /// Puts a Close behind the last whole frame, now or as soon as the frame that is passing has ended.
    fn tell_to_go(&mut self) {
        if let Some(frames) = &self.frames
            && frames.is_at_boundary()
        {
            let close = close_frame(self.worker.limits.websocket_close.code());
            let mut pending = BytesMut::from(&self.to_client.pending[..]);
            pending.extend_from_slice(&close);
            self.to_client.pending = pending.freeze();
            self.told = Some(());
        }
    }

    fn is_due(&self) -> bool {
        self.told.is_none() && self.notice.is_some_and(|notice| Instant::now() >= notice)
    }

    /// Takes in what the instance sent: up to the Close, if one is due.
    fn take_from_upstream(&mut self, bytes: &[u8]) {
        if self.told.is_some() {
            return;
        }
        let due = self.is_due();
        let passed = match &mut self.frames {
            Some(frames) if due => {
                let mut passed = 0;
                while passed < bytes.len() && !frames.is_at_boundary() {
                    frames.read(&bytes[passed..=passed]);
                    passed += 1;
                }
                passed
            }
            Some(frames) => {
                frames.read(bytes);
                bytes.len()
            }
            None => bytes.len(),
        };
        self.to_client.pending = Bytes::copy_from_slice(&bytes[..passed]);
        if due {
            self.tell_to_go();
        }
    }

    fn poll_to_client(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(flush(&mut self.to_client, &mut self.client, context))?;
            match self.to_client.state {
                Flow::Done => return Poll::Ready(Ok(())),
                Flow::Ended => {
                    ready!(Pin::new(&mut self.client).poll_shutdown(context))?;
                    self.to_client.state = Flow::Done;
                }
                Flow::Open => {
                    let worker = self.worker;
                    let mut scratch = worker.scratch.borrow_mut();
                    let mut buffer = ReadBuf::new(&mut scratch);
                    ready!(Pin::new(&mut self.upstream).poll_read(context, &mut buffer))?;
                    if buffer.filled().is_empty() {
                        self.to_client.state = Flow::Ended;
                    } else {
                        self.take_from_upstream(buffer.filled());
                    }
                }
            }
        }
    }

    fn poll_to_upstream(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(flush(&mut self.to_upstream, &mut self.upstream, context))?;
            match self.to_upstream.state {
                Flow::Done => return Poll::Ready(Ok(())),
                Flow::Ended => {
                    ready!(Pin::new(&mut self.upstream).poll_shutdown(context))?;
                    self.to_upstream.state = Flow::Done;
                }
                Flow::Open => {
                    let mut scratch = self.worker.scratch.borrow_mut();
                    let mut buffer = ReadBuf::new(&mut scratch);
                    ready!(Pin::new(&mut self.client).poll_read(context, &mut buffer))?;
                    if buffer.filled().is_empty() {
                        self.to_upstream.state = Flow::Ended;
                    } else {
                        self.to_upstream.pending = Bytes::copy_from_slice(buffer.filled());
                    }
                }
            }
        }
    }
}

/// Writes what is pending. Ready: all of it.
fn flush(direction: &mut Direction, to: &mut TcpStream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    while !direction.pending.is_empty() {
        let count = ready!(Pin::new(&mut *to).poll_write(context, &direction.pending))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        direction.pending.advance(count);
    }
    Poll::Ready(Ok(()))
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// When a WebSocket is told to go: in the first half of the notice, at a moment that `spread` decides.
fn notice_time(now: Instant, deadline: Instant, spread: u64) -> Instant {
    let notice = (deadline.saturating_duration_since(now) / 10).min(NOTICE_AT_MOST);
    let share = u32::try_from(spread % 1000).unwrap_or(0);
    deadline - notice + notice / 2 * share / 1000
}

/// Whether a tunnel is one of that release's.
pub(crate) fn is_on(tunnel: &OpenTunnel, release: &std::sync::Arc<Release>) -> bool {
    std::sync::Arc::ptr_eq(&tunnel.release, release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notice_is_given_within_the_last_tenth_and_leaves_time_to_answer() {
        let now = Instant::now();
        for (limit, notice) in [(30.0, 2.0), (10.0, 1.0), (1.0, 0.1)] {
            let deadline = now + Duration::from_secs_f64(limit);
            for spread in [0, 1, 500, 999, u64::MAX] {
                let before = deadline - notice_time(now, deadline, spread);
                assert!(before.as_secs_f64() <= notice + 1e-6 && before.as_secs_f64() >= notice / 2.0 - 1e-6);
            }
        }
    }
}
