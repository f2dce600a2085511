//! The traversal: visits every block once, in constant stack, and writes what it meets.

use crate::guard::{Copied, Guard, Guards};
use crate::label::{self, Label};
use crate::marks::Marks;
use crate::raw::RawMemory;
use crate::shape::Shape;
use crate::sink::Sink;
use crate::tally::Step;
use crate::task::Task;
use crate::types::{Container, NodeType, SiteKey, Types, VariantInfo, NO_NODE_TYPE, PLACES};
use crate::walk::{Handle, Key, Walk};
use ahash::RandomState;
use heap_snapshot::frame::FrameKind;
use heap_snapshot::live::{self, LiveBlocks};
use heap_snapshot::record::{
    Content, Edge, EdgeKind, Layout, Node, Place, Root, Shared, ShownValue, Source, Split, Target, TypeIdx,
    Unreadable,
};
use heap_snapshot::write::Met;
use std::any::Any;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fmt::{Debug, Write as _};
use std::marker::PhantomData;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

mod arena;
mod dynamic;
mod prefetch;
mod sum;

use self::arena::Inside;
pub use self::arena::{arena, Arena, Chunk};
use self::dynamic::Dynamic;
use self::prefetch::{prefetch, prefetch_through};
use self::sum::VariantSums;

/// How often the work list may be worked off on top of itself on the thread's stack.
const MAX_DEPTH: u32 = 128;
/// Bytes of the thread's stack that this may take.
const MAX_STACK: usize = 64 << 10;
/// Blocks of one parent that wait on the work list before the visit of the parent
/// goes on: a slice of a million boxes shall not make it a million items long.
const MET: usize = 32;
/// Blocks that are entered before any of what they hold. Their memory is on its way
/// meanwhile; that is most of a walk's time.
const AT_A_TIME: usize = 8;
/// Characters kept of a shown value.
const SHOWN: usize = 256;
/// Records kept before they are written, of kinds that have no columns.
const BATCH: usize = 4096;
/// Panics that are told in full.
const PANICS: u64 = 8;

static ROOT: Container = Container::new("root", Layout::ROOT);
static RAW: Container = Container::new("raw", Layout::RAW);

/// A block that a container owns or shares, as its impl reports it.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    addr: u64,
    container: &'static Container,
    elem: &'static Shape,
    len: u64,
    cap: u64,
    is_slice: bool,
    dynamic_size: u64,
}

impl Block {
    /// A block with room for `cap` elements, `len` of them in use. `addr` is any address inside it.
    pub fn slots<T: Walk>(container: &'static Container, addr: *const T, len: usize, cap: usize) -> Block {
        Block {
            addr: addr as usize as u64,
            container,
            elem: Shape::of::<T>(),
            len: len as u64,
            cap: cap as u64,
            is_slice: true,
            dynamic_size: 0,
        }
    }

    /// The block that holds `value`, as its only value or, for a slice, as all there is.
    pub fn of_val<T: ?Sized + Walk>(container: &'static Container, value: &T) -> Block {
        Block::of_shape(container, std::ptr::from_ref(value).cast(), value.shape(), size_of_val(value))
    }

    /// The same of a value of this shape and so many bytes.
    #[inline]
    pub(crate) fn of_shape(
        container: &'static Container,
        addr: *const u8,
        shape: &'static Shape,
        size: usize,
    ) -> Block {
        let (addr, size) = (addr as usize as u64, size as u64);
        match shape.elem {
            Some(elem) => {
                let elem = elem();
                let len = size / (elem.size.unwrap_or(1) as u64).max(1);
                Block { addr, container, elem, len, cap: len, is_slice: true, dynamic_size: 0 }
            }
            None => {
                Block { addr, container, elem: shape, len: 1, cap: 1, is_slice: false, dynamic_size: size }
            }
        }
    }

    /// A block of which an impl knows an address, a type and numbers.
    #[inline]
    pub(crate) fn raw(
        container: &'static Container,
        addr: u64,
        elem: &'static Shape,
        len: usize,
        cap: usize,
    ) -> Block {
        let (len, cap) = (len as u64, cap as u64);
        Block { addr, container, elem, len, cap, is_slice: true, dynamic_size: 0 }
    }

    /// An address in it that mostly is its first.
    #[inline]
    fn begin(&self) -> u64 {
        // What is shared is reported with the last byte before the value, where two counts stand.
        let counts = if self.container.layout == Layout::COUNTED { 2 * size_of::<usize>() - 1 } else { 0 };
        self.addr.wrapping_sub(counts as u64)
    }

    /// The same block, found by another address in it.
    pub(crate) fn at(self, addr: usize) -> Block {
        Block { addr: addr as u64, ..self }
    }
}

/// What is deferred: a block whose contents are still to be visited.
#[derive(Clone, Copy)]
struct Item<'a> {
    handle: &'a dyn Handle,
    node: u64,
    addr: u64,
    label: &'static Label,
    /// Number of values, or their bytes where only they know ([`NodeType::is_dynamic`]).
    amount: u64,
    ty: NodeType,
    /// Guards parked when it was put here.
    guards: u32,
    flags: Flags,
}

/// What is special of an [`Item`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct Flags(u8);

impl Flags {
    const NONE: Flags = Flags(0);
    /// The contents belong to several nodes and account for them themselves.
    const PARTS: Flags = Flags(1);
    /// The handle is still to report its block, and `node` and the rest are those of its place.
    const REPORT: Flags = Flags(1 << 1);
    /// Met through a block that has owners elsewhere ([`Outside`]).
    const OUTSIDE: Flags = Flags(1 << 2);
    /// A value inside a block that somebody else claims.
    const INSIDE: Flags = Flags(1 << 3);
    /// It waits no more, though it is still listed.
    const ENTERED: Flags = Flags(1 << 4);

    /// These too, where so.
    #[inline(always)]
    fn and(self, others: Flags, is_so: bool) -> Flags {
        Flags(self.0 | if is_so { others.0 } else { 0 })
    }

    #[inline(always)]
    fn has(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }
}

impl<'a> Item<'a> {
    #[inline(always)]
    fn new(handle: &'a dyn Handle, node: u64, ty: NodeType, block: &Block, guards: usize) -> Item<'a> {
        Item {
            handle,
            node,
            addr: block.addr,
            label: [&label::BLOCK, &label::ELEMENT][usize::from(block.is_slice)],
            amount: if ty.is_dynamic() { block.dynamic_size } else { block.len },
            ty,
            guards: guards as u32,
            flags: Flags::NONE,
        }
    }

    /// What of a value is put off: its contents belong to several nodes, or it has not reported its block.
    fn of_value(handle: &'a dyn Handle, here: &Here, guards: usize, is_report: bool) -> Item<'a> {
        Item {
            handle,
            node: here.node,
            addr: here.addr,
            label: here.label,
            amount: 0,
            ty: NO_NODE_TYPE,
            guards: guards as u32,
            flags: if is_report { Flags::REPORT } else { Flags::PARTS }
                .and(Flags::OUTSIDE, here.is_outside)
                .and(Flags::INSIDE, here.is_inside && is_report),
        }
    }
}

/// For the second walk of a report: what can be reached through blocks that
/// have owners elsewhere is counted, and nothing else is.
pub(crate) struct Outside {
    /// Their addresses, as their handles give them.
    pub(crate) blocks: HashSet<u64, RandomState>,
    marks: Marks,
}

/// A lock that another thread held.
struct Contended<'a> {
    cell: &'a dyn Retry,
    node: u64,
    addr: u64,
    label: &'static Label,
    guards: usize,
    is_outside: bool,
}

/// A lock that can be tried again.
pub(crate) trait Retry {
    /// Visits what it protects; gives the reason where it still cannot be entered.
    fn retry<'a>(&'a self, w: &mut Walker<'a>) -> Result<(), &'static str>;
    /// What to note where it cannot.
    fn place(&self) -> (usize, &'static Shape);
}

/// Opaque bytes that are scanned when everything typed was met.
struct Opaque {
    node: u64,
    /// The node's own, from which places are told.
    node_addr: u64,
    addr: u64,
    len: u64,
    label: &'static Label,
    /// What holds them.
    shape: &'static Shape,
    is_outside: bool,
}

/// A value to start from.
pub(crate) struct Start<'a> {
    pub(crate) name: String,
    pub(crate) origin: &'static str,
    pub(crate) value: &'a dyn Walk,
}

/// What a walk leaves behind beside the records.
#[derive(Default, Debug)]
pub(crate) struct Summary {
    pub(crate) unreadable: u64,
    pub(crate) guards: u64,
    pub(crate) longest_hold: Duration,
    pub(crate) problems: Vec<String>,
    pub(crate) panics: u64,
    /// Shared blocks with handles that were not met.
    pub(crate) outside: Vec<u64>,
    /// What is claimed.
    pub(crate) marks: Option<Marks>,
}

/// Collects what values own and refer to. Made only by this library; a `Walk`
/// impl is given one and reports to it.
///
/// The lifetime is that of the values that are walked, and invariant, so that
/// nothing reached behind a lock can be kept anywhere else.
pub struct Walker<'a> {
    sink: Sink,
    types: Types,
    marks: Marks,
    /// Counts of shared blocks, until they are written.
    counts: Vec<Shared>,
    /// Shared blocks that were born during the checkpoint, and their nodes:
    /// others may have stood at their addresses before.
    born: HashMap<u64, u64, RandomState>,
    /// Blocks of this birth epoch were born during the checkpoint.
    epoch: u32,
    live: Option<&'static dyn LiveBlocks>,
    memory: RawMemory,

