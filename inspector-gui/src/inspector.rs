//! The window: what is open, what is selected, and where each pane stands.

use crate::answer::{Answer, Shown};
use crate::dialog::{self, Dialog};
use crate::dump::{Dump, State};
use crate::export::{self, Content, Saved, Saving, Sheet, Shot, Wish};
use crate::filter::Filter;
use crate::hyperbolic::labels;
use crate::selection::{History, Selection, Step};
use crate::source::{self, Again, Document, Failure, Loading, Origin, Outcome, Request, SoFar, Stage, Watch};
use crate::theme;
use crate::views::details::{Action, Details};
use crate::views::fragmentation::FragmentationView;
use crate::views::hyperbolic::Hyperbolic;
use crate::views::opening::Opening;
use crate::views::overview::{self, Overview};
use crate::views::ownership::Ownership;
use crate::views::roots::Roots;
use crate::views::tiles::{Kind, TilesView};
use crate::views::type_detail::TypeDetails;
use crate::views::type_table::TypeTable;
use crate::views::unclaimed::UnclaimedView;
use crate::views::View;
use crate::{cells, sample};
use egui::{
    Align, CentralPanel, ComboBox, Frame, Key, KeyboardShortcut, Layout, Modifiers, Panel, ProgressBar,
    RichText, TextEdit, Theme, Ui, ViewportCommand,
};
use heap_analysis::type_table::RowId;
use heap_analysis::{units, Lens};
use std::path::PathBuf;
use std::sync::Arc;

/// What the window is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What to open at once.
    pub open: Option<Origin>,
    /// Which snapshot of it, from 0; without it the last one.
    pub which: Option<usize>,
    /// Type config to use instead of the one found by the program's name.
    pub config: Option<PathBuf>,
    /// Where [`heap_analysis::config::FILE_NAME`] is looked for.
    pub directory: PathBuf,
    /// What the middle shows first.
    pub view: View,
    /// File to write the state to whenever it changes.
    pub dump_state: Option<PathBuf>,
}

/// The window.
#[derive(Debug)]
pub struct Inspector {
    options: Options,
    open: Option<Open>,
    /// Another lens or type config that was chosen, and the document with it, on its way.
    again: Option<Again>,
    reworked: Answer<Again, Document>,
    /// The type config's file.
    watch: Option<Watch>,
    /// Times that it was read anew.
    config_reads: u32,
    choosing_config: Option<Dialog>,
    loading: Option<Loading>,
    /// Shown while nothing is open.
    opening: Opening,
    failure: Option<Failure>,
    /// What the file dialog has to say.
    hint: Option<&'static str>,
    dialog: Option<Dialog>,
    /// A picture of the window that is on its way.
    shot: Option<Shot>,
    /// What is about to be written into a file.
    saving: Option<Saving>,
    /// What was copied or written last.
    said: Option<String>,
    last_step: (View, Selection),
    path_text: String,
    /// What the middle shows first of the next document.
    first_view: View,
    title: String,
    dump: Option<Dump>,
    dump_error: Option<String>,
    is_problem_list_open: bool,
}

/// An open document and the state of the panes over it.
#[derive(Debug)]
struct Open {
    document: Document,
    history: History,
    filter: Filter,
    /// The type that was selected last: it stays on the screen while nodes are selected.
    shown_type: Option<RowId>,
    roots: Roots,
    types: TypeTable,
    type_details: TypeDetails,
    tree: Ownership,
    hyperbolic: Hyperbolic,
    icicle: TilesView,
    treemap: TilesView,
    overview: Overview,
    fragmentation: FragmentationView,
    unclaimed: UnclaimedView,
    details: Details,
    /// Where the middle is, in points.
    middle: egui::Rect,
    last_view: View,
    /// Notices about the file that were read and put away.
    is_problem_hidden: bool,
    is_config_error_hidden: bool,
}

const OPEN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::O);
const FIND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);
const BACK: KeyboardShortcut = KeyboardShortcut::new(Modifiers::ALT, Key::ArrowLeft);
const FORWARD: KeyboardShortcut = KeyboardShortcut::new(Modifiers::ALT, Key::ArrowRight);
const NO_DIALOG: &str =
    "no file dialog came up: this desktop has no file portal; type the path into the field above, \
     drop the file on this window, or give it as an argument";

const NOT_AGAIN: &str =
    "the heap could not be analysed so: an error of the inspector, please report it with the \
                         file; what was shown stays";
const NO_CONFIG_DIALOG: &str =
    "no file dialog came up: this desktop has no file portal; drop the .toml file on \
                                this window, or give it as --config";
const RELOAD: KeyboardShortcut = KeyboardShortcut::new(Modifiers::NONE, Key::F5);

/// Rules of a type config that are listed; the rest is counted.
const MAX_RULES: usize = 40;

impl Inspector {
    /// Sets the theme of `ctx` up, and starts loading what the options name.
    pub fn new(ctx: &egui::Context, options: Options) -> Inspector {
        theme::install(ctx);
        let dump = options.dump_state.clone().map(Dump::new);
        let view = options.view;
        let mut inspector = Inspector {
            options,
            open: None,
            again: None,
            reworked: Answer::default(),
            watch: None,
            config_reads: 0,
            choosing_config: None,
            loading: None,
            opening: Opening::default(),
            failure: None,
            hint: None,
            dialog: None,
            shot: None,
            saving: None,
            said: None,
            last_step: (view, Selection::Nothing),
            path_text: String::new(),
            first_view: view,
            title: String::new(),
            dump,
            dump_error: None,
            is_problem_list_open: false,
        };
        if let Some(origin) = inspector.options.open.clone() {
            let which = inspector.options.which;
            inspector.load(ctx, origin, which);
        }
        inspector
    }

