//! The allocator judges a value: the blocks and bytes that the walk claims are
//! those that the allocator gave it, no more, no fewer, and each divides into
//! its usable size. The test must have the tracking allocator.

use crate::{analyse, born_in, claims, take};
use heap_snapshot::live::ToolScope;
use heap_walk::Walk;

/// Collects what goes wrong in many cases.
#[derive(Default, Debug)]
pub struct Judge {
    /// Number of cases judged.
    pub cases: usize,
    /// What went wrong: case and message.
    pub failures: Vec<String>,
    /// Cases with blocks claimed raw: their contents cannot be referenced.
    pub raw: Vec<&'static str>,
    /// Cases with blocks that nobody claims.
    pub unclaimed: Vec<&'static str>,
}

impl Judge {
    /// Judges one value: every block that `make` leaves alive must be claimed once,
    /// and nothing else; the ledger must close.
    pub fn check<T: Walk>(&mut self, what: &'static str, make: impl FnOnce() -> T) {
        let epoch = tracking_alloc::blocks().begin().0;
        tracking_alloc::blocks().end();
        let value = make();
        let snapshot = take(&[("value", &value)]);
        let _tool = ToolScope::enter();
        self.cases += 1;
        let mut fail = |message: String| self.failures.push(format!("{what}: {message}"));

        let given = born_in(&snapshot, epoch);
        let (claimed, lost) = claims(&snapshot);
        if !lost.is_empty() {
            fail(format!("claims what is no block: {lost:x?}"));
        }
        for (addr, times) in &claimed {
            if *times != 1 {
                fail(format!("claims {addr:#x} {times} times"));
            }
            if !given.contains_key(addr) {
                let block = snapshot.blocks.iter().find(|block| block.addr == *addr);
                fail(format!("claims a block that is not its own: {block:?}"));
            }
        }
        let missed: Vec<_> = given.values().filter(|block| !claimed.contains_key(&block.addr)).collect();
        if !missed.is_empty() {
            self.unclaimed.push(what);
        }
        if !snapshot.footer.as_ref().is_some_and(|footer| footer.quiescent) {
            fail(format!("not quiescent: {:?}", snapshot.footer));
        }
        // Nobody has to know how values are walked. (These two the program may name itself.)
        let is_ours = |name: &str| {
            let public = ["heap_walk::walk::Walk", "heap_walk::walk_as::follow::Owned"];
            name.matches("heap_walk").count() > public.map(|public| name.matches(public).count()).iter().sum()
        };
        for ty in snapshot.types.iter().filter(|ty| is_ours(&ty.name)) {
            fail(format!("names a type of ours: {}", ty.name));
        }
        let raw = (0..snapshot.nodes.count())
            .any(|id| snapshot.nodes.edge[id] == heap_snapshot::record::EdgeKind::CLAIM_RAW);
        if raw {
            self.raw.push(what);
        }
        let analysis = analyse(snapshot);
        let ledger = analysis.ledger();
        if !ledger.mismatches.is_empty() {
            fail(format!("does not add up: {:#?}", ledger.mismatches));
        }
        if ledger.difference != Some(0) {
            fail(format!("the ledger is {:?} bytes off", ledger.difference));
        }
        if !ledger.claimed_twice.is_empty() {
            fail(format!("claimed twice: {:?}", ledger.claimed_twice));
        }
        if !ledger.closes {
            fail(format!("the ledger does not close: {:?}", ledger.verdict));
        }
        drop(analysis);
        drop(_tool);
        drop(value);
    }

    /// Runs `cases` as a test program's `main`. `raw` are the cases whose blocks
    /// are claimed raw, `unclaimed` those with blocks that no claim finds, both in
    /// the order in which they are judged.
    ///
    /// # Panics
    ///
    /// Where a case fails, or the two lists are not what was met.
    pub fn run(what: &str, raw: &[&str], unclaimed: &[&str], cases: impl FnOnce(&mut Judge)) {
        // Standard output makes its buffer when it is first used.
        println!("running {what}");
        let mut judge = {
            let _tool = ToolScope::enter();
            let mut judge = Judge::default();
            judge.failures.reserve(1000);
            judge.raw.reserve(1000);
            judge.unclaimed.reserve(1000);
            judge
        };
        cases(&mut judge);
        let _tool = ToolScope::enter();
        let Judge { cases, failures, .. } = &judge;
        assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
        assert_eq!(judge.raw, raw, "cases with contents that cannot be referenced");
        assert_eq!(judge.unclaimed, unclaimed, "cases with blocks that no claim finds");
        assert!(*cases > 0, "nothing was judged");
        println!("{cases} passed, 0 failed");
    }
}
