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

    /// Its colour: the palette of Okabe and Ito, which colour-blind people can tell apart.
    pub fn color(self) -> Color32 {
        match self {
            Part::Payload => Color32::from_rgb(0x00, 0x72, 0xB2),
            Part::Padding => Color32::from_rgb(0xE6, 0xD5, 0x2E),
            Part::Dead => Color32::from_rgb(0xD5, 0x5E, 0x00),
            Part::Overhead => Color32::from_rgb(0xCC, 0x79, 0xA7),
            Part::Spare => Color32::from_rgb(0xE6, 0x9F, 0x00),
            Part::Rounding => Color32::from_rgb(0x56, 0xB4, 0xE9),
            Part::Untyped => Color32::from_rgb(0x8A, 0x8A, 0x8A),
        }
    }
}

/// Colours that tell groups apart, the palette of Okabe and Ito, with their names.
/// What is in none of the groups is [`OTHER`].
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
pub const OTHER: Color32 = Color32::from_rgb(0x8E, 0x93, 0x9A);

/// Colour of a thing to worry about.
pub fn warning(ui: &Ui) -> Color32 {
    if ui.visuals().dark_mode {
        Color32::from_rgb(0xF0, 0xB4, 0x4C)
    } else {
        Color32::from_rgb(0x9A, 0x58, 0x00)
    }
}

/// Colour of an error.
pub fn error(ui: &Ui) -> Color32 {
    if ui.visuals().dark_mode {
        Color32::from_rgb(0xFF, 0x7B, 0x6B)
    } else {
        Color32::from_rgb(0xB3, 0x1D, 0x0F)
    }
}

/// Colour of a check that passed.
pub fn good(ui: &Ui) -> Color32 {
    if ui.visuals().dark_mode {
        Color32::from_rgb(0x5F, 0xD1, 0x8C)
    } else {
        Color32::from_rgb(0x0B, 0x74, 0x3A)
    }
}

/// Background of bars behind numbers.
pub fn bar(ui: &Ui) -> Color32 {
    if ui.visuals().dark_mode {
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
