//! Tables and pictures for elsewhere: as text on the clipboard, or in files.
//!
//! A wish is made anywhere (a key, a menu), waits in the context, and is granted
//! by the table that the user is at when that is drawn. Numbers are exact: bytes
//! to the byte, shares in percent, as a spreadsheet reads them.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::dialog::{self, Dialog};
use crate::theme;
use egui::{Color32, ColorImage, Id, Key, KeyboardShortcut, Modal, Modifiers, Rect, TextEdit, Ui};
use heap_analysis::units;
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Copies the whole table; Ctrl+C copies the selected row.
pub const COPY_TABLE: KeyboardShortcut =
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::C);
/// Writes the table into a file.
pub const CSV: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::E);
/// Writes a picture of the middle into a file.
pub const PICTURE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::P);
/// Writes a picture of the window into a file.
pub const WINDOW: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::P);

/// What is in a cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Nothing: it does not apply.
    Nothing,
    /// Text.
    Text(String),
    /// A number of things, or of bytes.
    Number(u64),
    /// A part of a whole, in percent.
    Share(u64, u64),
}

impl Value {
    /// Text of anything.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// Order of values of a column: nothing first, then by number, share or text.
    pub fn compare(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Share(a, of_a), Value::Share(b, of_b)) => {
                // As fractions: a / of_a with b / of_b.
                let cross = |part: u64, other: u64| u128::from(part) * u128::from(other.max(1));
                cross(*a, *of_b).cmp(&cross(*b, *of_a))
            }
            (Value::Nothing, Value::Nothing) => Ordering::Equal,
            (Value::Nothing, _) => Ordering::Less,
            _ => Ordering::Greater,
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Value::Nothing | Value::Share(_, 0) => {}
            Value::Text(text) => out.push_str(text),
            Value::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Value::Share(part, whole) => {
                let _ = write!(out, "{:.3}", *part as f64 / *whole as f64 * 100.0);
            }
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(number)
    }
}

/// Positions of rows in the order of their values in a column; those of one value as they came. O(n log n).
pub fn order(rows: impl Iterator<Item = (u32, Value)>, descending: bool) -> Vec<u32> {
    let mut rows: Vec<(u32, Value)> = rows.collect();
    rows.sort_by(|(at, a), (other, b)| {
        let order = a.compare(b);
        if descending { order.reverse() } else { order }.then(at.cmp(other))
    });
    rows.into_iter().map(|(at, _)| at).collect()
}

/// A table as it was on the screen, with the rows that were scrolled away.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sheet {
    /// Its name, for a file.
    pub name: String,
    /// Heads of its columns.
    pub heads: Vec<String>,
    /// Its rows, each with a value by column.
    pub rows: Vec<Vec<Value>>,
}

impl Sheet {
    /// Heads and rows with tabs between their cells: what spreadsheets paste.
    pub fn tab_separated(&self) -> String {
        let mut text = self.heads.join("\t");
        text.push('\n');
        text.push_str(&self.rows_tab_separated());
        text
    }

    /// The rows alone.
    pub fn rows_tab_separated(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for (at, value) in row.iter().enumerate() {
                if at > 0 {
                    text.push('\t');
                }
                let start = text.len();
                value.write(&mut text);
                if text[start..].contains(['\t', '\n', '\r']) {
                    let plain = text[start..].replace(['\t', '\n', '\r'], " ");
                    text.replace_range(start.., &plain);
                }
            }
            text.push('\n');
        }
        text
    }

    /// Heads and rows with commas between their cells (RFC 4180).
    pub fn comma_separated(&self) -> String {
        let mut text = String::new();
        let heads: Vec<Value> = self.heads.iter().map(Value::text).collect();
        let mut cell = String::new();
        for row in std::iter::once(&heads).chain(&self.rows) {
            for (at, value) in row.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                cell.clear();
                value.write(&mut cell);
                if cell.contains([',', '"', '\n', '\r']) {
                    let _ = write!(text, "\"{}\"", cell.replace('"', "\"\""));
                } else {
                    text.push_str(&cell);
                }
            }
            text.push_str("\r\n");
        }
        text
    }
}

/// What is wanted of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// The selected row on the clipboard; without one, the table.
    CopyRow,
    /// All of it on the clipboard.
    CopyTable,
    /// All of it in a file.
    Csv,
}

/// What waits in the context.
#[derive(Clone, Default)]
struct Desk {
    wish: Option<Wish>,
    /// The table that was clicked or tabbed to last.
    table: Option<Id>,
    granted: Option<(Wish, Arc<Sheet>)>,
    is_certain: bool,
}

