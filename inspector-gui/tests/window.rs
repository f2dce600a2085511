//! The window without a display: found and clicked by role and label, as a
//! screen reader would.

mod support;

use egui::accesskit::Role;
use egui::{vec2, Event, Key, Modifiers, PointerButton};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_kittest::Harness;
use heap_analysis::dominator_tree::Above;
use heap_analysis::tree::Tree;
use heap_analysis::type_table::Grouping;
use heap_analysis::{demo, load, Analysis, Lens};
use inspector_gui::dump::{Disk, Selected, State};
use inspector_gui::selection::Selection;
use inspector_gui::source::{Origin, SoFar, Stage};
use inspector_gui::views::opening::Opening;
use inspector_gui::views::View;
use inspector_gui::{Inspector, Options};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

struct Window(Harness<'static, Option<Inspector>>);

impl Window {
    fn open(options: Options) -> Window {
        Window::open_at(options, vec2(1400.0, 900.0), 1.0)
    }

    /// Of a size in points, on a screen with so many pixels to a point.
    fn open_at(options: Options, size: egui::Vec2, pixels_per_point: f32) -> Window {
        let ui = move |ui: &mut egui::Ui, inspector: &mut Option<Inspector>| {
            inspector.get_or_insert_with(|| Inspector::new(ui.ctx(), options.clone())).ui(ui);
        };
        // Threads that are done ask for frames of their own.
        let builder = Harness::builder().with_size(size).with_pixels_per_point(pixels_per_point);
        let builder = builder.with_max_steps(100);
        let builder = builder.renderer(support::Rasteriser::default());
        let mut window = Window(builder.build_ui_state(ui, None));
        window.settle();
        window
    }

    fn demo() -> Window {
        Window::file(demo_path())
    }

    fn file(path: &Path) -> Window {
        Window::open(Options { open: Some(Origin::File(path.into())), ..Options::default() })
    }

    /// Steps until nothing is loaded or worked out any more. (This also checks
    /// that every control has an accessible name.)
    fn settle(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        let mut idle = 0;
        while idle < 3 {
            self.0.run();
            idle = if self.inspector().is_busy() { 0 } else { idle + 1 };
            assert!(Instant::now() < end, "the window does not settle: {:#?}", self.state());
            if idle == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    fn inspector(&self) -> &Inspector {
        self.0.state().as_ref().expect("the window is open")
    }

    fn state(&self) -> State {
        self.inspector().state()
    }

    #[track_caller]
    fn click(&mut self, role: Role, label: &str) {
        self.0.get_by_role_and_label(role, label).click();
        self.settle();
    }

    /// Clicks a row of a table near its left end: in the middle of it may be the
    /// handle that resizes a column.
    #[track_caller]
    fn click_row(&mut self, label: &str) {
        let rect = self.0.get_by_role_and_label(Role::Row, label).rect();
        let pos = rect.left_center() + vec2(60.0, 0.0);
        self.0.event(Event::PointerMoved(pos));
        for pressed in [true, false] {
            let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
            self.0.event(Event::PointerButton { pos, button, pressed, modifiers });
        }
        self.settle();
    }

    fn has(&self, role: Role, label: &str) -> bool {
        self.0.query_all_by_role(role).any(|node| node.accesskit_node().label().as_deref() == Some(label))
    }

    /// Whether some text on the screen contains `text`.
    fn reads(&self, text: &str) -> bool {
        self.0.query_all_by_role(Role::Label).any(|node| {
            let node = node.accesskit_node();
            let shown = node.label().or_else(|| node.value());
            shown.is_some_and(|shown| shown.contains(text))
        })
    }

    fn key(&mut self, key: Key) {
        self.0.key_press(key);
        self.settle();
    }

    /// Presses keys, and returns what comes to be on the clipboard.
    fn copied(&mut self, event: Event) -> String {
        self.0.event(event);
        for _ in 0..4 {
            self.0.step();
            let commands = &self.0.output().platform_output.commands;
            let text = commands.iter().find_map(|command| match command {
                egui::OutputCommand::CopyText(text) => Some(text.clone()),
                _ => None,
            });
            if let Some(text) = text {
                self.settle();
                return text;
            }
        }
        panic!("nothing was copied");
    }

    /// Puts a path into the dialog that asks for one.
    fn export_to(&mut self, path: &Path) {
        let field = self.0.get_by_role_and_label(Role::TextInput, "Path of the file");
        assert!(field.is_focused());
        self.0.key_press_modifiers(Modifiers::COMMAND, Key::A);
        self.0.step();
        let text = path.display().to_string();
        self.0.get_by_role_and_label(Role::TextInput, "Path of the file").type_text(&text);
        self.settle();
        self.key(Key::Enter);
    }

    #[track_caller]
    fn type_into(&mut self, field: &str, text: &str) {
        let node = self.0.get_by_role_and_label(Role::TextInput, field);
        node.focus();
        self.0.run();
        self.0.get_by_role_and_label(Role::TextInput, field).type_text(text);
        self.settle();
    }

    /// The numbers of a column for the visible rows, in their order.
    fn column(&self, number: fn(&heap_analysis::type_table::TypeRow) -> u64) -> Vec<u64> {
        let analysis = &self.inspector().document().expect("a document is open").analysis;
        let state = self.state();
        let names = state.types.expect("a type table is shown").visible;
        names
            .iter()
            .map(|name| {
                let name = name.strip_prefix("type ").expect("rows are types");
                number(analysis.types().iter().find(|row| row.name == name).expect("the row is a type"))
            })
            .collect()
    }
}

/// A directory for one test.
fn directory(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&path).unwrap();
    path
}

/// The demo snapshot, written once for all tests.
fn demo_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = directory("demo").join("demo.heapsnap");
        fs::write(&path, demo::file(20_000)).unwrap();
        path
    })
}

fn demo_file(test: &str) -> PathBuf {
    let path = directory(test).join("demo.heapsnap");
    fs::write(&path, demo::file(2000)).unwrap();
    path
}

#[test]
fn without_a_file_the_sample_is_offered() {
    let mut window = Window::open(Options::default());
    assert_eq!(window.state().file, None);
    assert_eq!(window.state().title, "heap inspector");
    window.click(Role::Button, "Look at the sample");
    let state = window.state();
    assert_eq!(state.file.as_deref(), Some("sample"));
    assert_eq!(state.title, "heap inspector – sample");
    assert_eq!(state.problems, Vec::<String>::new());
    assert_eq!(state.ledger_closes, Some(true));
    let root = &window.inspector().document().unwrap().analysis.roots()[0];
    assert!(window.has(Role::Row, &format!("root {}", root.name)));
    assert!(state.types.unwrap().visible.len() > 5);
}

