//! Rendered pages, the least recently used of which goes first.

use std::sync::Arc;

use bytes::Bytes;
use heap_walk::Walk;
use http::HeaderValue;
use indexmap::IndexMap;
use parking_lot::Mutex;
use smol_str::SmolStr;

#[derive(Clone, Walk)]
#[walk(missing = opaque)]
pub(crate) struct Page {
    pub(crate) body: Bytes,
    pub(crate) etag: HeaderValue,
}

/// Oldest use first. Compaction holds a handle too.
pub(crate) type Pages = Arc<Mutex<IndexMap<SmolStr, Page>>>;

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct PageCache {
    pub(crate) pages: Pages,
    capacity: usize,
}

impl PageCache {
    pub(crate) fn new(capacity: usize) -> Self {
        PageCache { pages: Arc::default(), capacity }
    }

    pub(crate) fn get(&self, slug: &str) -> Option<Page> {
        let mut pages = self.pages.lock();
        let at = pages.get_index_of(slug)?;
        let last = pages.len() - 1;
        pages.move_index(at, last);
        pages.get_index(last).map(|(_, page)| page.clone())
    }

    pub(crate) fn insert(&self, slug: SmolStr, page: Page) {
        let mut pages = self.pages.lock();
        while pages.len() >= self.capacity {
            pages.shift_remove_index(0);
        }
        pages.insert(slug, page);
    }

    pub(crate) fn forget(&self, slug: &str) {
        self.pages.lock().shift_remove(slug);
    }
}
