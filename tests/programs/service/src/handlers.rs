//! What the service does. Each handler is a type of its own behind `dyn`.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{json, Value};
use smol_str::SmolStr;

use crate::cache::Page;
use crate::compaction::Change;
use crate::router::{Call, Handler, Reply};
use crate::session::Session;
use crate::state::{Event, State};
use crate::store::Document;

/// A closure is a handler, with a name and a count.
struct Named<F> {
    name: String,
    calls: AtomicU64,
    handle: F,
}

impl<F: Fn(Call) -> Reply + Send + Sync> Handler for Named<F> {
    fn call(&self, call: Call) -> Reply {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if call.parts.iter().any(|part| part.len() > 100) {
            let refused = format!("{}: a name is at most 100 bytes long", self.name);
            return Box::pin(async move { text(StatusCode::URI_TOO_LONG, refused) });
        }
        (self.handle)(call)
    }
}

fn named<R>(name: &str, handle: impl Fn(Call) -> R + Send + Sync + Copy + 'static) -> Box<dyn Handler>
where
    R: Future<Output = Response<Bytes>> + Send + 'static,
{
    let handle = move |call| -> Reply { Box::pin(handle(call)) };
    Box::new(Named { name: name.to_owned(), calls: AtomicU64::new(0), handle })
}

/// Answers always the same.
struct Fixed {
    status: StatusCode,
    body: Bytes,
}

impl Handler for Fixed {
    fn call(&self, _: Call) -> Reply {
        let (status, body) = (self.status, self.body.clone());
        Box::pin(async move { respond(status, "text/plain", body) })
    }
}

pub(crate) fn fixed(status: StatusCode, body: &str) -> Box<dyn Handler> {
    Box::new(Fixed { status, body: Bytes::copy_from_slice(body.as_bytes()) })
}

/// Shows a document, from the cache if it is there.
pub(crate) fn show() -> Box<dyn Handler> {
    named("show", |Call { state, parts, .. }: Call| async move {
        let slug = &parts[0];
        if let Some(page) = state.pages.get(slug) {
            return shown(page);
        }
        let Some(key) = state.store.by_slug.get(slug).map(|key| *key) else {
            return text(StatusCode::NOT_FOUND, format!("no document is called {slug}"));
        };
        let (body, revision) = {
            let documents = state.store.documents.read().await;
            let document = &documents[key];
            (document.render(), document.revisions.len())
        };
        let etag = HeaderValue::try_from(format!("\"{slug}-{revision}-{}\"", body.len()));
        let page = Page { body, etag: etag.unwrap_or(HeaderValue::from_static("\"\"")) };
        state.pages.insert(slug.clone(), page.clone());
        shown(page)
    })
}

fn shown(page: Page) -> Response<Bytes> {
    let mut response = respond(StatusCode::OK, "application/json", page.body);
    response.headers_mut().insert(ETAG, page.etag);
    response
}

/// Takes a document.
pub(crate) fn put() -> Box<dyn Handler> {
    named("put", |Call { state, request, parts }: Call| async move {
        let slug = parts[0].clone();
        let base = state.config.load().base.clone();
        let Some(document) = Document::parse(&state.store, slug, &base, request.body()) else {
            return text(StatusCode::BAD_REQUEST, "a document has a title and an author".to_owned());
        };
        store(&state, document).await
    })
}

/// Takes bytes.
pub(crate) fn put_blob() -> Box<dyn Handler> {
    named("put blob", |Call { state, request, parts }: Call| async move {
        let media = request.headers().get(CONTENT_TYPE).cloned();
        let media = media.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let document = Document::blob(&state.store, parts[0].clone(), media, request.into_body());
        store(&state, document).await
    })
}

async fn store(state: &Arc<State>, document: Document) -> Response<Bytes> {
    let slug = document.slug.clone();
    let is_new = state.store.put(document).await;
    state.pages.forget(&slug);
    // Without a listener an event is lost, as it should be.
    let _ = state.events.send(Event { slug: slug.clone(), at: Instant::now() });
    if state.changes.send(Change::Put(slug)).await.is_err() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "nobody compacts any more".to_owned());
    }
    text(if is_new { StatusCode::CREATED } else { StatusCode::OK }, "stored".to_owned())
}

/// Forgets a rendered page.
pub(crate) fn purge() -> Box<dyn Handler> {
    named("purge", |Call { state, parts, .. }: Call| async move {
        state.pages.forget(&parts[0]);
        text(StatusCode::OK, "forgotten".to_owned())
    })
}

/// Titles of the documents with a tag.
pub(crate) fn search() -> Box<dyn Handler> {
    named("search", |Call { state, parts, .. }: Call| async move {
        let keys = state.store.tagged(&parts[0]);
        let documents = state.store.documents.read().await;
        let titles: Vec<_> = keys.iter().map(|&key| documents[key].title.as_str()).collect();
        json_response(&json!({ "tag": parts[0].as_str(), "found": titles }))
    })
}

/// Opens a session.
pub(crate) fn log_in() -> Box<dyn Handler> {
    named("log in", |Call { state, request, parts }: Call| async move {
        let user = String::from_utf8_lossy(request.body()).as_ref().into();
        let session = Session::new(user, request.headers().clone());
        state.sessions.insert(parts[0].as_str().into(), session);
        text(StatusCode::CREATED, "welcome".to_owned())
    })
}

/// Tells a session of itself.
pub(crate) fn whoami() -> Box<dyn Handler> {
    named("whoami", |Call { state, parts, .. }: Call| async move {
        match state.sessions.get(parts[0].as_str()) {
            Some(session) => json_response(&session.describe()),
            None => text(StatusCode::NOT_FOUND, "nobody".to_owned()),
        }
    })
}

/// Ends a session.
pub(crate) fn log_out() -> Box<dyn Handler> {
    named("log out", |Call { state, parts, .. }: Call| async move {
        match state.sessions.remove(parts[0].as_str()) {
            Some(_) => text(StatusCode::OK, "good bye".to_owned()),
            None => text(StatusCode::NOT_FOUND, "nobody".to_owned()),
        }
    })
}

/// Tells of the service itself.
pub(crate) fn about() -> Box<dyn Handler> {
    named("about", |Call { state, parts, .. }: Call| async move {
        match parts[0].as_str() {
            "schema" => json_response(state.schema.get_or_init(schema)),
            _ => {
                let status = state.status.borrow().clone();
                json_response(&json!({
                    "requests": state.metrics.requests.load(Ordering::Relaxed),
                    "connections": state.metrics.connections.load(Ordering::Relaxed),
                    "classes": state.metrics.classes(),
                    "generation": state.config.load().generation,
                    "compactions": status.runs,
                    "forgotten": status.forgotten,
                    "changed": status.last_changed.iter().map(SmolStr::as_str).collect::<Vec<_>>(),
                }))
            }
        }
    })
}

fn schema() -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": text });
    json!({
        "type": "object",
        "required": ["title", "author"],
        "properties": { "title": text, "author": text, "tags": texts, "links": texts, "content": {} },
    })
}

fn json_response(value: &Value) -> Response<Bytes> {
    respond(StatusCode::OK, "application/json", value.to_string().into())
}

fn text(status: StatusCode, text: String) -> Response<Bytes> {
    respond(status, "text/plain", text.into())
}

fn respond(status: StatusCode, media: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}