    here: Here,
    /// Nothing but sums is wanted of the walk: no records, no paths, nothing of the second walk of a report.
    is_sum: bool,
    variants: VariantSums,
    run: Run,
    /// Those around it.
    runs: Vec<Run>,
    depth: u32,
    stack_base: usize,

    /// The work list: blocks that were met and are still to be entered, the last one
    /// first. Those from `items_from` on are worked off by the innermost loop over it.
    items: Vec<Item<'a>>,
    items_from: usize,
    /// Those from here on were met in the visit that is going on.
    met_from: usize,
    inside: Inside<'a>,
    outside: Option<Box<Outside>>,
    /// Of locks, outermost first, and when they were taken.
    guards: Guards,
    locks: Vec<Instant>,
    /// Of borrows, and copies, behind which something was put off; and behind how many locks each lies.
    kept: Guards,
    kept_levels: Vec<u32>,
    /// What is released when nothing else is held.
    last: Guards,
    contended: Vec<Contended<'a>>,
    lock_budget: Option<Duration>,
    opaque: Vec<Opaque>,
    /// Blocks whose values are being visited by whoever reported the block, and the bytes of these.
    open: Vec<(u64, u64)>,
    dynamic: Dynamic,

    unreadable: Vec<Unreadable>,
    values: Vec<ShownValue>,
    roots: Vec<Root>,
    /// Name of the one that is being walked.
    root_name: String,
    /// Begin and end of the roots that were walked.
    walked: Vec<(u64, u64)>,
    /// Blocks that hold roots walked before anything was known to own the block.
    root_blocks: Vec<RootBlock>,
    /// What such a root's own value counted, which is all that is walked at depth 0 while this is here.
    undo: Option<Undo>,
    /// Shared blocks of which the registry holds a weak handle and, during the
    /// walk, a strong one: both are left out of the counts.
    registered: Vec<u64>,
    tasks: Vec<Task>,
    summary: Summary,
    _invariant: PhantomData<fn(&'a ()) -> &'a ()>,
}

/// Where the walk is: what is said of the value that is being visited.
#[derive(Clone, Copy)]
struct Here {
    node: u64,
    addr: u64,
    label: &'static Label,
    /// How the node's values divide, as far as they were visited.
    split: Split,
    /// The enum that is the block's only value, until its variant is known.
    top: *const Shape,
    variant: Option<u32>,
    /// Added to the addresses of places: not 0 while a copy is walked.
    shift: u64,
    /// Met through a block that has owners elsewhere ([`Outside`]).
    is_outside: bool,
    /// Type and number of the values, or their bytes.
    ty: NodeType,
    amount: u64,
    /// How they divide is still to be told.
    is_untold: bool,
    /// The value lies inside a block that somebody else claims.
    is_inside: bool,
    /// Variants are added up ([`VariantSums`]) and not in `split`.
    is_summed: bool,
    /// Something was added to `split`, where it begins empty.
    has_split: bool,
}

impl Here {
    fn new(node: u64, addr: u64, label: &'static Label) -> Here {
        Here {
            node,
            addr,
            label,
            split: Split::default(),
            top: std::ptr::null(),
            variant: None,
            shift: 0,
            is_outside: false,
            ty: NO_NODE_TYPE,
            amount: 0,
            is_untold: false,
            is_inside: false,
            is_summed: false,
            has_split: false,
        }
    }

    /// To add to how the values divide.
    #[inline(always)]
    fn split(&mut self) -> &mut Split {
        self.has_split = true;
        &mut self.split
    }
}

/// Variants of values that stand side by side, counted before they are told.
struct Run {
    /// The enum; null while there is none.
    shape: *const Shape,
    /// Variants met in this run: of others it may be the first value, which is told at once.
    met: u32,
    first_variant: u32,
    place: Place,
    counts: [u64; Run::VARIANTS as usize],
}

/// Elements from which on a run is worth its beginning and end.
const RUN: usize = 16;

impl Run {
    const VARIANTS: u32 = 16;
    const NONE: Run = Run {
        shape: std::ptr::null(),
        met: 0,
        first_variant: 0,
        place: Place::UNKNOWN,
        counts: [0; Run::VARIANTS as usize],
    };

    /// Counts a value, if one of its variant was met in this run before.
    #[inline(always)]
    fn add(&mut self, variant: u32) -> bool {
        let is_met = variant < Run::VARIANTS && self.met >> variant & 1 != 0;
        if is_met {
            self.counts[variant as usize] += 1;
        }
        is_met
    }

    /// Adds what was counted to the census.
    fn tell(&self, types: &mut Types, mut each: impl FnMut(&VariantInfo, u64)) {
        for (variant, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let info = types.variant_at(self.first_variant + variant as u32);
            info.counts[usize::from(self.place.0) % PLACES] += count;
            each(info, count);
        }
    }
}

struct RootBlock {
    from: u64,
    to: u64,
    root: usize,
    undo: Undo,
}

/// Variants counted of a root's own value, to be taken back if its block is walked later.
type Undo = Vec<(u32, u32, Place)>;

impl std::fmt::Debug for Walker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walker")
            .field("node", &self.here.node)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

/// What `Walk` impls call.
impl<'a> Walker<'a> {
    /// Visits a field.
    #[inline]
    pub fn visit<T: Walk>(&mut self, label: &'static Label, value: &'a T) {
        value.walk_field(self, label);
    }

    /// Visits what stands in the same place as the value itself: the inside of
    /// an `Option`, of a cell, of a wrapper.
    #[inline]
    pub fn visit_inner<T: Walk>(&mut self, value: &'a T) {
        if !T::is_leaf() {
            value.walk(self);
        }
    }

    /// For hand-written impls and `with` functions: types the bytes of a field and visits it.
    pub fn field<T: Walk>(&mut self, name: &'static str, value: &'a T) {
        let label = self.types.named_field(name);
        self.retype(value);
        self.visit(label, value);
    }

    /// Visits a field through a function, for types without an impl.
    #[inline]
    pub fn visit_with<F: ?Sized>(
        &mut self,
        label: &'static Label,
        value: &'a F,
        with: fn(&'a F, &mut Walker<'a>),
    ) {
        self.here.label = label;
        with(value, self);
    }

    /// Visits a field and records its text (its `Debug` form, cut at 256 bytes).
    pub fn show<T: Walk + Debug>(&mut self, label: &'static Label, value: &'a T) {
        let mut text = Cut(String::new());
        let _ = write!(text, "{value:?}");
        let label_idx = self.types.label(label);
        self.values.push(ShownValue {
            node: self.here.node,
            place: (std::ptr::from_ref(value) as usize as u64).wrapping_add(self.here.shift),
            label: label_idx.0,
            text: text.0,
        });
        self.write_news();
        if self.values.len() >= BATCH {
            let values = std::mem::take(&mut self.values);
            self.sink.file(|writer| writer.list(FrameKind::VALUES, &values));
        }
        self.visit(label, value);
    }

