//! The desktop's file dialog. It is asked for through the desktop portal, which
//! a bare window manager or a remote session may not have: then nothing opens,
//! and the window says what to do instead.

use std::path::PathBuf;
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
    /// Opens it.
    pub fn open(ctx: &egui::Context) -> Dialog {
        let (sender, result) = mpsc::sync_channel(1);
        let ctx = ctx.clone();
        let run = move || {
            let chosen = rfd::FileDialog::new()
                .set_title("Open a heap snapshot")
                .add_filter("heap snapshots", &["heapsnap"])
                .add_filter("all files", &["*"])
                .pick_file();
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
