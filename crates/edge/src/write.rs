//! Writing a head and a small body in one cheap call.
//!
//! The library hands over head and body as separate pieces. Gathering them in the system (`writev`) costs more than copying
//! a few kilobytes together and sending them at once; long bodies go as they are.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// Up to here pieces are copied together.
const COPIED_AT_MOST: usize = 4096;

/// Writes the pieces, as many as the system takes.
pub(crate) fn poll_write_pieces(
    stream: &mut TcpStream,
    context: &mut Context<'_>,
    pieces: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    if let [only] = pieces {
        return stream.poll_write(context, only);
    }
    let total: usize = pieces.iter().map(|piece| piece.len()).sum();
    if total > COPIED_AT_MOST {
        return stream.poll_write_vectored(context, pieces);
    }
    with_buffer(|together| {
        for piece in pieces {
            together.extend_from_slice(piece);
        }
        stream.poll_write(context, together)
    })
}

/// Lends an empty buffer to put together what is sent before this returns.
pub(crate) fn with_buffer<T>(fill_and_send: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    TOGETHER.with_borrow_mut(|together| {
        together.clear();
        fill_and_send(together)
    })
}

thread_local! {
    /// Filled and sent within one call; one per thread, so that no connection holds memory for it.
    static TOGETHER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