    /// Starts loading. What is open stays so until that has worked.
    pub fn load(&mut self, ctx: &egui::Context, origin: Origin, which: Option<usize>) {
        if let Origin::File(path) = &origin {
            self.path_text = path.display().to_string();
        }
        self.failure = None;
        self.hint = None;
        let request = Request {
            origin,
            which,
            config: self.options.config.clone(),
            directory: self.options.directory.clone(),
        };
        self.opening = Opening::default();
        // What was being loaded is cancelled by being dropped.
        self.loading = Some(Loading::start(request, ctx));
    }

    /// What is open.
    pub fn document(&self) -> Option<&Document> {
        self.open.as_ref().map(|open| &open.document)
    }

    /// What is known of a snapshot that is on its way, where nothing is open: the window shows it.
    pub fn so_far(&self) -> Option<(Origin, Stage, SoFar)> {
        let loading = self.loading.as_ref().filter(|_| self.open.is_none())?;
        let so_far = loading.so_far();
        so_far.preview.is_some().then(|| (loading.request().origin.clone(), loading.stage(), so_far))
    }

    /// What is selected.
    pub fn selection(&self) -> Selection {
        self.open.as_ref().map_or(Selection::Nothing, |open| open.history.current())
    }

    /// Selects something, as a click on it does.
    pub fn select(&mut self, selection: Selection) {
        if let Some(open) = &mut self.open {
            open.history.select(selection);
        }
    }

    /// What the middle shows.
    pub fn view(&self) -> View {
        self.open.as_ref().map_or(self.first_view, |open| open.history.view())
    }

    fn show(&mut self, view: View) {
        self.first_view = view;
        if let Some(open) = &mut self.open {
            open.history.show(view);
        }
    }

    /// Title of the window.
    pub fn title(&self) -> String {
        match &self.open {
            Some(open) => format!("heap inspector – {}", open.document.request.origin.name()),
            None => "heap inspector".into(),
        }
    }

    /// Why the last file could not be opened.
    pub fn error(&self) -> Option<String> {
        self.failure.as_ref().map(|failure| failure.what.clone())
    }

    /// Whether something is being loaded or worked out.
    pub fn is_busy(&self) -> bool {
        let is_working = self.open.as_ref().is_some_and(|open| {
            open.roots.is_working()
                || open.types.is_working()
                || open.type_details.is_working()
                || open.tree.is_working()
                || open.hyperbolic.is_working()
                || open.icicle.is_working()
                || open.treemap.is_working()
                || open.overview.is_working()
                || open.fragmentation.is_working()
                || open.unclaimed.is_working()
                || open.details.is_working()
        });
        let is_exporting = self.shot.is_some() || self.saving.as_ref().is_some_and(Saving::is_working);
        is_working || is_exporting || self.loading.is_some() || self.again.is_some()
    }

    /// Everything a script may want to know.
    pub fn state(&self) -> State {
        State::of(self)
    }

    pub(crate) fn type_table(&self) -> Option<&TypeTable> {
        self.open.as_ref().map(|open| &open.types)
    }

    pub(crate) fn filter_text(&self) -> &str {
        self.open.as_ref().map_or("", |open| open.filter.text())
    }

    pub(crate) fn disk(&self) -> Option<&Hyperbolic> {
        self.open.as_ref().map(|open| &open.hyperbolic)
    }

    /// The icicle or the treemap, whichever is shown.
    pub(crate) fn tiles(&self) -> Option<&TilesView> {
        let open = self.open.as_ref()?;
        match self.view() {
            View::Icicle => Some(&open.icicle),
            View::Treemap => Some(&open.treemap),
            _ => None,
        }
    }

    pub(crate) fn waste_rows(&self) -> &[String] {
        self.open.as_ref().map_or(&[], |open| open.fragmentation.visible())
    }

    pub(crate) fn unclaimed_rows(&self) -> &[String] {
        self.open.as_ref().map_or(&[], |open| open.unclaimed.visible())
    }

    pub(crate) fn tree_rows(&self) -> &[String] {
        self.open.as_ref().map_or(&[], |open| open.tree.visible())
    }

