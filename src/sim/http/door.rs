//! Ports that can be shut without being given up, and connections that can be cut.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::Outage;
use super::wire::Wire;

/// A port, listened at except while the outage refuses connections.
pub(super) struct Door {
    address: SocketAddr,
    /// Bound and never listening: keeps the port ours while nobody listens, so that connections
    /// are refused and no other process can move in.
    _holder: TcpSocket,
    listener: Option<TcpListener>,
    outage: watch::Receiver<Outage>,
    tls: Option<TlsAcceptor>,
}

const BACKLOG: u32 = 1024;
/// Before another try when accepting or listening failed, as it does without file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

impl Door {
    /// Binds `address` and listens.
    pub fn open(
        address: SocketAddr,
        outage: watch::Receiver<Outage>,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<Self> {
        if address.port() != 0 {
            // Sockets that share a port would hide that somebody else has it already.
            std::net::TcpListener::bind(address)?;
        }
        let holder = bind(address)?;
        let address = holder.local_addr()?;
        let listener = bind(address)?.listen(BACKLOG)?;
        Ok(Self {
            address,
            _holder: holder,
            listener: Some(listener),
            outage,
            tls: tls.map(TlsAcceptor::from),
        })
    }

    /// With the port that the kernel chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            if self.outage.borrow_and_update().refuses() {
                self.listener = None;
                if self.outage.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                continue;
            }
            let listener = match &self.listener {
                Some(listener) => listener,
                None => self.listener.insert(bind(self.address)?.listen(BACKLOG)?),
            };
            tokio::select! {
                accepted = listener.accept() => return accepted,
                changed = self.outage.changed() => {
                    if changed.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            match self.next().await {
                Ok((stream, peer)) => {
                    // Without it an answer is only slower.
                    let _set = stream.set_nodelay(true);
                    let wire = Wire::of(stream, self.tls.as_ref());
                    return (Line::new(wire, self.outage.clone()), peer);
                }
                Err(error) => {
                    tracing::warn!(address = %self.address, %error, "cannot accept");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// One connection.
pub(super) struct Line {
    wire: Wire,
    cut: Cut,
    /// Ends when the server dies. It is polled with every read, and a server reads on while it
    /// answers: whatever is on its way is dropped there and then.
    death: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Breaks one connection without another byte: HTTP has no way not to answer.
#[derive(Clone, Default)]
pub(super) struct Cut(Arc<AtomicBool>);

impl Cut {
    /// From now on every read and write fails.
    pub fn now(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Acquire) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

impl Connected<IncomingStream<'_, Door>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().cut.clone()
    }
}

impl Line {
    fn new(wire: Wire, mut outage: watch::Receiver<Outage>) -> Self {
        let death = async move {
            // Without a server there is nobody left to die.
            if outage.wait_for(|now| *now == Outage::Down).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        Self {
            wire,
            cut: Cut::default(),
            death: Box::pin(death),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Once it has ended it must not be polled again, and the cut speaks for it.
        self.cut.check()?;
        if self.death.as_mut().poll(context).is_ready() {
            self.cut.now();
            self.cut.check()?;
        }
        Pin::new(&mut self.wire).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.wire).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        Pin::new(&mut self.wire).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }
}
