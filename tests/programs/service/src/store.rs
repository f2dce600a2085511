//! Documents, and the tables that find them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use arrayvec::ArrayVec;
use bumpalo::Bump;
use bytes::Bytes;
use compact_str::CompactString;
use dashmap::DashMap;
use heap_walk::Walk;
use http::HeaderValue;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use serde_json::{Map, Value};
use slotmap::SlotMap;
use smallvec::SmallVec;
use smol_str::SmolStr;
use tokio::sync::RwLock;
use url::Url;

slotmap::new_key_type! {
    /// A document.
    #[derive(Walk)]
    #[walk(missing = opaque)]
    pub(crate) struct DocKey;
}

#[derive(Walk, Default)]
#[walk(missing = opaque)]
pub(crate) struct Store {
    pub(crate) documents: RwLock<SlotMap<DocKey, Document>>,
    pub(crate) by_slug: DashMap<SmolStr, DocKey>,
    by_tag: parking_lot::RwLock<HashMap<CompactString, SmallVec<[DocKey; 4]>>>,
    authors: parking_lot::Mutex<HashMap<CompactString, triomphe::Arc<Author>>>,
    graph: Mutex<Links>,
    /// Reused by each compaction.
    scratch: Mutex<Bump>,
}

/// Which document links to which, by how often.
#[derive(Walk, Default)]
#[walk(missing = opaque)]
struct Links {
    graph: StableDiGraph<DocKey, u32>,
    nodes: HashMap<DocKey, NodeIndex>,
}

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct Document {
    pub(crate) slug: SmolStr,
    pub(crate) title: CompactString,
    pub(crate) author: triomphe::Arc<Author>,
    pub(crate) tags: SmallVec<[CompactString; 3]>,
    pub(crate) content: Content,
    pub(crate) links: Vec<Link>,
    pub(crate) revisions: Vec<Revision>,
}

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) enum Content {
    Empty,
    Json(Map<String, Value>),
    Text(CompactString),
    Blob { media: HeaderValue, bytes: Bytes },
}

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct Link {
    pub(crate) target: Url,
    pub(crate) label: Option<SmolStr>,
}

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct Revision {
    pub(crate) number: u32,
    pub(crate) at: Instant,
    pub(crate) editor: triomphe::Arc<Author>,
    /// Bytes of title, tags, links and content.
    pub(crate) sizes: ArrayVec<u32, 4>,
}

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct Author {
    pub(crate) name: CompactString,
}

impl Store {
    /// One `Author` for each name.
    pub(crate) fn author(&self, name: &str) -> triomphe::Arc<Author> {
        let mut authors = self.authors.lock();
        match authors.get(name) {
            Some(author) => author.clone(),
            None => {
                let author = triomphe::Arc::new(Author { name: name.into() });
                authors.insert(name.into(), author.clone());
                author
            }
        }
    }

    /// Puts `document` in the place of one of its name, with that one's
    /// revisions. Whether it is new.
    pub(crate) async fn put(&self, mut document: Document) -> bool {
        let slug = document.slug.clone();
        let tags = document.tags.clone();
        let mut documents = self.documents.write().await;
        let known = self.by_slug.get(&slug).map(|key| *key);
        let key = match known {
            Some(key) => {
                let old = documents.get_mut(key).expect("documents are never removed");
                let mut revisions = std::mem::take(&mut old.revisions);
                revisions.append(&mut document.revisions);
                for (at, revision) in (1..).zip(revisions.iter_mut()) {
                    revision.number = revision.number.max(at);
                }
                document.revisions = revisions;
                *old = document;
                key
            }
            None => documents.insert(document),
        };
        self.by_slug.insert(slug, key);
        drop(documents);
        let mut by_tag = self.by_tag.write();
        for tag in tags {
            let keys = by_tag.entry(tag).or_default();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        known.is_none()
    }

    /// Keys of the documents with this tag.
    pub(crate) fn tagged(&self, tag: &str) -> SmallVec<[DocKey; 4]> {
        self.by_tag.read().get(tag).cloned().unwrap_or_default()
    }

    /// Number of links between documents, as of the last compaction.
    pub(crate) fn edges(&self) -> usize {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner).graph.edge_count()
    }

