//! Colours and spacing, for light and dark.

use egui::{Color32, Stroke, Theme, Ui};

/// A part of the bytes of a block, in the order in which parts are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Leaf values and discriminants.
    Payload,
    /// Bytes between and after fields.
    Padding,
    /// Dead variant space.
    Dead,
    /// Container overhead.
    Overhead,
    /// Spare capacity.
    Spare,
    /// Usable less requested.
    Rounding,
    /// Bytes nobody can read.
    Untyped,
}

impl Part {
    /// All of them: together they are the usable bytes.
    pub const ALL: [Part; 7] = [
        Part::Payload,
        Part::Padding,
        Part::Dead,
        Part::Overhead,
        Part::Spare,
        Part::Rounding,
        Part::Untyped,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Payload => "payload",
            Part::Padding => "padding",
            Part::Dead => "dead variant space",
            Part::Overhead => "container overhead",
            Part::Spare => "spare capacity",
            Part::Rounding => "rounding",
            Part::Untyped => "untyped",
        }
    }

    /// What it is, in one sentence.
    pub const fn help(self) -> &'static str {
        match self {
            Part::Payload => {
                "Leaf values and discriminants, summed from the bottom up as the types describe them."
            }
            Part::Padding => "Bytes between and after fields that alignment asks for.",
            Part::Dead => {
                "Bytes of enums that the active variant has no use for, because another one is larger."
            }
            Part::Overhead => {
                "Bookkeeping inside blocks: Rc counts, hash control bytes, B-tree node headers."
            }
            Part::Spare => {
                "Requested bytes that hold no element: capacity beyond the length, empty hash buckets."
            }
            Part::Rounding => "Usable less requested bytes: what the allocator's size classes add.",
            Part::Untyped => "Requested bytes nobody can read: opaque, raw and unclaimed blocks, unions.",
        }
    }

    /// Its colour, after the palette of Okabe and Ito, which colour-blind people can tell apart.
    pub fn color(self) -> Color32 {
        match self {
            Part::Payload => Color32::from_rgb(0x00, 0x72, 0xB2),
            Part::Padding => Color32::from_rgb(0xE6, 0xD5, 0x2E),
            Part::Dead => Color32::from_rgb(0xD5, 0x5E, 0x00),
            Part::Overhead => Color32::from_rgb(0xCC, 0x79, 0xA7),
            Part::Spare => Color32::from_rgb(0xE6, 0x9F, 0x00),
            Part::Rounding => Color32::from_rgb(0x56, 0xB4, 0xE9),
            Part::Untyped => Color32::from_rgb(0x6B, 0x6F, 0x75),
        }
    }
}

/// Name of the palettes, as users find it elsewhere.
pub const PALETTE_NAME: &str = "Okabe–Ito";

/// Colours that tell groups apart, after the palette of Okabe and Ito: black is left out, and
/// blues and yellow are such that they are seen on light and on dark. What is in none of the
/// groups is [`OTHER`].
pub const PALETTE: [(&str, Color32); 7] = [
    ("blue", Color32::from_rgb(0x2B, 0x8C, 0xCC)),
    ("orange", Color32::from_rgb(0xE6, 0x9F, 0x00)),
    ("green", Color32::from_rgb(0x00, 0x9E, 0x73)),
    ("vermilion", Color32::from_rgb(0xD5, 0x5E, 0x00)),
    ("sky blue", Color32::from_rgb(0x7C, 0xC8, 0xF0)),
    ("purple", Color32::from_rgb(0xCC, 0x79, 0xA7)),
    ("yellow", Color32::from_rgb(0xE0, 0xCF, 0x3A)),
];

/// Colour of what is in no group.
pub const OTHER: Color32 = Color32::from_rgb(0x6A, 0x6E, 0x75);

/// Colour of a thing to worry about.
pub fn warning(ui: &Ui) -> Color32 {
    warning_of(ui.visuals().dark_mode)
}

fn warning_of(is_dark: bool) -> Color32 {
    if is_dark {
        Color32::from_rgb(0xF0, 0xB4, 0x4C)
    } else {
        Color32::from_rgb(0x9A, 0x58, 0x00)
    }
}

