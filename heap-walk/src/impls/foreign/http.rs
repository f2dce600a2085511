//! `http`: header maps, and names, values and URIs whose text lies in `Bytes`
//! that are private. What the views show of those is claimed as `bytes.rs` does it.
//!
//! A header map has up to three blocks. A key shows where the entries are, a
//! further value of a key where those are, and the index is found by its size.
//! Their element types are private; the ones here have the same fields. Where
//! the places of keys and values do not fit them, the block is claimed raw.

use super::bytes::{handle, View};
use crate::impls::leaf::leaf;
use crate::impls::shape;
use crate::label::{self, Label};
use crate::shape::{Describe, Field, Shape, Variant};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::live;
use heap_snapshot::record::{Layout, Split};
use std::mem::offset_of;

static ENTRIES: Container = Container::new("HeaderMap", Layout::BUFFER);
static EXTRA: Container = Container::new("HeaderMap's further values", Layout::BUFFER);
static INDEX: Container = Container::new("HeaderMap's index", Layout::BUFFER);
static EXTENSION: Container = Container::new("Box", Layout::BUFFER);

/// The first value of a key.
struct Entry<K, T> {
    hash: Bookkeeping<u16>,
    key: K,
    value: T,
    links: Bookkeeping<Option<Links>>,
}

/// First and last of a key's further values.
struct Links {
    _next: usize,
    _tail: usize,
}

/// A further value of a key.
struct ExtraValue<T> {
    value: T,
    prev: Bookkeeping<Link>,
    next: Bookkeeping<Link>,
}

/// Where the value before or after stands.
#[expect(dead_code, reason = "stands for a layout")]
enum Link {
    Entry(usize),
    Extra(usize),
}

/// A slot of the index: a position and a hash.
type Slot = Bookkeeping<[u16; 2]>;

/// What a map remembers of attacks on its hashes.
#[expect(dead_code, reason = "stands for a layout")]
enum Danger {
    Green,
    Yellow,
    Red(std::hash::RandomState),
}

/// What a container keeps beside its values.
#[repr(transparent)]
struct Bookkeeping<T>(T);

impl<T> Walk for Bookkeeping<T> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn describe(d: &mut Describe<'_>) {
        // What stands for a type of that crate has its name.
        let name = std::any::type_name::<T>();
        d.named(name.replace("heap_walk::impls::foreign::http::", "http::header::map::"));
        d.leaf();
        d.desc.base = Split { overhead: size_of::<T>() as u64, ..Split::default() };
    }
    fn is_leaf() -> bool {
        true
    }
}

impl<K: Walk, T: Walk> Walk for Entry<K, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(&label::KEY, &self.key);
        w.visit(&label::VALUE, &self.value);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.named(format!("http::header::map::Bucket<{}>", T::name()));
        d.structure(&[
            Field::walked::<Bookkeeping<u16>>("hash", Some(offset_of!(Self, hash))),
            Field::walked::<K>("key", Some(offset_of!(Self, key))),
            Field::walked::<T>("value", Some(offset_of!(Self, value))),
            Field::walked::<Bookkeeping<Option<Links>>>("links", Some(offset_of!(Self, links))),
        ]);
    }
}

impl<T: Walk> Walk for ExtraValue<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(&label::VALUE, &self.value);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.named(format!("http::header::map::ExtraValue<{}>", T::name()));
        d.structure(&[
            Field::walked::<T>("value", Some(offset_of!(Self, value))),
            Field::walked::<Bookkeeping<Link>>("prev", Some(offset_of!(Self, prev))),
            Field::walked::<Bookkeeping<Link>>("next", Some(offset_of!(Self, next))),
        ]);
    }
}

fn addr<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).cast::<u8>() as usize
}

/// The block of `len` elements `E` in which `first` is the value at `offset` of
/// one: its address and how many fit; `None` where it is not that.
fn elements<E>(w: &Walker<'_>, first: usize, offset: usize, len: usize) -> Option<(usize, usize)> {
    let Some(block) = w.lookup(first) else {
        return live::installed().is_none().then(|| (first - offset, len));
    };
    let (base, requested) = (block.addr as usize, block.requested as usize);
    let fits = requested % size_of::<E>() == 0 && (first - base) % size_of::<E>() == offset;
    fits.then(|| (base, requested / size_of::<E>()))
}

/// Slots of the index of a map with room for `capacity` keys: a power of two, three in four are used.
fn slots(capacity: usize) -> Option<usize> {
    (0..16).map(|log2| 1_usize << log2).find(|slots| slots - slots / 4 == capacity)
}

