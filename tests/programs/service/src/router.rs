//! Which handler answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use heap_walk::Walk;
use http::{Method, Request, Response, StatusCode};
use regex::Regex;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::handlers;
use crate::state::State;

/// An answer on its way.
pub(crate) type Reply = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

/// Knows nothing of heap-walk.
pub(crate) trait Handler: Send + Sync {
    fn call(&self, call: Call) -> Reply;
}

/// A request and what its path was found to hold.
pub(crate) struct Call {
    pub(crate) state: Arc<State>,
    pub(crate) request: Request<Bytes>,
    pub(crate) parts: SmallVec<[SmolStr; 2]>,
}

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct Router {
    routes: Vec<Route>,
    fallback: Box<dyn Handler>,
}

#[derive(Walk)]
#[walk(missing = opaque)]
struct Route {
    method: Method,
    path: Regex,
    handler: Box<dyn Handler>,
}

impl Router {
    pub(crate) fn new() -> Router {
        let route =
            |method, path, handler| Route { method, path: Regex::new(path).expect("a regex"), handler };
        let purge = Method::from_bytes(b"PURGE").expect("a method");
        Router {
            routes: vec![
                route(Method::GET, "^/documents/([a-z0-9-]+)$", handlers::show()),
                route(Method::PUT, "^/documents/([a-z0-9-]+)$", handlers::put()),
                route(purge, "^/documents/([a-z0-9-]+)$", handlers::purge()),
                route(Method::PUT, "^/blobs/([a-z0-9-]+)$", handlers::put_blob()),
                route(Method::GET, "^/search/([a-z0-9-]+)$", handlers::search()),
                route(Method::POST, "^/sessions/([a-z0-9-]+)$", handlers::log_in()),
                route(Method::GET, "^/sessions/([a-z0-9-]+)$", handlers::whoami()),
                route(Method::DELETE, "^/sessions/([a-z0-9-]+)$", handlers::log_out()),
                route(Method::GET, "^/(status|schema)$", handlers::about()),
            ],
            fallback: handlers::fixed(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    pub(crate) fn route(&self, state: &Arc<State>, request: Request<Bytes>) -> Reply {
        for route in &self.routes {
            if route.method != *request.method() {
                continue;
            }
            if let Some(captures) = route.path.captures(request.uri().path()) {
                let parts = captures.iter().skip(1).flatten().map(|part| part.as_str().into()).collect();
                return route.handler.call(Call { state: Arc::clone(state), request, parts });
            }
        }
        self.fallback.call(Call { state: Arc::clone(state), request, parts: SmallVec::new() })
    }
}
