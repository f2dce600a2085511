//! Puts [`Inspector`] into a real window.

use clap::Parser;
use eframe::egui;
use inspector_gui::{cli::Cli, display, Inspector, Options};
use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The exit code where no window can be opened.
const NO_WINDOW: u8 = 2;

struct Window(Inspector);

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.0.ui(ui);
    }
}

fn main() -> ExitCode {
    let directory = std::env::current_dir().unwrap_or_default();
    let options = Cli::parse().options(directory);
    let outcome = match display::missing(|name| std::env::var_os(name)) {
        Some(what) => Err(what.to_owned()),
        None => run(options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{}", display::message(&what));
            ExitCode::from(NO_WINDOW)
        }
    }
}

/// Runs the window until it is closed. An error says why it did not open.
fn run(options: Options) -> Result<(), String> {
    let is_open = Arc::new(AtomicBool::new(false));
    let reason = Arc::new(Mutex::new(String::new()));
    // The window system's crates panic where a library is missing. Until the
    // window is open, a panic is such a reason, and users get it in one line.
    let report = panic::take_hook();
    panic::set_hook({
        let (is_open, reason) = (Arc::clone(&is_open), Arc::clone(&reason));
        Box::new(move |info| {
            if is_open.load(Ordering::Relaxed) {
                report(info);
            } else {
                let text = info.payload_as_str().unwrap_or("the window system failed");
                *reason.lock().unwrap_or_else(PoisonError::into_inner) = text.to_owned();
            }
        })
    });
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("heap inspector")
            .with_app_id("inspector-gui")
            .with_inner_size([1400.0, 900.0])
            .with_min_inner_size([800.0, 500.0])
            .with_drag_and_drop(true),
        ..eframe::NativeOptions::default()
    };
    let created = Arc::clone(&is_open);
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        eframe::run_native(
            "inspector-gui",
            native,
            Box::new(move |context| {
                created.store(true, Ordering::Relaxed);
                Ok(Box::new(Window(Inspector::new(&context.egui_ctx, options))))
            }),
        )
    }));
    match outcome {
        Ok(outcome) => outcome.map_err(|error| one_line(&error.to_string())),
        // A crash of ours, which the hook has reported.
        Err(panic) if is_open.load(Ordering::Relaxed) => panic::resume_unwind(panic),
        Err(_) => Err(one_line(&reason.lock().unwrap_or_else(PoisonError::into_inner))),
    }
}

/// The message without line breaks and without the place in the source of a
/// library (`… at src/lib.rs:7: `) that it may begin with.
fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_place = |part: &str| part.contains(".rs:");
    match text.rsplit_once(": ") {
        Some((before, what)) if is_place(before) => what.to_owned(),
        _ => text,
    }
}