    /// Draws the window.
    pub fn ui(&mut self, ui: &mut Ui) {
        self.poll(ui.ctx());
        self.keys(ui);
        self.dropped(ui);
        Panel::top("toolbar").show(ui, |ui| self.toolbar_ui(ui));
        let was_busy = self.is_busy();
        Panel::bottom("status").show(ui, |ui| self.status_ui(ui));
        self.notices_ui(ui);
        match &mut self.open {
            Some(open) => {
                if let Some(lens) = open.ui(ui) {
                    self.again = Some(Again::Lens(lens));
                    ui.ctx().request_repaint();
                }
            }
            None => {
                CentralPanel::default().show(ui, |ui| match self.so_far() {
                    Some((origin, stage, so_far)) => self.opening.ui(ui, &origin, &stage, &so_far),
                    None => self.welcome_ui(ui),
                });
            }
        }
        let now = (self.view(), self.selection());
        if std::mem::replace(&mut self.last_step, now) != now {
            self.said = None;
        }
        self.export(ui);
        drop_hint_ui(ui);
        if self.is_busy() != was_busy {
            // The status line was drawn before the panes had their answers.
            ui.ctx().request_repaint();
        }
        let title = self.title();
        if title != self.title {
            ui.ctx().send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
        self.dump();
    }

    fn poll(&mut self, ctx: &egui::Context) {
        if let Some(outcome) = self.loading.as_ref().and_then(Loading::poll) {
            self.loading = None;
            match outcome {
                Outcome::Opened(document) => {
                    let view = self.view();
                    let before = self.open.take();
                    self.open = Some(Open::new(*document, before, view));
                    // The next frame has answers to wait for.
                    ctx.request_repaint();
                }
                Outcome::Failed(failure) => self.failure = Some(failure),
            }
        }
        self.poll_again(ctx);
        self.poll_config(ctx);
        if let Some(answer) = self.dialog.as_ref().and_then(Dialog::poll) {
            self.dialog = None;
            match answer {
                dialog::Answer::Chosen(path) => self.load(ctx, Origin::File(path), None),
                dialog::Answer::Closed => {}
                dialog::Answer::Unavailable => self.hint = Some(NO_DIALOG),
            }
        }
    }

    /// What is worked out anew.
    fn poll_again(&mut self, ctx: &egui::Context) {
        let (Some(again), Some(open)) = (&self.again, &self.open) else { return self.again = None };
        let (document, key) = (open.document.clone(), again.clone());
        match self.reworked.get(ctx, again.clone(), || move || source::again(&document, &key)) {
            Shown::Ready(new) if Arc::ptr_eq(new.analysis.heap(), open.document.analysis.heap()) => {
                let new = new.clone();
                // Nothing is kept of it here: it is as large as the heap.
                (self.again, self.reworked) = (None, Answer::default());
                self.open = self.open.take().map(|open| open.with_document(new));
                ctx.request_repaint();
            }
            // Another document was opened meanwhile.
            Shown::Ready(_) => (self.again, self.reworked) = (None, Answer::default()),
            Shown::Working(_) => {}
            Shown::Failed => {
                (self.again, self.reworked) = (None, Answer::default());
                self.hint = Some(NOT_AGAIN);
            }
        }
    }

    /// Follows the type config's file, and the dialog that asks for another.
    fn poll_config(&mut self, ctx: &egui::Context) {
        let file = self.open.as_ref().and_then(|open| open.document.config_file.clone());
        if self.watch.as_ref().map(Watch::path) != file.as_deref() {
            self.watch = file.map(|file| Watch::start(file, ctx));
        }
        if self.watch.as_ref().is_some_and(Watch::has_changed) {
            self.reload_config();
        }
        match self.choosing_config.as_ref().and_then(Dialog::poll) {
            Some(dialog::Answer::Chosen(path)) => self.use_config(Some(path)),
            Some(dialog::Answer::Unavailable) => self.hint = Some(NO_CONFIG_DIALOG),
            Some(dialog::Answer::Closed) => {}
            None => return,
        }
        self.choosing_config = None;
    }

    /// Names, hides and groups types by another config, or by the one that is found by name.
    pub fn use_config(&mut self, path: Option<PathBuf>) {
        self.options.config.clone_from(&path);
        self.config_reads += 1;
        if let Some(open) = &mut self.open {
            open.is_config_error_hidden = false;
            self.again = Some(Again::Config(path, self.config_reads));
        }
    }

    fn reload_config(&mut self) {
        let path = self.open.as_ref().and_then(|open| open.document.request.config.clone());
        self.use_config(path.or_else(|| self.options.config.clone()));
    }

    fn keys(&mut self, ui: &Ui) {
        let pressed = |shortcut: &KeyboardShortcut| ui.input_mut(|input| input.consume_shortcut(shortcut));
        if pressed(&OPEN) {
            self.open_dialog(ui.ctx());
        }
        if pressed(&RELOAD) {
            self.reload_config();
        }
        if pressed(&FIND) {
            ui.memory_mut(|memory| memory.request_focus(Filter::id()));
        }
        for view in View::ALL {
            if pressed(&view.shortcut()) {
                self.show(view);
            }
        }
        // Longer shortcuts first: the shorter ones match them as well.
        let wishes = [
            pressed(&export::COPY_TABLE),
            pressed(&export::WINDOW),
            pressed(&export::CSV),
            pressed(&export::PICTURE),
        ];
        // A field with the focus copies its own text.
        let is_typing = ui.ctx().text_edit_focused();
        let is_copy = !is_typing && ui.input(|input| input.events.contains(&egui::Event::Copy));
        match wishes {
            [true, ..] => export::wish(ui.ctx(), Wish::CopyTable),
            [_, true, ..] => self.shoot(ui.ctx(), false),
            [_, _, true, _] => export::wish(ui.ctx(), Wish::Csv),
            [_, _, _, true] => self.shoot(ui.ctx(), true),
            _ if is_copy => export::wish(ui.ctx(), Wish::CopyRow),
            _ => {}
        }
        let (is_back, is_forward) = (pressed(&BACK), pressed(&FORWARD));
        if let Some(open) = &mut self.open {
            if is_back {
                open.history.back();
            }
            if is_forward {
                open.history.forward();
            }
        }
    }

    fn dropped(&mut self, ui: &Ui) {
        let dropped = ui.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()));
        match dropped {
            Some(path) if path.extension().is_some_and(|ending| ending == "toml") => {
                self.use_config(Some(path));
            }
            Some(path) => self.load(ui.ctx(), Origin::File(path), None),
            None => {}
        }
    }

    fn open_dialog(&mut self, ctx: &egui::Context) {
        if self.dialog.is_none() {
            self.hint = None;
            self.dialog = Some(Dialog::open(ctx));
        }
    }

    fn toolbar_ui(&mut self, ui: &mut Ui) {
        ui.add_space(2.0);
        ui.horizontal(|ui| {
            if ui.button("Open…").on_hover_text("Choose a snapshot file (Ctrl+O).").clicked() {
                self.open_dialog(ui.ctx());
            }
            let history = self.open.as_mut().map(|open| &mut open.history);
            let (can_back, can_forward) = history
                .as_ref()
                .map_or((false, false), |history| (history.can_go_back(), history.can_go_forward()));
            let back = ui.add_enabled(can_back, egui::Button::new("Back"));
            let is_back = back.on_hover_text("What was shown and selected before (Alt+Left).").clicked();
            let forward = ui.add_enabled(can_forward, egui::Button::new("Forward"));
            let is_forward = forward.on_hover_text("Undo going back (Alt+Right).").clicked();
            if let Some(history) = history {
                if is_back {
                    history.back();
                }
                if is_forward {
                    history.forward();
                }
            }
            self.export_menu_ui(ui);
            self.config_menu_ui(ui);
            ui.separator();
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                theme_ui(ui);
                self.chooser_ui(ui);
                // What is left goes to the path.
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| self.path_ui(ui));
            });
        });
        ui.add_space(2.0);
    }

    fn export_menu_ui(&mut self, ui: &mut Ui) {
        let is_open = self.open.is_some();
        let ctx = ui.ctx().clone();
        ui.add_enabled_ui(is_open, |ui| {
            ui.menu_button("Export", |ui| {
                let keys = |keys: &KeyboardShortcut| ctx.format_shortcut(keys);
                let item = |ui: &mut Ui, text: &str, keys: String, help: &str| {
                    let button = ui.add(egui::Button::new(text).shortcut_text(keys)).on_hover_text(help);
                    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, text));
                    button.clicked()
                };
                let copy = KeyboardShortcut::new(Modifiers::COMMAND, Key::C);
                if item(ui, "Copy row", keys(&copy), "The selected row as text, with tabs between its cells.") {
                    export::wish(&ctx, Wish::CopyRow);
                }
                if item(ui, "Copy table", keys(&export::COPY_TABLE), "All rows of the table, with their heads.") {
                    export::wish(&ctx, Wish::CopyTable);
                }
                ui.separator();
                if item(ui, "Table as CSV…", keys(&export::CSV), "All rows of the table, into a file.") {
                    export::wish(&ctx, Wish::Csv);
                }
                if item(ui, "Picture as PNG…", keys(&export::PICTURE), "What the middle shows, into a file.") {
                    self.shoot(&ctx, true);
                }
                if item(ui, "Window as PNG…", keys(&export::WINDOW), "The whole window, into a file.") {
                    self.shoot(&ctx, false);
                }
            })
            .response
            .on_hover_text("Tables as text and CSV: of the table that was clicked last, else of the view. Pictures as PNG.");
        });
    }

    /// The type config: which one, another, and what each rule of it touched.
    fn config_menu_ui(&mut self, ui: &mut Ui) {
        let document = self.open.as_ref().map(|open| open.document.clone());
        ui.add_enabled_ui(document.is_some(), |ui| {
            let menu = ui.menu_button("Config", |ui| {
                let Some(document) = document else { return };
                let summary = document.analysis.summary();
                ui.set_max_width(520.0);
                ui.label(format!("type config: {}", summary.config));
                if ui.button("Choose…").on_hover_text("Another file with a type config. Dropping it on the window does the same.").clicked() {
                    self.choosing_config = Some(Dialog::config(ui.ctx()));
                }
                let reload = ui.add(egui::Button::new("Read anew").shortcut_text(ui.ctx().format_shortcut(&RELOAD)));
                reload.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Read anew"));
                if reload.on_hover_text("It is also read anew whenever its file changes.").clicked() {
                    self.reload_config();
                }
                let is_chosen = document.request.config.is_some();
                let by_name = ui.add_enabled(is_chosen, egui::Button::new("Found by name"));
                if by_name.on_hover_text("The one that comes with the inspector for this program, or else heap-inspector.toml.").clicked() {
                    self.use_config(None);
                }
                ui.separator();
                if summary.rules.is_empty() {
                    ui.weak("It has no rules.");
                }
                egui::ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
                    egui::Grid::new("rules").num_columns(3).striped(true).show(ui, |ui| {
                        for rule in summary.rules.iter().take(MAX_RULES) {
                            let text = format!("{} {}", rule.kind, rule.rule);
                            ui.label(labels::shorten(&text, 48)).on_hover_text(&text);
                            ui.label(format!("{} types", units::count(rule.types)));
                            let nodes = format!("{} nodes", units::count(rule.nodes));
                            match rule.types {
                                0 => ui.colored_label(theme::warning(ui), "touched nothing"),
                                _ => ui.label(nodes),
                            };
                            ui.end_row();
                        }
                    });
                    if summary.rules.len() > MAX_RULES {
                        let more = summary.rules.len() - MAX_RULES;
                        ui.weak(format!("and {} more: Overview lists them", units::count(more as u64)));
                    }
                });
            });
            menu.response.on_hover_text("How types are named, hidden and grouped. Totals never change by it.");
        });
    }

    fn shoot(&mut self, ctx: &egui::Context, is_middle: bool) {
        let Some(open) = &self.open else { return };
        self.shot = Some(Shot::new(ctx, is_middle.then_some(open.middle)));
    }

    /// Copies and writes what was wished for.
    fn export(&mut self, ui: &Ui) {
        let ctx = ui.ctx();
        let granted = match export::take(ctx) {
            Some(Ok(granted)) => Some(granted),
            // No table is shown: what the view shows, as one.
            Some(Err(wish)) => {
                let sheet = self.open.as_ref().and_then(Open::sheet);
                sheet.map(|sheet| (wish, Arc::new(sheet)))
            }
            None => None,
        };
        let open = self.open.as_ref().map(|open| &open.document.request);
        let request = open.or(self.loading.as_ref().map(Loading::request));
        let Some(file) = request.map(|request| request.origin.name()) else { return };
        let name = |what: &str| format!("{}-{what}", file.trim_end_matches(".heapsnap"));
        match granted {
            Some((Wish::CopyRow, sheet)) => {
                ctx.copy_text(sheet.rows_tab_separated());
                self.said = Some(format!("copied a row of {}", sheet.name));
            }
            Some((Wish::CopyTable, sheet)) => {
                ctx.copy_text(sheet.tab_separated());
                let rows = units::count(sheet.rows.len() as u64);
                self.said = Some(format!("copied {}: {rows} rows", sheet.name));
            }
            Some((Wish::Csv, sheet)) => {
                let name = name(&sheet.name);
                self.saving = Some(Saving::new(Content::Table(sheet), &self.options.directory, &name));
            }
            None => {}
        }
        if let Some(image) = self.shot.as_mut().and_then(|shot| shot.poll(ctx)) {
            let name = name(&self.view().title().to_lowercase());
            let content = Content::Picture(Arc::new(image));
            self.saving = Some(Saving::new(content, &self.options.directory, &name));
            self.shot = None;
        }
        match self.saving.as_mut().and_then(|saving| saving.ui(ctx)) {
            Some(Saved::Written(path)) => {
                self.said = Some(format!("wrote {}", path.display()));
                self.saving = None;
                ctx.request_repaint();
            }
            Some(Saved::Cancelled) => self.saving = None,
            None => {}
        }
    }

    fn path_ui(&mut self, ui: &mut Ui) {
        let label = ui.label("File");
        let width = (ui.available_width() - 70.0).max(80.0);
        let edit = TextEdit::singleline(&mut self.path_text)
            .hint_text("path of a .heapsnap file")
            .desired_width(width);
        let response = ui.add(edit).labelled_by(label.id);
        let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let button = ui.add_enabled(!self.path_text.trim().is_empty(), egui::Button::new("Load"));
        if is_entered || button.on_hover_text("Open the file at this path.").clicked() {
            let path = PathBuf::from(self.path_text.trim());
            if !path.as_os_str().is_empty() {
                self.load(ui.ctx(), Origin::File(path), None);
            }
        }
    }

    /// Which snapshot of the file, where it holds several.
    fn chooser_ui(&mut self, ui: &mut Ui) {
        let Some(open) = &self.open else { return };
        let document = &open.document;
        if document.snapshots.len() < 2 {
            return;
        }
        let text = |at: usize| {
            let snapshot = &document.snapshots[at];
            let labels: Vec<String> =
                snapshot.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!(
                "{}: {} hit {} {}, {} nodes{}",
                at + 1,
                snapshot.checkpoint,
                units::count(snapshot.hit),
                labels.join(" "),
                units::count(snapshot.nodes),
                if snapshot.is_complete { "" } else { ", cut off" }
            )
        };
        let mut chosen = document.index;
        let combo = ComboBox::from_label("Snapshot").width(220.0).truncate();
        combo.selected_text(text(chosen)).show_ui(ui, |ui| {
            for at in 0..document.snapshots.len() {
                ui.selectable_value(&mut chosen, at, text(at));
            }
        });
        if chosen != document.index {
            let origin = document.request.origin.clone();
            self.load(ui.ctx(), origin, Some(chosen));
        }
    }

    /// What went wrong, and what is being loaded, above the panes.
    fn notices_ui(&mut self, ui: &mut Ui) {
        let problem = self.open.as_ref().filter(|open| !open.is_problem_hidden).and_then(Open::problem);
        let config_error = self
            .open
            .as_ref()
            .filter(|open| !open.is_config_error_hidden)
            .and_then(|open| open.document.config_error.clone());
        let is_quiet = self.loading.is_none()
            && self.again.is_none()
            && self.failure.is_none()
            && self.hint.is_none()
            && self.dump_error.is_none()
            && problem.is_none()
            && config_error.is_none();
        if is_quiet {
            return;
        }
        Panel::top("notices").show(ui, |ui| {
            ui.add_space(2.0);
            self.loading_ui(ui);
            if let Some(again) = &self.again {
                let what = match again {
                    Again::Lens(lens) => format!("analysing under the lens {lens}…"),
                    Again::Config(Some(path), _) => format!("analysing with {}…", path.display()),
                    Again::Config(None, _) => "analysing with the type config found by name…".into(),
                };
                ui.horizontal(|ui| {
                    ui.label(what);
                    if ui.button("Cancel").on_hover_text("What is shown stays.").clicked() {
                        (self.again, self.reworked) = (None, Answer::default());
                    }
                });
            }
            let (error, warning) = (theme::error(ui), theme::warning(ui));
            if let Some(failure) = &self.failure {
                let what = format!("{}: {}", failure.request.origin, failure.what);
                if notice_ui(ui, error, &what, failure.fix, "Dismiss error") {
                    self.failure = None;
                }
            }
            if let Some(hint) = self.hint {
                if notice_ui(ui, warning, hint, "", "Dismiss hint") {
                    self.hint = None;
                }
            }
            if let Some(what) = &self.dump_error {
                if notice_ui(ui, warning, what, "", "Dismiss state") {
                    self.dump_error = None;
                }
            }
            let Some(open) = &mut self.open else { return };
            if let Some(what) = config_error {
                let fix = "correct the file: it is read anew when it changes";
                if notice_ui(ui, warning, &what, fix, "Dismiss config error") {
                    open.is_config_error_hidden = true;
                }
            }
            if let Some((what, count)) = problem {
                let fix = "what could be read is shown; take the snapshot again if something is missing";
                if notice_ui(ui, warning, &what, fix, "Dismiss problems") {
                    open.is_problem_hidden = true;
                }
                if count > 1 {
                    let text = if self.is_problem_list_open { "Hide problems" } else { "Show all problems" };
                    if ui.button(text).clicked() {
                        self.is_problem_list_open = !self.is_problem_list_open;
                    }
                    if self.is_problem_list_open {
                        egui::ScrollArea::vertical().max_height(160.0).show(ui, |ui| {
                            for problem in open.document.analysis.summary().problems.iter().take(100) {
                                ui.label(problem);
                            }
                        });
                    }
                }
            }
            ui.add_space(2.0);
        });
    }

    fn loading_ui(&mut self, ui: &mut Ui) {
        let Some(loading) = &self.loading else { return };
        let stage = loading.stage();
        let mut is_cancelled = false;
        ui.horizontal(|ui| {
            ui.label(format!("{}: {}…", loading.request().origin.name(), stage.what));
            if let Some(done) = stage.done {
                ui.add(ProgressBar::new(done).desired_width(220.0).show_percentage());
            }
            let cancel = ui.button("Cancel").on_hover_text("Stop loading; what is open stays.");
            is_cancelled = cancel.clicked();
        });
        if is_cancelled {
            self.loading = None;
        }
    }

    fn welcome_ui(&mut self, ui: &mut Ui) {
        if self.loading.is_some() {
            return;
        }
        let (space, width) = (ui.available_height() * 0.16, 560.0_f32.min(ui.available_width()));
        ui.add_space(space);
        ui.vertical_centered(|ui| {
            ui.set_max_width(width);
            ui.label(RichText::new("Who owns the heap?").size(26.0).strong());
            ui.add_space(6.0);
            ui.label(
                "A snapshot shows who owns every block of a Rust program, how much would go with each \
                 owner, and how much of it is waste.",
            );
            ui.add_space(18.0);
            let button = egui::Button::new(RichText::new("Open a snapshot file…").size(15.0));
            if ui.add(button.min_size(egui::vec2(240.0, 34.0))).clicked() {
                self.open_dialog(ui.ctx());
            }
            ui.add_space(4.0);
            let button = egui::Button::new(RichText::new("Look at the sample").size(15.0));
            let help = format!("A snapshot that comes with the inspector ({}).", sample::NAME);
            if ui.add(button.min_size(egui::vec2(240.0, 34.0))).on_hover_text(help).clicked() {
                self.load(ui.ctx(), Origin::Sample, None);
            }
            ui.add_space(18.0);
            ui.weak("Or drop a .heapsnap file here, or type its path into the field above.");
            ui.add_space(4.0);
            ui.weak("A program writes them when it runs with HEAP_WALK=<checkpoint>; HEAP_WALK=? lists its checkpoints.");
        });
    }

    fn status_ui(&self, ui: &mut Ui) {
        ui.add_space(1.0);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 14.0;
            let Some(open) = &self.open else {
                ui.weak(if self.loading.is_some() { "opening…" } else { "no snapshot is open" });
                return;
            };
            // What matters most is at the right end, and is there in narrow windows too.
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                self.figures_ui(ui, open);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| self.what_ui(ui, open));
            });
        });
        ui.add_space(1.0);
    }

    /// What is open, or what was done last, as far as there is room.
    fn what_ui(&self, ui: &mut Ui, open: &Open) {
        let summary = open.document.analysis.summary();
        let header = &summary.header;
        if let Some(said) = &self.said {
            ui.add(egui::Label::new(said).truncate()).on_hover_text(said);
            return;
        }
        ui.strong(&header.program);
        let labels: String = header.labels.iter().map(|(name, value)| format!("  {name}={value}")).collect();
        let text = format!("{} hit {}{labels}", header.checkpoint, units::count(header.hit));
        ui.add(egui::Label::new(&text).truncate())
            .on_hover_text(format!("Checkpoint, which of its hits this was, and its labels:\n{text}"));
    }

    /// Figures from right to left.
    fn figures_ui(&self, ui: &mut Ui, open: &Open) {
        let analysis = &open.document.analysis;
        let (summary, ledger) = (analysis.summary(), analysis.ledger());
        let (good, warning) = (theme::good(ui), theme::warning(ui));
        let config = format!("type config: {}", summary.config);
        ui.weak(labels::shorten(&config, 40))
            .on_hover_text(format!("{config}\nHow types are named, hidden and grouped."));
        if analysis.lens() != Lens::default() {
            ui.label(format!("lens {}", analysis.lens()));
        }
        if summary.is_estimate {
            ui.colored_label(warning, "sizes are estimates")
                .on_hover_text("No tracking allocator supplied the blocks.");
        } else if ledger.closes {
            ui.colored_label(good, "ledger closes")
                .on_hover_text("Every byte is accounted for; see Overview.");
        } else {
            ui.colored_label(warning, "ledger does not close").on_hover_text("See Overview for why.");
        }
        ui.label(format!("{} live", units::bytes(summary.population_bytes)))
            .on_hover_text(cells::exact(summary.population_bytes));
        ui.label(format!("{} nodes", units::count(summary.nodes)));
        let unreadable: u64 = summary.unreadable.iter().map(|row| row.count).sum();
        if unreadable > 0 {
            ui.colored_label(warning, format!("{} unreadable", units::count(unreadable)))
                .on_hover_text("Values that could not be entered; Overview lists them.");
        }
        match summary.footer.as_ref().map(|footer| footer.quiescent) {
            Some(true) => ui
                .label("quiescent")
                .on_hover_text("Nothing was allocated or freed while the checkpoint ran."),
            Some(false) => ui.label("concurrent").on_hover_text(
                "Other threads allocated or freed while the checkpoint ran: figures may differ by that.",
            ),
            None => {
                ui.colored_label(warning, "cut off").on_hover_text("The snapshot was not written to its end.")
            }
        };
        if self.is_busy() {
            ui.weak("working…");
        }
    }

    fn dump(&mut self) {
        let Some(dump) = &mut self.dump else { return };
        // The state is read before the file is taken out, to keep the borrows apart.
        let mut dump = std::mem::replace(dump, Dump::new(PathBuf::new()));
        if let Err(error) = dump.write(&self.state()) {
            self.dump_error = Some(format!("the state could not be written: {error}"));
            return self.dump = None;
        }
        self.dump = Some(dump);
    }
}