    /// Leaves a field's bytes untyped. When everything typed was met, they are
    /// scanned for addresses of blocks that nobody claimed.
    pub fn visit_opaque<F>(&mut self, label: &'static Label, value: &F) {
        self.here.label = label;
        self.scan_later(value, Shape::unwalked::<F>());
    }

    fn scan_later<F: ?Sized>(&mut self, value: &F, shape: &'static Shape) {
        let addr = std::ptr::from_ref(value).cast::<u8>() as usize as u64;
        let len = size_of_val(value) as u64;
        // The cell's own bytes, not those of a copy of it.
        let addr = addr.wrapping_add(self.here.shift);
        let is_outside = self.here.is_outside;
        self.opaque.push(Opaque {
            node: self.here.node,
            node_addr: self.here.addr,
            addr,
            len,
            label: self.here.label,
            shape,
            is_outside,
        });
    }

    /// As [`Walker::visit_opaque`], for impls of types whose contents cannot be
    /// referenced: the value that is being walked.
    pub fn opaque_inner<T: ?Sized + Walk>(&mut self, value: &T) {
        self.scan_later(value, value.shape());
    }

    /// Visits a copy of what a cell holds, since the cell gives no reference to it.
    pub fn visit_copy<T: Walk + Copy>(&mut self, label: &'static Label, cell: &'a Cell<T>) {
        self.here.label = label;
        let copy = Copied::new(cell.get());
        // Edges start from the cell, not from the copy.
        let shift = (std::ptr::from_ref(cell) as u64).wrapping_sub(std::ptr::from_ref(&*copy) as u64);
        let outer = std::mem::replace(&mut self.here.shift, shift);
        self.behind(copy, false);
        self.here.shift = outer;
    }

    /// Visits what `via` finds in a field: the pointer behind its tag, the
    /// handle in its packed word. What it returns is walked in the field's
    /// place; up to its size the field's bytes are what its type says.
    pub fn visit_via<F: ?Sized, R: Walk + Copy + 'a>(
        &mut self,
        label: &'static Label,
        field: &'a F,
        via: impl FnOnce(&'a F) -> R,
    ) {
        self.here.label = label;
        let copy = Copied::new(via(field));
        let place = std::ptr::from_ref(field).cast::<u8>() as usize as u64;
        let shift = place.wrapping_sub(std::ptr::from_ref(&*copy) as usize as u64);
        let outer = std::mem::replace(&mut self.here.shift, shift);
        let (field_size, size) = (size_of_val(field), size_of::<R>());
        if size > field_size {
            // Packed: what is said in fewer bytes than the value takes unpacked.
            let payload = Split { payload: field_size as u64, ..Split::default() };
            self.type_bytes(field_size, payload);
            let Here { split, is_summed, .. } = self.here;
            self.here.is_summed = false;
            self.behind(copy, false);
            (self.here.split, self.here.is_summed) = (split, is_summed);
        } else {
            self.behind(copy, false);
        }
        self.here.shift = outer;
    }

    /// Reports that `value` is a key: a number by which an entry of a table is found.
    pub fn key<T: Walk>(&mut self, value: &T, key: u64) {
        let place = std::ptr::from_ref(value) as usize as u64;
        let ty = TypeIdx(self.types.ty(Shape::of::<T>()));
        self.edge(EdgeKind::KEY, place, Target::Key(key), Some(ty));
    }

    /// Visits a field that is a key, and no more than that.
    pub fn visit_key<T: Walk + Key>(&mut self, label: &'static Label, value: &T) {
        self.here.label = label;
        self.key(value, value.key());
    }

    /// Types storage inside a value, such as that of a short vector: room for
    /// `cap` elements, of which `len` are there. Visit those afterwards. The
    /// type's description says that these bytes are untyped ([`crate::Describe::cell`]).
    pub fn inline_slots<T: Walk>(&mut self, len: usize, cap: usize) {
        let size = size_of::<T>();
        let spare = (cap.saturating_sub(len) * size) as u64;
        let mut split = Split { spare, ..Split::default() };
        split.add_times(&self.base_of::<T>(), len as u64);
        self.type_bytes(cap * size, split);
    }

    /// Notes the active variant of an enum value; says whether it is the first of this variant.
    #[inline]
    pub fn variant(&mut self, shape: &'static Shape, variant: u32) -> bool {
        if std::ptr::eq(self.run.shape, shape) && self.run.add(variant) {
            return false;
        }
        self.variant_apart(shape, variant)
    }

    /// The same of a value that is in no run, or the first of its variant.
    #[inline(never)]
    fn variant_apart(&mut self, shape: &'static Shape, variant: u32) -> bool {
        let Walker { here, variants, run, .. } = self;
        if here.is_summed && run.shape.is_null() {
            if variants.add_near(shape, variant) {
                return false; // where its fields lie, nobody asks
            }
            return self.variant_far(shape, variant);
        }
        self.variant_now(shape, variant)
    }

    /// The same of a type other than the last one's.
    #[inline(never)]
    fn variant_far(&mut self, shape: &'static Shape, variant: u32) -> bool {
        let (first, count) = self.types.variants_of(shape);
        self.variants.set_near(shape, first, count);
        if self.variants.add_near(shape, variant) {
            return false;
        }
        self.variant_now(shape, variant)
    }

    /// The same where nothing is put off.
    #[inline(never)]
    fn variant_now(&mut self, shape: &'static Shape, variant: u32) -> bool {
        let Walker { types, here, .. } = self;
        if std::ptr::eq(here.top, shape) {
            here.top = std::ptr::null();
            here.variant = Some(variant);
        }
        let place = here.label.place;
        let Some(info) = types.variant_of(shape, variant) else { return false };
        info.counts[usize::from(place.0) % PLACES] += 1;
        here.split().add_times(&info.split, 1);
        let is_first = !std::mem::replace(&mut info.is_met, true);
        if self.run.met == 0 && !self.run.shape.is_null() {
            // A constant may have several addresses, one in each unit of code: this is the run's.
            let (first, count) = self.types.variants_of(shape);
            if count > 0 && first == self.run.first_variant {
                self.run.shape = shape;
            }
        }
        if std::ptr::eq(self.run.shape, shape) {
            self.run.met |= 1_u32.checked_shl(variant).unwrap_or(0);
        }
        if self.undo.is_some() {
            self.undo_variant(shape, variant, place);
        }
        is_first
    }

    #[cold]
    fn undo_variant(&mut self, shape: &'static Shape, variant: u32, place: Place) {
        let ty = self.types.ty(shape);
        if let Some(undo) = self.undo.as_mut().filter(|_| self.depth == 0) {
            undo.push((ty, variant, place));
        }
    }

    /// Notes where the fields of a variant lie: the addresses of the value and of each field.
    #[cold]
    pub fn variant_offsets(&mut self, shape: &'static Shape, variant: u32, value: usize, fields: &[usize]) {
        let ty = self.types.ty(shape);
        let offsets = fields.iter().map(|field| field.wrapping_sub(value) as u64).collect();
        self.types.offsets.push(heap_snapshot::record::VariantOffsets { ty, variant, offsets });
    }

    /// Reports a block that `handle` alone owns, and visits its contents.
    #[inline(never)]
    pub fn own(&mut self, handle: &'a dyn Handle, block: Block) {
        if self.is_sum {
            self.sum_block(handle, &block);
        } else {
            self.claim(handle, &block);
        }
    }

    /// Reports a further block of a container that has several, at `place`.
    /// Its contents are visited by whoever reports it.
    pub(crate) fn own_part(&mut self, place: &'a dyn Handle, block: Block) -> Option<u64> {
        let place = std::ptr::from_ref(place).cast::<u8>() as usize as u64;
        self.meet(place, EdgeKind::OWN, &block).map(|(node, _)| node)
    }