#[test]
fn a_click_on_a_header_sorts_and_a_second_one_turns_round() {
    let mut window = Window::demo();
    window.click(Role::ColumnHeader, "Count");
    let types = window.state().types.unwrap();
    assert_eq!((types.sorted_by, types.descending), ("count", true));
    let counts = window.column(|row| row.count);
    assert!(counts.len() > 5 && counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
    window.click(Role::ColumnHeader, "Count");
    assert!(!window.state().types.unwrap().descending);
    let counts = window.column(|row| row.count);
    assert!(counts.is_sorted(), "{counts:?}");
    window.click(Role::ColumnHeader, "Slack");
    let slack = window.column(|row| row.slack);
    assert!(slack.is_sorted_by(|a, b| a >= b) && slack[0] > 0, "{slack:?}");
    window.click(Role::ColumnHeader, "Type");
    let types = window.state().types.unwrap();
    assert!(types.visible.is_sorted() && !types.descending, "{:?}", types.visible);
}

#[test]
fn the_filter_narrows_and_is_cleared() {
    let mut window = Window::demo();
    let all = window.state().types.unwrap().rows;
    window.type_into("Filter", "hir");
    let types = window.state().types.unwrap();
    assert!(types.rows > 0 && types.rows < all);
    assert!(types.visible.iter().all(|name| name.contains("hir")), "{:?}", types.visible);
    window.type_into("Filter", "nothing has this name");
    assert_eq!(window.state().types.unwrap().visible, Vec::<String>::new());
    window.click(Role::Button, "Clear filter");
    assert_eq!(window.state().types.unwrap().rows, all);
}

#[test]
fn ctrl_f_goes_to_the_filter_from_anywhere() {
    let mut window = Window::demo();
    window.click(Role::Button, "Overview");
    window.0.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.settle();
    assert!(window.0.get_by_role_and_label(Role::TextInput, "Filter").is_focused());
    // It is the one of all views: what it says in one it says in the next.
    window.type_into("Filter", "hir");
    window.click(Role::Button, "Types");
    let types = window.state().types.unwrap();
    assert!(types.filter == "hir" && types.visible.iter().all(|name| name.contains("hir")), "{types:?}");
}

#[test]
fn an_enum_shows_its_variants() {
    let mut window = Window::demo();
    window.type_into("Filter", "Expr");
    window.click_row("type demo::hir::Expr");
    assert_eq!(window.state().selection, Selected::Type { name: "demo::hir::Expr".into() });
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let row = analysis.types().iter().find(|row| row.name == "demo::hir::Expr").unwrap();
    let detail = analysis.type_detail(row.id).unwrap();
    assert!(detail.variants.len() > 1);
    for variant in &detail.variants {
        assert!(window.has(Role::Row, &format!("variant {}", variant.name)), "{}", variant.name);
        let live = heap_analysis::units::count(variant.count);
        assert!(window.reads(&live), "{} lives {live} times", variant.name);
        let dead = heap_analysis::units::bytes(variant.dead);
        assert!(variant.dead == 0 || window.reads(&dead), "{} has {dead} dead", variant.name);
    }
}

#[test]
fn types_are_grouped_by_crate_module_and_generic_type() {
    let mut window = Window::demo();
    let analysis = window.inspector().document().unwrap().analysis.clone();
    for (choice, by, name) in [
        ("by crate", Grouping::Crate, "crate demo"),
        ("by module", Grouping::Module, "module demo::hir"),
        ("by generic type", Grouping::Generic, "generic type Vec<…>"),
    ] {
        window.click(Role::ComboBox, "Group");
        window.click(Role::Button, choice);
        let types = window.state().types.unwrap();
        assert_eq!(types.grouping, Some(by));
        assert!(types.visible.contains(&name.to_owned()), "{:?}", types.visible);
        // Every type is in one group, and so are its bytes.
        let groups = analysis.groups_by(by);
        assert_eq!(types.rows, analysis.types().len() + groups.len());
        let sum = |rows: &mut dyn Iterator<Item = u64>| rows.sum::<u64>();
        let all = sum(&mut analysis.types().iter().map(|row| row.shallow));
        assert_eq!(sum(&mut groups.iter().map(|group| group.total.shallow)), all);
    }
}

#[test]
fn layouts_are_drawn_to_scale() {
    let mut window = Window::demo();
    window.type_into("Filter", "Expr");
    window.click_row("type demo::hir::Expr");
    window.click(Role::Button, "Layout");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let row = analysis.types().iter().find(|row| row.name == "demo::hir::Expr").unwrap();
    for variant in &analysis.type_detail(row.id).unwrap().variants {
        let ruler = window.0.query_all_by_role(Role::Image).find_map(|node| {
            node.accesskit_node().label().filter(|label| label.starts_with(&format!("{}: ", variant.name)))
        });
        let ruler = ruler.unwrap_or_else(|| panic!("a ruler for {}", variant.name));
        assert_eq!(variant.dead_each > 0, ruler.contains("dead"), "{ruler}");
    }
}

#[test]
fn a_type_says_where_it_is_defined_and_what_an_editor_needs() {
    let mut window = Window::demo();
    window.type_into("Filter", "hir::Call");
    window.click_row("type demo::hir::Call");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let row = analysis.types().iter().find(|row| row.name == "demo::hir::Call").unwrap().id;
    let source = analysis.source(row).expect("the demo's types have places").clone();
    // No editor is named for tests.
    window.click(Role::Button, &format!("{}:{}", source.file, source.line));
    assert!(window.reads("HEAP_INSPECTOR_EDITOR"));
}

#[test]
fn buffers_show_lengths_against_capacities() {
    let mut window = Window::demo();
    window.type_into("Filter", "Vec<u32>");
    window.click_row("type Vec<u32>");
    window.click(Role::Button, "Lengths");
    assert!(window.has(Role::Row, "lengths Vec<u32>"));
    assert!(window.has(Role::ColumnHeader, "Capacity"));
}

#[test]
fn nodes_of_a_type_lead_to_details() {
    let mut window = Window::demo();
    window.type_into("Filter", "demo::Table");
    window.click_row("type demo::Table");
    window.click(Role::Button, "Nodes");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let row = analysis.types().iter().find(|row| row.name == "demo::Table").unwrap().id;
    let node = analysis.nodes_of(row, 1)[0].node;
    window.click_row(&format!("node #{}", node.0));
    assert_eq!(window.inspector().selection(), Selection::Node(node));
    // The list it was chosen from stays.
    assert!(window.has(Role::Row, &format!("node #{}", node.0)));
    let detail = analysis.node(node).unwrap();
    assert!(window.reads(&format!("#{}", node.0)) && window.reads(&format!("{:#x}", detail.addr)));
    window.click(Role::Button, "Show in tree");
    assert_eq!(window.inspector().view(), View::Ownership);
    // The way to it is open, and it is on the screen.
    let tree = window.state().tree;
    assert!(tree.iter().any(|row| row.contains("demo::Table")), "{tree:?}");
    window.click(Role::Button, "Start at selection");
    assert!(window.state().tree[0].contains("demo::Table"));
    window.click(Role::Button, "All roots");
    assert!(window.state().tree[0].contains("demo::Session"));
    window.click(Role::Button, "Show type");
    assert_eq!(window.state().selection, Selected::Type { name: "demo::Table".into() });
}

#[test]
fn the_tree_opens_lazily_and_the_rest_is_counted() {
    let mut window = Window::demo();
    window.click(Role::Button, "Ownership");
    let roots = window.state().tree;
    assert!(roots.contains(&"node session: demo::Session".to_owned()), "{roots:?}");
    window.click(Role::DisclosureTriangle, "Open session");
    let opened = window.state().tree;
    assert!(opened.len() > roots.len(), "{opened:?}");
    window.click(Role::DisclosureTriangle, "Close session");
    assert_eq!(window.state().tree, roots);
}

#[test]
fn siblings_of_a_type_are_one_line_that_opens() {
    let mut window = Window::demo();
    window.click(Role::Button, "Ownership");
    window.click(Role::CheckBox, "Merge by type");
    window.click(Role::DisclosureTriangle, "Open session");
    window.click(Role::DisclosureTriangle, "Open modules");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let session = analysis.roots().iter().find(|root| root.name == "session").unwrap().node;
    let modules = analysis.children(session, 10).rows.into_iter().find(|row| row.place == "modules").unwrap();
    let merged = analysis.below_by_type(Tree::Owned, Above::Node(modules.node), 10);
    let most = merged.rows.iter().find(|row| row.entries > 1).unwrap();
    let line = format!("{} × {}", heap_analysis::units::count(most.entries), most.type_name);
    assert!(window.state().tree.contains(&line), "{line} in {:?}", window.state().tree);
    let before = window.state().tree.len();
    window.click(Role::DisclosureTriangle, &format!("Open {line}"));
    assert!(window.state().tree.len() > before);
    window.click_row(&line);
    assert_eq!(window.inspector().selection(), Selection::Type(most.row.unwrap()));
}

/// Below everything reachable stands each node once, so its bytes add up.
#[test]
fn what_goes_with_what_begins_with_everything() {
    let mut window = Window::demo();
    window.click(Role::Button, "Ownership");
    window.click(Role::Button, "What goes with what");
    let tree = window.state().tree;
    assert_eq!(tree[0], "everything reachable");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let top = analysis.below(Tree::Dominated, Above::Virtual, None, 100);
    assert_eq!(tree.len() as u64 - 1, top.rows.len() as u64 + u64::from(top.rest_count > 0));
    let sum: u64 = top.rows.iter().map(|row| row.retained).sum();
    assert_eq!(sum + top.rest_retained, analysis.summary().reachable);
}

#[test]
fn a_shared_node_leads_to_its_other_holders() {
    let mut window = Window::demo();
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let table = analysis.types().iter().find(|row| row.name == "demo::Table").unwrap().id;
    let nodes = analysis.nodes_of(table, 100);
    let shared = nodes.iter().find(|row| row.holders > 1).expect("the demo shares tables");
    window.type_into("Filter", "demo::Table");
    window.click_row("type demo::Table");
    window.click(Role::Button, "Nodes");
    window.click_row(&format!("node #{}", shared.node.0));
    window.click(Role::Button, "Show in tree");
    let badge = format!("shared ×{}", shared.holders);
    let badges: Vec<_> =
        window.0.query_all_by_role_and_label(Role::Button, &badge).map(|node| node.rect()).collect();
    assert!(!badges.is_empty(), "{:?}", window.state().tree);
    window.0.query_all_by_role_and_label(Role::Button, &badge).next().unwrap().click();
    window.settle();
    let holder = analysis.holders(shared.node, 30).pop().unwrap();
    let name = format!("{} {} {}", holder.edge, holder.type_name, holder.place);
    window.0.query_all_by_role_and_label(Role::Button, name.trim()).last().unwrap().click();
    window.settle();
    assert_eq!(window.inspector().selection(), Selection::Node(holder.node));
    assert!(!window.reads("not among the lines that are open"), "{:?}", window.state().tree);
}

#[test]
fn another_lens_is_for_all_views_and_what_is_selected_stays() {
    let mut window = Window::demo();
    window.click_row("root session");
    let selected = window.inspector().selection();
    window.click(Role::Button, "Ownership");
    window.click(Role::ComboBox, "Lens");
    window.click(Role::Button, "and references");
    assert_eq!(window.inspector().selection(), selected);
    assert_eq!(window.inspector().view(), View::Ownership);
    let analysis = window.inspector().document().unwrap().analysis.clone();
    assert_eq!(analysis.lens().to_string(), "own+share+borrow");
    assert!(window.reads("lens own+share+borrow"));
    window.click(Role::Button, "Back");
    assert_eq!(window.inspector().view(), View::Types);
}

#[test]
fn the_filter_makes_trees_faint_and_leaves_nothing_out() {
    let mut window = Window::demo();
    window.click(Role::Button, "Ownership");
    window.click(Role::DisclosureTriangle, "Open session");
    let all = window.state().tree;
    window.type_into("Filter", "nothing has this name");
    assert_eq!(window.state().tree, all);
}

fn disk(window: &Window) -> Disk {
    window.state().disk.expect("the disk is drawn")
}

#[test]
fn the_disk_has_every_byte_and_labelled_nodes_are_buttons() {
    let mut window = Window::demo();
    window.click(Role::Button, "Hyperbolic");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let shown = disk(&window);
    assert_eq!(shown.focus, "everything reachable");
    assert!(shown.dots > 20 && shown.labels.len() > 3, "{shown:?}");
    let all = shown.drawn_bytes + shown.rest_bytes + shown.outside_bytes;
    assert_eq!(all, analysis.summary().reachable);
    let session = shown.labels.iter().find(|name| name.starts_with("session ")).expect("it is large").clone();
    window.click(Role::Button, &format!("node {session}"));
    let root = analysis.roots().iter().find(|root| root.name == "session").unwrap();
    assert_eq!(window.inspector().selection(), Selection::Node(root.node));
    let moved = disk(&window);
    assert_eq!((moved.focus.as_str(), moved.is_moving), ("session", false));
    assert_eq!(moved.drawn_bytes + moved.rest_bytes + moved.outside_bytes, all);
    assert!(window.has(Role::Canvas, "hyperbolic tree, focus: session"));
    // Going back goes back in the disk as well, and the way up is a click.
    window.click(Role::Link, "to everything reachable");
    assert_eq!(disk(&window).focus, "everything reachable");
}

#[test]
fn keys_move_through_the_disk() {
    let mut window = Window::demo();
    window.click(Role::Button, "Hyperbolic");
    let mut focuses = vec![disk(&window).focus];
    for key in [Key::ArrowRight, Key::ArrowRight, Key::ArrowDown, Key::ArrowUp, Key::ArrowLeft] {
        window.key(key);
        focuses.push(disk(&window).focus);
    }
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let top = analysis.below(Tree::Dominated, Above::Virtual, None, 1).rows.remove(0);
    assert_eq!(focuses[1], analysis.label(top.node));
    assert_eq!((&focuses[2], &focuses[1]), (&focuses[4], &focuses[5]), "{focuses:?}");
    assert_eq!(window.inspector().selection(), Selection::Node(top.node));
    window.key(Key::Home);
    assert_eq!(disk(&window).focus, focuses[0]);
    let step = disk(&window).step;
    window.key(Key::Plus);
    assert!(disk(&window).step > step);
    window.key(Key::Minus);
    assert!((disk(&window).step - step).abs() < 1e-9);
}

#[test]
fn the_disk_follows_what_is_selected_elsewhere_and_history() {
    let mut window = Window::demo();
    window.click(Role::Button, "Hyperbolic");
    window.click_row("root checker.module");
    let module = disk(&window).focus;
    window.click_row("root session");
    assert_eq!(disk(&window).focus, "session");
    window.click(Role::Button, "Back");
    assert_eq!(disk(&window).focus, module);
}

#[test]
fn dragging_moves_the_disk_and_nothing_else() {
    let mut window = Window::demo();
    window.click(Role::Button, "Hyperbolic");
    let before = disk(&window);
    let middle = window.0.get_by_role(Role::Canvas).rect().center();
    let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
    let from = middle + vec2(30.0, 60.0);
    window.0.event(Event::PointerMoved(from));
    window.0.event(Event::PointerButton { pos: from, button, pressed: true, modifiers });
    window.0.step();
    for share in 1..=5 {
        window.0.event(Event::PointerMoved(from + vec2(-30.0, -20.0) * share as f32));
        window.0.step();
    }
    let pos = from + vec2(-150.0, -100.0);
    window.0.event(Event::PointerButton { pos, button, pressed: false, modifiers });
    window.settle();
    let after = disk(&window);
    assert_ne!(after.labels, before.labels);
    assert_eq!(after.focus, before.focus);
    assert_eq!(window.inspector().selection(), Selection::Nothing);
    let all = |disk: &Disk| disk.drawn_bytes + disk.rest_bytes + disk.outside_bytes;
    assert_eq!(all(&after), all(&before));
}

#[test]
fn the_plain_tree_has_the_same_focus_and_selection() {
    let mut window = Window::demo();
    window.click(Role::Button, "Hyperbolic");
    window.key(Key::ArrowRight);
    let focus = disk(&window).focus;
    window.click(Role::CheckBox, "Plain tree");
    assert_eq!(disk(&window).focus, focus);
    assert!(window.has(Role::Tree, &format!("plain tree, focus: {focus}")));
    assert!(disk(&window).dots > 100 && disk(&window).dots <= 500);
    window.key(Key::ArrowRight);
    let next = disk(&window).focus;
    window.click(Role::CheckBox, "Plain tree");
    assert_eq!(disk(&window).focus, next);
}

/// A node with sixty thousand entries below it is bundles of bundles.
#[test]
fn a_wide_node_is_bundled() {
    let path = directory("bundles").join("wide.heapsnap");
    fs::write(&path, demo::file(60_000)).unwrap();
    let mut window = Window::file(&path);
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let widest = analysis.heap().node_ids().max_by_key(|&node| {
        (analysis.dominated().children(Above::Node(node)).len(), std::cmp::Reverse(node))
    });
    let widest = widest.unwrap();
    assert!(analysis.dominated().children(Above::Node(widest)).len() > 64);
    window.click(Role::Button, "Hyperbolic");
    for row in analysis.dominator_chain(widest) {
        let name = analysis.label(row.node);
        let labels = disk(&window).labels;
        let label = labels.iter().find(|label| label.starts_with(&name)).cloned();
        let Some(label) = label else { panic!("{name} in {labels:?}") };
        window.0.query_all_by_role_and_label(Role::Button, &format!("node {label}")).next().unwrap().click();
        window.settle();
    }
    assert_eq!(window.inspector().selection(), Selection::Node(widest));
    // The last one below it is a bundle: the sibling before the first does not exist, so up to it from the end.
    window.key(Key::ArrowRight);
    for _ in 0..48 {
        window.key(Key::ArrowDown);
    }
    assert!(disk(&window).focus.ends_with(" smaller"), "{}", disk(&window).focus);
    window.key(Key::ArrowRight);
    window.key(Key::ArrowLeft);
    assert!(disk(&window).focus.ends_with(" smaller"));
}

#[test]
fn waste_has_kinds_classes_and_cliffs() {
    let mut window = Window::demo();
    window.click(Role::Button, "Fragmentation");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let found = analysis.fragmentation();
    assert!(window.reads(&format!("{} slack", heap_analysis::units::bytes(found.slack))));
    let waste = |name: &str| format!("waste of {name}");
    assert_eq!(window.state().waste[0], waste(&found.types[0].type_name));
    // By a kind of waste, then by name.
    window.click(Role::ColumnHeader, "Dead");
    let most = found.types.iter().max_by_key(|row| row.kinds[1]).unwrap();
    assert_eq!(window.state().waste[0], waste(&most.type_name));
    window.click(Role::ColumnHeader, "Type");
    assert!(window.state().waste.is_sorted());
    window.click_row(&waste(&most.type_name));
    assert_eq!(window.inspector().selection(), Selection::Type(most.row.unwrap()));
    window.click(Role::Button, "Size classes");
    let class = |at: usize| format!("class {}", heap_analysis::units::bytes(found.classes[at].usable));
    assert_eq!(window.state().waste[..3], [class(0), class(1), class(2)]);
    window.click(Role::Button, "Cliffs");
    let cliff = &found.cliffs[0];
    assert_eq!(window.state().waste[0], format!("cliff of {} at {} B", cliff.type_name, cliff.requested));
    window.type_into("Filter", "Call");
    assert!(window.state().waste.iter().all(|row| row.contains("Call")), "{:?}", window.state().waste);
}

/// Only blocks that an allocator has laid out have slabs: a snapshot of the compiler.
#[test]
fn slabs_are_by_class_and_by_what_pins_them() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rustc-config/sample/rustc.heapsnap");
    let mut window = Window::file(&sample);
    window.click(Role::Button, "Fragmentation");
    let pages = window.inspector().document().unwrap().analysis.pages();
    window.click(Role::Button, "Slabs");
    let most = pages.classes.iter().max_by_key(|class| class.could_save).unwrap();
    assert_eq!(window.state().waste[0], format!("slabs of {}", heap_analysis::units::bytes(most.size)));
    window.click(Role::Button, "Pinned pages");
    assert!(window.reads(&format!("{} in gaps", heap_analysis::units::bytes(pages.gaps))));
    let names: Vec<String> = pages.types.iter().map(|row| format!("pinned by {}", row.type_name)).collect();
    assert!(!names.is_empty() && names.starts_with(&window.state().waste), "{names:?}");
}

