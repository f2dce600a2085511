//! Counted pointers: `triomphe`, `arc-swap`, `rowan`.

use arc_swap::{ArcSwap, ArcSwapAny, ArcSwapOption};
use end_to_end::judge::Judge;
use foreign::{parts, random};
use heap_walk::Walk;
use std::rc::Rc;
use std::sync::Arc;
use triomphe::{ArcUnion, HeaderSlice, OffsetArc, ThinArc, UniqueArc};

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// The parts of `value`: payload is as given, and nothing is untyped.
#[track_caller]
fn check_typed<T: Walk>(value: T, payload: usize) {
    let parts = parts(&value);
    assert_eq!((parts.payload, parts.untyped), (payload as u64, 0), "{parts:?}");
}

fn text(number: u64) -> String {
    "x".repeat(number as usize % 30)
}

#[derive(Walk, Clone)]
#[repr(align(32))]
struct Aligned([u8; 40]);

fn triomphe(judge: &mut Judge) {
    judge.check("triomphe::Arc", || {
        let mut all: Vec<triomphe::Arc<Vec<String>>> = vec![triomphe::Arc::new(vec![])];
        let mut thin: Vec<ThinArc<(u8, String), String>> = Vec::new();
        let mut offset: Vec<OffsetArc<Option<String>>> = Vec::new();
        for number in random(1).take(300) {
            let at = number as usize % all.len();
            match number >> 60 {
                0..3 => all.push(triomphe::Arc::new(vec![text(number); number as usize % 4])),
                3..6 => all.push(all[at].clone()),
                6 | 7 if all.len() > 1 => drop(all.swap_remove(at)),
                8 => triomphe::Arc::make_mut(&mut all[at]).push(text(number)),
                9 | 10 => {
                    let items: Vec<String> = (0..number % 5).map(text).collect();
                    thin.push(ThinArc::from_header_and_iter((number as u8, text(number)), items.into_iter()));
                }
                11 if !thin.is_empty() => thin.push(thin[number as usize % thin.len()].clone()),
                12 => offset.push(triomphe::Arc::into_raw_offset(triomphe::Arc::new(Some(text(number))))),
                13 if !offset.is_empty() => offset.push(offset[number as usize % offset.len()].clone()),
                14 if !thin.is_empty() => drop(thin.swap_remove(number as usize % thin.len())),
                _ => drop(offset.pop()),
            }
        }
        (all, thin, offset)
    });
    judge.check("triomphe, unsized and aligned", || {
        let list: triomphe::Arc<[String]> = triomphe::Arc::from(vec![text(3), text(9)]);
        let bytes: triomphe::Arc<[u8]> = triomphe::Arc::from(vec![1u8; 13]);
        let empty: triomphe::Arc<[u64]> = triomphe::Arc::from(vec![]);
        (
            (list.clone(), list, bytes, empty),
            (
                triomphe::Arc::<str>::from("text"),
                triomphe::Arc::new(()),
                triomphe::Arc::new(Aligned([1; 40])),
            ),
            (UniqueArc::new(text(20)), UniqueArc::new(7u8)),
            triomphe::Arc::from_header_and_slice(7u8, &[1u16, 2, 3]),
            (
                triomphe::Arc::from_header_and_str(text(5), "text"),
                triomphe::Arc::new(HeaderSlice { header: 1u8, slice: text(3) }),
            ),
        )
    });
    judge.check("ArcUnion", || {
        let text = triomphe::Arc::new(text(4));
        let unions: Vec<ArcUnion<String, u64>> = vec![
            ArcUnion::from_first(text.clone()),
            ArcUnion::from_second(triomphe::Arc::new(7)),
            ArcUnion::from_first(text.clone()),
        ];
        (unions, text)
    });
    judge.check("ArcBorrow", || {
        let arc: &'static triomphe::Arc<u64> = Box::leak(Box::new(triomphe::Arc::new(1)));
        let borrowing = Borrowing { borrow: arc.borrow_arc(), arc };
        assert_eq!((*borrowing.borrow, **borrowing.arc), (1, 1));
        borrowing
    });
    check_typed(triomphe::Arc::new((1u32, 2u64)), 12);
    check_typed(ThinArc::from_header_and_slice(1u16, &[1u32, 2, 3]), 2 + 8 + 12);
}