    /// Reports a block that its handle holds but does not show: the words of
    /// the handle are scanned for the one block that nobody claimed yet and whose
    /// requested size `fits`.
    pub(crate) fn own_by_handle<H: ?Sized>(
        &mut self,
        handle: &'a H,
        block: Block,
        fits: impl Fn(u64) -> bool,
    ) {
        let Some(live) = self.live else { return };
        let place = std::ptr::from_ref(handle).cast::<u8>() as usize as u64;
        let mut found = None;
        let mut is_single = true;
        let marks = match &self.outside {
            Some(outside) if self.here.is_outside => &outside.marks,
            _ => &self.marks,
        };
        self.memory.words_near(place, size_of_val(handle) as u64, |word| {
            if let Some(candidate) = live.lookup(word) {
                let is_claimed = marks.any(candidate.addr, candidate.addr + candidate.usable);
                if !candidate.is_tool && !is_claimed && fits(candidate.requested) {
                    is_single &= found.is_none_or(|found| found == candidate.addr);
                    found = Some(candidate.addr);
                }
            }
        });
        if let (Some(addr), true) = (found, is_single) {
            self.meet(place, EdgeKind::OWN_BY_HANDLE, &block.at(addr as usize));
        }
    }

    /// Has a strong handle report its block ([`Handle::report`]) when the counts, which stand
    /// before the value at `addr`, are there to be read: other than owned blocks, shared ones
    /// mostly lie far from their handles.
    pub(crate) fn share_soon(&mut self, handle: &'a dyn Handle, addr: *const u8) {
        if self.here.shift != 0 {
            return handle.report(self);
        }
        let addr = addr as usize as u64;
        prefetch(addr.wrapping_sub(2 * size_of::<usize>() as u64));
        prefetch(addr);
        prefetch(self.marks.place(addr));
        self.push(Item::of_value(handle, &self.here, self.guards.len(), true));
    }

    /// Has a hash table that is not empty report its block when the beginning of its control
    /// bytes is there to be read. One of the `words` of the handle leads there.
    pub(crate) fn table_soon(&mut self, handle: &'a dyn Handle, words: usize) {
        if self.here.shift != 0 {
            return handle.report(self);
        }
        prefetch_through(std::ptr::from_ref(handle).cast(), words);
        self.push(Item::of_value(handle, &self.here, self.guards.len(), true));
    }

    /// Reports a strong handle to a shared block, with the block's counts, and
    /// visits its contents if it is the first handle met.
    pub fn share(&mut self, handle: &'a dyn Handle, block: Block, strong: usize, weak: usize) {
        self.share_counted(handle, block, Some((strong, weak)));
    }

    /// As [`Walker::share`], of handles whose counts cannot be read: the block
    /// may have owners elsewhere, and the snapshot says so.
    pub fn share_uncounted(&mut self, handle: &'a dyn Handle, block: Block) {
        self.share_counted(handle, block, None);
    }

    fn share_counted(&mut self, handle: &'a dyn Handle, block: Block, counts: Option<(usize, usize)>) {
        let place = std::ptr::from_ref(handle).cast::<u8>() as usize as u64;
        if self.is_sum {
            return self.sum_shared(handle, &block, counts.map(|(strong, _)| strong));
        }
        let outer = self.here.is_outside;
        if let Some(outside) = &self.outside {
            self.here.is_outside |= outside.blocks.contains(&block.addr);
        }
        if let Some((node, ty)) = self.meet_shared(place, &block, counts) {
            self.contents_of(handle, node, ty, &block);
        }
        self.here.is_outside = outer;
    }

    /// Without a table of blocks nobody knows whether an owner leads to this handle too: then a
    /// handle too few is counted, so that *alone* stays a lower bound.
    fn is_unsure(&self) -> bool {
        self.here.is_inside && self.live.is_none()
    }

    /// Writes a strong handle; gives the block's node if it is the first.
    fn meet_shared(
        &mut self,
        place: u64,
        block: &Block,
        read: Option<(usize, usize)>,
    ) -> Option<(u64, NodeType)> {
        if self.outside.is_some() {
            // Counted by the first walk.
            return self.meet(place, EdgeKind::SHARE, block);
        }
        if self.inside.was_counted(&self.here, place) {
            // This very handle was met before, through a reference to what it stands in.
            return None;
        }
        if let Sink::Tally(_) = self.sink {
            let is_unsure = self.is_unsure();
            let is_first = !self.marks.any(block.addr, block.addr + 1);
            if let (Sink::Tally(tally), true) = (&mut self.sink, !is_unsure || is_first) {
                tally.shares.note(block.addr, read.map(|(strong, _)| strong), is_first, !is_unsure);
            }
        }
        let is_born = self.is_born(block.addr);
        if is_born {
            if let Some(&node) = self.born.get(&block.addr) {
                self.edge(EdgeKind::SHARE, place, Target::Node(node), None);
                return None;
            }
            // What stood here before and was met is gone.
            self.marks.clear(block.addr);
        }
        let met = self.meet(place, EdgeKind::SHARE, block)?;
        if is_born {
            self.born.insert(block.addr, met.0);
        }
        self.count(met.0, block.addr, read);
        Some(met)
    }

    /// Notes what a shared block says of itself.
    fn count(&mut self, node: u64, addr: u64, read: Option<(usize, usize)>) {
        if let Sink::Tally(_) = self.sink {
            return; // which has counts of its own
        }
        let (strong, weak) = read.unwrap_or_default();
        let registered = usize::from(self.registered.contains(&addr));
        self.counts.push(Shared {
            node,
            addr: if node == u64::MAX { addr } else { 0 },
            strong: strong.saturating_sub(registered) as u64,
            weak: weak.saturating_sub(registered) as u64,
            met: Shared::BY_EDGES,
            weak_met: Shared::BY_EDGES,
            uncounted: read.is_none(),
        });
        if self.counts.len() >= BATCH {
            let Walker { sink, counts, .. } = self;
            sink.file(|writer| writer.list(FrameKind::SHARED, counts));
            counts.clear();
        }
    }

    /// Whether the block that holds `addr` was born during this checkpoint.
    #[inline]
    fn is_born(&self, addr: u64) -> bool {
        self.live.is_some_and(|live| {
            live.has_births() && live.lookup(addr).is_some_and(|block| block.epoch >= self.epoch)
        })
    }

    /// Reports a weak handle to the block that holds `addr`.
    pub fn weak(&mut self, place: usize, addr: usize, strong: usize, weak: usize) {
        if self.inside.was_counted(&self.here, place as u64) {
            return;
        }
        if !self.marks.any(addr as u64, addr as u64 + 1) {
            // Perhaps a strong handle comes later and says the same; perhaps none.
            self.count(u64::MAX, addr as u64, Some((strong, weak)));
        }
        self.edge(EdgeKind::WEAK, place as u64, Target::Addr(addr as u64), None);
    }

    /// Reports a reference or pointer.
    pub fn refer<T: ?Sized>(&mut self, kind: EdgeKind, place: usize, target: *const T) {
        let addr = target.cast::<u8>() as usize as u64;
        if addr == 0 {
            return;
        }
        let ty = TypeIdx(self.types.ty(Shape::unknown::<T>()));
        self.edge(kind, place as u64, Target::Addr(addr), Some(ty));
    }
}

/// What the impls of this crate need beside.
impl<'a> Walker<'a> {
    /// Moves the bytes of `value` from untyped to what its type says.
    pub(crate) fn retype<T: Walk>(&mut self, value: &T) {
        self.retype_as(Shape::of::<T>(), size_of_val(value));
    }

    fn retype_as(&mut self, shape: &'static Shape, size: usize) {
        let ty = self.types.ty(shape);
        let base = self.types.base(ty);
        let split = self.here.split();
        split.untyped = split.untyped.wrapping_sub(size as u64);
        if shape.size.is_some() {
            self.here.split.add_times(&base, 1);
        } else if let Some(elem) = shape.elem {
            let elem = elem();
            let len = size / elem.size.unwrap_or(1).max(1);
            let ty = self.types.ty(elem);
            self.here.split.add_times(&self.types.base(ty), len as u64);
        } else {
            let split = self.here.split();
            split.untyped = split.untyped.wrapping_add(size as u64);
        }
    }

    /// Says how `bytes` of the value divide that its description calls untyped
    /// ([`crate::Describe::cell`]). `split` must add up to as many.
    pub fn type_bytes(&mut self, bytes: usize, split: Split) {
        let here = self.here.split();
        here.untyped = here.untyped.wrapping_sub(bytes as u64);
        here.add_times(&split, 1);
    }

    /// Sets the label for what follows.
    #[inline]
    pub(crate) fn set_label(&mut self, label: &'static Label) {
        self.here.label = label;
    }

    /// The label of the value that is being walked.
    pub(crate) fn label(&self) -> &'static Label {
        self.here.label
    }