/// The levels of the waterfall are read out as what they are and what is lost.
#[test]
fn the_overview_goes_from_the_resident_set_to_payload() {
    let mut window = Window::demo();
    window.click(Role::Button, "Overview");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    for level in analysis.memory().levels {
        let text = format!("{}: {}", level.name, inspector_gui::cells::exact(level.bytes));
        let is_read = window
            .0
            .query_all_by_role(Role::Image)
            .any(|node| node.accesskit_node().label().is_some_and(|label| label.starts_with(&text)));
        assert!(is_read, "{text}");
    }
    let root = analysis.roots().iter().find(|root| root.name == "session").unwrap();
    let bytes = heap_analysis::units::bytes;
    let bar = format!("session: {} alone, {} in all", bytes(root.sizes.alone), bytes(root.sizes.in_all));
    window.click(Role::Button, &bar);
    assert_eq!(window.inspector().selection(), Selection::Node(root.node));
}

#[test]
fn rectangles_are_selected_entered_and_left() {
    for (view, title) in [("Icicle", "icicle"), ("Treemap", "treemap")] {
        let mut window = Window::demo();
        window.click(Role::Button, view);
        let analysis = window.inspector().document().unwrap().analysis.clone();
        let tiles = |window: &Window| window.state().tiles.expect("rectangles are drawn");
        let first = tiles(&window);
        assert_eq!((first.top.as_str(), first.bytes), ("everything reachable", analysis.summary().reachable));
        assert!(first.tiles > 50 && first.labels.len() > 2, "{first:?}");
        let largest = analysis.below(Tree::Dominated, Above::Virtual, None, 1).rows.remove(0);
        window.key(Key::ArrowDown);
        assert_eq!(window.inspector().selection(), Selection::Node(largest.node));
        window.key(Key::Enter);
        assert_eq!(
            (tiles(&window).top, tiles(&window).bytes),
            (analysis.label(largest.node), largest.retained)
        );
        assert!(window.has(Role::Canvas, &format!("{title} of {}", analysis.label(largest.node))));
        // A click selects what is under it.
        window.key(Key::ArrowDown);
        let inner = window.inspector().selection();
        window.key(Key::ArrowUp);
        let name = tiles(&window).labels[1].clone();
        window.0.query_all_by_role_and_label(Role::Button, &format!("node {name}")).next().unwrap().click();
        window.settle();
        assert_eq!(window.inspector().selection(), inner, "{name}");
        window.click(Role::Link, "to everything reachable");
        assert_eq!(tiles(&window).bytes, first.bytes);
    }
}