fn desk<R>(ctx: &egui::Context, with: impl FnOnce(&mut Desk) -> R) -> R {
    ctx.data_mut(|data| with(data.get_temp_mut_or_default(Id::unique("export"))))
}

/// Wishes for the table that the user is at.
pub fn wish(ctx: &egui::Context, wish: Wish) {
    desk(ctx, |desk| desk.wish = Some(wish));
}

/// The user is at this table now.
pub fn arrive(ctx: &egui::Context, table: Id) {
    desk(ctx, |desk| desk.table = Some(table));
}

/// The user went elsewhere: the main table is meant again.
pub fn leave(ctx: &egui::Context) {
    desk(ctx, |desk| desk.table = None);
}

/// What is wanted of this table, if it is the one, and whether that is certain: the main
/// table is meant only where no other is.
pub fn wanted(ctx: &egui::Context, table: Id, is_main: bool) -> Option<(Wish, bool)> {
    desk(ctx, |desk| {
        let is_here = desk.table == Some(table);
        let wish = desk.wish.filter(|_| is_here || is_main && !desk.is_certain)?;
        Some((wish, is_here))
    })
}

/// Grants a wish.
pub fn grant(ctx: &egui::Context, wish: Wish, sheet: Sheet, is_certain: bool) {
    desk(ctx, |desk| {
        desk.granted = Some((wish, Arc::new(sheet)));
        desk.is_certain = is_certain;
    });
}

/// What was granted since, or the wish that no table has heard.
pub fn take(ctx: &egui::Context) -> Option<Result<(Wish, Arc<Sheet>), Wish>> {
    desk(ctx, |desk| {
        desk.is_certain = false;
        let wish = desk.wish.take();
        desk.granted.take().map(Ok).or(wish.map(Err))
    })
}

/// A picture of the window, asked for now and there a frame or two later.
#[derive(Debug)]
pub struct Shot {
    /// What is kept of it, in points; all without.
    part: Option<Rect>,
    /// Frames to wait, until menus are closed.
    wait: u32,
    image: Arc<Mutex<Option<Arc<ColorImage>>>>,
}

impl Shot {
    /// Of the window, or of a part of it.
    pub fn new(ctx: &egui::Context, part: Option<Rect>) -> Shot {
        ctx.request_repaint();
        Shot { part, wait: 2, image: Arc::default() }
    }

    /// Called once a frame: the picture, once it is there.
    pub fn poll(&mut self, ctx: &egui::Context) -> Option<ColorImage> {
        if self.wait > 0 {
            self.wait -= 1;
            if self.wait == 0 {
                let (place, wake) = (Arc::clone(&self.image), ctx.clone());
                ctx.request_screenshot(move |image| {
                    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(image);
                    wake.request_repaint();
                });
            }
            ctx.request_repaint();
            return None;
        }
        let image = self.image.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(match self.part {
            Some(part) => cut(&image, part * ctx.pixels_per_point()),
            None => Arc::unwrap_or_clone(image),
        })
    }
}

/// A part of a picture, in pixels, as far as it lies in it.
fn cut(image: &ColorImage, part: Rect) -> ColorImage {
    let edge = |at: f32, end: usize| (at.round().max(0.0) as usize).min(end);
    let (left, right) = (edge(part.left(), image.width()), edge(part.right(), image.width()));
    let (top, bottom) = (edge(part.top(), image.height()), edge(part.bottom(), image.height()));
    image.region_by_pixels([left, top], [right.saturating_sub(left), bottom.saturating_sub(top)])
}

/// What goes into a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// A table, as CSV.
    Table(Arc<Sheet>),
    /// A picture, as PNG.
    Picture(Arc<ColorImage>),
}

impl Content {
    fn ending(&self) -> &'static str {
        match self {
            Content::Table(_) => "csv",
            Content::Picture(_) => "png",
        }
    }

    fn what(&self) -> String {
        match self {
            Content::Table(sheet) => {
                format!("the table of {}, {} rows", sheet.name, units::count(sheet.rows.len() as u64))
            }
            Content::Picture(image) => format!("a picture, {} × {} pixels", image.width(), image.height()),
        }
    }

    /// Writes it: into a file beside the path first, which then takes its place.
    ///
    /// # Errors
    ///
    /// What the system says of either file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.to_owned().into_os_string();
        beside.push(".new");
        let beside = Path::new(&beside);
        let written = match self {
            Content::Table(sheet) => fs::write(beside, sheet.comma_separated()),
            Content::Picture(image) => File::create(beside).and_then(|file| write_png(image, file)),
        };
        let done = written.and_then(|()| fs::rename(beside, path));
        if done.is_err() {
            // What there is of it is of no use.
            let _ = fs::remove_file(beside);
        }
        done
    }
}

