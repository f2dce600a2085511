//! What nobody describes: opaque bytes, which are scanned for addresses of
//! blocks, and values behind `dyn`, which their vtables tell apart.

use super::{Block, Opaque, Walker, RAW};
use crate::images;
use crate::label;
use crate::raw::RawMemory;
use crate::shape::Shape;
use crate::sink::Sink;
use crate::tally::Step;
use crate::task::{State, Task};
use crate::walk::Walk;
use crate::Label;
use heap_snapshot::record::{Content, DynValue, EdgeKind, Image, LiveBlock, Node, Source, Split};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

const WORD: u64 = size_of::<usize>() as u64;
/// Words of a vtable that are read: how to drop, size, alignment, and methods.
const VTABLE_WORDS: usize = 6;

/// What a vtable says.
#[derive(Clone, Debug)]
struct Vtable {
    size: u64,
    image: u32,
    vtable: u64,
    functions: Vec<u64>,
}

/// Values behind `dyn`, and what is known of vtables.
#[derive(Default)]
pub(super) struct Dynamic {
    /// Begin, end and image of mapped files; read when first needed.
    mapped: Option<Vec<(u64, u64, u32)>>,
    images: Vec<Image>,
    known: HashMap<u64, Option<Vtable>>,
    values: Vec<DynValue>,
}

impl Dynamic {
    pub(super) fn images(&self) -> &[Image] {
        // Without values they would only tell paths.
        if self.values.is_empty() {
            &[]
        } else {
            &self.images
        }
    }

    pub(super) fn values(&self) -> &[DynValue] {
        &self.values
    }

    /// The image that an address lies in, and its base.
    fn image(&mut self, memory: &RawMemory, addr: u64) -> Option<(u32, u64)> {
        let images = &mut self.images;
        let mapped = self.mapped.get_or_insert_with(|| {
            let (all, mapped) = images::mapped(memory);
            *images = all;
            mapped
        });
        let at = mapped.partition_point(|(from, _, _)| *from <= addr).checked_sub(1)?;
        let (_, to, image) = mapped[at];
        (addr < to).then(|| (image, images[image as usize].base))
    }

    /// What stands at `addr`, if that can be a vtable. Each address is read once.
    fn vtable(&mut self, memory: &RawMemory, addr: u64) -> Option<&Vtable> {
        if !self.known.contains_key(&addr) {
            let vtable = self.read_vtable(memory, addr);
            self.known.insert(addr, vtable);
        }
        self.known.get(&addr)?.as_ref()
    }

    fn read_vtable(&mut self, memory: &RawMemory, addr: u64) -> Option<Vtable> {
        let (image, base) = self.image(memory, addr).filter(|_| addr % WORD == 0)?;
        let mut words = Vec::with_capacity(VTABLE_WORDS);
        memory.words(addr, VTABLE_WORDS as u64 * WORD, |word| words.push(word));
        let &[drop, size, align, ref methods @ ..] = words.as_slice() else { return None };
        if !align.is_power_of_two() || size % align != 0 {
            return None;
        }
        let mut functions = Vec::new();
        for function in std::iter::once(&drop).chain(methods) {
            match self.image(memory, *function) {
                Some((_, base)) => functions.push(function - base),
                None if *function == 0 && functions.is_empty() => functions.push(0),
                None if functions.is_empty() => return None,
                None => break,
            }
        }
        Some(Vtable { size, image, vtable: addr - base, functions })
    }

    fn note(&mut self, node: u64, vtable: &Vtable) {
        let Vtable { size, image, vtable, functions } = vtable.clone();
        self.values.push(DynValue { node, size, image, vtable, functions });
    }
}

/// The second word of a wide reference: of `dyn` the vtable, of slices the length.
fn metadata<T: ?Sized>(value: &T) -> Option<u64> {
    let pointer: *const T = value;
    if size_of_val(&pointer) != 2 * size_of::<usize>() {
        return None;
    }
    // SAFETY: it was just seen to be two words, pointers are initialised, and
    // any bits are a number.
    #[expect(unsafe_code, reason = "the language has no safe way to ask yet")]
    let words: [usize; 2] = unsafe { std::mem::transmute_copy(&pointer) };
    Some(words[1] as u64)
}