#[test]
fn long_lists_of_children_are_fetched_in_parts() {
    let path = directory("wide").join("wide.heapsnap");
    fs::write(&path, demo::file(60_000)).unwrap();
    let mut window = Window::file(&path);
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let session = analysis.roots().iter().find(|root| root.name == "session").unwrap().node;
    // Down from the root, always to the node with the most entries below it.
    window.click(Role::Button, "Ownership");
    window.click(Role::DisclosureTriangle, "Open session");
    let widest = analysis.children(session, 1000).rows.into_iter().max_by_key(|row| row.children).unwrap();
    assert!(widest.children > 100, "the demo has no wide node: {widest:?}");
    window.click(Role::DisclosureTriangle, &format!("Open {}", widest.place));
    let rest = |top| heap_analysis::units::count(analysis.children(widest.node, top).rest_count);
    // To the line that counts the rest, by keyboard, which does not fetch it.
    window.key(Key::End);
    let end = window.state().tree;
    let more = end.iter().find(|row| row.contains("more: show more")).expect("the rest is counted");
    assert_eq!(*more, format!("{} more: show more", rest(100)));
    window.click_row(more);
    window.key(Key::End);
    let end = window.state().tree;
    match analysis.children(widest.node, 400).rest_count {
        0 => assert!(!end.iter().any(|row| row.contains("show more")), "{end:?}"),
        _ => assert!(end.contains(&format!("{} more: show more", rest(400))), "{end:?}"),
    }
}

/// Every kind of place is found in the tree, also where a node has more entries
/// below it than are fetched to look for one.
#[test]
fn any_node_is_shown_in_the_tree() {
    let path = directory("any").join("any.heapsnap");
    fs::write(&path, demo::file(60_000)).unwrap();
    let mut window = Window::file(&path);
    let analysis = window.inspector().document().unwrap().analysis.clone();
    for name in ["String", "demo::hir::Call", "Box<[u8]>", "Vec<u32>"] {
        window.type_into("Filter", name);
        window.click_row(&format!("type {name}"));
        window.click(Role::Button, "Nodes");
        let row = analysis.types().iter().find(|row| row.name == name).unwrap().id;
        // Not the largest, which is among the first entries anyway.
        let node = analysis.nodes_of(row, 5).last().unwrap().node;
        window.click_row(&format!("node #{}", node.0));
        window.click(Role::Button, "Show in tree");
        assert_eq!(window.inspector().selection(), Selection::Node(node));
        assert!(!window.reads("not among the lines that are open"), "{name} {:?}", window.state().tree);
        window.click(Role::Button, "Types");
        window.click(Role::Button, "Clear");
    }
}

#[test]
fn arrow_keys_walk_and_open_the_tree() {
    let mut window = Window::demo();
    window.click(Role::Button, "Ownership");
    let before = window.state().tree.len();
    window.key(Key::ArrowDown);
    let first = window.inspector().selection();
    assert!(matches!(first, Selection::Node(_)));
    window.key(Key::ArrowRight);
    assert!(window.state().tree.len() > before);
    window.key(Key::ArrowRight);
    let second = window.inspector().selection();
    assert_ne!(first, second);
    window.key(Key::ArrowLeft);
    window.key(Key::ArrowLeft);
    assert_eq!(window.inspector().selection(), first);
    assert_eq!(window.state().tree.len(), before);
    window.key(Key::Enter);
    assert!(window.state().tree.len() > before);
}

#[test]
fn arrow_keys_move_through_the_type_table() {
    let mut window = Window::demo();
    let names = window.state().types.unwrap().visible;
    let name = |at: usize| Selected::Type { name: names[at].strip_prefix("type ").unwrap().into() };
    window.key(Key::ArrowDown);
    assert_eq!(window.state().selection, name(0));
    window.key(Key::ArrowDown);
    window.key(Key::ArrowDown);
    assert_eq!(window.state().selection, name(2));
    window.key(Key::ArrowUp);
    assert_eq!(window.state().selection, name(1));
    window.key(Key::Home);
    assert_eq!(window.state().selection, name(0));
}

#[test]
fn a_root_is_selected_for_all_panes_and_history_goes_back() {
    let mut window = Window::demo();
    window.click_row("root session");
    let root = window.inspector().selection();
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let session = analysis.roots().iter().find(|root| root.name == "session").unwrap().clone();
    assert_eq!(root, Selection::Node(session.node));
    assert!(window.reads(&heap_analysis::units::bytes(session.sizes.in_all)));
    window.click(Role::Button, "Ownership");
    window.click(Role::DisclosureTriangle, "Open session");
    let row = window.state().tree[1].clone();
    window.click_row(&row);
    let child = window.inspector().selection();
    assert_ne!(child, root);
    window.0.key_press_modifiers(Modifiers::ALT, Key::ArrowLeft);
    window.settle();
    assert_eq!(window.inspector().selection(), root);
    window.click(Role::Button, "Forward");
    assert_eq!(window.inspector().selection(), child);
    window.click(Role::Button, "Back");
    assert_eq!(window.inspector().selection(), root);
}

#[test]
fn views_have_keys_and_going_back_leads_through_them() {
    let mut window = Window::demo();
    for (at, view) in View::ALL.into_iter().enumerate() {
        let digit =
            [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8][at];
        window.0.key_press_modifiers(Modifiers::COMMAND, digit);
        window.settle();
        assert_eq!(window.inspector().view(), view);
        assert!(window.has(Role::Button, view.title()));
    }
    window.click_row("root session");
    for view in View::ALL.into_iter().rev() {
        assert_eq!(window.inspector().view(), view);
        window.click(Role::Button, "Back");
        if window.inspector().view() == view {
            window.click(Role::Button, "Back");
        }
    }
    // The demo opened in Types.
    assert_eq!(window.inspector().view(), View::Types);
    assert_eq!(window.inspector().selection(), Selection::Nothing);
}

#[test]
fn parts_stand_under_their_root() {
    let window = Window::demo();
    assert!(window.has(Role::Row, "root checker with its parts"));
    assert!(window.has(Role::Row, "root checker.module"));
    // The sample has a table with an owner outside of the walk.
    assert!(window.reads("outside"));
}

#[test]
fn details_of_a_node_add_up_to_its_usable_bytes() {
    let mut window = Window::demo();
    window.click(Role::Button, "Ownership");
    window.click(Role::DisclosureTriangle, "Open session");
    let row = window.state().tree[1].clone();
    window.click_row(&row);
    let Selection::Node(node) = window.inspector().selection() else { panic!("no node") };
    let detail = window.inspector().document().unwrap().analysis.node(node).unwrap();
    let parts = detail.split.total() + detail.usable - detail.requested;
    assert_eq!(parts, detail.usable);
    for text in ["alone", "in all", "payload", "spare capacity", "usable", "Why it is alive", "birth epoch"] {
        assert!(window.reads(text), "{text}");
    }
    assert!(window.reads(&heap_analysis::units::bytes(detail.usable)));
    let holders = format!("Held by ({})", heap_analysis::units::count(detail.owner_count));
    assert!(window.reads(&holders), "{holders}");
}