/// Owns the box that `ArcBorrow`'s case leaks.
#[derive(Walk)]
struct Borrowing {
    borrow: triomphe::ArcBorrow<'static, u64>,
    #[walk(opaque)]
    arc: &'static triomphe::Arc<u64>,
}

fn arc_swap(judge: &mut Judge) {
    judge.check("ArcSwap", || {
        let mut all: Vec<ArcSwap<Vec<String>>> = vec![ArcSwap::from_pointee(vec![])];
        for number in random(2).take(200) {
            let at = number as usize % all.len();
            match number >> 61 {
                0 => all.push(ArcSwap::from_pointee(vec![text(number); 2])),
                1 => all.push(ArcSwap::new(all[at].load_full())),
                2 => all[at].store(Arc::new(vec![text(number)])),
                3 => all[at].store(all[number as usize / 7 % all.len()].load_full()),
                4 => drop(all[at].rcu(|old| [&old[..], &[text(number)]].concat())),
                5 if all.len() > 1 => drop(all.swap_remove(at)),
                _ => {}
            }
        }
        all
    });
    judge.check("ArcSwap of a few kinds", || {
        let nested = ArcSwap::from_pointee(ArcSwap::from_pointee(Some(text(9))));
        let options: Vec<ArcSwapOption<u8>> = vec![ArcSwapOption::empty(), ArcSwapOption::from_pointee(7u8)];
        let rcs: Vec<ArcSwapAny<Rc<(u8, String)>>> = vec![ArcSwapAny::new(Rc::new((1, text(3))))];
        (nested, options, rcs, ArcSwap::from_pointee(()))
    });
    judge.check("arc_swap::Guard", || {
        let swap = ArcSwap::from_pointee(text(9));
        let guard = swap.load();
        let replaced = ArcSwap::from_pointee(text(10));
        let last = replaced.load();
        replaced.store(Arc::new(text(11)));
        (swap, guard, replaced, last)
    });
    check_typed(ArcSwap::from_pointee((1u8, Some(2u64), text(7))), 1 + 16 + 24 + 7);
}

/// Walks while another thread replaces what is walked.
fn arc_swap_under_load() {
    let swap = Arc::new(ArcSwap::from_pointee(vec![text(9); 20]));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (swap, stop) = (Arc::clone(&swap), Arc::clone(&stop));
        std::thread::spawn(move || {
            for number in random(7) {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                swap.store(Arc::new(vec![text(number); 20]));
            }
        })
    };
    for _ in 0..100 {
        let snapshot = end_to_end::take(&[("swap", &swap)]);
        let _tool = heap_snapshot::live::ToolScope::enter();
        assert!(snapshot.nodes.count() >= 3, "the swap, its vector, the vector's buffer");
        drop(snapshot);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().expect("it only stores");
}

