//! Files: whole, cut off, damaged, hostile.

mod support;

use heap_analysis::config::Config;
use heap_analysis::load::{load_from, LoadError, Progress};
use heap_analysis::{demo, Analysis, Heap, Lens};
use heap_snapshot::record::*;
use std::sync::Arc;
use support::Random;

/// Asks every question; none may panic.
fn ask_everything(heap: Heap) -> Analysis {
    let analysis = Analysis::new(Arc::new(heap), Arc::new(Config::default()), Lens::default());
    analysis.summary();
    analysis.roots();
    analysis.ledger();
    analysis.groups();
    for row in analysis.types().iter().take(40) {
        analysis.type_detail(row.id);
        analysis.nodes_of(row.id, 3);
        let _ = analysis.find(&row.name);
    }
    let nodes: Vec<_> = analysis.heap().node_ids().step_by(97).take(20).collect();
    for node in nodes {
        analysis.node(node);
        analysis.children(node, 5);
        analysis.dominator_chain(node);
        analysis.owns(heap_analysis::find::Subject::Node(node));
    }
    analysis
}

#[test]
fn progress_is_told_and_can_stop() {
    let file = demo::file(500);
    let mut seen = Vec::new();
    let loaded = load_from(&file[..], file.len() as u64, None, &mut |progress| {
        seen.push(progress);
        true
    })
    .unwrap();
    assert_eq!(loaded.snapshots.len(), 1);
    assert_eq!(loaded.snapshots[0].checkpoint, "after_check");
    let total = file.len() as u64;
    let last_read = seen.iter().rposition(|step| matches!(step, Progress::Reading { .. })).unwrap();
    assert_eq!(seen[last_read], Progress::Reading { read: total, total });
    assert!(matches!(seen[last_read + 1], Progress::Read(_)));
    assert!(matches!(seen[last_read + 2], Progress::Phase("joining nodes with blocks")));

    // A "no" at any step stops.
    for stop in 0..seen.len() {
        let mut step = 0;
        let result = load_from(&file[..], total, None, &mut |_| {
            step += 1;
            step <= stop
        });
        assert!(matches!(result, Err(LoadError::Cancelled)), "step {stop}");
    }
}

/// What is said of a snapshot before it is analysed is what the analysis says.
#[test]
fn a_preview_says_nothing_that_changes() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../rustc-config/sample/rustc.heapsnap");
    let files = [demo::file(3000), std::fs::read(sample).expect("the committed sample")];
    for file in files {
        let mut preview = None;
        let heap = load_from(&file[..], 0, None, &mut |progress| {
            if let Progress::Read(read) = progress {
                preview = Some(read);
            }
            true
        })
        .unwrap()
        .heap;
        let preview = preview.expect("it is told");
        let analysis = Analysis::begin(Arc::new(heap), Arc::new(Config::default()), Lens::default());
        let rows = analysis.types_without_retained().to_vec();
        let ledger = analysis.ledger();
        assert!(!analysis.has_retained(), "neither types nor ledger wait for it");
        let (summary, memory) = (analysis.summary(), analysis.memory());
        assert!(analysis.has_retained());

        assert_eq!((&preview.header, &preview.footer), (&summary.header, &summary.footer));
        let population = (ledger.population.blocks, ledger.population.bytes);
        assert_eq!(preview.population, Some(population));
        assert!(preview.population.unwrap().0 > 0);
        assert_eq!(preview.types, summary.types);
        let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut early = names(preview.roots.iter().map(|root| root.name.as_str()).collect());
        let mut late = names(analysis.roots().iter().map(|root| root.name.as_str()).collect());
        early.sort();
        late.sort();
        assert_eq!(early, late);
        // All levels but the last, of which it does not know what goes on to payload.
        let (last, levels) = preview.memory.levels.split_last().expect("there are levels");
        assert_eq!(levels, &memory.levels[..levels.len()]);
        let requested = &memory.levels[levels.len()];
        assert_eq!((last.name, last.bytes, last.difference), ("requested", requested.bytes, 0));
        assert!(last.less.is_empty() && memory.levels.len() == levels.len() + 2);

        let mut without = analysis.types().to_vec();
        assert!(without.iter().any(|row| row.retained > 0));
        without.iter_mut().for_each(|row| row.retained = 0);
        assert_eq!(rows, without);
    }
}