#[test]
fn the_overview_compares_both_sides_to_the_byte() {
    let mut window = Window::demo();
    window.click(Role::Button, "Overview");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let ledger = analysis.ledger();
    assert!(window.reads(&ledger.verdict[0]));
    assert!(window.reads("none, to the byte"));
    for class in &ledger.classes {
        assert!(window.reads(class.class.name()));
    }
}

#[test]
fn a_missing_file_is_an_error_with_a_fix_and_the_window_goes_on() {
    let mut window = Window::file(Path::new("/nowhere/at-all.heapsnap"));
    assert!(window.state().error.unwrap().contains("cannot be read"));
    assert!(window.reads("/nowhere/at-all.heapsnap: cannot be read") && window.reads("check the path"));
    window.click(Role::Button, "Look at the sample");
    assert_eq!(window.state().error, None);
    assert_eq!(window.state().file.as_deref(), Some("sample"));
}

#[test]
fn what_is_open_stays_open_when_another_file_cannot_be() {
    let mut window = Window::open(Options { open: Some(Origin::Sample), ..Options::default() });
    let path = directory("other").join("no.heapsnap");
    fs::write(&path, "something else entirely, and long enough").unwrap();
    window.type_into("File", path.to_str().unwrap());
    window.click(Role::Button, "Load");
    let state = window.state();
    assert!(state.error.unwrap().contains("not a heap snapshot"));
    assert_eq!(state.file.as_deref(), Some("sample"));
    window.click(Role::Button, "Dismiss error");
    assert_eq!(window.state().error, None);
}

#[test]
fn a_file_that_is_cut_off_opens_and_says_so() {
    let path = demo_file("cut");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - bytes.len() / 10]).unwrap();
    let mut window = Window::file(&path);
    let state = window.state();
    assert_eq!(state.error, None);
    assert!(!state.problems.is_empty());
    assert_eq!(state.ledger_closes, Some(false));
    assert!(window.reads("cut off") && window.reads("what could be read is shown"));
    assert!(window.has(Role::Row, "root session"));
    window.click(Role::Button, "Dismiss problems");
    assert!(!window.reads("what could be read is shown"));
}

#[test]
fn a_path_is_opened_by_enter() {
    let path = demo_file("enter");
    let mut window = Window::open(Options::default());
    window.type_into("File", path.to_str().unwrap());
    window.key(Key::Enter);
    assert_eq!(window.state().file.as_deref(), path.to_str());
    assert_eq!(window.state().title, "heap inspector – demo.heapsnap");
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn a_dropped_file_is_opened() {
    let path = demo_file("drop");
    let mut window = Window::open(Options::default());
    window.0.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(path.clone())));
    window.settle();
    assert_eq!(window.state().file.as_deref(), path.to_str());
}

#[test]
fn a_config_beside_the_user_is_used_and_named() {
    let path = demo_file("config");
    let directory = directory("config");
    let config = "[[group]]\nname = \"HIR\"\nmatch = [\"demo::hir::*\"]\n";
    fs::write(directory.join("heap-inspector.toml"), config).unwrap();
    let open = Some(Origin::File(path));
    let mut window = Window::open(Options { open, directory, ..Options::default() });
    assert!(window.state().config.unwrap().ends_with("heap-inspector.toml"));
    assert!(window.reads("heap-inspector.toml"));
    window.click(Role::ComboBox, "Group");
    window.click(Role::Button, "by component");
    let types = window.state().types.unwrap();
    assert_eq!(types.grouping, Some(Grouping::Component));
    assert!(types.visible.contains(&"component HIR".to_owned()), "{:?}", types.visible);
    window.click_row("component HIR");
    assert!(!window.has(Role::Row, "type demo::hir::Call"));
    // Arrow keys pass over components; the one to the right opens.
    window.key(Key::End);
    window.key(Key::ArrowRight);
    assert!(window.has(Role::Row, "type demo::hir::Call"), "{:?}", window.state().types);
    window.key(Key::ArrowLeft);
    assert!(!window.has(Role::Row, "type demo::hir::Call"));
    window.key(Key::ArrowUp);
    assert!(matches!(window.inspector().selection(), Selection::Type(_)));
}

#[test]
fn a_wrong_config_is_named_and_the_snapshot_shown_without() {
    let path = demo_file("wrong-config");
    let config = directory("wrong-config").join("mine.toml");
    fs::write(&config, "hide = 7").unwrap();
    let open = Some(Origin::File(path.clone()));
    let mut window = Window::open(Options { open, config: Some(config), ..Options::default() });
    assert_eq!(window.state().file.as_deref(), path.to_str());
    assert!(window.reads("mine.toml") && window.reads("shown without a type config"));
    window.click(Role::Button, "Dismiss config error");
    assert!(!window.reads("shown without a type config"));
}

/// Steps until the window has noticed that a file has changed.
fn until(window: &mut Window, what: &str, is_so: impl Fn(&Window) -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so(window) {
        assert!(Instant::now() < end, "{what} does not come: {:#?}", window.state());
        std::thread::sleep(Duration::from_millis(20));
        window.settle();
    }
}

fn groups(window: &Window) -> Vec<String> {
    let analysis = &window.inspector().document().unwrap().analysis;
    let mut names: Vec<String> = analysis.types().iter().map(|row| row.group.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn a_config_is_read_anew_when_its_file_changes() {
    let path = demo_file("reload");
    let config = directory("reload").join("mine.toml");
    let write = |name: &str| {
        fs::write(&config, format!("[[group]]\nname = \"{name}\"\nmatch = [\"demo::hir::*\"]\n")).unwrap();
    };
    write("HIR");
    let open = Some(Origin::File(path));
    let mut window = Window::open(Options { open, config: Some(config.clone()), ..Options::default() });
    assert_eq!(groups(&window), ["HIR"]);
    window.click_row("root session");
    let selected = window.inspector().selection();
    write("the tree");
    until(&mut window, "the new name", |window| groups(window) == ["the tree"]);
    assert_eq!(window.inspector().selection(), selected, "nodes stay selected");
    // A mistake is told, and what was shown stays; mended, it is used at once.
    fs::write(&config, "hide = 7").unwrap();
    until(&mut window, "the error", |window| window.reads("what the config said before is shown"));
    assert_eq!(groups(&window), ["the tree"]);
    write("mended again");
    until(&mut window, "the mended config", |window| groups(window) == ["mended again"]);
    assert!(!window.reads("what the config said before is shown"));
}

#[test]
fn a_config_is_dropped_and_its_rules_say_what_they_touched() {
    let path = demo_file("rules");
    let config = directory("rules").join("mine.toml");
    let text = "[[group]]\nname = \"HIR\"\nmatch = [\"demo::hir::*\"]\n\n[[group]]\nname = \"none\"\nmatch = [\"nowhere::*\"]\n";
    fs::write(&config, text).unwrap();
    let mut window = Window::file(&path);
    assert_eq!(groups(&window), Vec::<String>::new());
    window.0.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(config)));
    window.settle();
    assert_eq!(groups(&window), ["HIR"]);
    window.click(Role::Button, "Config");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let touched = analysis.summary().rules.iter().find(|rule| rule.types > 0).unwrap();
    assert!(window.reads(&format!("{} nodes", heap_analysis::units::count(touched.nodes))));
    assert!(window.reads("touched nothing"));
    window.click(Role::Button, "Found by name");
    assert_eq!(groups(&window), Vec::<String>::new());
}

#[test]
fn of_several_snapshots_one_is_chosen() {
    let path = directory("several").join("two.heapsnap");
    let one = demo::file(2000);
    fs::write(&path, [one.as_slice(), demo::file(500).as_slice()].concat()).unwrap();
    let mut window = Window::file(&path);
    let snapshots = window.inspector().document().unwrap().snapshots.len();
    assert_eq!(snapshots, 2, "{:?}", window.state().problems);
    let last = window.state().nodes;
    window.click(Role::ComboBox, "Snapshot");
    let first = window
        .0
        .query_all_by_role(Role::Button)
        .find_map(|node| node.accesskit_node().label().filter(|label| label.starts_with("1: ")))
        .expect("the list names the first snapshot");
    window.click(Role::Button, &first);
    assert_eq!(window.inspector().document().unwrap().index, 0);
    assert!(window.state().nodes > last);
}

#[test]
fn an_idle_window_does_not_repaint() {
    for view in View::ALL {
        let mut window = Window::open(Options {
            open: Some(Origin::File(demo_path().into())),
            view,
            ..Options::default()
        });
        window.click_row("root session");
        // A worker's wake-up may arrive after its answer was taken: a frame or two, then rest.
        let mut delays = Vec::new();
        while delays.iter().rev().take(3).filter(|delay| **delay > Duration::from_secs(3600)).count() < 3 {
            assert!(delays.len() < 20, "{view:?}: {delays:?}");
            window.0.step();
            let viewports = window.0.output().viewport_output.values();
            delays.push(viewports.map(|output| output.repaint_delay).min().unwrap_or(Duration::MAX));
        }
    }
}

