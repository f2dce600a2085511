//! The desktop's file dialog. It is asked for through the desktop portal, which
//! a bare window manager or a remote session may not have: then nothing opens,
//! and the window says what to do instead.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

/// A dialog answered sooner than this was never on the screen.
const TOO_SOON: Duration = Duration::from_millis(400);

/// A dialog that is open, on a thread of its own.
#[derive(Debug)]
pub struct Dialog {
    started: Instant,
    result: mpsc::Receiver<Option<PathBuf>>,
}

/// How a dialog ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A file was chosen.
    Chosen(PathBuf),
    /// It was closed.
    Closed,
    /// This desktop has none.
    Unavailable,
}

impl Dialog {
    /// Asks for a snapshot to open.
    pub fn open(ctx: &egui::Context) -> Dialog {
        Dialog::start(ctx, || {
            rfd::FileDialog::new()
                .set_title("Open a heap snapshot")
                .add_filter("heap snapshots", &["heapsnap"])
                .add_filter("all files", &["*"])
                .pick_file()
        })
    }

    /// Asks for a type config.
    pub fn config(ctx: &egui::Context) -> Dialog {
        Dialog::start(ctx, || {
            rfd::FileDialog::new()
                .set_title("Choose a type config")
                .add_filter("type configs", &["toml"])
                .add_filter("all files", &["*"])
                .pick_file()
        })
    }

    /// Asks where to write a file; `path` and `ending` are proposed.
    pub fn save(ctx: &egui::Context, path: &Path, ending: &'static str) -> Dialog {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        Dialog::start(ctx, move || {
            rfd::FileDialog::new()
                .set_title("Export")
                .add_filter(ending, &[ending])
                .add_filter("all files", &["*"])
                .set_directory(directory)
                .set_file_name(name)
                .save_file()
        })
    }

    fn start(ctx: &egui::Context, ask: impl FnOnce() -> Option<PathBuf> + Send + 'static) -> Dialog {
        let (sender, result) = mpsc::sync_channel(1);
        let ctx = ctx.clone();
        let run = move || {
            let chosen = ask();
            // The window may be gone.
            let _ = sender.send(chosen);
            drop(sender);
            ctx.request_repaint();
        };
        // Where no thread can be started the channel is closed: no dialog.
        let _ = thread::Builder::new().name("file dialog".into()).spawn(run);
        Dialog { started: Instant::now(), result }
    }

    /// How it ended, once it has.
    pub fn poll(&self) -> Option<Answer> {
        match self.result.try_recv() {
            Ok(Some(path)) => Some(Answer::Chosen(path)),
            Ok(None) if self.started.elapsed() < TOO_SOON => Some(Answer::Unavailable),
            Ok(None) => Some(Answer::Closed),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Answer::Unavailable),
        }
    }
}
