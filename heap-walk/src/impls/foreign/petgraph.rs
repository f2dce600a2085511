//! `petgraph`: graphs are two vectors, of nodes and of edges. A map's nodes and
//! its tables cannot be referenced: they are claimed raw, its edges are typed.

use super::super::{leaf::leaf, opaque::opaque, shape};
use super::hidden::{own_optional, own_slots, slots_at, Entry};
use crate::label::{self, Label};
use crate::shape::{Describe, Field, Shape, Variant};
use crate::types::Container;
use crate::walk::{Handle, Key, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;
use std::hash::BuildHasher;

static NODES: Container = Container::new("Graph nodes", Layout::BUFFER);
static EDGES: Container = Container::new("Graph edges", Layout::BUFFER);
static STABLE_NODES: Container = Container::new("StableGraph nodes", Layout::BUFFER);
static STABLE_EDGES: Container = Container::new("StableGraph edges", Layout::BUFFER);
static MAP_EDGES: Container = Container::new("GraphMap edges", Layout::BUFFER);

const WORD: usize = size_of::<usize>();

/// The ends of an edge of a map. They own nothing (nodes are `Copy`), and
/// cannot be referenced: untyped where their bytes depend on the value.
struct Ends<N>((N, N));

impl<N: Walk> Walk for Ends<N> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn name() -> &'static str {
        std::any::type_name::<(N, N)>()
    }
    fn describe(d: &mut Describe<'_>) {
        if N::is_leaf() {
            d.structure(&[
                Field::walked::<N>("0", Some(core::mem::offset_of!(Self, 0.0))),
                Field::walked::<N>("1", Some(core::mem::offset_of!(Self, 0.1))),
            ]);
        } else {
            d.opaque();
        }
    }
    fn is_leaf() -> bool {
        true
    }
}

macro_rules! graphs {
    ($krate:ident) => {
        const _: () = {
            use ::$krate::adj::List;
            use ::$krate::csr::Csr;
            use ::$krate::graph::{Edge, EdgeIndex, Graph, IndexType, Node, NodeIndex};
            use ::$krate::graphmap::{GraphMap, NodeTrait};
            use ::$krate::stable_graph::StableGraph;
            use ::$krate::unionfind::UnionFind;
            use ::$krate::{Direction, EdgeType};

            leaf! {
                [Ix] NodeIndex<Ix>;
                [Ix] EdgeIndex<Ix>;
            }
            opaque! {
                [K] UnionFind<K>;
                [N, E, Ty, Ix] Csr<N, E, Ty, Ix>;
                [E, Ix: IndexType] List<E, Ix>;
            }

            impl<Ix: IndexType> Key for NodeIndex<Ix> {
                fn key(&self) -> u64 {
                    self.index() as u64
                }
            }

            impl<Ix: IndexType> Key for EdgeIndex<Ix> {
                fn key(&self) -> u64 {
                    self.index() as u64
                }
            }

            impl Walk for Direction {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    w.variant(Shape::of::<Self>(), self.index() as u32);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.enumeration(&[Variant::new("Outgoing", 0, &[]), Variant::new("Incoming", 0, &[])]);
                }
            }

            impl<N: Walk, Ix> Walk for Node<N, Ix> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    w.visit(const { &Label::field("weight") }, &self.weight);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.structure(&[
                        Field::walked::<N>("weight", Some(core::mem::offset_of!(Self, weight))),
                        Field::walked::<[EdgeIndex<Ix>; 2]>("next", None),
                    ]);
                }
                fn is_leaf() -> bool {
                    N::is_leaf()
                }
            }

            impl<E: Walk, Ix> Walk for Edge<E, Ix> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    w.visit(const { &Label::field("weight") }, &self.weight);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.structure(&[
                        Field::walked::<E>("weight", Some(core::mem::offset_of!(Self, weight))),
                        Field::walked::<[EdgeIndex<Ix>; 2]>("next", None),
                        Field::walked::<[NodeIndex<Ix>; 2]>("node", None),
                    ]);
                }
                fn is_leaf() -> bool {
                    E::is_leaf()
                }
            }

            impl<N: Walk, E: Walk, Ty: EdgeType, Ix: IndexType> Walk for Graph<N, E, Ty, Ix> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    if self.capacity() != (0, 0) {
                        w.own_parts(self);
                    }
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.leaf();
                }
            }

            impl<N: Walk, E: Walk, Ty: EdgeType, Ix: IndexType> Handle for Graph<N, E, Ty, Ix> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    let (nodes, edges) = self.capacity();
                    own_slots(w, self, &NODES, self.raw_nodes(), nodes);
                    own_slots(w, self, &EDGES, self.raw_edges(), edges);
                }
            }

            impl<N: Walk, E: Walk, Ty: EdgeType, Ix: IndexType> Walk for StableGraph<N, E, Ty, Ix> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    if self.capacity() != (0, 0) {
                        w.own_parts(self);
                    }
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    // Two vectors, two counts, the first free node and edge.
                    d.cell(8 * WORD + 2 * size_of::<Ix>(), 0);
                    d.is_fixed();
                }
            }

            impl<N: Walk, E: Walk, Ty: EdgeType, Ix: IndexType> Handle for StableGraph<N, E, Ty, Ix> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    let (nodes, edges) = self.capacity();
                    own_optional::<Node<Option<N>, Ix>, _, Self, _>(
                        w,
                        self,
                        &STABLE_NODES,
                        (self.node_count(), Some(nodes)),
                        || self.node_indices().filter_map(|node| self.node_weight(node)),
                    );
                    own_optional::<Edge<Option<E>, Ix>, _, Self, _>(
                        w,
                        self,
                        &STABLE_EDGES,
                        (self.edge_count(), Some(edges)),
                        || self.edge_indices().filter_map(|edge| self.edge_weight(edge)),
                    );
                }
            }

            impl<N: NodeTrait + Walk, E: Walk, Ty: EdgeType, S: BuildHasher> Walk for GraphMap<N, E, Ty, S> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    // What has no size may stand behind its entry.
                    let first = self.all_edges().next().filter(|_| size_of::<E>() > 0);
                    if let Some((_, _, first)) = first {
                        let (addr, len) = (std::ptr::from_ref(first) as usize, self.edge_count());
                        let cap = slots_at::<Entry<Ends<N>, E>>(w, addr, len);
                        let block = Block::slots::<Entry<Ends<N>, E>>(&MAP_EDGES, std::ptr::null(), len, cap);
                        w.own(self, block.at(addr));
                    }
                    // What is not claimed by then: the nodes and two tables.
                    w.opaque_inner(self);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    // Two index maps: three words of a vector, four of a table, and a hasher each.
                    d.cell(14 * WORD, 2 * size_of::<S>());
                    d.is_fixed();
                }
            }

            impl<N: NodeTrait + Walk, E: Walk, Ty: EdgeType, S: BuildHasher> Handle for GraphMap<N, E, Ty, S> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    for (_, _, weight) in self.all_edges() {
                        w.visit(&label::VALUE, weight);
                    }
                }
            }
        };
    };
}

#[cfg(feature = "petgraph")]
graphs!(petgraph);
#[cfg(feature = "petgraph-0_7")]
graphs!(petgraph_0_7);
#[cfg(feature = "petgraph-0_6")]
graphs!(petgraph_0_6);