#[test]
fn the_state_is_written_when_it_changes() {
    let path = directory("state").join("state.json");
    let options = Options {
        open: Some(Origin::File(demo_path().into())),
        dump_state: Some(path.clone()),
        ..Options::default()
    };
    let mut window = Window::open(options);
    let read = || -> serde_json::Value { serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap() };
    assert_eq!(read(), serde_json::to_value(window.state()).unwrap());
    window.click(Role::ColumnHeader, "Slack");
    let state = read();
    assert_eq!(state["types"]["sorted_by"], "slack");
    assert_eq!(state["types"]["descending"], true);
    // The place it names is where a click lands.
    let at = &state["types"]["headers"]["count"];
    let at = egui::pos2(at[0].as_f64().unwrap() as f32, at[1].as_f64().unwrap() as f32);
    assert!(window.0.get_by_role_and_label(Role::ColumnHeader, "Count").rect().contains(at));
}

#[test]
fn light_and_dark_are_a_click_apart() {
    let mut window = Window::demo();
    let was_dark = window.0.ctx.style_of(window.0.ctx.theme()).visuals.dark_mode;
    window.click(Role::Button, if was_dark { "Light" } else { "Dark" });
    assert_ne!(window.0.ctx.style_of(window.0.ctx.theme()).visuals.dark_mode, was_dark);
}

#[test]
fn the_compilers_own_heap_opens_with_its_config() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rustc-config/sample/rustc.heapsnap");
    let mut window = Window::file(&sample);
    let state = window.state();
    assert_eq!(state.program.as_deref(), Some("rustc-main"));
    assert_eq!(state.checkpoint.as_deref(), Some("after_borrowck"));
    assert_eq!(state.config.as_deref(), Some("built in for `rustc-main`"));
    assert_eq!((state.error, state.problems, state.ledger_closes), (None, vec![], Some(true)));
    assert!(window.has(Role::Row, "root mbcx"));
    window.type_into("Filter", "mir::");
    let types = window.state().types.unwrap();
    assert!(types.visible.iter().any(|name| name == "type Vec<mir::Statement>"), "{:?}", types.visible);
}

fn keys(key: Key, modifiers: Modifiers) -> Event {
    Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers }
}

const SHIFTED: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

#[test]
fn a_row_or_the_whole_table_is_copied_as_text() {
    let mut window = Window::demo();
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let table = window.copied(keys(Key::C, SHIFTED));
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let heads = lines.next().unwrap();
    let shallow = heads.iter().position(|head| *head == "Shallow").unwrap();
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), analysis.types().len());
    let sum: u64 = lines.iter().map(|line| line[shallow].parse::<u64>().unwrap()).sum();
    assert_eq!(sum, analysis.types().iter().map(|row| row.shallow).sum::<u64>(), "to the byte");
    // Without a selected row Ctrl+C copies all of it as well.
    assert_eq!(window.copied(Event::Copy), table);
    window.key(Key::ArrowDown);
    let row = window.copied(Event::Copy);
    assert_eq!(row.lines().map(|line| line.split('\t').collect::<Vec<_>>()).collect::<Vec<_>>(), lines[..1]);
    assert!(window.reads("copied a row of types"));
    // The table that was clicked last is meant, until another view is shown.
    window.click_row("root session");
    let root = window.copied(Event::Copy);
    let sizes = analysis.roots().iter().find(|root| root.name == "session").unwrap().sizes;
    assert_eq!(root, format!("session\t{}\t{}\t{}\n", sizes.alone, sizes.in_all, sizes.shared));
    window.click(Role::Button, "Fragmentation");
    assert!(window.copied(keys(Key::C, SHIFTED)).starts_with("Type\tSlack\t"));
    // What is typed is copied by the field.
    window.type_into("Filter", "hir");
    window.0.event(Event::Copy);
    window.settle();
    assert!(!window.reads("copied a row of Waste by type"));
}

#[test]
fn every_table_has_text_for_every_cell() {
    let mut window = Window::demo();
    window.type_into("Filter", "demo::hir::Expr");
    window.click_row("type demo::hir::Expr");
    let mut seen = Vec::new();
    let mut check = |window: &mut Window, row: &str| {
        window.click_row(row);
        let text = window.copied(keys(Key::C, SHIFTED));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() > 1, "{text}");
        let cells = lines[0].split('\t').count();
        assert!(lines.iter().all(|line| line.split('\t').count() == cells), "{text}");
        seen.push(lines[0].to_owned());
    };
    let first = |window: &Window, what: &str| -> String {
        let rows = window.0.query_all_by_role(Role::Row).filter_map(|node| node.accesskit_node().label());
        rows.into_iter().find(|name| name.starts_with(what)).unwrap_or_else(|| panic!("no row {what}"))
    };
    window.click(Role::Button, "Variants");
    let row = first(&window, "variant ");
    check(&mut window, &row);
    window.click(Role::Button, "Clear");
    window.type_into("Filter", "Vec<u32>");
    window.click_row("type Vec<u32>");
    window.click(Role::Button, "Lengths");
    check(&mut window, "lengths Vec<u32>");
    window.click(Role::Button, "Clear");
    window.type_into("Filter", "demo::Table");
    window.click_row("type demo::Table");
    for (tab, what) in [("Fields", "field "), ("Nodes", "node #")] {
        window.click(Role::Button, tab);
        let row = first(&window, what);
        check(&mut window, &row);
    }
    window.click(Role::Button, "Clear");
    window.click(Role::Button, "Ownership");
    check(&mut window, "node session: demo::Session");
    window.click(Role::Button, "Fragmentation");
    for (tab, what) in [("Waste by type", "waste of "), ("Size classes", "class "), ("Cliffs", "cliff of ")] {
        window.click(Role::Button, tab);
        let row = first(&window, what);
        check(&mut window, &row);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 8, "each of them is another table: {seen:#?}");
}