fn write_png(image: &ColorImage, file: File) -> io::Result<()> {
    let mut encoder =
        png::Encoder::new(io::BufWriter::new(file), image.width() as u32, image.height() as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    // A window has nothing behind it.
    let bytes: Vec<u8> =
        image.pixels.iter().flat_map(|color: &Color32| [color.r(), color.g(), color.b()]).collect();
    writer.write_image_data(&bytes)?;
    writer.finish()?;
    Ok(())
}

/// The dialog that asks for the file's path: typed, or chosen in the desktop's dialog.
#[derive(Debug)]
pub struct Saving {
    content: Content,
    path_text: String,
    dialog: Option<Dialog>,
    is_new: bool,
    error: Option<String>,
    /// The path that may be replaced: the user was told that it exists.
    replaced: Option<PathBuf>,
    /// Attempts so far, and the path of the one under way.
    attempt: (u64, Option<PathBuf>),
    write: Answer<u64, Result<(), String>>,
}

/// How it ended.
#[derive(Debug)]
pub enum Saved {
    /// There is a file at this path now.
    Written(PathBuf),
    /// The user wants none.
    Cancelled,
}

impl Saving {
    /// Proposes a file of this name in a directory.
    pub fn new(content: Content, directory: &Path, name: &str) -> Saving {
        let tame =
            |letter: char| if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
        let name: String = name.chars().map(tame).collect();
        let path = directory.join(format!("{name}.{}", content.ending()));
        Saving {
            path_text: path.display().to_string(),
            content,
            dialog: None,
            is_new: true,
            error: None,
            replaced: None,
            attempt: (0, None),
            write: Answer::default(),
        }
    }

    /// Draws it over everything. Returns how it ended, once it has.
    pub fn ui(&mut self, ctx: &egui::Context) -> Option<Saved> {
        let mut ended = self.poll(ctx);
        let modal = Modal::new(Id::unique("export dialog")).show(ctx, |ui| {
            ui.set_width(520.0_f32.min(ui.ctx().content_rect().width() - 60.0));
            ui.strong("Export");
            ui.label(format!("Write {} to", self.content.what()));
            ended = self.path_ui(ui).or(ended.take());
        });
        if modal.should_close() {
            ended = Some(Saved::Cancelled);
        }
        ended
    }

    fn path_ui(&mut self, ui: &mut Ui) -> Option<Saved> {
        let label = ui.weak("Path of the file");
        let edit = TextEdit::singleline(&mut self.path_text).desired_width(f32::INFINITY);
        let response = ui.add(edit).labelled_by(label.id);
        if std::mem::take(&mut self.is_new) {
            response.request_focus();
        }
        if response.changed() {
            (self.error, self.replaced) = (None, None);
        }
        if let Some(error) = &self.error {
            let (color, fix) = match self.replaced {
                Some(_) => (theme::warning(ui), "Save again to replace it, or choose another name."),
                None => (theme::error(ui), "Choose another place, or free this one."),
            };
            cells::notice(ui, color, error, fix);
        }
        let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let is_busy = self.attempt.1.is_some();
        let mut ended = None;
        ui.horizontal(|ui| {
            let save = if self.replaced.is_some() { "Replace" } else { "Save" };
            let button = ui.add_enabled(!is_busy, egui::Button::new(save));
            if button.on_hover_text("Write the file (Enter).").clicked() || is_entered {
                self.save();
                self.is_new = true;
                ui.ctx().request_repaint();
            }
            let browse = ui.add_enabled(self.dialog.is_none(), egui::Button::new("Choose…"));
            if browse.on_hover_text("Choose the file in the desktop's dialog.").clicked() {
                self.dialog =
                    Some(Dialog::save(ui.ctx(), Path::new(self.path_text.trim()), self.content.ending()));
            }
            if ui.button("Cancel").on_hover_text("Write nothing (Escape).").clicked() {
                ended = Some(Saved::Cancelled);
            }
            if is_busy {
                ui.weak("writing…");
            }
        });
        ended
    }

    fn save(&mut self) {
        let path = PathBuf::from(self.path_text.trim());
        if path.file_name().is_none() {
            self.error = Some("this is not the path of a file".into());
        } else if path.exists() && self.replaced.as_ref() != Some(&path) {
            self.error = Some(format!("there is a file already: {}", path.display()));
            self.replaced = Some(path);
        } else {
            self.error = None;
            self.attempt = (self.attempt.0 + 1, Some(path));
        }
    }

    fn poll(&mut self, ctx: &egui::Context) -> Option<Saved> {
        match self.dialog.as_ref().and_then(Dialog::poll) {
            Some(dialog::Answer::Chosen(path)) => {
                self.path_text = path.display().to_string();
                // The desktop's dialog has asked.
                (self.dialog, self.error, self.replaced) = (None, None, Some(path));
                self.save();
            }
            Some(dialog::Answer::Closed) => self.dialog = None,
            Some(dialog::Answer::Unavailable) => {
                self.dialog = None;
                self.error = Some("no file dialog came up: this desktop has no file portal".into());
            }
            None => {}
        }
        let (number, path) = (self.attempt.0, self.attempt.1.clone()?);
        let (content, to) = (self.content.clone(), path.clone());
        let work = || move || content.write(&to).map_err(|error| format!("{error}: {}", to.display()));
        match self.write.get(ctx, number, work) {
            Shown::Ready(Ok(())) => return Some(Saved::Written(path)),
            Shown::Ready(Err(error)) => self.error = Some(format!("it could not be written: {error}")),
            Shown::Failed => self.error = Some("it could not be written: an error of the inspector".into()),
            Shown::Working(_) => return None,
        }
        (self.attempt.1, self.replaced) = (None, None);
        None
    }

    /// Whether it is being written.
    pub fn is_working(&self) -> bool {
        self.attempt.1.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        Sheet {
            name: "types".into(),
            heads: vec!["Type".into(), "Bytes".into(), "Of all".into()],
            rows: vec![
                vec![Value::text("HashMap<u32, \"a\">"), 1_048_576.into(), Value::Share(1, 3)],
                vec![Value::text("two\tlines\nof text"), Value::Nothing, Value::Share(1, 0)],
            ],
        }
    }

    #[test]
    fn text_has_a_line_for_a_row_and_a_tab_between_cells() {
        assert_eq!(
            sheet().tab_separated(),
            "Type\tBytes\tOf all\nHashMap<u32, \"a\">\t1048576\t33.333\ntwo lines of text\t\t\n"
        );
    }

    #[test]
    fn csv_is_quoted_where_it_must_be() {
        assert_eq!(
            sheet().comma_separated(),
            "Type,Bytes,Of all\r\n\"HashMap<u32, \"\"a\"\">\",1048576,33.333\r\n\"two\tlines\nof text\",,\r\n"
        );
    }

    #[test]
    fn the_table_that_the_user_is_at_is_meant_else_the_main_one() {
        let ctx = egui::Context::default();
        let (main, other) = (Id::unique("main"), Id::unique("other"));
        wish(&ctx, Wish::Csv);
        assert_eq!(wanted(&ctx, other, false), None);
        assert_eq!(wanted(&ctx, main, true), Some((Wish::Csv, false)));
        grant(&ctx, Wish::Csv, sheet(), false);
        assert!(matches!(take(&ctx), Some(Ok((Wish::Csv, _)))));
        assert_eq!(take(&ctx), None);
        arrive(&ctx, other);
        wish(&ctx, Wish::CopyRow);
        let (wished, is_certain) = wanted(&ctx, other, false).unwrap();
        grant(&ctx, wished, sheet(), is_certain);
        assert_eq!(wanted(&ctx, main, true), None);
        leave(&ctx);
        take(&ctx);
        wish(&ctx, Wish::CopyTable);
        assert_eq!(wanted(&ctx, other, false), None);
        assert_eq!(take(&ctx), Some(Err(Wish::CopyTable)));
    }

    #[test]
    fn a_picture_is_read_back_and_a_failed_one_leaves_nothing() {
        let directory = std::env::temp_dir().join(format!("inspector-export-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let mut image = ColorImage::filled([3, 2], Color32::WHITE);
        image.pixels[4] = Color32::from_rgb(10, 20, 30);
        let path = directory.join("a.png");
        Content::Picture(Arc::new(image)).write(&path).unwrap();
        let mut reader =
            png::Decoder::new(io::BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!(bytes[12..15], [10, 20, 30]);
        // A directory stands where the file should.
        let taken = directory.join("taken");
        fs::create_dir_all(taken.join("full")).unwrap();
        assert!(Content::Table(Arc::new(sheet())).write(&taken).is_err());
        assert!(!directory.join("taken.new").exists());
        fs::remove_dir_all(&directory).unwrap();
    }
}