impl Open {
    fn new(document: Document, before: Option<Open>, view: View) -> Open {
        let filter = before.as_ref().map_or("", |before| before.filter.text()).to_owned();
        let tree = before.as_ref().map(|before| before.tree.settings()).unwrap_or_default();
        let disk = before.as_ref().map(|before| before.hyperbolic.settings()).unwrap_or_default();
        Open {
            roots: Roots::new(&document),
            types: TypeTable::new(&document, before.map(|before| before.types)),
            type_details: TypeDetails::default(),
            tree: Ownership::with_settings(&document, tree),
            hyperbolic: Hyperbolic::with_settings(disk),
            icicle: TilesView::new(Kind::Icicle),
            treemap: TilesView::new(Kind::Treemap),
            overview: Overview::default(),
            fragmentation: FragmentationView::default(),
            unclaimed: UnclaimedView::default(),
            details: Details::default(),
            middle: egui::Rect::NOTHING,
            last_view: view,
            history: History::new(view),
            filter: Filter::new(filter),
            shown_type: None,
            is_problem_hidden: false,
            is_config_error_hidden: false,
            document,
        }
    }

    /// The same snapshot, worked out anew: nodes are the same, so what is selected, and what was,
    /// stays. Rows of the type table are the same under another lens, but not by another config.
    fn with_document(self, document: Document) -> Open {
        if Arc::ptr_eq(&self.document.analysis, &document.analysis) {
            // A config that could not be used.
            return Open { document, ..self };
        }
        let is_same = Arc::ptr_eq(self.document.analysis.config(), document.analysis.config());
        let view = self.history.view();
        let (mut history, shown_type) = (self.history.clone(), self.shown_type.filter(|_| is_same));
        if !is_same {
            let node = history.current();
            history = History::new(view);
            if matches!(node, Selection::Node(_)) {
                history.select(node);
            }
        }
        let is_problem_hidden = self.is_problem_hidden;
        let open = Open::new(document, Some(self), view);
        Open { history, shown_type, is_problem_hidden, ..open }
    }

