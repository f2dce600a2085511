//! What the views look like: pictures by a rasteriser on the CPU, compared with
//! those in `tests/snapshots`. `UPDATE_SNAPSHOTS=1` writes the ones that differ anew.

mod support;

use egui::{vec2, Key, Modifiers, Theme};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use image::Rgba;
use inspector_gui::source::Origin;
use inspector_gui::views::View;
use inspector_gui::{Inspector, Options};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};
use support::Rasteriser;

/// Points that the harness leaves around what it draws.
const MARGIN: u32 = 8;

/// Shades of red, green and blue each, and of grey: 252 colours in all.
const SHADES: (u32, u32) = (6, 36);

fn shade(channel: u32, shades: u32) -> (u32, u8) {
    let shade = (channel * (shades - 1) + 127) / 255;
    (shade, (shade * 255 / (shades - 1)) as u8)
}

/// Gives a pixel about the nearest of the colours, and says which that is.
fn reduce(pixel: &mut Rgba<u8>) -> u8 {
    let (colors, greys) = SHADES;
    let [red, green, blue, _] = pixel.0.map(u32::from);
    if red.max(green).max(blue) - red.min(green).min(blue) < 16 {
        let (shade, grey) = shade((red + green + blue) / 3, greys);
        pixel.0[..3].fill(grey);
        return (colors.pow(3) + shade) as u8;
    }
    let mut index = 0;
    for channel in &mut pixel.0[..3] {
        let (shade, reduced) = shade(u32::from(*channel), colors);
        *channel = reduced;
        index = index * colors + shade;
    }
    index as u8
}

/// Writes a picture of these colours, as small as can be.
fn write(path: &Path, (width, height): (u32, u32), indices: &[u8]) {
    let (colors, greys) = SHADES;
    let level = |at: u32, shades: u32| (at * 255 / (shades - 1)) as u8;
    let cube = (0..colors.pow(3)).flat_map(|at| [at / colors / colors, at / colors % colors, at % colors]);
    let cube = cube.map(|at| level(at, colors));
    let ramp = (0..greys).flat_map(|at| [level(at, greys); 3]);
    let file = io::BufWriter::new(fs::File::create(path).unwrap());
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(cube.chain(ramp).collect::<Vec<u8>>());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(indices).unwrap();
    writer.finish().unwrap();
}

struct Window(Harness<'static, Option<Inspector>>);

impl Window {
    fn open(view: View, theme: Theme) -> Window {
        let options = Options { open: Some(Origin::Sample), view, ..Options::default() };
        let ui = move |ui: &mut egui::Ui, inspector: &mut Option<Inspector>| {
            inspector.get_or_insert_with(|| Inspector::new(ui.ctx(), options.clone())).ui(ui);
        };
        let builder = Harness::builder().with_size(vec2(876.0, 556.0)).with_max_steps(200).with_theme(theme);
        let builder = builder.renderer(Rasteriser::default());
        let mut window = Window(builder.build_ui_state(ui, None));
        window.settle();
        window
    }

    fn settle(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        let mut idle = 0;
        while idle < 3 {
            self.0.run();
            idle = if self.0.state().as_ref().is_some_and(Inspector::is_busy) { 0 } else { idle + 1 };
            assert!(Instant::now() < end, "the window does not settle");
            if idle == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    fn key(&mut self, key: Key) {
        self.0.key_press(key);
        self.settle();
    }

    /// Compares the window with the picture of this name.
    #[track_caller]
    fn check(mut self, name: &str) {
        self.settle();
        let whole = self.0.render().expect("the window is drawn");
        // Without the margin that the harness leaves, in so few colours that the
        // pictures in the repository stay small.
        let mut picture = image::imageops::crop_imm(
            &whole,
            MARGIN,
            MARGIN,
            whole.width() - 2 * MARGIN,
            whole.height() - 2 * MARGIN,
        )
        .to_image();
        let indices: Vec<u8> = picture.pixels_mut().map(reduce).collect();
        // A colour between two of them may become the other on another machine.
        let options = SnapshotOptions::new().max_failed_pixels(100);
        let mut results = SnapshotResults::new();
        results.add(egui_kittest::try_image_snapshot_options(&picture, name, &options));
        drop(results);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/snapshots/{name}.png"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            write(&path, picture.dimensions(), &indices);
        }
        let size = fs::metadata(path).unwrap().len();
        assert!(size <= 50 * 1024, "{name} has {size} bytes");
    }
}

#[test]
fn overview() {
    Window::open(View::Overview, Theme::Dark).check("overview");
}

#[test]
fn types() {
    let mut window = Window::open(View::Types, Theme::Dark);
    window.key(Key::ArrowDown);
    window.check("types");
}

#[test]
fn types_light() {
    let mut window = Window::open(View::Types, Theme::Light);
    window.key(Key::ArrowDown);
    window.check("types_light");
}

#[test]
fn ownership() {
    let mut window = Window::open(View::Ownership, Theme::Dark);
    for _ in 0..3 {
        window.key(Key::ArrowDown);
        window.key(Key::ArrowRight);
    }
    window.check("ownership");
}

#[test]
fn ownership_light() {
    let mut window = Window::open(View::Ownership, Theme::Light);
    window.key(Key::ArrowDown);
    window.key(Key::ArrowRight);
    window.check("ownership_light");
}

#[test]
fn hyperbolic() {
    Window::open(View::Hyperbolic, Theme::Dark).check("hyperbolic");
}

#[test]
fn hyperbolic_light() {
    let mut window = Window::open(View::Hyperbolic, Theme::Light);
    window.key(Key::ArrowRight);
    window.key(Key::ArrowRight);
    window.check("hyperbolic_light");
}

#[test]
fn plain_tree() {
    let mut window = Window::open(View::Hyperbolic, Theme::Dark);
    window.0.get_by_role_and_label(egui::accesskit::Role::CheckBox, "Plain tree").click();
    window.settle();
    window.check("plain_tree");
}

#[test]
fn icicle() {
    Window::open(View::Icicle, Theme::Dark).check("icicle");
}

#[test]
fn treemap() {
    Window::open(View::Treemap, Theme::Light).check("treemap");
}

#[test]
fn fragmentation() {
    Window::open(View::Fragmentation, Theme::Dark).check("fragmentation");
}

#[test]
fn export() {
    let mut window = Window::open(View::Types, Theme::Light);
    window.0.key_press_modifiers(Modifiers::COMMAND, Key::E);
    window.settle();
    window.check("export");
}