#[test]
fn a_table_is_written_as_csv_and_nothing_is_replaced_unasked() {
    let mut window = Window::demo();
    let path = directory("csv").join("types, all.csv");
    let _ = fs::remove_file(&path);
    window.0.key_press_modifiers(Modifiers::COMMAND, Key::E);
    window.settle();
    window.export_to(&path);
    assert!(window.reads(&format!("wrote {}", path.display())));
    let written = fs::read_to_string(&path).unwrap();
    let types = window.inspector().document().unwrap().analysis.types().len();
    assert_eq!(written.lines().count(), types + 1);
    assert!(written.starts_with("Type,Count,"), "{written}");
    fs::write(&path, "mine").unwrap();
    window.click(Role::Button, "Export");
    window.click(Role::Button, "Table as CSV…");
    window.export_to(&path);
    assert!(window.reads("there is a file already"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    window.click(Role::Button, "Replace");
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    // Errors stand in the dialog, with the path.
    window.0.key_press_modifiers(Modifiers::COMMAND, Key::E);
    window.settle();
    let nowhere = path.join("below a file.csv");
    window.export_to(&nowhere);
    assert!(window.reads("it could not be written") && window.reads("below a file.csv"));
    window.key(Key::Escape);
    assert!(!window.has(Role::TextInput, "Path of the file"));
}

#[test]
fn pictures_of_the_middle_and_of_the_window_are_written() {
    let mut window = Window::demo();
    window.click(Role::Button, "Icicle");
    for (modifiers, name) in [(Modifiers::COMMAND, "middle.png"), (SHIFTED, "window.png")] {
        let path = directory("png").join(name);
        let _ = fs::remove_file(&path);
        window.0.key_press_modifiers(modifiers, Key::P);
        window.settle();
        window.export_to(&path);
        let picture = image::open(&path).unwrap().into_rgb8();
        let colours: std::collections::HashSet<_> = picture.pixels().collect();
        assert!(colours.len() > 100, "{name} is blank");
        let (width, height) = picture.dimensions();
        match name {
            "window.png" => assert_eq!((width, height), (1400, 900)),
            _ => assert!(width > 400 && width < 1000 && height > 500 && height < 900, "{width} {height}"),
        }
    }
}

/// Views without a table are exported as what they show.
#[test]
fn trees_and_the_ledger_are_tables_as_well() {
    let mut window = Window::demo();
    let analysis = window.inspector().document().unwrap().analysis.clone();
    for (view, head) in
        [("Overview", "What\tBlocks\tBytes"), ("Hyperbolic", "Node\t"), ("Treemap", "Level\t")]
    {
        window.click(Role::Button, view);
        let text = window.copied(keys(Key::C, SHIFTED));
        assert!(text.starts_with(head), "{text}");
        let lines = text.lines().count() - 1;
        match view {
            "Hyperbolic" => assert_eq!(lines, disk(&window).dots),
            "Overview" => {
                assert!(text.contains(&format!("population\t{}\t", analysis.ledger().population.blocks)));
            }
            _ => assert!(lines > 50),
        }
    }
}

#[test]
fn a_row_has_a_menu_that_copies_it() {
    let mut window = Window::demo();
    let first = window.state().types.unwrap().visible[0].clone();
    let rect = window.0.get_by_role_and_label(Role::Row, &first).rect();
    let pos = rect.left_center() + vec2(60.0, 0.0);
    window.0.event(Event::PointerMoved(pos));
    for pressed in [true, false] {
        let (button, modifiers) = (PointerButton::Secondary, Modifiers::NONE);
        window.0.event(Event::PointerButton { pos, button, pressed, modifiers });
    }
    window.settle();
    window.click(Role::Button, "Copy row");
    assert!(window.reads("copied a row of types"));
}

/// What is to be clicked, typed into and chosen from lies in the window, apart from
/// each other, and has room for its text, at every scale and in the smallest window.
#[test]
fn controls_fit_at_every_scale() {
    let roles = [Role::Button, Role::CheckBox, Role::ComboBox, Role::TextInput];
    for (size, pixels_per_point) in [
        (vec2(816.0, 516.0), 1.0),
        (vec2(816.0, 516.0), 1.5),
        (vec2(816.0, 516.0), 2.5),
        (vec2(1400.0, 900.0), 1.25),
    ] {
        let options = Options { open: Some(Origin::File(demo_path().into())), ..Options::default() };
        let mut window = Window::open_at(options, size, pixels_per_point);
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, size).expand(0.6);
        for view in View::ALL {
            window.click(Role::Button, view.title());
            // What is in a picture or in a list may be cut off where that ends.
            let picture = window.0.query_all_by_role(Role::Canvas).map(|node| node.rect()).next();
            let details = window.0.get_by_label("Details").rect();
            let mut seen: Vec<(egui::Rect, String)> = Vec::new();
            for role in roles {
                for node in window.0.query_all_by_role(role) {
                    let (rect, name) = (node.rect(), node.accesskit_node().label().unwrap_or_default());
                    let is_inside =
                        picture.is_some_and(|picture| picture.expand(9.0).contains(rect.center()));
                    if is_inside
                        || !rect.is_positive()
                        || rect.center().x > details.left() && rect.top() > 60.0
                    {
                        continue;
                    }
                    let at = format!("{view:?} at {pixels_per_point}, {size:?}: `{name}` {rect:?}");
                    // Lists scroll: what is below their end is not on the screen.
                    let is_listed = view == View::Overview && rect.top() > 130.0;
                    assert!(screen.contains_rect(rect) || is_listed, "{at} is outside");
                    if let Some((_, other)) = seen.iter().find(|(other, _)| {
                        let both = other.intersect(rect);
                        both.width() > 1.0 && both.height() > 1.0
                    }) {
                        assert!(is_listed, "{at} overlaps `{other}`");
                    }
                    seen.push((rect, name));
                }
            }
            assert!(seen.len() > 10, "{view:?}: {seen:?}");
            // Text lies in its pane: cut off only where it says so, in tables and pictures.
            let middle =
                window.0.query_all_by_role_and_label(Role::Button, "Overview").next().unwrap().rect().left();
            let status = window.0.get_by_label("ledger closes").rect().top() - 4.0;
            let tables: Vec<_> = window.0.query_all_by_role(Role::Table).map(|node| node.rect()).collect();
            for node in window.0.query_all_by_role(Role::Label) {
                let rect = node.rect();
                let is_in = |area: &egui::Rect| area.expand(9.0).contains(rect.left_center());
                let is_bar = rect.top() < 40.0 || rect.bottom() > status;
                if is_bar
                    || !rect.is_positive()
                    || tables.iter().any(is_in)
                    || picture.as_ref().is_some_and(is_in)
                {
                    continue;
                }
                let end = match rect.left() {
                    left if left < middle - 9.0 => middle,
                    left if left < details.left() - 9.0 => details.left(),
                    _ => size.x,
                };
                let text = node.accesskit_node().label().or_else(|| node.accesskit_node().value());
                assert!(
                    rect.right() <= end + 1.0,
                    "{view:?} at {pixels_per_point}, {size:?}: {text:?} {rect:?} ends at {end}"
                );
            }
            // Headers of the table have room for their text.
            for node in window.0.query_all_by_role(Role::ColumnHeader) {
                let name = node.accesskit_node().label().unwrap_or_default();
                let wide = 5.5 * name.chars().count() as f32;
                assert!(node.rect().width() >= wide, "{view:?}: the header {name} is cut: {:?}", node.rect());
            }
        }
    }
}

#[test]
fn what_nobody_claims_is_listed_by_size_class() {
    let mut window = Window::demo();
    window.click(Role::Button, "Unclaimed");
    // The demo was taken without stacks: sizes come first, and how to get stacks is said where they would be.
    assert!(!window.state().unclaimed.is_empty());
    window.click(Role::Button, "By stack");
    assert!(window.reads("HEAP_TRACK=stacks"));
    window.click(Role::Button, "By size class");
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let rows = &analysis.ledger().unclaimed;
    assert!(!rows.is_empty() && window.state().unclaimed.len() == rows.len());
    assert_eq!(window.state().unclaimed[0], format!("unclaimed {} B", rows[0].usable));
    window.click(Role::ColumnHeader, "Class");
    let mut sizes: Vec<u64> = rows.iter().map(|row| row.usable).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let sizes: Vec<String> = sizes.iter().map(|size| format!("unclaimed {size} B")).collect();
    assert_eq!(window.state().unclaimed, sizes);
    let text = window.copied(keys(Key::C, SHIFTED));
    let bytes: u64 =
        text.lines().skip(1).map(|line| line.split('\t').nth(1).unwrap().parse::<u64>().unwrap()).sum();
    let class = analysis.ledger().classes.last().unwrap();
    assert_eq!(bytes, class.bytes, "all unclaimed bytes");
    // By tag all of them are there as well, and by holder those of a snapshot in which it was searched.
    window.click(Role::Button, "By tag");
    assert_eq!(window.state().unclaimed.len(), analysis.tags(true).rows.len());
    window.click(Role::Button, "By holder");
    let found = analysis.unclaimed();
    assert_eq!(window.state().unclaimed.len(), found.rows.len());
    assert!(found.problems.iter().all(|problem| window.reads(problem)), "{:?}", found.problems);
}

/// A snapshot with stacks says which code allocated what nobody claims, and any node.
#[test]
fn stacks_are_shown_where_they_were_recorded() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../heap-snapshot/tests/corpus/v2.2.heapsnap");
    let mut window = Window::file(&corpus);
    let analysis = window.inspector().document().unwrap().analysis.clone();
    assert!(analysis.has_stacks());
    window.click(Role::Button, "Unclaimed");
    assert!(!window.reads("HEAP_TRACK=stacks"));
    let rows = analysis.stacks(true, 0).rows;
    assert!(!rows.is_empty());
    let names = |row: &heap_analysis::stacks::StackRow| {
        row.frames.first().map_or("without a stack".to_owned(), |code| code.name().to_owned())
    };
    assert_eq!(window.state().unclaimed, rows.iter().map(names).collect::<Vec<_>>());
    window.key(Key::ArrowDown);
    assert!(window.has(Role::Button, "Copy stack"));
    let node = analysis.heap().node_ids().find(|node| !analysis.stack_of(*node).is_empty()).unwrap();
    let row = analysis.tree_row(node).unwrap();
    window.click(Role::Button, "Types");
    window.type_into("Filter", &row.type_name);
    window.click_row(&format!("type {}", row.type_name));
    window.click(Role::Button, "Nodes");
    window.click_row(&format!("node #{}", node.0));
    assert!(window.reads("Allocated in"));
}

/// A snapshot on its way: the file is read, or nodes are joined as well. Nothing is shown that is not known, and
/// nothing is worked out by drawing.
#[test]
fn what_is_known_of_a_snapshot_on_its_way_is_shown() {
    struct Page {
        opening: Opening,
        so_far: SoFar,
    }
    let mut preview = None;
    let loaded = load::load(demo_path(), None, &mut |progress| {
        if let load::Progress::Read(read) = progress {
            preview = Some(read);
        }
        true
    });
    let heap = Arc::new(loaded.unwrap().heap);
    let analysis = Arc::new(Analysis::begin(heap, Arc::default(), Lens::default()));
    let page = Page { opening: Opening::default(), so_far: SoFar { preview, analysis: None } };
    let stage = Stage { what: "joining nodes with blocks", done: None };
    let ui = move |ui: &mut egui::Ui, page: &mut Page| {
        let origin = Origin::File("demo.heapsnap".into());
        page.opening.ui(ui, &origin, &stage, &page.so_far);
    };
    let mut harness = Harness::builder().with_size(vec2(1100.0, 800.0)).build_ui_state(ui, page);
    let settle = |harness: &mut Harness<'_, Page>| {
        for _ in 0..50 {
            harness.run();
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    settle(&mut harness);
    let starts = |harness: &Harness<'_, Page>, role, start: &str| {
        harness.query_all_by_role(role).any(|node| {
            let node = node.accesskit_node();
            node.label().or_else(|| node.value()).is_some_and(|text| text.starts_with(start))
        })
    };
    for label in ["population: ", "requested: "] {
        assert!(starts(&harness, Role::Image, label), "{label}");
    }
    assert!(!starts(&harness, Role::Image, "payload"), "the walk's level is not known");
    for text in ["joining nodes with blocks", "session", "checker.module", "demo (process 4242)"] {
        assert!(harness.query_by_label_contains(text).is_some(), "{text}");
    }
    assert!(harness.query_by_label("come when nodes are joined with blocks").is_some());
    // Three roots, of which neither size is known.
    assert_eq!(harness.query_all_by_label("…").count(), 6);

    harness.state_mut().so_far.analysis = Some(Arc::clone(&analysis));
    settle(&mut harness);
    let rows = |harness: &Harness<'_, Page>| -> Vec<String> {
        let rows = harness.query_all_by_role(Role::Row);
        rows.filter_map(|row| row.accesskit_node().label()).collect()
    };
    let first = &analysis.types_without_retained()[0];
    assert_eq!(rows(&harness)[0], format!("type {}", first.name), "most bytes first");
    assert!(harness.query_all_by_label("…").count() > 6, "retained sizes are not known");
    harness.get_by_role_and_label(Role::ColumnHeader, "Retained").click();
    settle(&mut harness);
    assert_eq!(rows(&harness)[0], format!("type {}", first.name), "nothing is sorted by what is not known");
    harness.get_by_role_and_label(Role::ColumnHeader, "Count").click();
    settle(&mut harness);
    let most = analysis.types_without_retained().iter().max_by_key(|row| row.count).unwrap();
    assert_eq!(rows(&harness)[0], format!("type {}", most.name));
    assert!(!analysis.has_retained(), "the drawing thread asked for what is not known");

    assert!(harness.query_by_label_contains("ledger closes:").is_none());
    analysis.ledger();
    settle(&mut harness);
    assert!(harness.query_by_label_contains("the ledger closes:").is_some());
}

