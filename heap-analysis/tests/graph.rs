//! Sizes, dominators and lenses against the obvious slow way.

mod support;

use expect_test::{expect, Expect};
use heap_analysis::config::Config;
use heap_analysis::dominator_tree::Above;
use heap_analysis::dominators::Dominator;
use heap_analysis::find::Subject;
use heap_analysis::graph::LensGraph;
use heap_analysis::heap::Role;
use heap_analysis::tree::{Tree, TreeRow};
use heap_analysis::{Lens, NodeId};
use petgraph::algo::dominators::simple_fast;
use std::collections::BTreeSet;
use support::{bytes, heap, random_text, reachable, Text};

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&heap(text).sizes());
}

#[test]
fn what_one_owner_holds_goes_with_it() {
    check(
        "root config -> map:64; map -> a:16, b:32; a ~> b",
        expect![[r#"
            name     shallow  alone in-all
            config         0    112    112
            map           64    112    112
            a             16     16     16
            b             32     32     32
        "#]],
    );
}

#[test]
fn what_two_hold_is_nobodys_alone() {
    check(
        "root r -> a:16, b:24; a => s:48; b => s; s -> c:8",
        expect![[r#"
            name     shallow  alone in-all
            r              0     96     96
            a             16     16     72
            b             24     24     80
            s             48     56     56
            c              8      8      8
        "#]],
    );
}

#[test]
fn two_roots_share() {
    check(
        "root r => s:48; root q => s; q -> a:8",
        expect![[r#"
            name     shallow  alone in-all
            r              0      0     48
            s             48     48     48
            q              0      8     56
            a              8      8      8
        "#]],
    );
}

#[test]
fn an_outside_owner_makes_a_block_nobodys() {
    let named = heap("root r -> a:16; a => s:48; s -> b:8; strong s +2");
    expect![[r#"
        name     shallow  alone in-all
        r              0     16     72
        a             16     16     72
        s             48     56     56
        b              8      8      8
    "#]]
    .assert_eq(&named.sizes());
    let owns = named.analysis.owns(named.analysis.find("r").unwrap()).unwrap();
    let [outside] = &owns.outside[..] else { panic!("{:?}", owns.outside) };
    assert_eq!((outside.node, outside.counted, outside.met, outside.gap), (named.node("s"), 3, 1, 2));
    assert_eq!((outside.retained, outside.handles), (56, "strong"));
}

/// The value goes with its strong holder, the bytes with the last weak handle.
#[test]
fn weak_handles_hold_the_shell() {
    let named = heap("root r -> a:16, w:16; a => s:48; s -> b:8; w ..> s");
    expect![[r#"
        name     shallow  alone in-all
        r              0     88     88
        a             16     24     72
        w             16     16     64
        s              0      8     56
        b              8      8      8
    "#]]
    .assert_eq(&named.sizes());
    let heap = named.analysis.heap();
    let shell = heap.counterpart(named.node("s")).unwrap();
    assert_eq!((heap.role(shell), heap.shallow(shell)), (Role::Shell, 48));
    // In trees the value is shown with its bytes.
    let row = named.analysis.tree_row(named.node("s")).unwrap();
    assert_eq!((row.shallow, row.children), (48, 1));
}

#[test]
fn a_weak_handle_that_was_not_met_holds_the_shell_from_outside() {
    check(
        "root r -> a:16; a => s:48; s -> b:8; weak s +1",
        expect![[r#"
            name     shallow  alone in-all
            r              0     24     72
            a             16     24     72
            s              0      8     56
            b              8      8      8
        "#]],
    );
}

#[test]
fn a_cycle_is_held_by_who_leads_to_it() {
    check(
        "root r -> a:16; a => s:48; s => t:32; t => s",
        expect![[r#"
            name     shallow  alone in-all
            r              0     96     96
            a             16     96     96
            s             48     80     80
            t             32     32     80
        "#]],
    );
}

/// A root inside a block that has an owner names it: it is no second owner.
#[test]
fn a_name_is_no_owner() {
    let named = heap("root r -> a:64; a -> b:16; name n = a");
    expect![[r#"
        name     shallow  alone in-all
        r              0     80     80
        a             64     80     80
        b             16     16     16
        n             64     80     80
    "#]]
    .assert_eq(&named.sizes());
    let root = |name| named.analysis.roots().iter().find(|root| root.name == name).unwrap();
    assert_eq!(root("n").name_for.as_deref(), Some("r"));
    assert_eq!(root("n").node, named.node("a"));
    assert_eq!(root("r").name_for, None);
}

/// A name for a value inside a larger node is asked about what that value holds.
#[test]
fn a_name_inside_a_node_is_a_part_of_it() {
    let heap = heap_analysis::Heap::from_snapshot(heap_analysis::demo::snapshot(3000));
    let analysis = heap_analysis::Analysis::new(heap.into(), Config::default().into(), Lens::default());
    let root = |name| analysis.roots().iter().find(|root| root.name == name).unwrap();
    let name = root("checker.module");
    assert_eq!(name.name_for.as_deref(), Some("session.modules[1]"));
    let all = analysis.node(name.node).unwrap().sizes;
    // The buffers and boxes of one module: what its three fields lead to.
    let children = analysis.children(name.node, usize::MAX).rows;
    let of_module = children.iter().filter(|row| row.place.starts_with("[1]."));
    let in_all: u64 = analysis.sizes_of(&of_module.map(|row| row.node).collect::<Vec<_>>()).in_all;
    assert_eq!(name.sizes.in_all, in_all);
    assert!(name.sizes.alone <= in_all && in_all < all.in_all, "{:?} of {all:?}", name.sizes);
    // Together with the checker: its own, and the module's.
    let with = root("checker").with_parts.unwrap();
    assert_eq!(with.in_all, root("checker").sizes.in_all + in_all);
    assert_eq!(with.alone, root("checker").sizes.alone + name.sizes.alone);
    let owns = analysis.owns(analysis.find("checker").unwrap()).unwrap();
    assert_eq!(owns.with_parts, Some(with));
}

/// Nothing but itself leads to what is named: the name is its root then.
#[test]
fn a_name_inside_a_cycle_is_reached() {
    let text = Text::parse("root r -> a:16; a => s:48; s => t:32; t => s; name n = s");
    let named = text.analyse(Lens::SHARE, Config::default());
    // Under a lens without own edges `r` does not reach the cycle.
    let row = named.analysis.roots().iter().find(|root| root.name == "n").unwrap();
    assert_eq!((row.sizes.alone, row.sizes.in_all), (80, 80));
}

#[test]
fn parts_are_asked_with_and_without() {
    let named =
        heap("root m => s:48; root m.body => s; m.body -> a:16; root m.body.x -> b:8; root q => t:32");
    let owns = named.analysis.owns(named.analysis.find("m").unwrap()).unwrap();
    assert_eq!((owns.sizes.alone, owns.sizes.in_all), (0, 48));
    let with = owns.with_parts.unwrap();
    assert_eq!((with.alone, with.in_all, with.shared), (72, 72, 0));
    assert_eq!(owns.parts, ["m.body", "m.body.x"]);
    let names: Vec<&str> = named.analysis.roots().iter().map(|root| root.name.as_str()).collect();
    assert_eq!(names, ["m", "m.body", "m.body.x", "q"]);
    let part = &named.analysis.roots()[2];
    assert_eq!(part.part_of.as_deref(), Some("m.body"));
}

#[test]
fn the_lens_decides_what_holds() {
    let text = Text::parse("root r -> a:16, b:32; b => s:48; a ~> s; root q ~> a; a ..> s");
    let sizes = |lens: &str| {
        let named = text.analyse(lens.parse().unwrap(), Config::default());
        let in_all = |name: &str| named.analysis.node(named.node(name)).unwrap().sizes.in_all;
        (in_all("r"), in_all("q"), in_all("a"))
    };
    assert_eq!(sizes("own"), (48, 0, 16));
    assert_eq!(sizes("own+share"), (96, 0, 64)); // `a` holds the shell
    assert_eq!(sizes("own+borrow"), (48, 16, 16));
    assert_eq!(sizes("own+share+borrow"), (96, 64, 64));
    assert_eq!(sizes("share"), (0, 0, 64));
}

#[test]
fn a_type_is_an_owner_too() {
    let named = heap("root r -> a1:16, a2:16, c:8; a1 => s:48; a2 => s; c => t:32; a1 => t");
    let Ok(Subject::Type(row)) = named.analysis.find("a") else { panic!() };
    let owns = named.analysis.owns(Subject::Type(row)).unwrap();
    assert_eq!((owns.owner_nodes, owns.sizes.alone, owns.sizes.in_all), (2, 80, 112));
    let retained = |name: &str| {
        named
            .analysis
            .types()
            .iter()
            .find(|row| row.name == name)
            .map(|row| (row.count, row.retained))
            .unwrap()
    };
    // By dominators: what neither of the two dominates is not theirs.
    assert_eq!(retained("a"), (2, 32));
    assert_eq!(retained("s"), (1, 48));
}

/// Everything at once, on some hundred small graphs.
#[test]
fn random_graphs_agree_with_the_definitions() {
    for seed in 0..400 {
        let text = random_text(seed);
        for lens in [Lens::default(), Lens::OWN, Lens::default() | Lens::BORROW] {
            let named = Text::parse(&text).analyse(lens, Config::default());
            let heap = &**named.analysis.heap();
            let none = BTreeSet::new();
            let entries: BTreeSet<NodeId> = LensGraph::entries_of(heap, lens).into_iter().collect();
            let all = reachable(heap, lens, &entries, &none);
            let graph_entries: Vec<NodeId> = entries.iter().copied().collect();
            let graph = LensGraph::new(heap, lens, &graph_entries);
            let second_opinion = simple_fast(graph, graph.virtual_root());
            let mut top_level = 0;
            for node in heap.node_ids().filter(|&node| heap.resolve(node) == node) {
                let context = || format!("seed {seed}, lens {lens}, {node:?} in `{text}`");
                // In all: what a search finds.
                let below = reachable(heap, lens, &BTreeSet::from([node]), &none);
                let detail = named.analysis.node(node).unwrap();
                assert_eq!(detail.sizes.in_all, bytes(heap, &below), "{}", context());
                if !all.contains(&node) {
                    assert_eq!(named.analysis.dominators().of(node), Dominator::Unreachable, "{}", context());
                    continue;
                }
                // Retained: delete the node and see what becomes unreachable.
                let without = reachable(heap, lens, &entries, &BTreeSet::from([node]));
                let gone: BTreeSet<NodeId> = all.difference(&without).copied().collect();
                assert_eq!(detail.sizes.alone, bytes(heap, &gone), "{}", context());
                assert_eq!(named.analysis.sizes_of(&[node]), detail.sizes, "{}", context());
                // The immediate dominator: the nearest of those that all ways pass through.
                let dominates = |above: NodeId, below: NodeId| {
                    !reachable(heap, lens, &entries, &BTreeSet::from([above])).contains(&below)
                };
                let above: Vec<NodeId> =
                    all.iter().copied().filter(|&above| above != node && dominates(above, node)).collect();
                let nearest = above
                    .iter()
                    .copied()
                    .find(|&one| above.iter().all(|&other| other == one || dominates(other, one)));
                let expected = nearest.map_or(Dominator::Virtual, Dominator::Node);
                assert_eq!(named.analysis.dominators().of(node), expected, "{}", context());
                let other = second_opinion.immediate_dominator(node).unwrap();
                let other =
                    if other == graph.virtual_root() { Dominator::Virtual } else { Dominator::Node(other) };
                assert_eq!(other, expected, "{}", context());
                if expected == Dominator::Virtual {
                    top_level += detail.sizes.alone;
                }
                // A way there, and it is a way.
                let path = named.analysis.path(node);
                assert_eq!(path.last().map(|step| step.node), Some(node), "{}", context());
                assert!(entries.contains(&path[0].node), "{}", context());
                for pair in path.windows(2) {
                    let mut edges = heap.edges_from(pair[0].node);
                    assert!(
                        edges.any(|edge| edge.to == pair[1].node && lens.follows(&edge)),
                        "{}",
                        context()
                    );
                }
                let chain = named.analysis.dominator_chain(node);
                assert_eq!(chain.len(), above.len() + 1, "{}", context());
            }
            tree_laws(&named.analysis, &format!("seed {seed}, lens {lens} in `{text}`"));
            // Retained sizes on the top level add up to everything reachable.
            assert_eq!(top_level, bytes(heap, &all), "seed {seed}, lens {lens} in `{text}`");
            assert_eq!(named.analysis.summary().reachable, top_level);
            assert!(named.analysis.ledger().closes, "`{text}`: {:?}", named.analysis.ledger().verdict);
        }
    }
}

/// The dominator tree from above: each reachable node once, below what dominates
/// it, siblings by size, and runs of siblings with the sum of their bytes.
fn tree_laws(analysis: &heap_analysis::Analysis, context: &str) {
    let (heap, tree) = (analysis.heap(), analysis.dominated());
    let sum = |nodes: &[NodeId]| nodes.iter().map(|&node| analysis.retained(node)).sum::<u64>();
    let mut met = BTreeSet::new();
    let all = heap.node_ids().map(Above::Node).chain([Above::Virtual]);
    for above in all {
        let positions = tree.children(above);
        let nodes: Vec<NodeId> = tree.nodes(positions.clone()).collect();
        assert!(nodes.is_sorted_by(|&a, &b| analysis.retained(a) >= analysis.retained(b)), "{context}");
        for (at, &node) in nodes.iter().enumerate() {
            assert!(met.insert(node), "{node:?} twice, {context}");
            assert_eq!(analysis.dominators().above(node), Some(above), "{context}");
            assert_eq!(analysis.dominated_position(node), Some(positions.start + at as u32), "{context}");
            assert_eq!(tree.at(positions.start + at as u32), node);
        }
        for from in 0..=nodes.len() {
            let run = positions.start + from as u32..positions.end;
            assert_eq!(analysis.retained_by(run), sum(&nodes[from..]), "{context}");
        }
        let own = match above {
            Above::Node(node) if !analysis.dominators().is_reachable(node) => continue,
            Above::Node(node) => analysis.retained(node) - heap.shallow(node),
            Above::Virtual => tree.total(),
        };
        assert_eq!(sum(&nodes), own, "{context}");
    }
    assert!(met.iter().all(|&node| analysis.dominators().is_reachable(node)), "{context}");
    for kind in [Tree::Owned, Tree::Dominated] {
        for above in met.iter().copied().map(Above::Node).chain([Above::Virtual]) {
            list_laws(analysis, kind, above, context);
        }
    }
}

/// However a list is cut or merged, its entries and bytes are all there.
fn list_laws(analysis: &heap_analysis::Analysis, tree: Tree, above: Above, context: &str) {
    let all = analysis.below(tree, above, None, usize::MAX);
    assert_eq!(all.rest_count, 0);
    let bytes = |rows: &[TreeRow]| {
        let unique: std::collections::BTreeMap<NodeId, u64> =
            rows.iter().map(|row| (row.node, row.retained)).collect();
        unique.values().sum::<u64>()
    };
    let one = analysis.below(tree, above, None, 1);
    assert_eq!(one.rows.len() as u64 + one.rest_count, all.rows.len() as u64, "{context}");
    if tree == Tree::Dominated {
        assert_eq!(bytes(&one.rows) + one.rest_retained, bytes(&all.rows), "{context}");
    }
    let merged = analysis.below_by_type(tree, above, usize::MAX);
    assert_eq!(merged.rows.iter().map(|row| row.entries).sum::<u64>(), all.rows.len() as u64, "{context}");
    assert_eq!(merged.rows.iter().map(|row| row.retained).sum::<u64>(), bytes(&all.rows), "{context}");
    for row in &merged.rows {
        let only = analysis.below(tree, above, Some(row.row), usize::MAX);
        assert_eq!(only.rows.len() as u64, row.entries, "{context}");
        assert_eq!(bytes(&only.rows), row.retained, "{context}");
    }
    let cut = analysis.below_by_type(tree, above, 1);
    let kept: u64 = cut.rows.iter().map(|row| row.retained).sum();
    assert_eq!(kept + cut.rest_retained, bytes(&all.rows), "{context}");
}

/// Nothing recurses, nothing is quadratic.
#[test]
fn long_chains() {
    let count = 200_000;
    let snapshot = chain(count);
    let heap = std::sync::Arc::new(heap_analysis::Heap::from_snapshot(snapshot));
    let analysis =
        heap_analysis::Analysis::new(heap.clone(), std::sync::Arc::new(Config::default()), Lens::default());
    assert_eq!(analysis.roots()[0].sizes.alone, 16 * count);
    assert_eq!(analysis.path(NodeId(count as u32)).len() as u64, count + 1);
    assert_eq!(analysis.dominator_chain(NodeId(count as u32)).len() as u64, count + 1);
}

/// A chain of boxes. Made directly: the text's own lookups are linear.
fn chain(count: u64) -> heap_snapshot::read::Snapshot {
    use heap_snapshot::record::*;
    let mut snapshot = Text::parse("root r -> a:16").snapshot();
    let addr = |at: u64| 0x1000_0000 + at * 32;
    snapshot.blocks.clear();
    for at in 1..=count {
        snapshot.blocks.push(LiveBlock {
            addr: addr(at),
            requested: 16,
            usable: 16,
            align_log2: 3,
            epoch: 1,
            is_tool: false,
        });
        if at > 1 {
            let nodes = &mut snapshot.nodes;
            nodes.parent.push(at as u32 - 1);
            nodes.edge.push(EdgeKind::OWN);
            nodes.label.push(LabelIdx(0));
            nodes.place.push(addr(at - 1));
            nodes.ty.push(nodes.ty[1]);
            nodes.addr.push(addr(at));
            nodes.len.push(1);
            nodes.cap.push(1);
        }
    }
    snapshot.nodes.addr[1] = addr(1);
    snapshot
}
