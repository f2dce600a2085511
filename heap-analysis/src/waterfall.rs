//! From the process's resident set down to payload: what is lost at each level.
//!
//! Above the ledger stand the figures of the kernel and of the allocator, taken at
//! the same checkpoint. A level's bytes less what is lost below it are the next
//! level's, by definition; what nobody counts is a difference, and says so.

use crate::analysis::Analysis;
use serde::Serialize;

/// A level of the waterfall.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Level {
    /// Its name.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// Its bytes.
    pub bytes: u64,
    /// What of it is not in the next level. They and the next level add up to this one.
    pub lost: Vec<Lost>,
}

/// Bytes of a level that are not in the next one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Lost {
    /// What they are.
    pub name: &'static str,
    /// How many. Less than none where figures that were taken one after the other disagree, or
    /// where pages that the allocator counts were never touched.
    pub bytes: i64,
}

fn less(whole: u64, parts: &[u64]) -> i64 {
    parts.iter().fold(whole, |rest, part| rest.wrapping_sub(*part)) as i64
}

impl Analysis {
    /// The levels that are known, the resident set first and the population last. Its
    /// division is [`Ledger::waterfall`](crate::ledger::Ledger::waterfall). O(1) once there is a ledger.
    pub fn waterfall(&self) -> Vec<Level> {
        let ledger = self.ledger();
        let mut levels = Vec::new();
        let figures = self.heap.allocator.filter(|_| ledger.is_tracked);
        let lost = |name, bytes| Lost { name, bytes };
        if let Some(figures) = figures.filter(|figures| !figures.is_unaccounted && figures.active > 0) {
            if figures.rss > 0 {
                levels.push(Level {
                    name: "resident set",
                    help: "Physical memory of the process, by the kernel: with the program's file, its stacks, what it mapped itself, and the block table.",
                    bytes: figures.rss,
                    lost: vec![lost("not the allocator's", less(figures.rss, &[figures.resident]))],
                });
            }
            levels.push(Level {
                name: "allocator's pages",
                help: "Pages of the allocator in physical memory, by its own account.",
                bytes: figures.resident,
                lost: vec![
                    lost("its bookkeeping", figures.metadata as i64),
                    lost("unused pages", less(figures.resident, &[figures.metadata, figures.active])),
                ],
            });
            levels.push(Level {
                name: "pages in use",
                help: "Pages that hold at least one block.",
                bytes: figures.active,
                lost: vec![lost("free between blocks", less(figures.active, &[figures.allocated]))],
            });
            levels.push(Level {
                name: "handed out",
                help: "Blocks that the allocator has handed out, to the program, to caches and to the tool.",
                bytes: figures.allocated,
                lost: vec![
                    lost("in threads' caches", figures.cached as i64),
                    lost("the caches' own blocks", figures.cache_blocks as i64),
                    lost("the tool's own", figures.tool as i64),
                    lost(
                        "not accounted for",
                        less(
                            figures.allocated,
                            &[figures.cached, figures.cache_blocks, figures.tool, figures.live],
                        ),
                    ),
                ],
            });
            levels.push(Level {
                name: "live blocks",
                help: "Usable bytes of the program's blocks, by the allocator's account.",
                bytes: figures.live,
                lost: vec![
                    lost("born during the checkpoint", less(ledger.enumerated, &[ledger.population.bytes])),
                    lost("not in the block table", ledger.difference.unwrap_or(0)),
                ],
            });
        }
        levels.push(Level {
            name: "population",
            help: "Usable bytes of the program's blocks from before the checkpoint: what the ledger divides.",
            bytes: ledger.population.bytes,
            lost: Vec::new(),
        });
        for level in &mut levels {
            level.lost.retain(|lost| lost.bytes != 0);
        }
        levels
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::heap::Heap;
    use crate::{demo, Analysis, Lens};
    use std::sync::Arc;

    #[test]
    fn each_level_is_the_next_one_and_what_is_lost() {
        let mut snapshot = demo::snapshot(2000);
        let mut figures = snapshot.allocator.unwrap();
        figures.rss = figures.resident + 12_345;
        snapshot.allocator = Some(figures);
        let heap = Arc::new(Heap::from_snapshot(snapshot));
        let analysis = Analysis::new(heap, Arc::new(Config::default()), Lens::default());
        let levels = analysis.waterfall();
        assert_eq!(levels.first().map(|level| level.name), Some("resident set"));
        for pair in levels.windows(2) {
            let lost: i64 = pair[0].lost.iter().map(|lost| lost.bytes).sum();
            assert_eq!(pair[0].bytes as i64 - lost, pair[1].bytes as i64, "{pair:?}");
        }
        let last = levels.last().unwrap();
        assert_eq!((last.name, last.bytes), ("population", analysis.ledger().waterfall.total));
    }

    #[test]
    fn without_an_account_there_is_the_population_alone() {
        let mut snapshot = demo::snapshot(200);
        snapshot.allocator = None;
        let heap = Arc::new(Heap::from_snapshot(snapshot));
        let analysis = Analysis::new(heap, Arc::new(Config::default()), Lens::default());
        assert_eq!(analysis.waterfall().len(), 1);
    }
}
