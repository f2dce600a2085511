//! Nodes.
//!
//! ```text
//! site     kind of the edge, form, label, node type
//! control  short form: bit 7 | 0..3 width of addr (0..=7) | 3: another parent than before
//!          long form: 0..2 width of parent (0, 1, 2, 4) | 2..4 of place (0, 1, 2, 4) | 4..7 of addr
//! parent   no byte: that of the node before; else own id − parent's
//! place    zigzag of an eighth of the distance: from the place of the node
//!          before if the parent is the same, else from the parent's addr
//! addr     zigzag of an eighth of the distance from the last addr that is *near*:
//!          of the same type and of a capacity with as many bits
//! len      length, of forms 1 and 2
//! spare    capacity less the length, of form 2
//! ```
//!
//! After the control the short form has place, parent, len and spare in one byte
//! each, then addr; the long form parent, place, addr, a byte with the widths of
//! len and spare (four bits each, of forms 1 and 2), len and spare.
//!
//! What does not fit (a place that is no multiple of eight, most roots) is written
//! without a site: 0, then edge, form, label, type, own id − parent's, place,
//! addr, length, spare as plain integers.

use super::site::{self, Parts, Site, Sites, NO_SITE};
use super::{coded_width, unzigzag, width, width_code, zigzag, Buffer, Bytes};
use crate::record::{EdgeKind, LabelIdx, Node, NodeTypeIdx};

/// Addresses kept to measure from.
const NEAR: usize = 1024;
/// Numbers of bits that capacities are told apart by, as a power of two.
const NEAR_PER_TYPE: u64 = 16;

/// Where the last address near to the next one is kept.
#[inline(always)]
fn near(ty: u64, cap: u64) -> usize {
    let bits = u64::from(64 - cap.leading_zeros());
    (ty.wrapping_mul(NEAR_PER_TYPE) + bits) as usize % NEAR
}

/// The short form.
const SHORT: usize = 0x80;

/// No node has this number.
const NO_NODE: u64 = u64::MAX - 1;
const ROOT: u64 = Met::NO_PARENT;

/// A label and a node type that occur together, as the writer wants them:
/// made once and kept by who writes many nodes.
#[derive(Clone, Copy, Debug)]
pub struct NodeSite {
    label: LabelIdx,
    ty: NodeTypeIdx,
    key: u64,
}

impl NodeSite {
    /// The site of a label and a node type.
    #[inline]
    pub fn new(label: LabelIdx, ty: NodeTypeIdx) -> NodeSite {
        let (number, ty_number) = (u64::from(label.0), u64::from(ty.0));
        let key = if site::has_key(number, ty_number) { site::base(number, ty_number) } else { 0 };
        NodeSite { label, ty, key }
    }

    /// The label.
    #[inline]
    pub fn label(&self) -> LabelIdx {
        self.label
    }

    /// The node type.
    #[inline]
    pub fn ty(&self) -> NodeTypeIdx {
        self.ty
    }
}

/// What [`Node`] says, flat, as the writer wants it.
#[derive(Clone, Copy, Debug)]
pub struct Met {
    /// Label and type.
    pub site: NodeSite,
    /// Id of the parent, or [`Met::NO_PARENT`].
    pub parent: u64,
    /// The parent's `addr`.
    pub parent_addr: u64,
    /// How the parent holds the node.
    pub edge: EdgeKind,
    /// Address of the handle.
    pub place: u64,
    /// Address of the block.
    pub addr: u64,
    /// Values in use; 1 if there is just one.
    pub len: u64,
    /// Room for more.
    pub spare: u64,
    /// Whether length and capacity are the type's to tell.
    pub is_slice: bool,
}

impl Met {
    /// The parent of a root: so far from every id that the distance does not fit.
    pub const NO_PARENT: u64 = 1 << 63;

    /// The same of any node. `parent_addr` is 0 for a root.
    #[inline]
    pub fn of(node: &Node, parent_addr: u64) -> Met {
        let (len, cap) = node.len_cap.unwrap_or((1, 1));
        Met {
            site: NodeSite::new(node.label, node.ty),
            parent: node.parent.unwrap_or(ROOT),
            parent_addr,
            edge: node.edge,
            place: node.place,
            addr: node.addr,
            len,
            spare: cap.wrapping_sub(len),
            is_slice: node.len_cap.is_some(),
        }
    }
}

/// Writes nodes.
#[derive(Debug)]
pub(crate) struct NodePacker {
    buffer: Buffer,
    sites: Sites,
    parent: u64,
    place: u64,
    near: Box<[u64; NEAR]>,
}

impl Default for NodePacker {
    fn default() -> NodePacker {
        let near = vec![0; NEAR].try_into().expect("as many as are kept");
        NodePacker { buffer: Buffer::default(), sites: Sites::default(), parent: NO_NODE, place: 0, near }
    }
}