/// Colour of an error.
pub fn error(ui: &Ui) -> Color32 {
    error_of(ui.visuals().dark_mode)
}

fn error_of(is_dark: bool) -> Color32 {
    if is_dark {
        Color32::from_rgb(0xFF, 0x7B, 0x6B)
    } else {
        Color32::from_rgb(0xB3, 0x1D, 0x0F)
    }
}

/// Colour of a check that passed.
pub fn good(ui: &Ui) -> Color32 {
    good_of(ui.visuals().dark_mode)
}

fn good_of(is_dark: bool) -> Color32 {
    if is_dark {
        Color32::from_rgb(0x5F, 0xD1, 0x8C)
    } else {
        Color32::from_rgb(0x0B, 0x74, 0x3A)
    }
}

/// Background of bars behind numbers.
pub fn bar(ui: &Ui) -> Color32 {
    bar_of(ui.visuals().dark_mode)
}

fn bar_of(is_dark: bool) -> Color32 {
    if is_dark {
        Color32::from_rgb(0x1F, 0x4A, 0x66)
    } else {
        Color32::from_rgb(0xBF, 0xDF, 0xF3)
    }
}

/// Sets both themes up. Called once for a window.
pub fn install(ctx: &egui::Context) {
    ctx.style_mut_of(Theme::Dark, |style| {
        let visuals = &mut style.visuals;
        visuals.panel_fill = Color32::from_rgb(0x1B, 0x1D, 0x21);
        visuals.window_fill = Color32::from_rgb(0x23, 0x26, 0x2B);
        visuals.extreme_bg_color = Color32::from_rgb(0x13, 0x15, 0x18);
        visuals.faint_bg_color = Color32::from_rgb(0x20, 0x23, 0x28);
        visuals.selection.bg_fill = Color32::from_rgb(0x1F, 0x5A, 0x86);
        visuals.selection.stroke = Stroke::new(1.0, Color32::WHITE);
        visuals.widgets.noninteractive.fg_stroke.color = Color32::from_rgb(0xCF, 0xD3, 0xD8);
        visuals.widgets.inactive.fg_stroke.color = Color32::from_rgb(0xDC, 0xE0, 0xE5);
        visuals.widgets.noninteractive.bg_stroke.color = Color32::from_rgb(0x33, 0x37, 0x3E);
    });
    ctx.style_mut_of(Theme::Light, |style| {
        let visuals = &mut style.visuals;
        visuals.panel_fill = Color32::from_rgb(0xFA, 0xFA, 0xFB);
        visuals.weak_text_alpha = 0.78;
        visuals.hyperlink_color = Color32::from_rgb(0x00, 0x65, 0xB3);
        visuals.faint_bg_color = Color32::from_rgb(0xF1, 0xF3, 0xF5);
        visuals.selection.bg_fill = Color32::from_rgb(0xA9, 0xD3, 0xF0);
        visuals.selection.stroke = Stroke::new(1.0, Color32::BLACK);
        visuals.widgets.noninteractive.fg_stroke.color = Color32::from_rgb(0x26, 0x29, 0x2E);
        visuals.widgets.inactive.fg_stroke.color = Color32::from_rgb(0x1D, 0x20, 0x24);
        visuals.widgets.noninteractive.bg_stroke.color = Color32::from_rgb(0xD5, 0xD9, 0xDE);
    });
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = egui::vec2(8.0, 5.0);
        style.spacing.button_padding = egui::vec2(8.0, 3.0);
        // Rows are clicked; what is to be copied has a button for it.
        style.interaction.selectable_labels = false;
        style.interaction.tooltip_delay = 0.35;
        // A blinking cursor repaints a window that is otherwise idle.
        style.visuals.text_cursor.blink = false;
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Context, Visuals};

    fn linear(channel: u8) -> f64 {
        let part = f64::from(channel) / 255.0;
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    }

    fn rgb(color: Color32) -> [f64; 3] {
        [color.r(), color.g(), color.b()].map(linear)
    }

    fn luminance(color: Color32) -> f64 {
        let [red, green, blue] = rgb(color);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast ratio of WCAG 2.
    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn themes() -> [(Theme, Visuals); 2] {
        let ctx = Context::default();
        install(&ctx);
        [Theme::Dark, Theme::Light].map(|theme| (theme, ctx.style_of(theme).visuals.clone()))
    }

    /// What lies over something with alpha, as it is seen.
    fn over(color: Color32, below: Color32) -> Color32 {
        below.blend(color)
    }

    #[test]
    fn text_is_read_on_every_background() {
        for (theme, visuals) in themes() {
            let is_dark = theme == Theme::Dark;
            let backgrounds = [visuals.panel_fill, visuals.faint_bg_color, visuals.extreme_bg_color];
            let (warning, error, good) = (warning_of(is_dark), error_of(is_dark), good_of(is_dark));
            let texts = [
                ("text", visuals.text_color()),
                ("strong", visuals.strong_text_color()),
                ("weak", visuals.weak_text_color()),
                ("link", visuals.hyperlink_color),
                ("warning", warning),
                ("error", error),
                ("good", good),
            ];
            for (name, text) in texts {
                for background in backgrounds {
                    let ratio = contrast(over(text, background), background);
                    assert!(ratio >= 4.5, "{theme:?}: {name} on {background:?} has {ratio:.2}");
                }
            }
            let selection = contrast(visuals.selection.stroke.color, visuals.selection.bg_fill);
            assert!(selection >= 4.5, "{theme:?}: a selected row has {selection:.2}");
            let number = contrast(visuals.text_color(), bar_of(is_dark));
            assert!(number >= 4.5, "{theme:?}: a number on its bar has {number:.2}");
        }
    }

    /// As somebody without one kind of cones sees it (Machado, Oliveira, Fernandes, 2009).
    fn seen(color: Color32, matrix: &[[f64; 3]; 3]) -> [f64; 3] {
        let linear = rgb(color);
        matrix.map(|row| {
            row.iter().zip(linear).map(|(part, channel)| part * channel).sum::<f64>().clamp(0.0, 1.0)
        })
    }

    /// CIE L*a*b* of linear sRGB under D65.
    fn lab([red, green, blue]: [f64; 3]) -> [f64; 3] {
        let curve = |part: f64| if part > 0.008_856 { part.cbrt() } else { 7.787 * part + 16.0 / 116.0 };
        let x = curve((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505);
        let y = curve(0.2126 * red + 0.7152 * green + 0.0722 * blue);
        let z = curve((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    const EYES: [(&str, [[f64; 3]; 3]); 4] = [
        ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    /// A difference of 2.3 is just noticed side by side; these are far beyond that.
    #[test]
    fn colours_are_told_apart_by_every_eye() {
        let parts: Vec<(&str, Color32)> =
            Part::ALL.into_iter().map(|part| (part.name(), part.color())).collect();
        let groups: Vec<(&str, Color32)> = PALETTE.into_iter().chain([("other", OTHER)]).collect();
        for palette in [parts, groups] {
            for (eyes, matrix) in &EYES {
                for (at, (name, color)) in palette.iter().enumerate() {
                    for (other_name, other) in &palette[..at] {
                        let (one, other) = (lab(seen(*color, matrix)), lab(seen(*other, matrix)));
                        let apart = one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                        assert!(apart >= 10.0, "{eyes}: {name} and {other_name} are {apart:.1} apart");
                    }
                }
            }
        }
    }

    /// Graphics keep three to one from what they lie on, where they must be seen to be understood.
    #[test]
    fn colours_are_seen_on_every_background() {
        for (theme, visuals) in themes() {
            let mut faint = Vec::new();
            for (name, color) in PALETTE.into_iter().chain([("other", OTHER)]) {
                let ratio = contrast(color, visuals.panel_fill);
                if ratio < 1.5 {
                    faint.push(format!("{name} has {ratio:.2}"));
                }
            }
            assert_eq!(faint, Vec::<String>::new(), "{theme:?}");
        }
    }
}
