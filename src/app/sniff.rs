//! HTTP/2 with prior knowledge, told from HTTP/1.1 by its first bytes (RFC 9113, section 3.4).
//!
//! Own code, since the ready-made builder waits for those bytes for ever.

use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// What a caller of HTTP/2 begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

/// Reads until the two differ, or the other side ends. Bounded by the caller.
pub(super) async fn sniff<S: AsyncRead + Unpin>(mut stream: S) -> io::Result<(Spoken, Rewound<S>)> {
    let mut front = Vec::with_capacity(PREFACE.len());
    let mut spoken = Spoken::Http1;
    while PREFACE.starts_with(&front) {
        if front.len() == PREFACE.len() {
            spoken = Spoken::Http2;
            break;
        }
        let left = PREFACE.len().saturating_sub(front.len()) as u64;
        if (&mut stream).take(left).read_buf(&mut front).await? == 0 {
            break;
        }
    }
    Ok((spoken, Rewound { front: front.into(), stream }))
}

/// A stream whose first bytes are read again.
pub(super) struct Rewound<S> {
    front: Bytes,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.front.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let fits = self.front.len().min(buf.remaining());
        buf.put_slice(&self.front.split_to(fits));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    async fn spoken(pieces: &[&[u8]]) -> (Spoken, Vec<u8>) {
        let (mut caller, stream) = tokio::io::duplex(1);
        let sniffing = sniff(stream);
        let writing = async {
            for piece in pieces {
                caller.write_all(piece).await.unwrap();
            }
            drop(caller);
        };
        let reading = async {
            let (spoken, mut rewound) = sniffing.await.unwrap();
            let mut all = Vec::new();
            rewound.read_to_end(&mut all).await.unwrap();
            (spoken, all)
        };
        tokio::join!(reading, writing).0
    }

    #[tokio::test]
    async fn the_preface_decides_and_nothing_is_lost() {
        for (pieces, wanted) in [
            (vec![PREFACE.as_slice(), b"rest"], Spoken::Http2),
            (vec![b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r".as_slice(), b"x"], Spoken::Http1),
            (vec![b"PRI * HTTP/2.0".as_slice()], Spoken::Http1),
            (vec![b"POST / HTTP/1.1\r\n\r\n".as_slice()], Spoken::Http1),
            (vec![b"".as_slice()], Spoken::Http1),
        ] {
            assert_eq!(spoken(&pieces).await, (wanted, pieces.concat()));
        }
    }
}