/// A value whose text lies in a private `Bytes`, with `$beside` further bytes.
macro_rules! view {
    ($ty:ty, $beside:expr, $bytes:expr) => {
        impl View for $ty {
            fn bytes(&self) -> &[u8] {
                let bytes: fn(&$ty) -> &[u8] = $bytes;
                bytes(self)
            }
        }

        handle!($ty);

        impl Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                self.claim(w);
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.cell(size_of::<::bytes::Bytes>() + $beside, 0);
                d.is_fixed();
            }
        }
    };
}

/// A message: its head by the accessors, and its body.
macro_rules! message {
    ($ty:ident, $parts:ty { $($field:ident: $field_ty:ty),* }) => {
        impl<T: Walk> Walk for $ty<T> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                $(message!(visit w, self, $field);)*
                w.visit(const { &Label::field("body") }, self.body());
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.structure(&[Field::walked::<$parts>("head", None), Field::walked::<T>("body", None)]);
            }
        }

        impl Walk for $parts {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                $(w.visit(const { &Label::field(stringify!($field)) }, &self.$field);)*
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.structure(&[
                    $(Field::walked::<$field_ty>(stringify!($field), Some(offset_of!($parts, $field))),)*
                ]);
            }
        }
    };
    // These are given by value, and are leaves.
    (visit $w:ident, $self:ident, version) => {};
    (visit $w:ident, $self:ident, status) => {};
    (visit $w:ident, $self:ident, $field:ident) => {
        $w.visit(const { &Label::field(stringify!($field)) }, $self.$field());
    };
}

/// Bytes of a method that fit into the value.
const INLINE: usize = 15;

