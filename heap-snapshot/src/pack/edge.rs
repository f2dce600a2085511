//! Edges beside the nodes' own.
//!
//! ```text
//! site     kind, form of the target, label, type + 1 or 0
//! control  bits 0..2 width of from (0, 1, 2, 4) | 2..5 of place (0..=7) | 5..8 of target (0..=7)
//! from     zigzag distance from that of the edge before
//! place    likewise
//! target   form 0: zigzag distance from `from` to a node; form 1: from the last
//!          address at which an edge of this type ended to this one's; form 2: a key
//! ```
//!
//! What does not fit: 0, then kind, form, label, type + 1 or 0, from, place,
//! target as plain integers.

use super::site::{self, Parts, Sites, NO_SITE};
use super::{coded_width, unzigzag, width, width_code, zigzag, Buffer, Bytes};
use crate::record::{Edge, EdgeKind, LabelIdx, Target, TypeIdx};

/// Addresses kept to measure from.
const NEAR: usize = 256;

const NODE: u8 = 0;
const ADDR: u8 = 1;
const KEY: u8 = 2;

#[inline(always)]
fn near(ty: u64) -> usize {
    ty as usize % NEAR
}

/// Writes edges.
#[derive(Debug)]
pub(crate) struct EdgePacker {
    buffer: Buffer,
    sites: Sites,
    from: u64,
    place: u64,
    near: [u64; NEAR],
}

impl Default for EdgePacker {
    fn default() -> EdgePacker {
        EdgePacker { buffer: Buffer::default(), sites: Sites::default(), from: 0, place: 0, near: [0; NEAR] }
    }
}

impl EdgePacker {
    #[inline(always)]
    pub(crate) fn put(&mut self, edge: &Edge) {
        let (label, ty) = (u64::from(edge.label.0), edge.ty.map_or(0, |ty| u64::from(ty.0) + 1));
        let from = zigzag(edge.from.wrapping_sub(self.from) as i64);
        let place = zigzag(edge.place.wrapping_sub(self.place) as i64);
        (self.from, self.place) = (edge.from, edge.place);
        let (form, target) = match edge.target {
            Target::Node(id) => (NODE, zigzag(id.wrapping_sub(edge.from) as i64)),
            Target::Addr(addr) => {
                let near = &mut self.near[near(ty)];
                let distance = zigzag(addr.wrapping_sub(*near) as i64);
                *near = addr;
                (ADDR, distance)
            }
            // No address, so it is not measured from one.
            Target::Key(key) => (KEY, key),
        };
        if from >> 32 != 0 || (place | target) >> 56 != 0 || !site::has_key(label, ty) {
            return self.put_plain(edge, form);
        }
        let site = self.sites.find(site::key((edge.kind.0, form, label, ty)));
        if site.width == 0 {
            return self.put_plain(edge, form);
        }
        let from_code = width_code(from);
        let (place_width, target_width) = (width(place), width(target));
        let control = from_code | place_width << 2 | target_width << 5;
        let mut window = self.buffer.window();
        window.put(u64::from(site.code) | (control as u64) << (8 * site.width), usize::from(site.width) + 1);
        window.put(from, coded_width(from_code));
        window.put(place, place_width);
        window.put(target, target_width);
        let taken = window.at;
        self.buffer.advance(taken);
    }

    #[cold]
    #[inline(never)]
    fn put_plain(&mut self, edge: &Edge, form: u8) {
        let (Target::Node(target) | Target::Addr(target) | Target::Key(target)) = edge.target;
        let ty = edge.ty.map_or(0, |ty| u64::from(ty.0) + 1);
        let (kind, label) = (u64::from(edge.kind.0), u64::from(edge.label.0));
        self.buffer.push(NO_SITE, &[kind, u64::from(form), label, ty, edge.from, edge.place, target]);
    }

    /// Bytes of the frame.
    #[inline]
    pub(crate) fn byte_size(&self) -> usize {
        self.buffer.len() + self.sites.byte_size()
    }