    /// Forgets all revisions but the last `keep`, and counts links anew.
    /// Number of revisions that were forgotten.
    pub(crate) async fn compact(&self, keep: usize) -> usize {
        let mut forgotten = 0;
        let mut documents = self.documents.write().await;
        for document in documents.values_mut() {
            let surplus = document.revisions.len().saturating_sub(keep);
            document.revisions.drain(..surplus);
            forgotten += surplus;
        }
        let documents = documents.downgrade();
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        scratch.reset();
        let mut found = bumpalo::collections::Vec::new_in(&scratch);
        for (from, document) in documents.iter() {
            for link in &document.links {
                let slug: &str = scratch.alloc_str(link.target.path().rsplit('/').next().unwrap_or_default());
                if let Some(to) = self.by_slug.get(slug) {
                    found.push((from, *to));
                }
            }
        }
        let mut links = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
        let Links { graph, nodes } = &mut *links;
        graph.clear_edges();
        for (from, to) in found {
            let [from, to] = [from, to].map(|key| *nodes.entry(key).or_insert_with(|| graph.add_node(key)));
            match graph.find_edge(from, to) {
                Some(edge) => graph[edge] += 1,
                None => {
                    graph.add_edge(from, to, 1);
                }
            }
        }
        forgotten
    }
}

impl Document {
    /// Made of what a client sent.
    pub(crate) fn parse(store: &Store, slug: SmolStr, base: &Url, body: &Bytes) -> Option<Document> {
        let mut value: Value = serde_json::from_slice(body).ok()?;
        let fields = value.as_object_mut()?;
        let title = fields.get("title")?.as_str()?.into();
        let author = store.author(fields.get("author")?.as_str()?);
        let list = |name: &str| fields.get(name).and_then(Value::as_array).into_iter().flatten();
        let tags: SmallVec<_> =
            list("tags").filter_map(|tag| tag.as_str().map(CompactString::from)).collect();
        let links: Vec<_> = list("links")
            .filter_map(|link| {
                let target = base.join(link.as_str()?).ok()?;
                let label = target.fragment().map(SmolStr::from);
                Some(Link { target, label })
            })
            .collect();
        let content = match fields.remove("content") {
            Some(Value::Object(map)) => Content::Json(map),
            Some(Value::String(text)) => Content::Text(text.into()),
            _ => Content::Empty,
        };
        let mut document =
            Document { slug, title, author, tags, content, links, revisions: Vec::with_capacity(1) };
        document.note_revision();
        Some(document)
    }

    /// A document that is bytes, of which the request's buffer is a part.
    pub(crate) fn blob(store: &Store, slug: SmolStr, media: HeaderValue, bytes: Bytes) -> Document {
        let mut document = Document {
            title: slug.as_str().into(),
            slug,
            author: store.author("nobody"),
            tags: SmallVec::new(),
            content: Content::Blob { media, bytes },
            links: Vec::new(),
            revisions: Vec::new(),
        };
        document.note_revision();
        document
    }

    fn note_revision(&mut self) {
        let content = match &self.content {
            Content::Empty => 0,
            Content::Json(map) => map.len(),
            Content::Text(text) => text.len(),
            Content::Blob { bytes, .. } => bytes.len(),
        };
        let tags = self.tags.iter().map(|tag| tag.len()).sum();
        let sizes = [self.title.len(), tags, self.links.len(), content].map(|size| size as u32);
        self.revisions.push(Revision {
            number: 1,
            at: Instant::now(),
            editor: self.author.clone(),
            sizes: ArrayVec::from(sizes),
        });
    }

    /// What a client is answered.
    pub(crate) fn render(&self) -> Bytes {
        let content = match &self.content {
            Content::Empty => Value::Null,
            Content::Json(map) => Value::Object(map.clone()),
            Content::Text(text) => text.as_str().into(),
            Content::Blob { media, bytes } => {
                serde_json::json!({ "media": media.to_str().unwrap_or_default(), "bytes": bytes.len() })
            }
        };
        let last = self.revisions.last();
        let value = serde_json::json!({
            "slug": self.slug.as_str(),
            "title": self.title.as_str(),
            "author": self.author.name.as_str(),
            "tags": self.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(),
            "links": self.links.iter().map(|link| serde_json::json!({
                "target": link.target.as_str(),
                "label": link.label.as_deref(),
            })).collect::<Vec<_>>(),
            "revision": last.map(|last| last.number),
            "editor": last.map(|last| last.editor.name.as_str()),
            "sizes": last.map(|last| last.sizes.to_vec()),
            "age_ms": last.map(|last| last.at.elapsed().as_millis() as u64),
            "content": content,
        });
        value.to_string().into()
    }
}
