//! A listening socket that every user of the machine may come to: few connections of each at once and few in all, none of them for
//! long, so that nobody can use up what the control plane needs, and no user can keep the others out.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Sleep, sleep};

use super::peer::Peer;

/// So many of a user at once; one more is closed.
const OF_EACH: usize = 4;
/// So many in all; one more is closed.
const AT_ONCE: usize = 32;
/// So long; a look or an approval is a matter of milliseconds.
const LIMIT: Duration = Duration::from_secs(10);

/// The listening socket.
pub(crate) struct Few {
    listener: UnixListener,
    places: Arc<Places>,
}

impl Few {
    pub(crate) fn new(listener: UnixListener) -> Self {
        Self { listener, places: Arc::default() }
    }
}

/// Who is in, by user.
#[derive(Debug, Default)]
struct Places(Mutex<BTreeMap<u32, usize>>);

impl Places {
    /// A place for a user, if there is one.
    fn take(self: &Arc<Self>, uid: u32) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.entry(uid).or_default();
        if *own >= OF_EACH || all >= AT_ONCE {
            return None;
        }
        *own += 1;
        Some(Place { places: Arc::clone(self), uid })
    }
}

/// One of a user's places, for as long as it lives.
#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    uid: u32,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.uid) {
            *own -= 1;
        }
        taken.retain(|_, own| *own > 0);
    }
}

impl Listener for Few {
    type Io = Bounded;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Bounded, SocketAddr) {
        loop {
            match self.listener.accept().await {
                // Closed, and not left to wait: whoever waits in the queue is in the way of all who come after.
                Ok((stream, address)) => match self.places.take(Peer::of(&stream).uid) {
                    Some(place) => {
                        return (Bounded { stream, over: Box::pin(sleep(LIMIT)), _place: place }, address);
                    }
                    None => tokio::task::yield_now().await,
                },
                // What is missing (descriptors, memory) may be there again in a moment.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Few>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Few>) -> Self {
        Self::of(&stream.io().stream)
    }
}

/// A connection that ends by itself.
pub(crate) struct Bounded {
    stream: UnixStream,
    over: Pin<Box<Sleep>>,
    _place: Place,
}

impl Bounded {
    fn over(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.over.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.over(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.over(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_user_takes_the_places_of_the_others() {
        let places = Arc::new(Places::default());
        let mut first: Vec<Place> = std::iter::from_fn(|| places.take(1)).collect();
        assert_eq!(first.len(), OF_EACH);
        let second = places.take(2);
        assert!(second.is_some() && places.take(1).is_none());
        first.pop();
        assert!(places.take(1).is_some());
        drop((first, second));
        let all: Vec<Place> = (0..100).flat_map(|uid| places.take(uid)).collect();
        assert_eq!(all.len(), AT_ONCE);
        drop(all);
        assert!(places.0.lock().unwrap().is_empty());
    }
}