macro_rules! rowan {
    ($judge:ident, $krate:ident, $name:literal, $red:literal, $typed:literal) => {{
        use $krate::{GreenNode, GreenNodeBuilder, GreenToken, NodeOrToken, SyntaxKind};
        fn tree(numbers: &mut impl Iterator<Item = u64>, depth: usize) -> GreenNode {
            let mut builder = GreenNodeBuilder::new();
            builder.start_node(SyntaxKind(1));
            let mut open = 1;
            for number in numbers.take(depth) {
                match number >> 62 {
                    0 => {
                        builder.start_node(SyntaxKind(2));
                        open += 1;
                    }
                    1 if open > 1 => {
                        builder.finish_node();
                        open -= 1;
                    }
                    _ => builder.token(SyntaxKind(number as u16 % 5), &text(number >> 8)),
                }
            }
            (0..open).for_each(|_| builder.finish_node());
            builder.finish()
        }
        $judge.check($name, || {
            let mut numbers = random(3);
            let mut trees: Vec<NodeOrToken<GreenNode, GreenToken>> = Vec::new();
            for depth in 0..60 {
                let tree = tree(&mut numbers, depth * 4);
                if depth % 3 == 0 {
                    trees.push(NodeOrToken::Node(tree.clone()));
                }
                let grown = tree.insert_child(0, GreenToken::new(SyntaxKind(9), "inserted").into());
                trees.push(NodeOrToken::Node(grown));
                trees.push(NodeOrToken::Node(tree));
            }
            trees.push(NodeOrToken::Token(GreenToken::new(SyntaxKind(1), "token")));
            trees
        });
        $judge.check($red, || {
            let red = $krate::cursor::SyntaxNode::new_root(tree(&mut random(4), 50));
            let child = red.first_child();
            let mutable = $krate::cursor::SyntaxNode::new_root_mut(tree(&mut random(5), 9));
            let mut cache = $krate::NodeCache::default();
            for _ in 0..2 {
                let mut builder = GreenNodeBuilder::with_cache(&mut cache);
                builder.start_node(SyntaxKind(1));
                builder.token(SyntaxKind(2), "a token");
                builder.finish_node();
                drop(builder.finish());
            }
            let mut open = GreenNodeBuilder::new();
            open.start_node(SyntaxKind(1));
            open.token(SyntaxKind(2), "another token");
            (Red(red), Red(mutable), child.map(Red), cache, open)
        });
        #[derive(Walk)]
        struct Red($krate::cursor::SyntaxNode);
        // Of a tree of a language the green nodes are typed.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        enum Words {}
        impl $krate::Language for Words {
            type Kind = SyntaxKind;
            fn kind_from_raw(raw: SyntaxKind) -> SyntaxKind {
                raw
            }
            fn kind_to_raw(kind: SyntaxKind) -> SyntaxKind {
                kind
            }
        }
        $judge.check($typed, || {
            let root = $krate::SyntaxNode::<Words>::new_root(tree(&mut random(6), 80));
            let (child, token) = (root.first_child(), root.first_token());
            (root.text(), root, child, token)
        });
        let green = tree(&mut random(6), 80);
        let payload = parts(&green).payload;
        let root = $krate::SyntaxNode::<Words>::new_root(green);
        assert_eq!(parts(&root).payload, payload);
        // A token in two nodes has two holders.
        let token = GreenToken::new(SyntaxKind(1), "text");
        let node = |kind| GreenNode::new(SyntaxKind(kind), [token.clone().into()]);
        let nodes = (node(1), node(2));
        drop(token);
        let snapshot = end_to_end::take(&[("nodes", &nodes)]);
        {
            let _tool = heap_snapshot::live::ToolScope::enter();
            let analysis = end_to_end::analyse(snapshot);
            let heap = analysis.heap();
            let is_token = |&node: &_| heap.node_type(node).is_some_and(|ty| ty.container == "GreenToken");
            let token = heap.node_ids().find(is_token).expect("a token");
            assert_eq!(heap.edges_to(token).count(), 2);
        }
        // Kind and length, a child's offset and handle; kind and text.
        let token: NodeOrToken<GreenNode, GreenToken> = GreenToken::new(SyntaxKind(1), "text").into();
        check_typed(GreenNode::new(SyntaxKind(1), [token]), (2 + 4) + (4 + 8) + (2 + 4));
    }};
}

fn main() {
    // A thread's first load makes what its later ones need.
    drop(ArcSwap::from_pointee(1).load());
    let raw = ["ArcBorrow", "red trees", "trees of a language", "red trees 0.15", "trees of a language 0.15"];
    // Of a value that was replaced, and of which only a guard is left.
    let unclaimed = ["arc_swap::Guard"];
    arc_swap_under_load();
    Judge::run("sharing", &raw, &unclaimed, |judge| {
        triomphe(judge);
        arc_swap(judge);
        rowan!(judge, rowan, "green trees", "red trees", "trees of a language");
        rowan!(judge, rowan_0_15, "green trees 0.15", "red trees 0.15", "trees of a language 0.15");
    });
}
