//! Writing a head and a small body in one cheap call.
//!
//! The library hands over head and body as separate pieces. Gathering them in the system (`writev`) costs more than copying
//! a few kilobytes together and sending them at once; long bodies go as they are.

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
    let mut together = [0; COPIED_AT_MOST];
    let mut end = 0;
    for piece in pieces {
        together[end..end + piece.len()].copy_from_slice(piece);
        end += piece.len();
    }
    stream.poll_write(context, &together[..end])
}
