//! `url`: one buffer of text, and positions in it. The buffer's capacity is
//! private: it is what the allocator was asked for.

use crate::impls::shape;
use crate::label::Label;
use crate::shape::{Describe, Field, Shape, Variant};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::{Layout, Split};
use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Origin, ParseError, Url};

static STRING: Container = Container::new("String", Layout::BUFFER);

/// As `Url` has it inside: a host by name is a range of the text.
enum HostKind {
    #[expect(dead_code, reason = "stands for a size")]
    Address([u8; size_of::<Ipv6Addr>()]),
    #[expect(dead_code, reason = "stands for a size")]
    Name,
}

/// Text, and five positions.
const FIXED: usize = size_of::<String>() + 5 * size_of::<u32>();
/// What depends on the parts that a URL has.
const PARTS: usize = size_of::<HostKind>() + size_of::<Option<u16>>() + 2 * size_of::<Option<u32>>();

impl Walk for Url {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let text: &'a str = self.as_str();
        let capacity = w.lookup(text.as_ptr() as usize).map_or(text.len(), |block| block.requested as usize);
        w.own(self, Block::slots(&STRING, text.as_ptr(), text.len(), capacity));
        let address = match self.host() {
            None | Some(Host::Domain(_)) => 0,
            Some(Host::Ipv4(_)) => size_of::<Ipv4Addr>(),
            Some(Host::Ipv6(_)) => size_of::<Ipv6Addr>(),
        };
        let absent = |is_absent: bool, size: usize| if is_absent { size } else { 0 };
        let dead = size_of::<Ipv6Addr>() - address
            + absent(self.port().is_none(), size_of::<u16>())
            + absent(self.query().is_none(), size_of::<u32>())
            + absent(self.fragment().is_none(), size_of::<u32>());
        let split = Split { payload: (PARTS - dead) as u64, dead: dead as u64, ..Split::default() };
        w.type_bytes(PARTS, split);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(FIXED, PARTS);
    }
}

impl Handle for Url {
    fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
}

fn addr<T>(value: &T) -> usize {
    std::ptr::from_ref(value) as usize
}

impl<S: Walk> Walk for Host<S> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let shape = Shape::of::<Self>();
        match self {
            Host::Domain(name) => {
                if w.variant(shape, 0) {
                    w.variant_offsets(shape, 0, addr(self), &[addr(name)]);
                }
                w.visit(const { &Label::variant_field("Domain", "0") }, name);
            }
            Host::Ipv4(address) => {
                if w.variant(shape, 1) {
                    w.variant_offsets(shape, 1, addr(self), &[addr(address)]);
                }
            }
            Host::Ipv6(address) => {
                if w.variant(shape, 2) {
                    w.variant_offsets(shape, 2, addr(self), &[addr(address)]);
                }
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.enumeration(&[
            Variant::new("Domain", size_of::<S>(), &[Field::walked::<S>("0", None)]),
            Variant::new("Ipv4", size_of::<Ipv4Addr>(), &[Field::walked::<Ipv4Addr>("0", None)]),
            Variant::new("Ipv6", size_of::<Ipv6Addr>(), &[Field::walked::<Ipv6Addr>("0", None)]),
        ]);
    }
}

impl Walk for Origin {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let shape = Shape::of::<Self>();
        match self {
            Origin::Opaque(opaque) => {
                if w.variant(shape, 0) {
                    w.variant_offsets(shape, 0, addr(self), &[addr(opaque)]);
                }
            }
            Origin::Tuple(scheme, host, port) => {
                if w.variant(shape, 1) {
                    w.variant_offsets(shape, 1, addr(self), &[addr(scheme), addr(host), addr(port)]);
                }
                w.visit(const { &Label::variant_field("Tuple", "0") }, scheme);
                w.visit(const { &Label::variant_field("Tuple", "1") }, host);
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.enumeration(&[
            // The number of an opaque origin.
            Variant::new("Opaque", size_of::<usize>(), &[Field::walked::<usize>("0", None)]),
            Variant::new(
                "Tuple",
                size_of::<(String, Host<String>, u16)>(),
                &[
                    Field::walked::<String>("0", None),
                    Field::walked::<Host<String>>("1", None),
                    Field::walked::<u16>("2", None),
                ],
            ),
        ]);
    }
}

impl Walk for ParseError {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
    fn is_leaf() -> bool {
        true
    }
}
