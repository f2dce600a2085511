//! Readers and writers with buffers of their own, and errors.

use super::shape;
use crate::label::Label;
use crate::shape::{Describe, Field};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::{Layout, Split};
use std::io::{self, BufReader, BufWriter, Chain, Cursor, LineWriter, Take};
use std::process::Output;

static READER: Container = Container::new("BufReader", Layout::BUFFER);
static WRITER: Container = Container::new("BufWriter", Layout::BUFFER);

/// Describes a private struct around an `Inner`, by what it is around nothing.
fn around<Outer, Empty, Inner>(d: &mut Describe<'_>) {
    let own = size_of::<Empty>().min(size_of::<Outer>() - size_of::<Inner>());
    d.cell(own, size_of::<Inner>());
}

/// Types and visits what a reader or writer is around.
fn inner<'a, T: Walk>(w: &mut Walker<'a>, value: &'a T) {
    w.retype(value);
    w.visit(const { &Label::field("inner") }, value);
}

impl<R: Walk> Walk for BufReader<R> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let (unread, room) = (self.buffer(), self.capacity());
        if room > 0 {
            let block = Block::slots(&READER, unread.as_ptr(), unread.len(), room);
            if unread.is_empty() {
                // It may begin one past the buffer.
                w.own_by_handle(self, block, |requested| requested == room as u64);
            } else {
                w.own(self, block);
            }
        }
        inner(w, self.get_ref());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        around::<Self, BufReader<()>, R>(d);
    }
}

impl<R> Handle for BufReader<R> {
    fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
}

impl<W: Walk + io::Write> Walk for BufWriter<W> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if self.capacity() > 0 {
            let unwritten = self.buffer();
            w.own(self, Block::slots(&WRITER, unwritten.as_ptr(), unwritten.len(), self.capacity()));
        }
        inner(w, self.get_ref());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        around::<Self, BufWriter<io::Empty>, W>(d);
    }
}

impl<W: io::Write> Handle for BufWriter<W> {
    fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
}

impl<W: Walk + io::Write> Walk for LineWriter<W> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        inner(w, self.get_ref());
        // Shows neither its buffer nor how large that is.
        w.opaque_inner(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.unknown();
    }
}

impl<T: Walk> Walk for Cursor<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(const { &Label::field("inner") }, self.get_ref());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[Field::walked::<T>("inner", None), Field::walked::<u64>("pos", None)]);
    }
    fn is_leaf() -> bool {
        T::is_leaf()
    }
}

impl<T: Walk> Walk for Take<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(const { &Label::field("inner") }, self.get_ref());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[
            Field::walked::<T>("inner", None),
            Field::walked::<u64>("len", None),
            Field::walked::<u64>("limit", None),
        ]);
    }
    fn is_leaf() -> bool {
        T::is_leaf()
    }
}

impl<T: Walk, U: Walk> Walk for Chain<T, U> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let (first, second) = self.get_ref();
        w.visit(const { &Label::field("first") }, first);
        w.visit(const { &Label::field("second") }, second);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[
            Field::walked::<T>("first", None),
            Field::walked::<U>("second", None),
            Field::walked::<bool>("done_first", None),
        ]);
    }
    fn is_leaf() -> bool {
        T::is_leaf() && U::is_leaf()
    }
}

impl Walk for io::Error {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self.get_ref() {
            // The block that holds the boxed error is not shown.
            Some(_) => w.opaque_inner(self),
            None => {
                let payload = size_of::<Self>() as u64;
                w.type_bytes(size_of::<Self>(), Split { payload, ..Split::default() });
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.unknown();
    }
}

impl Walk for Output {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(const { &Label::field("stdout") }, &self.stdout);
        w.visit(const { &Label::field("stderr") }, &self.stderr);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[
            Field::walked::<std::process::ExitStatus>("status", Some(core::mem::offset_of!(Self, status))),
            Field::walked::<Vec<u8>>("stdout", Some(core::mem::offset_of!(Self, stdout))),
            Field::walked::<Vec<u8>>("stderr", Some(core::mem::offset_of!(Self, stderr))),
        ]);
    }
}
