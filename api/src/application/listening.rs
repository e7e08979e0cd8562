//! The addresses that are listened on, and a server of HTTP at each.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use futures_util::future::{join_all, try_join};
use tokio::net::TcpSocket;

use super::Parts;
use crate::body::Patience;
use crate::config::ServerConfig;
use crate::listeners::Listener;
use crate::opening::OpenError;
use crate::requests::Layer;
use crate::tls::Tls;
use crate::{methods, requests, router};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long a connection may be idle: longer than proxies and clients keep theirs (60 s is common), so that none sends
/// its next request into one that we are just closing.
const IDLE: Duration = Duration::from_secs(75);
/// Threads that serve the administration, at most, where it has a listener of its own.
const ADMIN_WORKERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

/// The sockets, before anything is served there.
pub(super) struct Bound {
    main: (Listener, Socket),
    admin: Option<Socket>,
}

/// An address that is listened on, with the real port where the configured one is 0.
struct Socket {
    socket: TcpListener,
    address: SocketAddr,
}

/// The servers that run.
pub(super) struct Servers {
    main: Server,
    admin: Option<Server>,
}

/// What a server needs beside its socket.
pub(super) struct Serving<'a> {
    pub(super) config: &'a ServerConfig,
    pub(super) tls: Option<&'a Tls>,
    pub(super) parts: &'a Parts,
}

impl Bound {
    /// Listens wherever the configuration says.
    pub(super) fn to(config: &ServerConfig) -> Result<Self, OpenError> {
        let main = listen(config.bind)?;
        let admin = config.admin_bind.map(listen).transpose()?;
        let listener = if admin.is_some() { Listener::Public } else { Listener::Only };
        Ok(Self { main: (listener, main), admin })
    }

    /// Where machines and the public come in.
    pub(super) const fn address(&self) -> SocketAddr {
        self.main.1.address
    }

    /// Where the administration comes in, where that is elsewhere.
    pub(super) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|socket| socket.address)
    }

    /// Serves at each address what belongs there.
    pub(super) fn serve(self, serving: &Serving<'_>) -> Result<Servers, OpenError> {
        let (listener, socket) = self.main;
        let main = serving.at(listener, socket)?;
        let admin = self.admin.map(|socket| serving.at(Listener::Admin, socket)).transpose()?;
        Ok(Servers { main, admin })
    }
}

impl Servers {
    /// To stop them from elsewhere.
    pub(super) fn handles(&self) -> Vec<ServerHandle> {
        std::iter::once(&self.main).chain(&self.admin).map(Server::handle).collect()
    }

    /// Until all of them are stopped, or one fails.
    pub(super) async fn run(self) -> std::io::Result<()> {
        match self.admin {
            Some(admin) => try_join(self.main, admin).await.map(drop),
            None => self.main.await,
        }
    }
}

/// Takes no new connection anywhere, and ends what runs.
pub(super) async fn stop(handles: &[ServerHandle]) {
    join_all(handles.iter().map(|handle| handle.stop(true))).await;
}

impl Serving<'_> {
    /// One layer lies around all handlers: each more would cost every request.
    fn at(&self, listener: Listener, Socket { socket, address }: Socket) -> Result<Server, OpenError> {
        let parts = self.parts.clone();
        let layer = web::Data::new(Layer::of(listener, self.config, &parts.ctx)?);
        let header_timeout = Duration::from_secs(self.config.header_timeout_seconds.get().into());
        let patience = Patience(Duration::from_secs(self.config.body_timeout_seconds.get().into()));
        let server = HttpServer::new(move || {
            let layer = layer.clone();
            App::new()
                .app_data(listener)
                .app_data(patience)
                .app_data(parts.ctx.clone())
                .app_data(parts.documents.clone())
                .app_data(parts.draining.clone())
                .app_data(parts.lookups.clone())
                .app_data(parts.limits.clone())
                .app_data(parts.own_pages.clone())
                .app_data(parts.proxies.clone())
                .configure(move |config| router::serve(config, listener))
                .default_service(web::to(methods::nothing_here))
                .wrap(from_fn(move |request, next| requests::observe(layer.clone(), request, next)))
        });
        let server = match self.workers(listener) {
            Some(workers) => server.workers(workers.get()),
            None => server,
        };
        let grace = self.config.shutdown_grace_seconds.into();
        let server = server.keep_alive(IDLE).shutdown_timeout(grace).disable_signals();
        let server = server.client_request_timeout(header_timeout).tls_handshake_timeout(header_timeout);
        let server = match self.tls {
            // A handshake ends with tickets; the first answer must not wait until they are acknowledged.
            Some(tls) => server.tcp_nodelay(true).listen_rustls_0_23(socket, tls.server_config()?),
            None => server.listen(socket),
        };
        Ok(server.map_err(|source| OpenError::Listen { address, source })?.run())
    }

    /// None: one for each CPU.
    fn workers(&self, listener: Listener) -> Option<NonZeroUsize> {
        match (listener, self.config.workers) {
            (Listener::Admin, Some(workers)) => Some(workers.min(ADMIN_WORKERS)),
            (Listener::Admin, None) => Some(ADMIN_WORKERS),
            (Listener::Only | Listener::Public, workers) => workers,
        }
    }
}

fn listen(address: SocketAddr) -> Result<Socket, OpenError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?.into_std()?;
        let address = socket.local_addr()?;
        Ok(Socket { socket, address })
    };
    open().map_err(|source| OpenError::Listen { address, source })
}