    /// What is wrong with the file, in a line, and how many things are.
    fn problem(&self) -> Option<(String, usize)> {
        let problems = &self.document.analysis.summary().problems;
        let first = problems.first()?;
        let name = self.document.request.origin.name();
        let what = match problems.len() {
            1 => format!("{name}: {first}"),
            count => format!("{name} has {} problems, the first: {first}", units::count(count as u64)),
        };
        Some((what, problems.len()))
    }

    /// Draws the panes. Returns another lens, where one was chosen.
    fn ui(&mut self, ui: &mut Ui) -> Option<Lens> {
        let pane = Frame::side_top_panel(ui.style()).inner_margin(egui::Margin::symmetric(0, 4));
        let width = ui.available_width();
        let left = Panel::left("roots").default_size((width * 0.27).min(364.0));
        left.size_range(200.0..=(width * 0.4).max(200.0)).frame(pane).show(ui, |ui| {
            fill(ui);
            ui.horizontal(|ui| {
                ui.add_space(8.0);
                title_ui(ui, "Roots");
            });
            self.roots.ui(ui, &self.document, &mut self.history);
        });
        let right = Panel::right("details").default_size((width * 0.27).min(320.0));
        right.size_range(220.0..=(width * 0.4).max(220.0)).show(ui, |ui| {
            fill(ui);
            title_ui(ui, "Details");
            match self.details.ui(ui, &self.document, &mut self.history) {
                Some(Action::ShowTree(path, node)) => {
                    self.history.show(View::Ownership);
                    self.tree.reveal(&self.document.analysis, &path, node);
                }
                Some(Action::ShowType(id)) => {
                    self.history.go(Step { view: View::Types, selection: Selection::Type(id) });
                }
                None => {}
            }
        });
        if let Selection::Type(id) = self.history.current() {
            self.shown_type = Some(id);
        }
        let mut lens = None;
        self.middle = ui.available_rect_before_wrap();
        if std::mem::replace(&mut self.last_view, self.history.view()) != self.history.view() {
            export::leave(ui.ctx());
        }
        CentralPanel::default()
            .frame(Frame::central_panel(ui.style()).inner_margin(egui::Margin::same(0)))
            .show(ui, |ui| {
                Frame::new().inner_margin(egui::Margin::symmetric(8, 4)).show(ui, |ui| self.tabs_ui(ui));
                match self.history.view() {
                    View::Overview => {
                        Frame::new()
                            .inner_margin(8.0)
                            .show(ui, |ui| self.overview.ui(ui, &self.document, &mut self.history));
                    }
                    View::Types => self.types_ui(ui),
                    View::Ownership => {
                        lens = self.tree.ui(ui, &self.document, &mut self.history, &self.filter);
                    }
                    View::Hyperbolic => {
                        self.hyperbolic.ui(ui, &self.document, &mut self.history, &self.filter);
                    }
                    View::Icicle => {
                        self.icicle.ui(ui, &self.document, &mut self.history, &self.filter);
                    }
                    View::Treemap => {
                        self.treemap.ui(ui, &self.document, &mut self.history, &self.filter);
                    }
                    View::Unclaimed => self.unclaimed.ui(ui, &self.document, &mut self.history),
                    View::Fragmentation => {
                        self.fragmentation.ui(ui, &self.document, &mut self.history, &mut self.filter);
                    }
                }
            });
        lens
    }

