//! CPU time per frame of each view: the window's own code, layout and
//! tessellation, without a rasteriser, on the thread clock.
//!
//! `cargo run --release -p inspector-gui --example frame_cost [-- NODES…]`, by
//! default with ten thousand and ten million nodes of the made-up snapshot.

use egui::{pos2, vec2, Context, Event, Key, Modifiers, MouseWheelUnit, Pos2, RawInput, Rect};
use heap_analysis::demo;
use inspector_gui::source::Origin;
use inspector_gui::views::View;
use inspector_gui::{Inspector, Options};
use rustix::time::{clock_gettime, ClockId};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Frames that are measured of each scene.
const FRAMES: usize = 60;

const SIZE: egui::Vec2 = vec2(1600.0, 1000.0);
const MIDDLE: Pos2 = pos2(800.0, 600.0);

fn thread_ms() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

fn process_seconds() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Bytes of the process in physical memory.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0) * 4096.0
}

struct Window {
    ctx: Context,
    inspector: Inspector,
    time: f64,
}

/// Milliseconds of a frame, and what it drew.
struct Frame {
    ms: f64,
    vertices: usize,
    repaints: bool,
}

impl Window {
    fn open(path: &Path) -> Window {
        let ctx = Context::default();
        let open = Some(Origin::File(path.into()));
        let inspector = Inspector::new(&ctx, Options { open, ..Options::default() });
        Window { ctx, inspector, time: 0.0 }
    }

    fn frame(&mut self, events: Vec<Event>) -> Frame {
        self.time += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SIZE)),
            time: Some(self.time),
            events,
            focused: true,
            ..RawInput::default()
        };
        let begun = thread_ms();
        let mut output = self.ctx.run_ui(input, |ui| self.inspector.ui(ui));
        let shapes = std::mem::take(&mut output.shapes);
        let meshes = self.ctx.tessellate(shapes, output.pixels_per_point);
        let ms = thread_ms() - begun;
        output.textures_delta.clear();
        let vertices = meshes.iter().map(|mesh| match &mesh.primitive {
            egui::epaint::Primitive::Mesh(mesh) => mesh.vertices.len(),
            egui::epaint::Primitive::Callback(_) => 0,
        });
        let repaints =
            output.viewport_output.values().any(|output| output.repaint_delay < Duration::from_secs(60));
        Frame { ms, vertices: vertices.sum(), repaints }
    }

    fn settle(&mut self) {
        let mut idle = 0;
        while idle < 5 {
            self.frame(Vec::new());
            idle = if self.inspector.is_busy() { 0 } else { idle + 1 };
            if idle == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    fn key(&mut self, key: Key, modifiers: Modifiers) -> Frame {
        self.frame(press(key, modifiers))
    }

    fn show(&mut self, view: View) {
        let shortcut = view.shortcut();
        self.key(shortcut.logical_key, shortcut.modifiers);
        self.settle();
        assert_eq!(self.inspector.view(), view);
    }

    /// Measures frames with the events that `events` gives for each.
    fn measure(
        &mut self,
        nodes: usize,
        scene: &str,
        target: f64,
        events: &mut dyn FnMut(usize) -> Vec<Event>,
    ) {
        let frames: Vec<Frame> = (0..FRAMES).map(|at| self.frame(events(at))).collect();
        let mut times: Vec<f64> = frames.iter().map(|frame| frame.ms).collect();
        times.sort_by(f64::total_cmp);
        let vertices = frames.iter().map(|frame| frame.vertices).max().unwrap_or(0);
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        let verdict = if median <= target { "" } else { "  over" };
        println!(
            "{nodes:>10}  {scene:<34} {median:>7.2} {worst:>7.2}  {target:>5.1}  {vertices:>8}{verdict}"
        );
    }
}

fn press(key: Key, modifiers: Modifiers) -> Vec<Event> {
    let one = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
    vec![one(true), one(false)]
}

fn wheel(at: usize) -> Vec<Event> {
    let y = if at % 40 < 30 { -4.0 } else { 8.0 };
    let wheel = Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, y),
        phase: egui::TouchPhase::Move,
        modifiers: Modifiers::NONE,
        source: egui::MouseWheelSource::Wheel,
    };
    vec![Event::PointerMoved(MIDDLE), wheel]
}

