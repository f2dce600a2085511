//! Places in a control flow graph, and the dense numbering of their halves.

use std::collections::BTreeMap;
use std::fmt;

use heap_walk::Walk;
use rustc_index::IndexVec;

use crate::index::{BasicBlock, Point};

/// A statement or terminator: a block, and how many statements of it come before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Walk)]
pub struct Location {
    /// The block.
    pub block: BasicBlock,
    /// Index into the block's statements; their number for the terminator.
    pub statement_index: usize,
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}[{}]", self.block, self.statement_index)
    }
}

/// Half of a location. A statement's effect lies between its start and its middle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Walk)]
pub enum RichLocation {
    /// Before the statement's effect.
    Start(Location),
    /// After it.
    Mid(Location),
}

impl RichLocation {
    /// The location that this is a half of.
    pub fn location(self) -> Location {
        match self {
            RichLocation::Start(location) | RichLocation::Mid(location) => location,
        }
    }
}

impl fmt::Debug for RichLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RichLocation::Start(location) => write!(f, "Start({location:?})"),
            RichLocation::Mid(location) => write!(f, "Mid({location:?})"),
        }
    }
}

/// Numbers the points of one function densely: block by block, two for each location.
#[derive(Debug, PartialEq, Eq, Walk)]
pub struct LocationTable {
    num_points: usize,
    #[walk(with = crate::index::walk_index_vec)]
    statements_before_block: IndexVec<BasicBlock, usize>,
}

impl LocationTable {
    /// Numbers `locations`, which must name each block from `bb0` on and each of its statements.
    ///
    /// # Errors
    ///
    /// The first block or location that is missing, as text. Memory and time grow with the number
    /// of locations given, never with an index in them.
    pub fn new(locations: impl IntoIterator<Item = Location>) -> Result<Self, String> {
        let mut blocks: BTreeMap<BasicBlock, Vec<usize>> = BTreeMap::new();
        for location in locations {
            blocks.entry(location.block).or_default().push(location.statement_index);
        }
        let mut statements_before_block = IndexVec::with_capacity(blocks.len());
        let mut before = 0;
        for (block, mut statements) in blocks {
            let expected = statements_before_block.next_index();
            if block != expected {
                return Err(format!("the graph has {block:?} but no {expected:?}"));
            }
            statements.sort_unstable();
            statements.dedup();
            if let Some(hole) = statements.iter().zip(0..).position(|(&index, i)| index != i) {
                return Err(format!("the graph has no location {block:?}[{hole}]"));
            }
            statements_before_block.push(before);
            before += statements.len();
        }
        if before == 0 {
            return Err("the graph has no locations".to_owned());
        }
        Ok(LocationTable { num_points: 2 * before, statements_before_block })
    }

    /// How many points there are: twice the locations.
    pub fn num_points(&self) -> usize {
        self.num_points
    }

    /// How many blocks there are.
    pub fn num_blocks(&self) -> usize {
        self.statements_before_block.len()
    }

    /// How many locations a block has, its terminator included.
    pub fn locations_in(&self, block: BasicBlock) -> usize {
        let end = self.statements_before_block.get(block + 1).copied();
        end.unwrap_or(self.num_points / 2) - self.statements_before_block[block]
    }

    /// The terminator of a block.
    pub fn terminator(&self, block: BasicBlock) -> Location {
        Location { block, statement_index: self.locations_in(block) - 1 }
    }

    /// The point of a rich location, `None` for one outside the graph.
    pub fn point(&self, rich: RichLocation) -> Option<Point> {
        let Location { block, statement_index } = rich.location();
        let inside = block.index() < self.num_blocks() && statement_index < self.locations_in(block);
        inside.then(|| {
            let start = 2 * (self.statements_before_block[block] + statement_index);
            Point::from_usize(start + usize::from(matches!(rich, RichLocation::Mid(_))))
        })
    }

    /// The start point of a location of this graph.
    ///
    /// # Panics
    ///
    /// When the location's block isn't in the graph.
    pub fn start(&self, location: Location) -> Point {
        Point::from_usize(2 * (self.statements_before_block[location.block] + location.statement_index))
    }

    /// The middle point of a location of this graph.
    ///
    /// # Panics
    ///
    /// When the location's block isn't in the graph.
    pub fn mid(&self, location: Location) -> Point {
        self.start(location) + 1
    }

    /// The rich location of a point. A binary search over the blocks.
    ///
    /// # Panics
    ///
    /// When the point isn't one of this table's.
    pub fn rich(&self, point: Point) -> RichLocation {
        assert!(point.index() < self.num_points, "{point:?} is not in this table");
        let statement = point.index() / 2;
        let block = self.statements_before_block.raw.partition_point(|&before| before <= statement) - 1;
        let block = BasicBlock::from_usize(block);
        let location = Location { block, statement_index: statement - self.statements_before_block[block] };
        if point.index().is_multiple_of(2) {
            RichLocation::Start(location)
        } else {
            RichLocation::Mid(location)
        }
    }

    /// The location of a point.
    ///
    /// # Panics
    ///
    /// When the point isn't one of this table's.
    pub fn location(&self, point: Point) -> Location {
        self.rich(point).location()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(block: usize, statement_index: usize) -> Location {
        Location { block: BasicBlock::from_usize(block), statement_index }
    }

    #[test]
    fn points_are_dense_and_come_back() {
        let table = LocationTable::new([at(1, 0), at(0, 1), at(0, 0), at(0, 0)]).unwrap();
        assert_eq!((table.num_points(), table.num_blocks()), (6, 2));
        assert_eq!(table.terminator(BasicBlock::from_usize(0)), at(0, 1));
        for index in 0..6 {
            let point = Point::from_usize(index);
            assert_eq!(table.point(table.rich(point)), Some(point));
        }
        assert_eq!(table.start(at(1, 0)), Point::from_usize(4));
        assert_eq!(table.point(RichLocation::Mid(at(0, 2))), None);
        assert_eq!(table.point(RichLocation::Mid(at(2, 0))), None);
    }

    #[test]
    fn holes_are_named() {
        let error = LocationTable::new([at(0, 0), at(2, 0)]).unwrap_err();
        assert_eq!(error, "the graph has bb2 but no bb1");
        let error = LocationTable::new([at(0, 0), at(0, 2)]).unwrap_err();
        assert_eq!(error, "the graph has no location bb0[1]");
        assert!(LocationTable::new([]).is_err());
    }
}