    /// What the view shows, as a table, where it is none.
    fn sheet(&self) -> Option<Sheet> {
        let analysis = &self.document.analysis;
        match self.history.view() {
            View::Overview => Some(overview::sheet(&self.document)),
            View::Hyperbolic => self.hyperbolic.sheet(analysis),
            View::Icicle => Some(self.icicle.sheet(analysis)),
            View::Treemap => Some(self.treemap.sheet(analysis)),
            View::Types | View::Ownership | View::Fragmentation | View::Unclaimed => None,
        }
    }

    /// The views to choose from, and the filter of all of them.
    fn tabs_ui(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            for view in View::ALL {
                let text = RichText::new(view.title()).size(14.0);
                let tab = ui.selectable_label(self.history.view() == view, text);
                let keys = ui.ctx().format_shortcut(&view.shortcut());
                if tab.on_hover_text(format!("{} ({keys})", view.help())).clicked() {
                    self.history.show(view);
                }
            }
        });
        ui.horizontal(|ui| self.filter.ui(ui, &self.document));
    }

    fn types_ui(&mut self, ui: &mut Ui) {
        if let Some(id) = self.shown_type {
            Panel::bottom("type detail").resizable(true).default_size(270.0).min_size(110.0).show(ui, |ui| {
                fill(ui);
                self.type_details.ui(ui, &self.document, &mut self.history, id);
            });
        }
        self.types.ui(ui, &self.document, &mut self.history, &mut self.filter, self.shown_type);
    }
}