fn run(nodes: usize, path: &Path) {
    let (begun, cpu) = (Instant::now(), process_seconds());
    let mut window = Window::open(path);
    let mut waits = 0.0_f64;
    let mut since: [Option<(f64, f64)>; 2] = [None, None];
    while window.inspector.document().is_none() {
        let so_far = window.inspector.so_far();
        waits = waits.max(window.frame(Vec::new()).ms);
        // Drawn by now.
        let has_types = so_far.as_ref().is_some_and(|(_, _, so_far)| so_far.analysis.is_some());
        for (since, is_there) in since.iter_mut().zip([so_far.is_some(), has_types]) {
            if is_there {
                since.get_or_insert_with(|| (begun.elapsed().as_secs_f64(), process_seconds() - cpu));
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let whole = (begun.elapsed().as_secs_f64(), process_seconds() - cpu);
    let [first, types] = since.map(|since| since.unwrap_or(whole));
    window.settle();
    let loaded = resident();
    for (what, (seconds, cpu)) in [("first picture", first), ("types", types), ("everything", whole)] {
        println!("{nodes:>10}  {what} after {seconds:.1} s ({cpu:.1} s of CPU of all threads)");
    }
    println!("{nodes:>10}  slowest frame meanwhile {waits:.1} ms");

    window.measure(nodes, "types, scrolling", 2.0, &mut wheel);
    window.measure(nodes, "types, nothing happens", 2.0, &mut |_| Vec::new());
    assert!(!window.frame(Vec::new()).repaints, "an idle window asks for frames");
    window.show(View::Ownership);
    for _ in 0..3 {
        window.key(Key::ArrowDown, Modifiers::NONE);
        window.key(Key::ArrowRight, Modifiers::NONE);
        window.settle();
    }
    window.measure(nodes, "ownership and details, scrolling", 4.0, &mut wheel);
    window.show(View::Fragmentation);
    window.measure(nodes, "fragmentation, scrolling", 2.0, &mut wheel);
    window.show(View::Hyperbolic);
    window.key(Key::Home, Modifiers::NONE);
    window.settle();
    // Every other key comes while everything moves; then it moves on for the rest.
    let keys =
        [Key::ArrowRight, Key::ArrowDown, Key::ArrowRight, Key::ArrowLeft, Key::ArrowDown, Key::ArrowLeft];
    window.measure(nodes, "hyperbolic, moving", 4.0, &mut |at| {
        if at % 10 == 0 {
            press(keys[at / 10 % keys.len()], Modifiers::NONE)
        } else {
            Vec::new()
        }
    });
    window.settle();
    window.key(Key::Home, Modifiers::NONE);
    window.settle();
    let at_rest = &mut |at: usize| press(if at % 8 < 4 { Key::Minus } else { Key::Plus }, Modifiers::NONE);
    window.measure(nodes, "hyperbolic, a new picture each frame", 8.0, at_rest);
    for _ in 0..4 {
        window.key(Key::ArrowRight, Modifiers::NONE);
        window.settle();
    }
    window.measure(nodes, "the same, four levels down", 8.0, at_rest);
    window.measure(nodes, "hyperbolic, nothing happens", 8.0, &mut |_| Vec::new());
    assert!(!window.frame(Vec::new()).repaints, "an idle window asks for frames");
    for (view, scene) in [
        (View::Icicle, "icicle, a new picture each frame"),
        (View::Treemap, "treemap, a new picture each frame"),
    ] {
        window.show(view);
        // Into the largest, and back to everything.
        window.measure(nodes, scene, 3.0, &mut |at| match at % 4 {
            0 => press(Key::ArrowDown, Modifiers::NONE),
            1 => press(Key::Enter, Modifiers::NONE),
            2 => Vec::new(),
            _ => press(Key::Home, Modifiers::NONE),
        });
    }
    // Not while a search is under way: what it needs is gone when it is done.
    window.settle();
    let own = (resident() - loaded).max(0.0);
    println!("{nodes:>10}  {:.1} bytes a node beyond the loaded heap, after all views", own / nodes as f64);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // A process of its own makes the file, so that its memory is in no figure.
    if let [make, path, nodes] = &arguments[..] {
        if make == "--make" {
            let nodes = nodes.parse().expect("a number of nodes");
            return std::fs::write(path, demo::file(nodes)).expect("the snapshot is written");
        }
    }
    let mut counts: Vec<usize> = arguments.iter().filter_map(|text| text.parse().ok()).collect();
    if counts.is_empty() {
        counts = vec![10_000, 10_000_000];
    }
    println!("     nodes  scene                               median   worst target  vertices   (ms of CPU)");
    for nodes in counts {
        let path: PathBuf =
            std::env::temp_dir().join(format!("frame-cost-{}-{nodes}.heapsnap", std::process::id()));
        let made = Command::new(std::env::current_exe().expect("this program"))
            .arg("--make")
            .args([path.as_os_str(), nodes.to_string().as_ref()])
            .status();
        assert!(made.is_ok_and(|status| status.success()), "the snapshot could not be made");
        run(nodes, &path);
        // Nothing depends on it any more.
        let _ = std::fs::remove_file(&path);
    }
}