impl NodePacker {
    /// Appends node `id`.
    #[inline(always)]
    pub(crate) fn put(&mut self, id: u64, met: Met) {
        let Met { site, parent, parent_addr, edge, place, addr, len, spare, is_slice } = met;
        let has_len = usize::from(is_slice);
        let form = has_len + usize::from(spare != 0);

        let is_sibling = parent == self.parent;
        let distance = if is_sibling { 0 } else { id.wrapping_sub(parent) };
        let place_base = if is_sibling { self.place } else { parent_addr };
        let near = &mut self.near[near(u64::from(site.ty.0), len.wrapping_add(spare))];
        let (place_diff, addr_diff) = (place.wrapping_sub(place_base), addr.wrapping_sub(*near));
        *near = addr;
        (self.parent, self.place) = (parent, place);

        let far_place = zigzag(place_diff as i64 >> 3);
        let far_addr = zigzag(addr_diff as i64 >> 3);
        let unfit = (place_diff | addr_diff) & 7
            | (distance | far_place) >> 32
            | far_addr >> 56
            | u64::from(site.key == 0);
        let key = site.key | u64::from(edge.0) | (form as u64) << 8;
        let Site { code, width: site_width } =
            if unfit == 0 { self.sites.find(key) } else { Site::default() };
        if site_width == 0 {
            // Put together anew, so that only this branch needs it in memory.
            let met = Met { site, parent, parent_addr, edge, place, addr, len, spare, is_slice };
            return self.put_plain(id, met, form as u64);
        }

        let addr_width = width(far_addr);
        let has_parent = usize::from(!is_sibling);
        let mut window = self.buffer.window();
        if distance | far_place | len | spare < 0x100 {
            let control = SHORT | addr_width | has_parent << 3;
            let mut bits = 8 * u32::from(site_width);
            let mut word = u64::from(code) | (control as u64) << bits | far_place << (bits + 8);
            bits += 16;
            // What is not to be there is overwritten by what follows.
            word |= distance << bits;
            bits += 8 * has_parent as u32;
            word |= len << bits;
            bits += 8 * has_len as u32;
            word |= spare << bits;
            bits += 8 * (form as u32 >> 1);
            window.put(word, bits as usize / 8);
            window.put(far_addr, addr_width);
        } else {
            let parent_code = width_code(distance);
            let place_code = width_code(far_place);
            let control = parent_code | place_code << 2 | addr_width << 4;
            window.put(u64::from(code) | (control as u64) << (8 * site_width), usize::from(site_width) + 1);
            window.put(distance, coded_width(parent_code));
            window.put(far_place, coded_width(place_code));
            window.put(far_addr, addr_width);
            let (len_width, spare_width) = (width(len), width(spare));
            window.put((len_width | spare_width << 4) as u64, has_len);
            window.put(len, len_width * has_len);
            window.put(spare, spare_width * (form >> 1));
        }
        let taken = window.at;
        self.buffer.advance(taken);
    }

    #[cold]
    #[inline(never)]
    fn put_plain(&mut self, id: u64, met: Met, form: u64) {
        let values = [
            u64::from(met.edge.0),
            form,
            u64::from(met.site.label.0),
            u64::from(met.site.ty.0),
            if met.parent == ROOT { 0 } else { id.wrapping_sub(met.parent) },
            met.place,
            met.addr,
            met.len,
            met.spare,
        ];
        self.buffer.push(NO_SITE, &values);
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
        (self.parent, self.place) = (NO_NODE, 0);
        self.near.fill(0);
        (self.buffer.take(), self.sites.take())
    }

    /// Gives the memory of the records back.
    pub(crate) fn reuse(&mut self, records: Vec<u8>) {
        self.buffer.reuse(records);
    }
}

/// Reads nodes.
pub(crate) struct NodeReader<'a> {
    bytes: Bytes<'a>,
    sites: Vec<Parts>,
    parent: u64,
    place: u64,
    near: [u64; NEAR],
}