/// For values that nobody describes.
impl<'a> Walker<'a> {
    /// As [`Walker::opaque_inner`], for a value behind `dyn`: also records what
    /// its vtable says of its type. The value must be all that its block holds.
    pub fn opaque_dyn<T: ?Sized + Walk>(&mut self, value: &T) {
        self.opaque_inner(value);
        let node = self.here.node;
        self.note_dyn(node, value);
    }

    fn note_dyn<T: ?Sized>(&mut self, node: u64, value: &T) {
        if let Some(vtable) = metadata(value) {
            if let Some(vtable) = self.dynamic.vtable(&self.memory, vtable).cloned() {
                if vtable.size == size_of_val(value) as u64 {
                    self.dynamic.note(node, &vtable);
                }
            }
        }
    }

    /// Visits a `Box` of something without an impl: its block is claimed with
    /// its size, and if it is a `dyn`, with what its vtable says; what is in it is opaque.
    #[expect(clippy::borrowed_box, reason = "the edge starts from the handle")]
    pub fn visit_opaque_box<T: ?Sized>(&mut self, label: &'static Label, value: &Box<T>) {
        self.here.label = label;
        if size_of_val(&**value) > 0 {
            let place = std::ptr::from_ref(value) as usize as u64;
            let block = Block::of_unwalked(&crate::impls::boxed::VALUE, &**value);
            if let Some((node, _)) = self.meet(place, EdgeKind::OWN, &block) {
                self.leave_opaque(node, &**value);
            }
        }
    }

    /// As [`Walker::visit_opaque_box`], for a shared handle.
    pub fn visit_opaque_rc<T: ?Sized>(&mut self, label: &'static Label, value: &Rc<T>) {
        self.here.label = label;
        let counts = (Rc::strong_count(value), Rc::weak_count(value));
        self.visit_opaque_counted(
            value,
            Block::of_unwalked(&crate::impls::rc::RC, &**value),
            &**value,
            counts,
        );
    }

    /// As [`Walker::visit_opaque_box`], for a shared handle.
    pub fn visit_opaque_arc<T: ?Sized>(&mut self, label: &'static Label, value: &Arc<T>) {
        self.here.label = label;
        let counts = (Arc::strong_count(value), Arc::weak_count(value));
        self.visit_opaque_counted(
            value,
            Block::of_unwalked(&crate::impls::rc::ARC, &**value),
            &**value,
            counts,
        );
    }

    fn visit_opaque_counted<H, T: ?Sized>(
        &mut self,
        handle: &H,
        block: Block,
        value: &T,
        counts: (usize, usize),
    ) {
        // A value without size lies one past its block.
        let block = block.at(block.addr as usize - 1);
        let place = std::ptr::from_ref(handle) as usize as u64;
        if let Some((node, _)) = self.meet_shared(place, &block, Some(counts)) {
            self.leave_opaque(node, value);
        }
    }

    /// The contents of a block that nobody describes.
    fn leave_opaque<T: ?Sized>(&mut self, node: u64, value: &T) {
        let bytes = size_of_val(value) as u64;
        self.sink.content(&Content {
            node,
            variant: None,
            split: Split { untyped: bytes, ..Split::default() },
        });
        self.note_dyn(node, value);
        let (outer, label) = (self.here.node, self.here.label);
        (self.here.node, self.here.label) = (node, &label::BLOCK);
        self.scan_later(value, Shape::unknown::<T>());
        (self.here.node, self.here.label) = (outer, label);
    }