/// Of the compiler's snapshot, whose config says which keys lead into which tables.
#[test]
fn an_arc_of_a_key_says_what_it_is_and_leads_to_the_table() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rustc-config/sample/rustc.heapsnap");
    let mut window = Window::file(&sample);
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let heap = analysis.heap();
    let is_key =
        |edge: &heap_analysis::heap::Edge| heap.edge_name(edge.kind) == "key" && edge.from != edge.to;
    let key =
        heap.node_ids().find_map(|node| heap.edges_from(node).find(is_key)).expect("keys lead somewhere");
    window.click(Role::Button, "Hyperbolic");
    window.0.state_mut().as_mut().unwrap().select(Selection::Node(key.from));
    window.settle();
    let name = format!("key to {}", analysis.label(key.to));
    let arc = window.0.query_all_by_role_and_label(Role::Link, &name).next();
    let middle = arc.unwrap_or_else(|| panic!("no arc is `{name}`")).rect().center();
    window.0.event(Event::PointerMoved(middle));
    for _ in 0..40 {
        window.0.step();
    }
    assert!(window.reads(&name), "the pointer on it says what it is");
    window.0.query_all_by_role_and_label(Role::Link, &name).next().unwrap().click();
    window.settle();
    assert_eq!(window.inspector().selection(), Selection::Node(key.to));
    // Without that kind of arcs there is none.
    window.0.state_mut().as_mut().unwrap().select(Selection::Node(key.from));
    window.settle();
    window.click(Role::Button, "Arcs");
    window.click(Role::CheckBox, "Keys");
    assert!(!window.has(Role::Link, &name));
}

#[test]
fn all_of_the_details_is_copied_as_text() {
    let mut window = Window::demo();
    let analysis = window.inspector().document().unwrap().analysis.clone();
    let copy = |window: &mut Window| {
        window.0.get_by_role_and_label(Role::Button, "Copy all").click();
        window.0.step();
        let commands = window.0.output().platform_output.commands.clone();
        let text = commands.into_iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text),
            _ => None,
        });
        window.settle();
        text.expect("it is copied")
    };
    window.click_row("root session");
    let text = copy(&mut window);
    let session = analysis.roots().iter().find(|root| root.name == "session").unwrap();
    let has = |text: &str, line: String| assert!(text.lines().any(|one| one == line), "{line} in {text}");
    has(&text, format!("alone\t{}", session.sizes.alone));
    has(&text, format!("in all\t{}", session.sizes.in_all));
    has(&text, format!("address\t{:#x}", session.addr));
    has(&text, "root\tsession".into());
    has(&text, "Held by".into());
    // Of a block: where its bytes go, and who holds it.
    let node = analysis.heap().edges_from(session.node).next().unwrap().to;
    window.0.state_mut().as_mut().unwrap().select(Selection::Node(node));
    window.settle();
    let text = copy(&mut window);
    let detail = analysis.node(node).unwrap();
    has(&text, format!("usable\t{}", detail.usable));
    has(&text, format!("payload\t{}", detail.split.payload));
    assert!(text.contains(&format!("#{}", session.node.0)), "its owner: {text}");
    let row = &analysis.types()[0];
    window.0.state_mut().as_mut().unwrap().select(Selection::Type(row.id));
    window.settle();
    let text = copy(&mut window);
    has(&text, format!("payload\t{}", row.payload));
    has(&text, format!("count\t{}", row.count));
    assert!(text.starts_with(&row.name) && text.contains("alone\t"), "{text}");
}

/// Each view is asked something on real heaps, by role and label: the borrow checker's and the compiler's.
#[test]
fn every_view_answers_on_real_heaps() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for sample in ["sample/borrowck.heapsnap", "../rustc-config/sample/rustc.heapsnap"] {
        let mut window = Window::file(&root.join(sample));
        let analysis = window.inspector().document().unwrap().analysis.clone();
        let reachable = analysis.summary().reachable;
        let bytes = heap_analysis::units::bytes;
        let of_virtual = |tree| analysis.below(tree, Above::Virtual, None, 1).rows.remove(0);
        let top = of_virtual(Tree::Dominated);

        window.click(Role::Button, "Overview");
        let whole = |row: &&heap_analysis::owners::RootRow| row.name_for.is_none() && row.part_of.is_none();
        let sizes = |row: &heap_analysis::owners::RootRow| row.with_parts.unwrap_or(row.sizes);
        let most = analysis.roots().iter().filter(whole).max_by_key(|row| sizes(row).in_all).unwrap();
        let (alone, in_all) = (bytes(sizes(most).alone), bytes(sizes(most).in_all));
        window.click(Role::Button, &format!("{}: {alone} alone, {in_all} in all", most.name));
        assert_eq!(window.inspector().selection(), Selection::Node(most.node), "{sample}");
        assert!(window.has(Role::Button, "Copy all"), "{sample}: details of it are shown");

        window.click(Role::Button, "Types");
        window.click(Role::ColumnHeader, "Retained");
        let column = window.column(|row| row.retained);
        assert!(column.len() > 5 && column.is_sorted_by(|a, b| a >= b), "{sample}: {column:?}");
        let first = window.state().types.unwrap().visible.remove(0);
        window.click_row(&first);
        let row = analysis.types().iter().find(|row| format!("type {}", row.name) == first).unwrap();
        assert_eq!(window.inspector().selection(), Selection::Type(row.id), "{sample}");

        window.click(Role::Button, "Ownership");
        let closed = window.state().tree;
        window.click(Role::DisclosureTriangle, &format!("Open {}", of_virtual(Tree::Owned).place));
        assert!(window.state().tree.len() > closed.len(), "{sample}: {closed:?}");
        window.click(Role::Button, "What goes with what");
        assert!(window.state().tree[0].contains("everything reachable"), "{sample}");

        window.click(Role::Button, "Hyperbolic");
        window.key(Key::Home);
        window.key(Key::ArrowRight);
        let shown = disk(&window);
        assert_eq!(shown.focus, analysis.label(top.node), "{sample}");
        assert_eq!(window.inspector().selection(), Selection::Node(top.node), "{sample}");
        assert_eq!(shown.drawn_bytes + shown.rest_bytes + shown.outside_bytes, reachable, "{sample}");

        for view in ["Icicle", "Treemap"] {
            window.click(Role::Button, view);
            window.key(Key::Enter);
            let shown = window.state().tiles.expect("rectangles are drawn");
            assert_eq!(
                (shown.top, shown.bytes),
                (analysis.label(top.node), top.retained),
                "{sample}, {view}"
            );
            window.click(Role::Link, "to everything reachable");
            assert_eq!(window.state().tiles.unwrap().bytes, reachable, "{sample}, {view}");
        }

        window.click(Role::Button, "Fragmentation");
        let (found, pages) = (analysis.fragmentation(), analysis.pages());
        assert_eq!(window.state().waste[0], format!("waste of {}", found.types[0].type_name), "{sample}");
        for (tab, is_empty, row) in [
            ("Size classes", found.classes.is_empty(), "class "),
            ("Cliffs", found.cliffs.is_empty(), "cliff of "),
            ("Slabs", pages.classes.is_empty(), "slabs of "),
            ("Pinned pages", pages.types.is_empty(), "pinned by "),
        ] {
            window.click(Role::Button, tab);
            let rows = window.state().waste;
            assert_eq!(rows.is_empty(), is_empty, "{sample}, {tab}");
            assert!(rows.iter().all(|one| one.starts_with(row)), "{sample}, {tab}: {rows:?}");
        }

        window.click(Role::Button, "Unclaimed");
        let unclaimed = &analysis.ledger().unclaimed;
        assert!(!unclaimed.is_empty(), "{sample}");
        for (tab, rows) in [
            ("By size class", unclaimed.len()),
            ("By holder", analysis.unclaimed().rows.len()),
            ("By tag", analysis.tags(true).rows.len()),
        ] {
            window.click(Role::Button, tab);
            let shown = window.state().unclaimed.len();
            assert!(shown <= rows && (shown > 0) == (rows > 0), "{sample}, {tab}: {shown} of {rows}");
        }
        assert_eq!(window.state().error, None, "{sample}");
    }
}