    /// Visits the elements of a slice.
    #[inline]
    pub(crate) fn elements<T: Walk>(&mut self, elements: &'a [T]) {
        if !T::is_leaf() {
            T::walk_elements(elements, self);
        }
    }

    /// Visits them one by one. Variants of enums are counted by the run.
    #[doc(hidden)]
    pub fn each_element<T: Walk>(&mut self, elements: &'a [T]) {
        let label = self.begin_elements(Shape::of::<T>(), elements.len());
        let mut rest = elements;
        // As a `for` does it, without an iterator to compile.
        while let [element, others @ ..] = rest {
            self.here.label = label;
            element.walk(self);
            rest = others;
        }
        self.end_elements(elements.len());
    }

    /// Counts values with nothing behind them by the numbers of their variants.
    /// Only the first of each variant is visited.
    #[doc(hidden)]
    pub fn count_elements<T: Walk>(&mut self, elements: &'a [T], number: impl Fn(&T) -> u32) {
        if elements.len() < RUN {
            return self.each_element(elements);
        }
        let label = self.begin_elements(Shape::of::<T>(), elements.len());
        // Two of each, since the same number mostly follows itself, and would wait for itself.
        let mut counts = [[0; Run::VARIANTS as usize]; 2];
        let mut met = 0;
        for (at, element) in elements.iter().enumerate() {
            let variant = number(element);
            if variant < Run::VARIANTS && met >> variant & 1 != 0 {
                counts[at % 2][variant as usize] += 1;
            } else {
                self.here.label = label;
                element.walk(self);
                met = self.run.met;
            }
        }
        for counts in counts {
            for (sum, count) in self.run.counts.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        self.end_elements(elements.len());
    }

    /// The label of elements: that of their place, where they stand in the value itself.
    fn begin_elements(&mut self, shape: &'static Shape, len: usize) -> &'static Label {
        let is_block = self.here.label.place == label::BLOCK.place;
        let label = if is_block { &label::ELEMENT } else { self.here.label };
        if len >= RUN {
            self.begin_run(shape, label.place);
        }
        label
    }

    fn end_elements(&mut self, len: usize) {
        if len >= RUN {
            let run = self.end_run();
            run.tell(&mut self.types, |info, count| self.here.split().add_times(&info.split, count));
        }
    }

    fn begin_run(&mut self, shape: &'static Shape, place: Place) {
        let (first_variant, variants) = self.types.variants_of(shape);
        let is_counted = (1..=Run::VARIANTS).contains(&variants) && self.undo.is_none();
        let shape = if is_counted { std::ptr::from_ref(shape) } else { std::ptr::null() };
        self.runs.push(std::mem::replace(&mut self.run, Run { shape, first_variant, place, ..Run::NONE }));
    }

    fn end_run(&mut self) -> Run {
        let outer = self.runs.pop().unwrap_or(Run::NONE);
        std::mem::replace(&mut self.run, outer)
    }

    /// The block that holds an address, if a tracking allocator knows.
    pub(crate) fn lookup(&self, addr: usize) -> Option<heap_snapshot::record::LiveBlock> {
        self.live?.lookup(addr as u64)
    }

    /// How the type's values divide, for contents that are reported piecemeal.
    pub fn base_of<T: Walk>(&mut self) -> Split {
        let ty = self.types.ty(Shape::of::<T>());
        self.types.base(ty)
    }

    /// Visits values as contents of `node`, a block that [`Walker::own_part`]
    /// gave. `split` is how their `bytes` divide, less what the visit adds.
    pub(crate) fn within(
        &mut self,
        node: u64,
        addr: u64,
        (split, bytes): (Split, u64),
        visit: impl FnOnce(&mut Walker<'a>),
    ) {
        let outer = self.here;
        let Here { label, shift, is_outside, .. } = outer;
        self.here = Here { split, shift, is_outside, ..Here::new(node, addr, label) };
        self.depth += 1;
        self.open.push((node, bytes));
        visit(self);
        self.open.pop();
        self.depth -= 1;
        self.sink.content(&Content { node, variant: None, split: self.here.split });
        self.here = outer;
    }

    /// Says that the values of these nodes, of so many bytes, will be visited
    /// with [`Walker::within`], so that a panic leaves none of them untold.
    pub(crate) fn open_parts(&mut self, parts: impl IntoIterator<Item = (u64, u64)>) -> usize {
        let from = self.open.len();
        self.open.extend(parts);
        from
    }

    /// `bytes` of a part that [`Walker::open_parts`] opened are about to be visited.
    pub(crate) fn visit_part(&mut self, at: usize, bytes: u64) {
        self.open[at].1 -= bytes;
    }

    /// All parts from `from` on were visited.
    pub(crate) fn close_parts(&mut self, from: usize) {
        self.open.truncate(from);
    }

    /// Visits what a guard protects. Bytes of it that were untyped are typed first.
    pub(crate) fn behind<G>(&mut self, guard: G, is_lock: bool)
    where
        G: Guard + 'a,
        G::Target: Walk + 'a,
    {
        if is_lock {
            self.behind_lock(guard);
        } else {
            self.behind_borrow(guard);
        }
    }

    fn behind_lock<G>(&mut self, guard: G)
    where
        G: Guard + 'a,
        G::Target: Walk + 'a,
    {
        // SAFETY: `release` takes the guard off only when nothing waits that was
        // put off while it was parked, and no guard that was kept meanwhile is
        // left; those of the visit itself are entered before this returns, or wait as any other
        // (`visit_guarded`). Nothing else can keep what is reached through `value`.
        #[expect(unsafe_code, reason = "see guard.rs")]
        let value = unsafe { self.guards.park(guard) };
        self.locks.push(Instant::now());
        self.summary.guards += 1;
        let level = self.guards.len();
        self.visit_guarded(value);
        // What was put off is entered on the way back to the root, so that the
        // stack does not grow with it.
        if !self.has_deferred(level) {
            let here = self.here;
            self.release(level - 1);
            self.here = here;
        }
    }

    /// Behind what no other thread waits for: a borrow of a cell, a copy.
    fn behind_borrow<G>(&mut self, guard: G)
    where
        G: Guard + 'a,
        G::Target: Walk + 'a,
    {
        if G::DROPS {
            // SAFETY: it is kept to the end of the walk (`finish`).
            #[expect(unsafe_code, reason = "see guard.rs")]
            let value = unsafe { self.last.park(guard) };
            return self.visit_guarded(value);
        }
        let before = (self.items.len(), self.contended.len(), self.inside.count());
        // SAFETY: it is kept until everything was walked behind the lock that it
        // lies behind, or behind no lock at all (`release`, `finish`), or taken
        // off below, where nothing behind it was put off.
        #[expect(unsafe_code, reason = "see guard.rs")]
        let value = unsafe { self.kept.park(guard) };
        self.kept_levels.push(self.guards.len() as u32);
        self.summary.guards += u64::from(G::HOLDS);
        let kept = self.kept.len();
        self.visit_guarded(value);
        let after = (self.items.len(), self.contended.len(), self.inside.count());
        if self.kept.len() == kept && before == after {
            self.kept.release(kept - 1);
            self.kept_levels.truncate(kept - 1);
        }
    }

    fn visit_guarded<T: ?Sized + Walk>(&mut self, value: &'a T) {
        self.retype_as(value.shape(), size_of_val(value));
        self.with_items(|w| value.walk(w));
    }

    /// Whether something waits that was put off behind lock number `level`.
    fn has_deferred(&self, level: usize) -> bool {
        self.inside.has_pending(level) || self.items.last().is_some_and(|item| item.guards as usize >= level)
    }

    /// Notes a lock that another thread holds, to try it again later.
    pub(crate) fn contended(&mut self, cell: &'a dyn Retry) {
        let guards = self.guards.len();
        self.contended.push(Contended {
            cell,
            node: self.here.node,
            addr: self.here.addr,
            label: self.here.label,
            guards,
            is_outside: self.here.is_outside,
        });
    }

    /// Notes a part that cannot be entered.
    pub fn unreadable(&mut self, place: usize, shape: &'static Shape, reason: &str) {
        let ty = self.types.ty(shape);
        let label = self.types.label(self.here.label).0;
        self.summary.unreadable += 1;
        self.unreadable.push(Unreadable {
            node: self.here.node,
            place: place as u64,
            label,
            ty,
            reason: reason.into(),
        });
        self.write_news();
        if self.unreadable.len() >= BATCH {
            let unreadable = std::mem::take(&mut self.unreadable);
            self.sink.file(|writer| writer.list(FrameKind::UNREADABLE, &unreadable));
        }
    }

    /// Writes types and labels that the next record may refer to.
    #[inline]
    fn write_news(&mut self) {
        if self.types.has_news() {
            self.sink.news(&mut self.types);
        }
    }

    fn edge(&mut self, kind: EdgeKind, place: u64, target: Target, ty: Option<TypeIdx>) {
        if let Sink::Tally(_) = self.sink {
            return; // a report is of blocks
        }
        let label = self.types.label(self.here.label);
        self.write_news();
        let place = place.wrapping_add(self.here.shift);
        self.sink.edge(&Edge { from: self.here.node, kind, label, place, target, ty });
    }

    /// Writes the node of a block that is met for the first time. A second
    /// claim is written as an edge to the address, for the analysis to judge.
    fn meet(&mut self, place: u64, edge: EdgeKind, block: &Block) -> Option<(u64, NodeType)> {
        self.meet_here(place, edge, block)
    }

    /// The same in the middle of its caller, of which there should be few.
    #[inline(always)]
    fn meet_here(&mut self, place: u64, edge: EdgeKind, block: &Block) -> Option<(u64, NodeType)> {
        let key = SiteKey::new(block.container, block.elem, block.is_slice, self.here.label);
        let at = key.slot();
        if self.types.site(at).key != key {
            self.new_site(at, key, block);
        }
        let ty = self.types.site(at).ty;
        if ty.is_entered() {
            block.prefetch();
        }
        if self.marks().set(block.addr) {
            self.edge(edge, place, Target::Addr(block.addr), None);
            return None;
        }
        if !self.root_blocks.is_empty() {
            self.name_roots_in(block.addr);
        }
        let size = if ty.is_dynamic() { block.dynamic_size } else { 0 };
        let node = if let Sink::Tally(tally) = &mut self.sink {
            let label = self.types.site(at).packed.label();
            tally.met(
                Step { parent: self.here.node, label, ty: ty.idx() },
                block.addr,
                (block.len, block.cap),
                size,
            )
        } else {
            self.write_block(at, place, edge, block)
        };
        Some((node, ty))
    }

    /// Writes a block into the file.
    #[inline(never)]
    fn write_block(&mut self, site: usize, place: u64, edge: EdgeKind, block: &Block) -> u64 {
        let Sink::File(writer) = &mut self.sink else { return 0 };
        writer.met(Met {
            site: self.types.site(site).packed,
            parent: self.here.node,
            parent_addr: self.here.addr,
            edge,
            place: place.wrapping_add(self.here.shift),
            addr: block.addr,
            len: block.len,
            spare: block.cap.wrapping_sub(block.len),
            is_slice: block.is_slice,
        })
    }

    /// Where a block is met that no other was met at, or not lately.
    #[cold]
    #[inline(never)]
    fn new_site(&mut self, at: usize, key: SiteKey, block: &Block) {
        self.types.new_site((at, key), block.container, block.elem, block.is_slice, self.here.label);
        self.write_news();
    }

    /// The marks that hold where the walk is. In the second walk of a report,
    /// what is outside has its own, and nothing else counts.
    #[inline(always)]
    fn marks(&mut self) -> &mut Marks {
        match self.outside {
            None => &mut self.marks,
            Some(_) => self.marks_outside(),
        }
    }

    #[cold]
    #[inline(never)]
    fn marks_outside(&mut self) -> &mut Marks {
        let is_outside = self.here.is_outside;
        if let Sink::Tally(tally) = &mut self.sink {
            tally.is_counting = is_outside;
        }
        match &mut self.outside {
            Some(outside) if is_outside => &mut outside.marks,
            _ => &mut self.marks,
        }
    }

    #[inline(always)]
    fn claim(&mut self, handle: &'a dyn Handle, block: &Block) {
        let place = std::ptr::from_ref(handle).cast::<u8>() as usize as u64;
        if let Some((node, ty)) = self.meet_here(place, EdgeKind::OWN, block) {
            self.contents_of(handle, node, ty, block);
        }
    }

    /// Visits what a block holds, now or soon.
    #[inline(always)]
    fn contents_of(&mut self, handle: &'a dyn Handle, node: u64, ty: NodeType, block: &Block) {
        if ty.is_entered() {
            let item = Item::new(handle, node, ty, block, self.guards.len());
            self.push(Item { flags: item.flags.and(Flags::OUTSIDE, self.here.is_outside), ..item });
        }
    }

    /// Visits the contents of a container whose blocks its handle reports one by one.
    pub(crate) fn own_parts(&mut self, handle: &'a dyn Handle) {
        self.push(Item::of_value(handle, &self.here, self.guards.len(), false));
    }

    /// Puts a block on the work list.
    #[inline(always)]
    fn push(&mut self, item: Item<'a>) {
        self.items.push(item);
        if self.items.len().wrapping_sub(self.met_from) >= MET {
            self.enter_items_and_return();
        }
    }

    /// Runs `visit`, enters the blocks that it met, and none met before, and
    /// comes back to where the walk was.
    #[inline]
    fn with_items(&mut self, visit: impl FnOnce(&mut Walker<'a>)) {
        let from = std::mem::replace(&mut self.met_from, self.items.len());
        visit(self);
        self.enter_items_and_return();
        self.met_from = from;
    }

    /// Enters the blocks of the innermost loop, and what is met in them, some at
    /// a time: what these hold is on its way while the others are entered. Where
    /// the walk was is forgotten.
    fn enter_items(&mut self) {
        match self.is_sum {
            true => self.enter_all::<true>(),
            false => self.enter_all::<false>(),
        }
    }

    fn enter_all<const IS_SUM: bool>(&mut self) {
        self.depth += 1;
        if IS_SUM {
            self.begin_sum();
        }
        while self.items.len() > self.items_from {
            let to = self.items.len();
            let from = to.saturating_sub(AT_A_TIME).max(self.items_from);
            for at in from..to {
                match IS_SUM {
                    true => self.enter_summed(at),
                    false => self.enter(at),
                }
            }
            self.items.copy_within(to.., from);
            self.items.truncate(self.items.len() - (to - from));
        }
        self.depth -= 1;
    }

    /// Enters what was met in this visit, in the middle of it. A panic in one of
    /// them does not end it. Where the stack is too deep for that, they wait on.
    #[inline(never)]
    fn enter_items_and_return(&mut self) {
        let from = self.met_from;
        if self.items.len() > from && self.depth < MAX_DEPTH && self.stack_used() < MAX_STACK {
            let (here, is_run) = (self.here, !self.run.shape.is_null());
            let outer = std::mem::replace(&mut self.items_from, from);
            if is_run {
                self.runs.push(std::mem::replace(&mut self.run, Run::NONE));
            }
            self.caught(Walker::enter_items);
            if is_run {
                self.end_run();
            }
            self.here = here;
            (self.items_from, self.met_from) = (outer, from);
        }
    }

    /// Enters a block that was taken off the work list.
    fn enter_one(&mut self, item: &Item<'a>) {
        let outer = std::mem::replace(&mut self.items_from, self.items.len());
        self.items.push(*item);
        self.caught(Walker::enter_items);
        self.items_from = outer;
    }

    #[inline(always)]
    fn stack_used(&self) -> usize {
        let here = 0u8;
        self.stack_base.abs_diff(&raw const here as usize)
    }

    /// Enters the item at this position of the work list.
    #[inline(always)]
    fn enter(&mut self, at: usize) {
        if self.is_over_budget() {
            return self.leave_out(at);
        }
        let item = &mut self.items[at];
        let (handle, ty, flags) = (item.handle, item.ty, item.flags);
        let is_told = !flags.has(Flags(Flags::PARTS.0 | Flags::REPORT.0)) && !ty.is_fixed();
        let mut split = Split::default();
        let mut top = std::ptr::null();
        if is_told {
            let info = self.types.node_info(ty);
            top = info.top;
            if ty.is_dynamic() {
                split.untyped = item.amount;
            } else if ty.has_base() {
                split.add_times(&info.base, item.amount);
            }
        }
        self.here = Here {
            node: item.node,
            addr: item.addr,
            label: item.label,
            split,
            top,
            variant: None,
            shift: 0,
            ty,
            amount: item.amount,
            is_untold: is_told,
            is_outside: flags.has(Flags::OUTSIDE),
            is_inside: flags.has(Flags::INSIDE),
            is_summed: false,
            has_split: false,
        };
        // Not before the rest was read: processors wait where a load covers a store that is younger.
        item.flags = Flags::ENTERED;
        self.met_from = self.items.len();
        if flags.has(Flags::REPORT) {
            return handle.report(self);
        }
        handle.contents(self);
        if is_told {
            let Here { node, variant, split, .. } = self.here;
            self.here.is_untold = false;
            self.sink.content(&Content { node, variant, split });
        }
    }

    /// Whether a lock was held for longer than `HEAP_WALK_LOCK_MS` allows.
    #[inline]
    fn is_over_budget(&self) -> bool {
        self.lock_budget
            .is_some_and(|budget| self.locks.first().is_some_and(|since| since.elapsed() > budget))
    }

    /// Notes a block as unreadable instead of entering it.
    #[cold]
    fn leave_out(&mut self, at: usize) {
        let item = self.items[at];
        self.items[at].flags = Flags::ENTERED;
        let (node, addr) = (self.here.node, self.here.addr);
        (self.here.node, self.here.addr) = (item.node, item.addr);
        self.unreadable(item.addr as usize, Shape::unknown::<RawBytes>(), "lock held too long");
        if !item.flags.has(Flags(Flags::PARTS.0 | Flags::REPORT.0)) && !item.ty.is_fixed() {
            let untyped = self.types.node_bytes(item.ty, item.amount);
            let split = Split { untyped, ..Split::default() };
            self.sink.content(&Content { node: item.node, variant: None, split });
        }
        (self.here.node, self.here.addr) = (node, addr);
    }

    /// Runs a part of the walk in which impls may panic; says whether none did.
    ///
    /// After a panic, what its impl had reported by then is walked, what it had
    /// not is noted as unreadable, and the walk goes on after the part. The
    /// thread is not unwinding then, so releasing a guard poisons no mutex.
    fn caught(&mut self, part: impl FnOnce(&mut Walker<'a>)) -> bool {
        let (depth, from, met) = (self.depth, self.items_from, self.met_from);
        let (guards, open, runs) = (self.guards.len(), self.open.len(), self.runs.len());
        let mut result = catch_unwind(AssertUnwindSafe(|| part(self)));
        let is_whole = result.is_ok();
        while let Err(payload) = result {
            self.note_panic(&*payload);
            // Dropping what is not a message could panic again.
            if !payload.is::<&'static str>() && !payload.is::<String>() {
                std::mem::forget(payload);
            }
            for (node, bytes) in self.open.split_off(open) {
                let split = Split { untyped: bytes, ..Split::default() };
                self.sink.content(&Content { node, variant: None, split });
            }
            while self.runs.len() > runs {
                // How these values divide was told as unreadable.
                self.end_run().tell(&mut self.types, |_, _| {});
            }
            (self.depth, self.items_from, self.met_from) = (depth, from, met);
            self.forget_entered();
            result = catch_unwind(AssertUnwindSafe(|| {
                self.enter_items();
                self.release(guards);
            }));
        }
        is_whole
    }

    /// Takes those off the innermost work list that were entered.
    #[cold]
    fn forget_entered(&mut self) {
        let from = self.items_from.min(self.items.len());
        let waiting: Vec<Item<'a>> =
            self.items.drain(from..).filter(|item| item.flags != Flags::ENTERED).collect();
        self.items.extend(waiting);
    }

    /// Notes what was being visited as unreadable.
    #[cold]
    fn note_panic(&mut self, payload: &(dyn Any + Send)) {
        let Here { node, addr, .. } = self.here;
        self.unreadable(addr as usize, Shape::unknown::<RawBytes>(), "panicked");
        if std::mem::take(&mut self.here.is_untold) {
            let Here { ty, amount, .. } = self.here;
            let split = Split { untyped: self.types.node_bytes(ty, amount), ..Split::default() };
            self.sink.content(&Content { node, variant: None, split });
        }
        self.summary.panics += 1;
        if self.summary.panics <= PANICS {
            let root = &self.root_name;
            let message = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".into());
            self.summary.problems.push(format!(
                "a `Walk` impl reached from root `{root}` panicked ({message}): what its value had not reported by then is missing"
            ));
        }
    }

    /// Releases locks, innermost first, until `count` are left. First comes
    /// what was put off behind each, and locks found taken are tried again.
    fn release(&mut self, count: usize) {
        while self.guards.len() > count {
            let level = self.guards.len();
            if self.inside.has_pending(level) {
                self.enter_followed(level);
            } else if self.items.last().is_some_and(|item| item.guards as usize >= level) {
                let item = self.items.pop().expect("just seen");
                self.enter_one(&item);
            } else if self.contended.last().is_some_and(|contended| contended.guards >= level) {
                self.retry_last();
            } else {
                self.release_kept(level);
                // Who waits for it is woken, and that is the program's doing.
                self.outside_tool(|w| w.guards.release(level - 1));
                let since = self.locks.pop().expect("as many as guards");
                self.summary.longest_hold = self.summary.longest_hold.max(since.elapsed());
            }
        }
    }

    /// Runs what may allocate and free for the program.
    fn outside_tool(&mut self, run: impl FnOnce(&mut Walker<'a>)) {
        self.sink.settle();
        let is_tool = self.live.map(|live| live.set_tool(false));
        run(self);
        if let (Some(live), Some(is_tool)) = (self.live, is_tool) {
            live.set_tool(is_tool);
        }
    }

    /// Releases borrows and copies that lie behind at least `level` locks.
    fn release_kept(&mut self, level: usize) {
        while self.kept_levels.last().is_some_and(|kept| *kept as usize >= level) {
            self.kept_levels.pop();
            self.kept.release(self.kept_levels.len());
        }
    }

    fn retry_last(&mut self) {
        let Some(Contended { cell, node, addr, label, is_outside, .. }) = self.contended.pop() else {
            return;
        };
        let (outer, undo) = (self.here, self.undo.take());
        self.here = Here { is_outside, ..Here::new(node, addr, label) };
        let mut result = Ok(());
        let mut split = Split::default();
        self.caught(|w| {
            w.with_items(|w| result = cell.retry(w));
            if let Err(reason) = result {
                let (place, shape) = cell.place();
                w.unreadable(place, shape, reason);
            }
            split = w.here.split;
        });
        if split != Split::default() {
            // Adds to what was written when the node was left.
            self.sink.content(&Content { node, variant: None, split });
        }
        (self.here, self.undo) = (outer, undo);
    }

    /// Walks everything that was put off.
    fn drain(&mut self) {
        loop {
            self.release(0);
            if let Some(item) = self.items.pop() {
                self.enter_one(&item);
            } else if !self.contended.is_empty() {
                self.retry_last();
            } else {
                break;
            }
        }
    }
}

/// Starting and finishing.
impl<'a> Walker<'a> {
    pub(crate) fn new(sink: Sink, epoch: u32) -> Walker<'a> {
        let mut types = Types::new();
        types.label(&label::NONE);
        let mut problems = Vec::new();
        let lock_budget = lock_budget(&mut problems);
        let here = 0u8;
        let is_sum = matches!(&sink, Sink::Tally(tally) if !tally.has_paths());
        Walker {
            is_sum,
            variants: VariantSums::new(),
            sink,
            types,
            marks: Marks::new(),
            counts: Vec::new(),
            born: HashMap::with_hasher(RandomState::with_seeds(9, 10, 11, 12)),
            epoch,
            live: live::installed(),
            memory: RawMemory::open(),
            here: Here::new(0, 0, &label::NONE),
            run: Run::NONE,
            runs: Vec::new(),
            depth: 0,
            stack_base: &raw const here as usize,
            items: Vec::new(),
            items_from: 0,
            met_from: 0,
            inside: Inside::default(),
            outside: None,
            guards: Guards::default(),
            locks: Vec::new(),
            kept: Guards::default(),
            kept_levels: Vec::new(),
            last: Guards::default(),
            contended: Vec::new(),
            lock_budget,
            opaque: Vec::new(),
            open: Vec::new(),
            dynamic: Dynamic::default(),
            unreadable: Vec::new(),
            values: Vec::new(),
            roots: Vec::new(),
            root_name: String::new(),
            walked: Vec::new(),
            root_blocks: Vec::new(),
            undo: None,
            registered: Vec::new(),
            tasks: Vec::new(),
            summary: Summary { problems, ..Summary::default() },
            _invariant: PhantomData,
        }
    }

    /// Leaves one strong and one weak handle of each of these blocks out of the
    /// counts: they are the registry's.
    pub(crate) fn set_registered(&mut self, blocks: Vec<u64>) {
        self.registered = blocks;
    }

    /// Makes these tasks roots, after all others.
    pub(crate) fn set_tasks(&mut self, tasks: Vec<Task>) {
        self.tasks = tasks;
    }

    /// Makes this a walk for a report that accounts for each block, and not only for all of a type.
    pub(crate) fn set_exact(&mut self) {
        self.is_sum = false;
    }

    /// Makes this the second walk of a report.
    pub(crate) fn set_outside(&mut self, outside: &[u64]) {
        let mut blocks = HashSet::with_hasher(RandomState::with_seeds(17, 18, 19, 20));
        blocks.extend(outside);
        self.outside = Some(Box::new(Outside { blocks, marks: Marks::new() }));
        self.is_sum = false;
    }

    /// Walks from all roots, then scans what is opaque, and writes what remains to be written.
    pub(crate) fn run(mut self, starts: &[Start<'a>]) -> (Sink, Summary) {
        // First what lies outside the heap, larger values first: a value inside
        // another is a name for a part of it. Then what lies in the heap, since
        // the others may own it.
        let mut order: Vec<usize> = (0..starts.len()).collect();
        let place = |start: &Start<'a>| {
            let addr = std::ptr::from_ref(start.value).cast::<u8>() as usize;
            (addr as u64, size_of_val(start.value) as u64)
        };
        // Which root left which opaque bytes: its position, and where they end.
        let mut opaque_of = Vec::with_capacity(starts.len());
        order.sort_by_key(|&at| {
            let (addr, size) = place(&starts[at]);
            (self.live.and_then(|live| live.lookup(addr)).is_some(), std::cmp::Reverse(size))
        });
        for at in order {
            let start = &starts[at];
            let (addr, size) = place(start);
            let end = addr + size;
            let block = self.live.and_then(|live| live.lookup(addr));
            let is_part = size > 0 && self.is_root(addr, end);
            let is_claimed = block.is_some_and(|block| self.marks.any(block.addr, block.addr + block.usable));
            self.root_name.clone_from(&start.name);
            let mut root = None;
            // Its type is asked for its name and layout.
            self.caught(|w| root = Some(w.start(start, addr, size)));
            let Some(root) = root else { continue };
            if is_part || is_claimed {
                self.roots[root].is_name = true;
                continue;
            }
            self.walked.push((addr, end));
            let node = self.roots[root].node;
            let undo = self.walk_root(start, node, addr, block.is_some());
            opaque_of.push((at, self.opaque.len()));
            if let Some(block) = block {
                let to = block.addr + block.usable;
                self.root_blocks.push(RootBlock { from: block.addr, to, root, undo });
                if self.marks.any(block.addr, to) {
                    // It owns itself, by a cycle.
                    self.name_roots_in(block.addr);
                }
            }
        }
        while self.inside.has_pending(0) {
            self.caught(|w| w.enter_followed(0));
            while !self.caught(Walker::drain) {}
        }
        self.release_kept(0);
        // Nothing is read through guards from here on.
        self.outside_tool(|w| w.last.release(0));
        let tasks = self.place_tasks();
        self.scan_by_root(opaque_of);
        self.scan_tasks(tasks);
        self.finish()
    }

    /// Whether the bytes from `from` to `to` are part of a root that was walked.
    fn is_root(&self, from: u64, to: u64) -> bool {
        self.walked.iter().any(|&(start, end)| start <= from && to <= end)
    }

    fn start(&mut self, start: &Start<'a>, addr: u64, size: u64) -> usize {
        self.root(start.name.clone(), start.origin, start.value.shape(), addr, size, None)
    }

    /// Writes a root's node; returns the root's position.
    fn root(
        &mut self,
        name: String,
        origin: &str,
        shape: &'static Shape,
        addr: u64,
        size: u64,
        source: Option<Source>,
    ) -> usize {
        let ty = self.types.node_type(&ROOT, shape, false);
        let label = self.types.label(&label::ROOT);
        self.write_news();
        let node =
            Node { parent: None, edge: EdgeKind::OWN, label, place: addr, ty: ty.idx(), addr, len_cap: None };
        let node = self.sink.value(&node);
        self.roots.push(Root { name, node, addr, size, origin: origin.into(), is_name: false, source });
        self.roots.len() - 1
    }

    /// Walks one root. Returns what was counted of the root's own value, if it lies in the heap.
    fn walk_root(&mut self, start: &Start<'a>, node: u64, addr: u64, is_in_heap: bool) -> Undo {
        self.here = Here::new(node, addr, &label::ROOT);
        self.undo = is_in_heap.then(Undo::new);
        let value = start.value;
        if !self.caught(|w| {
            let ty = w.types.ty(value.shape());
            w.here.split = w.types.base(ty);
            value.walk(w);
        }) {
            self.here.split = Split { untyped: size_of_val(value) as u64, ..Split::default() };
        }
        if is_in_heap {
            self.sink.content(&Content { node, variant: None, split: self.here.split });
        }
        let undo = self.undo.take().unwrap_or_default();
        while !self.caught(|w| {
            w.enter_items();
            w.drain();
        }) {}
        undo
    }

    /// Roots that lie in a block which turns out to have an owner are names;
    /// what was counted of their own values will be counted, or was, in the block.
    fn name_roots_in(&mut self, addr: u64) {
        for at in (0..self.root_blocks.len()).rev() {
            if (self.root_blocks[at].from..self.root_blocks[at].to).contains(&addr) {
                let named = self.root_blocks.swap_remove(at);
                self.roots[named.root].is_name = true;
                for (ty, variant, place) in named.undo {
                    if let Some(info) = self.types.variant(ty, variant) {
                        info.counts[usize::from(place.0) % PLACES] -= 1;
                    }
                }
            }
        }
    }

    fn finish(mut self) -> (Sink, Summary) {
        self.write_news();
        if let Sink::Tally(tally) = &mut self.sink {
            self.summary.outside = tally.shares.outside();
            for (at, &count) in self.variants.counts.iter().enumerate() {
                tally.add(&self.types.variant_at(at as u32).split, count);
            }
            tally.add(&self.types.entered(), 1);
        }
        let Walker { sink, counts, types, roots, values, unreadable, dynamic, .. } = &mut self;
        sink.file(|writer| {
            writer.list(FrameKind::SHARED, counts);
            writer.roots(roots);
            writer.list(FrameKind::OFFSETS, &types.offsets);
            writer.list(FrameKind::CENSUS, &types.census());
            writer.list(FrameKind::VALUES, values);
            writer.list(FrameKind::UNREADABLE, unreadable);
            writer.list(FrameKind::IMAGES, dynamic.images());
            writer.list(FrameKind::DYN_VALUES, dynamic.values());
        });
        self.summary.marks = Some(self.marks);
        (self.sink, self.summary)
    }
}

/// How long a walk may hold a lock, by `HEAP_WALK_LOCK_MS`; for ever if unset.
fn lock_budget(problems: &mut Vec<String>) -> Option<Duration> {
    let text = std::env::var("HEAP_WALK_LOCK_MS").ok()?;
    let budget = text.parse().ok().map(Duration::from_millis);
    if budget.is_none() {
        problems.push(format!(
            "HEAP_WALK_LOCK_MS={text}: a number of milliseconds is expected; locks have no limit"
        ));
    }
    budget
}

/// The type of what a raw scan claims.
struct RawBytes;

/// Text that stops growing.
struct Cut(String);

impl std::fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            if self.0.len() + c.len_utf8() > SHOWN {
                return Err(std::fmt::Error);
            }
            self.0.push(c);
        }
        Ok(())
    }
}