    /// Scans what is opaque, root by root in the order in which the program names
    /// them: what only bytes lead to belongs to the first. So a context that
    /// everything points into is named before those who point there.
    pub(super) fn scan_by_root(&mut self, opaque_of: Vec<(usize, usize)>) {
        let mut left = std::mem::take(&mut self.opaque);
        let mut parts: Vec<(usize, Vec<Opaque>)> = Vec::with_capacity(opaque_of.len() + 1);
        // What was met after all roots comes last.
        let ends = opaque_of.iter().map(|&(_, end)| end);
        let starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
        let roots = opaque_of.iter().map(|&(root, _)| root).chain([usize::MAX]);
        for (root, start) in roots.zip(starts).collect::<Vec<_>>().into_iter().rev() {
            parts.push((root, left.split_off(start)));
        }
        parts.sort_by_key(|&(root, _)| root);
        for (_, part) in parts {
            self.opaque = part;
            self.scan_opaque();
        }
    }

    /// Makes roots of the tasks. A block that no type claims is its task's: bytes that lead
    /// to it, as those of a runtime do to all tasks, do not own it. Returns those that wait,
    /// with their nodes.
    pub(super) fn place_tasks(&mut self) -> Vec<(u64, Task)> {
        let mut tasks = std::mem::take(&mut self.tasks);
        // As for other roots: what lies inside another is a name for that place.
        tasks.sort_by_key(|task| std::cmp::Reverse(task.size));
        let mut walked: BTreeMap<u64, u64> = self.walked.iter().copied().collect();
        let mut waiting = Vec::with_capacity(tasks.len());
        for task in tasks {
            let now = self.state_of(&task);
            if now == State::Gone {
                continue;
            }
            let end = task.addr + task.size;
            let block = self.live.and_then(|live| live.lookup(task.addr));
            let is_claimed = block.is_some_and(|block| self.marks.any(block.addr, block.addr + block.usable));
            let before = walked.range(..=task.addr).next_back();
            let is_part = before.is_some_and(|(_, other)| end <= *other);
            let source =
                Source { file: task.source.file().into(), line: task.source.line(), ..Source::default() };
            let name = format!("{}#{}", task.name, task.number);
            let root = self.root(name, "task", task.shape, task.addr, task.size, Some(source));
            if is_part || is_claimed {
                self.roots[root].is_name = true;
                continue;
            }
            walked.insert(task.addr, end);
            let node = self.roots[root].node;
            if let Some(block) = block {
                // Before any of them is scanned: a task that knows another does not own it.
                self.marks.set(block.addr);
                let split = Split { untyped: task.size, ..Split::default() };
                self.sink.content(&Content { node, variant: None, split });
            }
            if now == State::Polled {
                self.is_polled(node, &task);
            } else {
                waiting.push((node, task));
            }
        }
        waiting
    }

    /// Claims what the bytes of tasks that wait point to and nobody claimed: task by task
    /// in the order of their first polls.
    pub(super) fn scan_tasks(&mut self, mut waiting: Vec<(u64, Task)>) {
        waiting.sort_by_key(|(_, task)| task.number);
        for (node, task) in waiting {
            // It may have gone on since.
            match self.state_of(&task) {
                State::Waits => {}
                State::Polled => {
                    self.is_polled(node, &task);
                    continue;
                }
                State::Gone => continue,
            }
            self.opaque.push(Opaque {
                node,
                node_addr: task.addr,
                addr: task.addr,
                len: task.size,
                label: &label::ROOT,
                shape: task.shape,
                is_outside: false,
            });
            self.scan_opaque();
        }
    }

    fn state_of(&self, task: &Task) -> State {
        let (word, state) = task.word();
        let mut now = State::Gone;
        self.memory.words(word, WORD, |word| now = state(word));
        now
    }

    fn is_polled(&mut self, node: u64, task: &Task) {
        self.here.node = node;
        self.here.label = &label::ROOT;
        self.unreadable(task.addr as usize, task.shape, "is being polled");
    }