#[test]
fn errors_say_what_to_do() {
    let file = demo::file(100);
    let error =
        |bytes: &[u8], which| load_from(bytes, 0, which, &mut |_| true).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error(&file, Some(4)), "holds 1 snapshots and no number 5: choose 1 to 1");
    assert!(error(b"not a snapshot", None).contains("not a heap snapshot"));
    assert!(error(&file[..200], None).contains("holds no snapshot"));
    let missing = heap_analysis::load::load("no/such.heapsnap".as_ref(), None, &mut |_| true);
    assert!(missing.unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_file_that_is_cut_off_is_read_up_to_there() {
    let file = demo::file(2000);
    for part in 1..24 {
        let cut = file.len() * part / 24;
        let Ok(loaded) = load_from(&file[..cut], 0, None, &mut |_| true) else { continue };
        let analysis = ask_everything(loaded.heap);
        assert!(!analysis.ledger().closes);
        assert!(analysis.summary().problems.iter().any(|problem| problem.contains("cut off")));
    }
}

#[test]
fn random_damage_gives_problems_and_no_panic() {
    let file = demo::file(300);
    let mut random = Random(99);
    for _ in 0..150 {
        let mut damaged = file.clone();
        for _ in 0..=random.below(6) {
            let at = random.below(damaged.len() as u64) as usize;
            damaged[at] ^= 1 << random.below(8);
        }
        if let Ok(loaded) = load_from(&damaged[..], 0, None, &mut |_| true) {
            ask_everything(loaded.heap);
        }
    }
}

/// Numbers that a checksum does not catch: a program that lies.
#[test]
fn hostile_numbers_do_not_panic() {
    let mut random = Random(5);
    for round in 0..300 {
        let mut snapshot = demo::snapshot(120);
        let nodes = snapshot.nodes.count() as u64;
        let odd = |random: &mut Random| match random.below(6) {
            0 => 0,
            1 => u64::MAX,
            2 => u64::from(u32::MAX),
            3 => nodes + random.below(3),
            4 => random.below(nodes),
            _ => random.below(u64::MAX),
        };
        for _ in 0..4 {
            let at = random.below(nodes) as usize;
            let number = odd(&mut random);
            match random.below(22) {
                0 => snapshot.nodes.parent[at] = number as u32,
                1 => snapshot.nodes.ty[at] = NodeTypeIdx(number as u32),
                2 => snapshot.nodes.label[at] = LabelIdx(number as u32),
                3 => snapshot.nodes.addr[at] = number,
                4 => snapshot.nodes.len[at] = number,
                5 => snapshot.nodes.cap[at] = number,
                6 => snapshot.nodes.edge[at] = EdgeKind(number as u8),
                7 => snapshot.roots[at % 3].node = number,
                8 => snapshot.roots[at % 3].addr = number,
                9 => snapshot.roots[at % 3].size = number,
                10 => snapshot.edges[at % 5].from = number,
                11 => snapshot.edges[at % 5].target = Target::Node(number),
                12 => snapshot.edges[at % 5].ty = Some(TypeIdx(number as u32)),
                13 => snapshot.contents[at % 5].node = number,
                14 => snapshot.contents[at % 5].variant = Some(number as u32),
                15 => {
                    snapshot.census[at % 3] =
                        Census { ty: number as u32, variant: 9, place: 200, count: number }
                }
                16 => snapshot.shared[0].node = number,
                17 => snapshot.blocks[at].usable = number,
                18 => snapshot.blocks[at].requested = number,
                19 => {
                    let ty = &mut snapshot.types[at % 16];
                    (ty.size, ty.align, ty.kind) = (number, number, number as u8);
                }
                20 => {
                    // A type that contains itself.
                    let ty = at as u32 % 16;
                    snapshot.types[at % 16].fields.push(FieldDesc {
                        ty: if round % 2 == 0 { ty } else { number as u32 },
                        times: number,
                        offset: Some(number),
                        ..FieldDesc::default()
                    });
                }
                _ => {
                    let ty = &mut snapshot.node_types[at % 12];
                    (ty.elem, ty.layout) = (number as u32, number as u8 % 14);
                }
            }
        }
        if round % 7 == 0 {
            snapshot.header.tracked = false;
        }
        ask_everything(Heap::from_snapshot(snapshot));
    }
}

#[test]
fn lost_frames_are_counted() {
    let mut snapshot = demo::snapshot(200);
    // As the reader stands in for nodes of a frame that was damaged.
    for node in 20..30 {
        snapshot.nodes.parent[node] = u32::MAX;
        snapshot.nodes.ty[node] = NodeTypeIdx(u32::MAX);
        snapshot.nodes.addr[node] = 0;
    }
    let analysis = ask_everything(Heap::from_snapshot(snapshot));
    assert_eq!(analysis.heap().counts().lost_nodes, 10);
    assert!(!analysis.ledger().closes);
}