    /// Whether the frame should be written, whatever its size.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.sites.is_full()
    }

    /// Takes records and sites, and begins anew.
    pub(crate) fn take(&mut self) -> (Vec<u8>, Vec<u8>) {
        (self.from, self.place) = (0, 0);
        self.near.fill(0);
        (self.buffer.take(), self.sites.take())
    }

    /// Gives the memory of the records back.
    pub(crate) fn reuse(&mut self, records: Vec<u8>) {
        self.buffer.reuse(records);
    }
}

/// Reads edges.
pub(crate) struct EdgeReader<'a> {
    bytes: Bytes<'a>,
    sites: Vec<Parts>,
    from: u64,
    place: u64,
    near: [u64; NEAR],
}

impl<'a> EdgeReader<'a> {
    /// `None` where the sites make no sense.
    pub(crate) fn new(records: &'a [u8], sites: &[u8]) -> Option<EdgeReader<'a>> {
        let sites = site::read(sites)?;
        Some(EdgeReader { bytes: Bytes(records), sites, from: 0, place: 0, near: [0; NEAR] })
    }

    /// The next edge; `None` where the bytes make no sense.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Edge> {
        let number = site::number(&mut self.bytes)?;
        let (parts, target) = if number == u64::from(NO_SITE) {
            let mut values = [0; 7];
            for value in &mut values {
                *value = self.bytes.plain()?;
            }
            let [kind, form, label, ty, from, place, target] = values;
            (self.from, self.place) = (from, place);
            let form = u8::try_from(form).ok()?;
            if form == ADDR {
                self.near[near(ty)] = target;
            }
            ((u8::try_from(kind).ok()?, form, label, ty), target)
        } else {
            let parts = *self.sites.get(number as usize - 1)?;
            let control = self.bytes.byte()?;
            let from = self.bytes.get(coded_width(control & 3))?;
            let place = self.bytes.get(control >> 2 & 7)?;
            let target = self.bytes.get(control >> 5)?;
            self.from = self.from.wrapping_add(unzigzag(from) as u64);
            self.place = self.place.wrapping_add(unzigzag(place) as u64);
            let target = match parts.1 {
                NODE => self.from.wrapping_add(unzigzag(target) as u64),
                ADDR => {
                    let near = &mut self.near[near(parts.3)];
                    *near = near.wrapping_add(unzigzag(target) as u64);
                    *near
                }
                _ => target,
            };
            (parts, target)
        };
        let (kind, form, label, ty) = parts;
        Some(Edge {
            from: self.from,
            kind: EdgeKind(kind),
            label: LabelIdx(u32::try_from(label).ok()?),
            place: self.place,
            target: match form {
                NODE => Target::Node(target),
                ADDR => Target::Addr(target),
                KEY => Target::Key(target),
                _ => return None,
            },
            ty: match ty {
                0 => None,
                ty => Some(TypeIdx(u32::try_from(ty - 1).ok()?)),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_come_back() {
        let mut edges = Vec::new();
        for n in 0..50_000u64 {
            let spread = n * 2_654_435_761 % (1 << 40);
            let (kind, target) = match n % 4 {
                0 => (EdgeKind::SHARE, Target::Node(n / 2)),
                1 => (EdgeKind::BORROW, Target::Addr(0x7f00_0000_0000 + spread)),
                2 => (EdgeKind::KEY, Target::Key(if n % 100 == 2 { u64::MAX - n } else { n })),
                _ => (EdgeKind(200), Target::Addr(u64::MAX - n)),
            };
            let ty = (n % 3 > 0).then_some(TypeIdx((n % 700) as u32));
            let label = LabelIdx((n % 11) as u32);
            edges.push(Edge { from: n / 5, kind, label, place: spread / 3, target, ty });
        }
        edges.push(Edge { from: u64::MAX, ty: Some(TypeIdx(u32::MAX)), ..edges[1] });
        let mut packer = EdgePacker::default();
        edges.iter().for_each(|edge| packer.put(edge));
        let (records, sites) = packer.take();
        let mut reader = EdgeReader::new(&records, &sites).unwrap();
        for edge in &edges {
            assert_eq!(reader.next(), Some(*edge));
        }
        assert_eq!(reader.next(), None);
    }
}