macro_rules! http {
    ($module:ident, $krate:ident) => {
        mod $module {
            use super::*;
            use $krate::header::{HeaderMap, HeaderName, HeaderValue};
            use $krate::uri::{Authority, PathAndQuery, Scheme};
            use $krate::{Extensions, Method, Request, Response, StatusCode, Uri, Version};

            leaf!(StatusCode, Version);

            view!(HeaderName, 0, |name| name.as_str().as_bytes());
            view!(HeaderValue, size_of::<bool>(), |value| value.as_bytes());
            view!(Authority, 0, |authority| authority.as_str().as_bytes());
            view!(PathAndQuery, size_of::<u16>(), |path| path.as_str().as_bytes());

            impl View for Scheme {
                fn bytes(&self) -> &[u8] {
                    self.as_str().as_bytes()
                }
            }

            handle!(Scheme);

            impl Walk for Scheme {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    if matches!(self.as_str(), "http" | "https") {
                        w.variant(Shape::of::<Self>(), 1);
                    } else {
                        w.variant(Shape::of::<Self>(), 2);
                        self.claim(w);
                    }
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.enumeration(&[
                        Variant::new("None", 0, &[]),
                        Variant::new("Standard", 1, &[Field::walked::<bool>("0", None)]),
                        Variant::new("Other", size_of::<usize>(), &[Field::walked::<usize>("0", None)]),
                    ]);
                }
            }

            impl Walk for Uri {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    match self.scheme() {
                        Some(scheme) => w.visit(const { &Label::field("scheme") }, scheme),
                        None => {
                            w.variant(Shape::of::<Scheme>(), 0);
                        }
                    }
                    if let Some(authority) = self.authority() {
                        w.visit(const { &Label::field("authority") }, authority);
                    }
                    if let Some(path) = self.path_and_query() {
                        w.visit(const { &Label::field("path_and_query") }, path);
                    }
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.structure(&[
                        Field::walked::<Scheme>("scheme", None),
                        Field::walked::<Authority>("authority", None),
                        Field::walked::<PathAndQuery>("path_and_query", None),
                    ]);
                }
            }

            impl Walk for $krate::uri::Parts {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    w.visit(const { &Label::field("scheme") }, &self.scheme);
                    w.visit(const { &Label::field("authority") }, &self.authority);
                    w.visit(const { &Label::field("path_and_query") }, &self.path_and_query);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.structure(&[
                        Field::walked::<Option<Scheme>>("scheme", Some(offset_of!(Self, scheme))),
                        Field::walked::<Option<Authority>>("authority", Some(offset_of!(Self, authority))),
                        Field::walked::<Option<PathAndQuery>>(
                            "path_and_query",
                            Some(offset_of!(Self, path_and_query)),
                        ),
                    ]);
                }
            }

            impl Walk for Method {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    let name: &'a str = self.as_str();
                    if name.len() > INLINE {
                        w.variant(Shape::of::<Self>(), 2);
                        w.own(self, Block::slots(&EXTENSION, name.as_ptr(), name.len(), name.len()));
                    } else if addr(name).wrapping_sub(addr(self)) < size_of::<Self>() {
                        w.variant(Shape::of::<Self>(), 1);
                        let (payload, spare) = (name.len() as u64, (INLINE - name.len()) as u64);
                        w.type_bytes(INLINE, Split { payload, spare, ..Split::default() });
                    } else {
                        w.variant(Shape::of::<Self>(), 0);
                    }
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.enumeration(&[
                        Variant::new("standard", 0, &[]),
                        Variant::new(
                            "ExtensionInline",
                            INLINE + 1,
                            &[
                                Field::unwalked::<[u8; INLINE]>("0", None, "with"),
                                Field::walked::<u8>("1", None),
                            ],
                        ),
                        Variant::new(
                            "ExtensionAllocated",
                            size_of::<Box<[u8]>>(),
                            &[Field::walked::<Box<[u8]>>("0", None)],
                        ),
                    ]);
                }
            }

            impl Handle for Method {
                fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
            }

            /// Values of any type, which nobody can look into.
            impl Walk for Extensions {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    w.opaque_inner(self);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.leaf();
                }
            }

            /// Whether a value stands in the entry of its key, and not among the further ones.
            fn is_first<T>(key: &HeaderName, value: &T) -> bool {
                let distance = offset_of!(Entry<HeaderName, T>, value)
                    .wrapping_sub(offset_of!(Entry<HeaderName, T>, key));
                addr(value).wrapping_sub(addr(key)) == distance
            }

            impl<T: Walk> Walk for HeaderMap<T> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    let Some(slots) = slots(self.capacity()).filter(|_| self.capacity() > 0) else {
                        w.opaque_inner(self);
                        return;
                    };
                    let index = Block::slots::<Slot>(&INDEX, std::ptr::null(), slots, slots);
                    let index_bytes = (slots * size_of::<Slot>()) as u64;
                    w.own_by_handle(self, index, |requested| requested == index_bytes);
                    let entries = |len, cap| {
                        Block::slots::<Entry<HeaderName, T>>(&ENTRIES, std::ptr::null(), len, cap)
                    };
                    match self.iter().next() {
                        Some((key, value)) => {
                            let offset = offset_of!(Entry<HeaderName, T>, key);
                            let found = elements::<Entry<HeaderName, T>>(w, addr(key), offset, self.keys_len());
                            if let (Some((base, cap)), true) = (found, is_first(key, value)) {
                                w.own(self, entries(self.keys_len(), cap).at(base));
                                self.extra(w);
                            }
                        }
                        None => {
                            // As many entries as keys have room, or as the index has slots.
                            for cap in [self.capacity(), slots] {
                                let bytes = (cap * size_of::<Entry<HeaderName, T>>()) as u64;
                                w.own_by_handle(self, entries(0, cap), |requested| requested == bytes);
                            }
                        }
                    }
                    w.opaque_inner(self);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    // A mask, the index, two vectors.
                    let own = size_of::<u16>() + size_of::<Box<[Slot]>>() + 2 * size_of::<Vec<T>>();
                    d.cell(own, size_of::<Danger>());
                    d.is_fixed();
                }
            }

            impl<T: Walk> Handle for HeaderMap<T> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    for (key, value) in self {
                        if is_first(key, value) {
                            w.visit(&label::KEY, key);
                            w.visit(&label::VALUE, value);
                        }
                    }
                }
            }

            /// What [`HeaderMap`] has beside.
            trait Extra {
                /// Reports the block of further values, and visits those.
                fn extra<'a>(&'a self, w: &mut Walker<'a>);
            }

            impl<T: Walk> Extra for HeaderMap<T> {
                fn extra<'a>(&'a self, w: &mut Walker<'a>) {
                    let further = || self.iter().filter(|(key, value)| !is_first(key, *value));
                    let Some((_, first)) = further().next() else { return };
                    let offset = offset_of!(ExtraValue<T>, value);
                    let len = self.len() - self.keys_len();
                    let Some((base, cap)) = elements::<ExtraValue<T>>(w, addr(first), offset, len) else {
                        return;
                    };
                    let block = Block::slots::<ExtraValue<T>>(&EXTRA, std::ptr::null(), len, cap).at(base);
                    if let Some(node) = w.own_part(self, block) {
                        if !T::is_leaf() {
                            let mut split = Split::default();
                            split.add_times(&w.base_of::<ExtraValue<T>>(), len as u64);
                            w.within(node, base as u64, (split, (len * size_of::<ExtraValue<T>>()) as u64), |w| {
                                for (_, value) in further() {
                                    w.visit(&label::VALUE, value);
                                }
                            });
                        }
                    }
                }
            }

            message!(Request, $krate::request::Parts {
                method: Method, uri: Uri, version: Version, headers: HeaderMap, extensions: Extensions
            });
            message!(Response, $krate::response::Parts {
                status: StatusCode, version: Version, headers: HeaderMap, extensions: Extensions
            });
        }
    };
}

#[cfg(feature = "http")]
http!(v1, http);
#[cfg(feature = "http-0_2")]
http!(v0_2, http_0_2);