fn title_ui(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).strong().size(14.0));
}

/// Makes a pane as large as its panel, whatever is in it: panels else shrink
/// to what they show first.
fn fill(ui: &mut Ui) {
    ui.set_min_size(ui.available_size());
}

/// A message with a button that puts it away; whether that was clicked.
fn notice_ui(ui: &mut Ui, color: egui::Color32, what: &str, fix: &str, dismiss: &str) -> bool {
    let mut is_clicked = false;
    ui.horizontal_top(|ui| {
        let width = ui.available_width() - 84.0;
        ui.vertical(|ui| {
            ui.set_width(width);
            cells::notice(ui, color, what, fix);
        });
        let button = ui.button("Dismiss");
        button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, dismiss));
        is_clicked = button.clicked();
    });
    is_clicked
}

fn theme_ui(ui: &mut Ui) {
    let is_dark = ui.visuals().dark_mode;
    let text = if is_dark { "Light" } else { "Dark" };
    if ui.button(text).on_hover_text("Switch between light and dark.").clicked() {
        ui.ctx().set_theme(if is_dark { Theme::Light } else { Theme::Dark });
    }
}

fn drop_hint_ui(ui: &Ui) {
    let is_hovered = ui.input(|input| !input.raw.hovered_files.is_empty());
    if is_hovered {
        let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop hint"));
        let painter = ui.ctx().layer_painter(layer);
        let rect = ui.ctx().content_rect();
        painter.rect_filled(rect, 0.0, egui::Color32::from_black_alpha(170));
        let font = egui::FontId::proportional(28.0);
        painter.text(rect.center(), egui::Align2::CENTER_CENTER, "Drop to open", font, egui::Color32::WHITE);
    }
}