    /// Claims what opaque bytes point to and nobody claimed, and what hangs from that.
    fn scan_opaque(&mut self) {
        let Some(live) = self.live else { return };
        // First in, first out: what a field points to is its own before it is somebody's far down.
        let mut queue = VecDeque::from(std::mem::take(&mut self.opaque));
        if !self.memory.is_readable() && !queue.is_empty() {
            self.summary
                .problems
                .push("opaque fields were not scanned: /proc/self/mem cannot be opened".into());
            return;
        }
        let mut found: Vec<(LiveBlock, u64)> = Vec::new();
        while let Some(opaque) = queue.pop_front() {
            found.clear();
            let mut is_after = false;
            self.memory.words(opaque.addr, opaque.len, |word| {
                // What follows an address may be a vtable.
                if let Some((_, next)) = found.last_mut().filter(|_| is_after) {
                    *next = word;
                }
                let block = live.lookup(word).filter(|block| !block.is_tool);
                is_after = block.is_some();
                found.extend(block.map(|block| (block, 0)));
            });
            self.here.node = opaque.node;
            self.here.addr = opaque.node_addr;
            self.here.label = opaque.label;
            self.here.is_outside = opaque.is_outside;
            for (block, next) in &found {
                self.claim_raw(&opaque, block, *next, &mut queue);
            }
        }
    }

    fn claim_raw(&mut self, holder: &Opaque, block: &LiveBlock, next: u64, queue: &mut VecDeque<Opaque>) {
        let marks = self.marks();
        if marks.any(block.addr, block.addr + block.usable) {
            return;
        }
        marks.set(block.addr);
        let ty = self.types.node_type(&RAW, holder.shape, false);
        let label = self.types.label(holder.label);
        self.write_news();
        let raw = Node {
            parent: Some(holder.node),
            edge: EdgeKind::CLAIM_RAW,
            label,
            place: holder.addr,
            ty: ty.idx(),
            addr: block.addr,
            len_cap: None,
        };
        let node = match &mut self.sink {
            Sink::File(writer) => writer.node(&raw, self.here.addr),
            Sink::Tally(tally) => tally.met(Step::of(&raw), raw.addr, (1, 1), 0),
        };
        // A `Box<dyn …>` asks for just what its value takes.
        if let Some(vtable) = self.dynamic.vtable(&self.memory, next).cloned() {
            if vtable.size == block.requested {
                self.dynamic.note(node, &vtable);
            }
        }
        queue.push_back(Opaque {
            node,
            node_addr: block.addr,
            addr: block.addr,
            len: block.requested,
            label: &label::ELEMENT,
            shape: holder.shape,
            is_outside: holder.is_outside,
        });
    }
}

impl Block {
    /// The block that holds `value`, of which nothing but its size is known.
    fn of_unwalked<T: ?Sized>(container: &'static crate::Container, value: &T) -> Block {
        Block {
            addr: std::ptr::from_ref(value).cast::<u8>() as usize as u64,
            container,
            elem: Shape::unknown::<T>(),
            len: 1,
            cap: 1,
            is_slice: false,
            dynamic_size: size_of_val(value) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    trait Greet {
        fn greet(&self) -> usize;
    }

    impl Greet for String {
        fn greet(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn a_vtable_is_known_by_its_size_and_functions() {
        let value = String::from("x");
        let greet: &dyn Greet = &value;
        assert_eq!(greet.greet(), 1);
        let (memory, mut dynamic) = (RawMemory::open(), Dynamic::default());
        let addr = metadata(greet).expect("a wide reference");
        let vtable = dynamic.vtable(&memory, addr).expect("a vtable").clone();
        assert_eq!(vtable.size, 24);
        assert!(vtable.functions.len() >= 2 && vtable.functions[0] != 0, "{vtable:?}");
        let numbers: &[u64] = &[1, 2, 3];
        assert_eq!(metadata(numbers), Some(3));
        assert!(dynamic.vtable(&memory, 3).is_none());
        assert!(dynamic.vtable(&memory, &raw const value as u64).is_none(), "the stack is no image");
        assert_eq!(metadata(&value), None);
    }
}
