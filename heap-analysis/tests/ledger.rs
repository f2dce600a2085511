//! The ledger: every block in one class, and errors that were planted are reported.

mod support;

use expect_test::{expect, Expect};
use heap_analysis::ledger::{Class, Ledger};
use heap_analysis::{config::Config, Lens};
use heap_snapshot::record::{BlockCount, Content, Split};
use support::{heap, Named, Text};

/// The classes that have blocks, and the verdict.
fn text(ledger: &Ledger) -> String {
    let mut out = String::new();
    for row in ledger.classes.iter().filter(|row| row.blocks > 0) {
        out += &format!("{}: {} blocks, {} bytes\n", row.class.name(), row.blocks, row.bytes);
    }
    for sentence in &ledger.verdict {
        out += &format!("{sentence}\n");
    }
    let classes: u64 = ledger.classes.iter().map(|row| row.bytes).sum();
    assert_eq!(classes, ledger.population.bytes);
    let covered: u64 = ledger.coverage.iter().map(|row| row.bytes).sum();
    assert_eq!(covered, ledger.population.bytes);
    out
}

fn check(input: &str, expected: Expect) -> Named {
    let named = heap(input);
    expected.assert_eq(&text(named.analysis.ledger()));
    named
}

#[test]
fn each_block_is_in_one_class() {
    let named = check(
        "root r -> a:64, b:16; a => s:48; b => s; a => t:32; strong t +1; a ?> x:80; a pinned 96; unclaimed 112; unclaimed 112; born 1024; tool 2048",
        expect![[r#"
            multiply held: 2 blocks, 80 bytes
            claimed once: 2 blocks, 80 bytes
            claimed raw: 1 blocks, 80 bytes
            weak-pinned: 1 blocks, 96 bytes
            unclaimed: 2 blocks, 224 bytes
            the ledger closes: 8 blocks, 560 bytes, each in one class, and the allocator says the same
            nobody claims 2 blocks, 40.0% of the program's bytes
            1 blocks (96 B) hold no value any more: 1 weak handles keep them
        "#]],
    );
    let ledger = named.analysis.ledger();
    let [unclaimed] = &ledger.unclaimed[..] else { panic!() };
    assert_eq!((unclaimed.usable, unclaimed.blocks, unclaimed.bytes), (112, 2, 224));
    let tool = ledger.beside.iter().find(|row| row.name == "the tool's own").unwrap();
    assert_eq!((tool.blocks, tool.bytes), (1, 2048));
    assert_eq!(ledger.enumerated, 560 + 1024);
}

#[test]
fn a_doubled_claim_is_reported_with_both_places() {
    let named = check(
        "root r -> a:64, b:16; a -> x:32; b -> x",
        expect![[r#"
            claimed twice: 1 blocks, 32 bytes
            claimed once: 2 blocks, 80 bytes
            the ledger does not close
            1 blocks (32 B) have two owners: an impl of `Walk` is wrong
        "#]],
    );
    let [twice] = &named.analysis.ledger().claimed_twice[..] else { panic!() };
    assert_eq!(twice.node, named.node("x"));
    assert_eq!(twice.claims, ["r (own)", "r (own)"]);
    // It is nobody's alone, and counted once.
    let sizes = |name| named.analysis.node(named.node(name)).unwrap().sizes;
    assert_eq!((sizes("a").alone, sizes("r").alone, sizes("r").in_all), (64, 112, 112));
}

#[test]
fn own_and_share_is_a_doubled_claim() {
    check(
        "root r -> a:64; a => s:48; r -> s",
        expect![[r#"
            claimed twice: 1 blocks, 48 bytes
            claimed once: 1 blocks, 64 bytes
            the ledger does not close
            1 blocks (48 B) have two owners: an impl of `Walk` is wrong
        "#]],
    );
}

/// Two nodes for one block: the second is the first.
#[test]
fn two_nodes_of_one_block_are_one() {
    let mut snapshot = Text::parse("root r -> a:64, b:64; b -> c:16").snapshot();
    let addr = snapshot.nodes.addr[1];
    snapshot.nodes.addr[2] = addr + 8;
    let heap = heap_analysis::Heap::from_snapshot(snapshot);
    assert_eq!(heap.resolve(heap_analysis::NodeId(2)), heap_analysis::NodeId(1));
    let analysis = heap_analysis::Analysis::new(heap.into(), Config::default().into(), Lens::default());
    expect![[r#"
        claimed twice: 1 blocks, 64 bytes
        claimed once: 1 blocks, 16 bytes
        unclaimed: 1 blocks, 64 bytes
        the ledger does not close
        1 blocks (64 B) have two owners: an impl of `Walk` is wrong
        nobody claims 1 blocks, 44.4% of the program's bytes
    "#]]
    .assert_eq(&text(analysis.ledger()));
    // What hangs from the second claim hangs from the block.
    assert_eq!(analysis.roots()[0].sizes.alone, 80);
}

#[test]
fn a_lost_record_is_seen_by_the_allocators_figure() {
    check(
        "root r -> a:64; lost 48",
        expect![[r#"
            claimed once: 1 blocks, 64 bytes
            the ledger does not close
            the allocator counts 112 B in live blocks and the table 64 B: 48 B (48 bytes) are in no record
        "#]],
    );
}

#[test]
fn without_an_account_the_total_is_not_checked() {
    let named = check(
        "root r -> a:64; unaccounted",
        expect![[r#"
            claimed once: 1 blocks, 64 bytes
            the ledger does not close
            the total cannot be checked: the allocator below the table keeps no account of its own
        "#]],
    );
    let ledger = named.analysis.ledger();
    assert_eq!((ledger.closes, ledger.allocator_live, ledger.difference), (false, None, None));
}

#[test]
fn a_wrong_impl_is_listed_by_type() {
    let mut snapshot = Text::parse("root r -> a1:64, a2:64, b:16").snapshot();
    // It says that 72 bytes are in 64, and once that 80 are, 16 of them "negative".
    let split = Split { payload: 72, ..Split::default() };
    snapshot.contents.push(Content { node: 1, variant: None, split });
    let split = Split { payload: 80, padding: 16_u64.wrapping_neg(), ..Split::default() };
    snapshot.contents.push(Content { node: 2, variant: None, split });
    let heap = heap_analysis::Heap::from_snapshot(snapshot);
    let analysis = heap_analysis::Analysis::new(heap.into(), Config::default().into(), Lens::default());
    let ledger = analysis.ledger();
    assert!(!ledger.closes);
    assert_eq!(ledger.mismatched, BlockCount { blocks: 2, bytes: 128 });
    let [row] = &ledger.mismatches[..] else { panic!("{:?}", ledger.mismatches) };
    assert_eq!((row.type_name.as_str(), row.blocks, row.difference), ("a", 2, 8));
    assert_eq!((row.example_described, row.example_requested), (72, 64));
}

#[test]
fn contents_of_one_node_add_up() {
    let mut snapshot = Text::parse("root r -> a:64").snapshot();
    for payload in [40, 24] {
        let split = Split { payload, ..Split::default() };
        snapshot.contents.push(Content { node: 1, variant: None, split });
    }
    let heap = heap_analysis::Heap::from_snapshot(snapshot);
    let analysis = heap_analysis::Analysis::new(heap.into(), Config::default().into(), Lens::default());
    assert!(analysis.ledger().closes, "{:?}", analysis.ledger().verdict);
}

#[test]
fn moved_handles_concurrency_and_a_missing_end_are_told() {
    let mut snapshot = Text::parse("root r -> a:64; a => s:48; a => s").snapshot();
    snapshot.shared[0].strong = 1;
    snapshot.footer.as_mut().unwrap().quiescent = false;
    let analyse = |snapshot| {
        let heap = heap_analysis::Heap::from_snapshot(snapshot);
        heap_analysis::Analysis::new(heap.into(), Config::default().into(), Lens::default())
    };
    let analysis = analyse(snapshot);
    let verdict = analysis.ledger().verdict.join("\n");
    assert!(verdict.contains("fewer handles than the walk met"), "{verdict}");
    assert!(verdict.contains("other threads"), "{verdict}");
    assert_eq!(analysis.ledger().moved[0].met, 2);

    let mut cut_off = Text::parse("root r -> a:64").snapshot();
    cut_off.footer = None;
    let analysis = analyse(cut_off);
    assert!(!analysis.ledger().closes);
    assert!(analysis.ledger().verdict[1].contains("cut off"), "{:?}", analysis.ledger().verdict);
}

#[test]
fn without_an_allocator_there_is_no_ledger_but_sizes() {
    let mut text = Text::parse("root r -> a:64; a => s:48; r => s");
    text.is_tracked = false;
    let named = text.analyse(Lens::default(), Config::default());
    let ledger = named.analysis.ledger();
    assert!(!ledger.is_tracked && !ledger.closes);
    assert!(ledger.verdict[0].starts_with("no ledger"));
    assert_eq!(named.analysis.roots()[0].sizes.in_all, 112);
    assert_eq!(named.analysis.node(named.node("a")).unwrap().sizes.alone, 64);
    assert!(named.analysis.summary().is_estimate);
}

#[test]
fn memory_of_another_allocator_is_counted_beside() {
    let mut snapshot = Text::parse("root r -> a:64, b:32").snapshot();
    snapshot.nodes.addr[2] = 0x5000_0000_0000;
    let heap = heap_analysis::Heap::from_snapshot(snapshot);
    let analysis = heap_analysis::Analysis::new(heap.into(), Config::default().into(), Lens::default());
    let row = analysis.ledger().beside.iter().find(|row| row.name.contains("another allocator")).unwrap();
    assert_eq!(row.blocks, 1);
    assert_eq!(analysis.ledger().classes[Class::Unclaimed as usize].blocks, 1);
}

/// A root in a block that nothing else claims claims it; a second one inside is part of it.
#[test]
fn a_root_in_the_heap_claims_its_block() {
    let mut snapshot = Text::parse("root r; root q -> b:16; unclaimed 8192").snapshot();
    let block = snapshot.blocks.iter().find(|block| block.requested == 8192).unwrap().addr;
    for (root, at) in [(0, block), (1, block + 4096)] {
        snapshot.roots[root].addr = at;
        let node = snapshot.roots[root].node as usize;
        snapshot.nodes.addr[node] = at;
    }
    let heap = heap_analysis::Heap::from_snapshot(snapshot);
    let analysis = heap_analysis::Analysis::new(heap.into(), Config::default().into(), Lens::default());
    let root = |name| analysis.roots().iter().find(|root| root.name == name).unwrap().sizes;
    assert_eq!((root("r").alone, root("q").alone), (4096, 4096 + 16));
    assert_eq!(analysis.ledger().classes[Class::ClaimedOnce as usize].bytes, 8192 + 16);
    assert_eq!(analysis.ledger().classes[Class::Unclaimed as usize].blocks, 0);
}