impl<'a> NodeReader<'a> {
    /// `None` where the sites make no sense.
    pub(crate) fn new(records: &'a [u8], sites: &[u8]) -> Option<NodeReader<'a>> {
        let sites = site::read(sites)?;
        Some(NodeReader { bytes: Bytes(records), sites, parent: NO_NODE, place: 0, near: [0; NEAR] })
    }

    /// The node `id`; `addr_of` gives the addresses of those before it. `None`
    /// where the bytes make no sense.
    pub(crate) fn next(&mut self, id: u64, addr_of: impl Fn(u64) -> Option<u64>) -> Option<Node> {
        let number = site::number(&mut self.bytes)?;
        if number == u64::from(NO_SITE) {
            return self.plain(id);
        }
        let (edge, form, label, ty) = *self.sites.get(number as usize - 1)?;
        let control = self.bytes.byte()?;
        let is_short = control & SHORT != 0;
        let parent_code = if is_short { control >> 3 & 1 } else { control & 3 };
        let is_sibling = parent_code == 0;
        let (distance, place, addr, len, spare);
        if is_short {
            place = self.bytes.get(1)?;
            distance = self.bytes.get(parent_code)?;
            len = if form >= 1 { self.bytes.get(1)? } else { 1 };
            spare = if form >= 2 { self.bytes.get(1)? } else { 0 };
            addr = self.bytes.get(control & 7)?;
        } else {
            distance = self.bytes.get(coded_width(parent_code))?;
            place = self.bytes.get(coded_width(control >> 2 & 3))?;
            addr = self.bytes.get(control >> 4 & 7)?;
            let widths = if form >= 1 { self.bytes.byte()? } else { 0 };
            if widths & 15 > 8 || widths >> 4 > 8 {
                return None;
            }
            len = if form >= 1 { self.bytes.get(widths & 15)? } else { 1 };
            spare = if form >= 2 { self.bytes.get(widths >> 4)? } else { 0 };
        }
        let parent = match distance {
            _ if is_sibling => (self.parent != NO_NODE).then_some(self.parent)?,
            0 => ROOT,
            distance => id.checked_sub(distance)?,
        };
        let base = match parent {
            _ if is_sibling => self.place,
            ROOT => 0,
            parent => addr_of(parent)?,
        };
        let place = base.wrapping_add((unzigzag(place) << 3) as u64);
        let cap = len.wrapping_add(spare);
        let near = &mut self.near[near(ty, cap)];
        *near = near.wrapping_add((unzigzag(addr) << 3) as u64);
        (self.parent, self.place) = (parent, place);
        Some(Node {
            parent: (parent != ROOT).then_some(parent),
            edge: EdgeKind(edge),
            label: LabelIdx(u32::try_from(label).ok()?),
            place,
            ty: NodeTypeIdx(u32::try_from(ty).ok()?),
            addr: *near,
            len_cap: (form > 0).then_some((len, cap)),
        })
    }

    fn plain(&mut self, id: u64) -> Option<Node> {
        let mut values = [0; 9];
        for value in &mut values {
            *value = self.bytes.plain()?;
        }
        let [edge, form, label, ty, distance, place, addr, len, spare] = values;
        let parent = if distance == 0 { ROOT } else { id.checked_sub(distance)? };
        let cap = len.wrapping_add(spare);
        self.near[near(ty, cap)] = addr;
        (self.parent, self.place) = (parent, place);
        Some(Node {
            parent: (parent != ROOT).then_some(parent),
            edge: EdgeKind(u8::try_from(edge).ok()?),
            label: LabelIdx(u32::try_from(label).ok()?),
            place,
            ty: NodeTypeIdx(u32::try_from(ty).ok()?),
            addr,
            len_cap: (form > 0).then_some((len, cap)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(parent: Option<u64>, place: u64, addr: u64, len_cap: Option<(u64, u64)>) -> Node {
        Node {
            parent,
            edge: EdgeKind::OWN,
            label: LabelIdx((addr % 5) as u32),
            place,
            ty: NodeTypeIdx((addr % 3) as u32),
            addr,
            len_cap,
        }
    }

    #[test]
    fn nodes_come_back() {
        let heap = 0x7f12_3456_7000;
        let mut nodes = vec![
            node(None, heap - (20 << 30), heap, None),
            node(None, heap + 8, heap + 16, None),
            node(Some(1), heap + 9, heap + 64, None),
            node(Some(1), heap + 24, heap + 129, Some((0, 0))),
            node(Some(0), 0, u64::MAX - 7, Some((5, 3))),
            node(Some(4), u64::MAX, 8, Some((u64::MAX, 0))),
        ];
        for n in 6..70_000u64 {
            let parent = if n % 3 == 0 { n - 1 } else { n / 2 };
            let len = n % 7 * n % 1000;
            let len_cap = (n % 2 == 0).then_some((len, len + n % 5 * n % 400));
            nodes.push(node(
                Some(parent),
                heap + n * 40,
                heap + (n * 2_654_435_761 % (1 << 32)) * 8,
                len_cap,
            ));
        }
        nodes.push(Node { ty: NodeTypeIdx(u32::MAX), label: LabelIdx(u32::MAX), ..nodes[7] });
        let mut packer = NodePacker::default();
        for (id, node) in nodes.iter().enumerate() {
            let parent_addr = node.parent.map_or(0, |parent| nodes[parent as usize].addr);
            packer.put(id as u64, Met::of(node, parent_addr));
        }
        let (records, sites) = packer.take();
        let mut reader = NodeReader::new(&records, &sites).unwrap();
        for (id, node) in nodes.iter().enumerate() {
            assert_eq!(reader.next(id as u64, |id| Some(nodes[id as usize].addr)), Some(*node), "{id}");
        }
        assert_eq!(reader.next(nodes.len() as u64, |_| Some(0)), None);
    }
}
