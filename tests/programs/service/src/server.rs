//! Accepts connections, and answers what comes on them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use heap_walk::TagFuture;
use http::header::COOKIE;
use http::{Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::compaction::Change;
use crate::session::Visit;
use crate::state::State;
use crate::wire::Wire;

pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(state: &Arc<State>) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::clone(state)).tagged("accept"));
        Ok(Server { address, state: Arc::clone(state), accepting })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until all connections are closed and all changes are compacted.
    pub(crate) async fn drain(&self) {
        while self.state.metrics.connections.load(Ordering::Acquire) > 0 {
            tokio::task::yield_now().await;
        }
        let (answer, answered) = oneshot::channel();
        if self.state.changes.send(Change::Flush(answer)).await.is_ok() {
            let _ = answered.await;
        }
    }

    /// Ends all tasks.
    pub(crate) async fn stop(self) {
        let mut tasks = self.state.take_tasks();
        tasks.push(self.accepting);
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        state.metrics.connections.fetch_add(1, Ordering::AcqRel);
        let served = Arc::clone(&state);
        let connection = async move {
            if let Err(error) = serve(stream, &served).await {
                eprintln!("service: a connection is closed: {error}");
            }
            served.metrics.connections.fetch_sub(1, Ordering::AcqRel);
        };
        state.spawn(connection.tagged("connection"));
    }
}

async fn serve(stream: TcpStream, state: &Arc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream, state.buffers.pop().unwrap_or_default());
    while let Some(request) = wire.request().await? {
        let begun = Instant::now();
        let response = answer(state, request).await;
        let mut headers = response.headers().clone();
        for (name, value) in &state.config.load().headers {
            headers.insert(name, value.clone());
        }
        state.metrics.count(response.status(), begun.elapsed());
        wire.send(&format!("HTTP/1.1 {}", response.status()), &headers, response.body()).await?;
    }
    wire.buffer.clear();
    state.buffers.push(wire.buffer);
    Ok(())
}

async fn answer(state: &Arc<State>, request: Request<Bytes>) -> Response<Bytes> {
    let Ok(_permit) = Arc::clone(&state.at_once).acquire_owned().await else {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return response;
    };
    let visit = Arc::new(Visit { uri: request.uri().clone(), at: Instant::now() });
    if let Some(token) = request.headers().get(COOKIE).and_then(|cookie| cookie.to_str().ok()) {
        if let Some(mut session) = state.sessions.get_mut(token) {
            session.visit(Arc::clone(&visit));
        }
    }
    state.log(visit);
    state.router.route(state, request).await
}
