//! An answer that takes too long for the drawing thread.
//!
//! A pane asks for the answer to a key in every frame. The first time, and
//! whenever the key changes, a thread works it out and wakes the window when it
//! is done. At most one thread runs per [`Answer`]: while it does, newer keys
//! wait, and only the newest of them is worked out next.

use std::sync::mpsc::{self, TryRecvError};
use std::thread;

/// The answer to the last key asked for, or on its way to be.
#[derive(Debug)]
pub struct Answer<K, V> {
    running: Option<(K, mpsc::Receiver<V>)>,
    /// The last key that was answered; no value where its thread died.
    last: Option<(K, Option<V>)>,
}

impl<K, V> Default for Answer<K, V> {
    fn default() -> Answer<K, V> {
        Answer { running: None, last: None }
    }
}

/// How far an answer is.
#[derive(Debug)]
pub enum Shown<'a, V> {
    /// It is here.
    Ready(&'a V),
    /// It is being worked out; the answer to an earlier key, if there was any.
    Working(Option<&'a V>),
    /// The thread that worked it out panicked.
    Failed,
}

impl<'a, V> Shown<'a, V> {
    /// The answer, or the one to an earlier key.
    pub fn any(self) -> Option<&'a V> {
        match self {
            Shown::Ready(value) => Some(value),
            Shown::Working(value) => value,
            Shown::Failed => None,
        }
    }
}

impl<K: PartialEq + Send + 'static, V: Send + 'static> Answer<K, V> {
    /// Asks for the answer to `key`. `work` says how to work it out; it is
    /// called only when a thread is to be started. Costs nothing while the key stays.
    pub fn get<W>(&mut self, ctx: &egui::Context, key: K, work: impl FnOnce() -> W) -> Shown<'_, V>
    where
        W: FnOnce() -> V + Send + 'static,
    {
        if let Some((running, result)) = self.running.take() {
            match result.try_recv() {
                Ok(value) => self.last = Some((running, Some(value))),
                Err(TryRecvError::Empty) => self.running = Some((running, result)),
                Err(TryRecvError::Disconnected) => self.last = Some((running, None)),
            }
        }
        let is_answered = self.last.as_ref().is_some_and(|(last, _)| *last == key);
        if !is_answered && self.running.is_none() {
            self.running = Some((key, spawn(ctx.clone(), work())));
        }
        match &self.last {
            Some((_, Some(value))) if is_answered => Shown::Ready(value),
            Some((_, None)) if is_answered => Shown::Failed,
            Some((_, value)) => Shown::Working(value.as_ref()),
            None => Shown::Working(None),
        }
    }

    /// Whether a thread is at work.
    pub fn is_working(&self) -> bool {
        self.running.is_some()
    }

    /// The answer to the last key, whichever it was.
    pub fn last(&self) -> Option<&V> {
        self.last.as_ref().and_then(|(_, value)| value.as_ref())
    }
}

/// Wakes the window when dropped: also where the work panics.
struct Wake(egui::Context);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.request_repaint();
    }
}

fn spawn<V: Send + 'static>(
    ctx: egui::Context,
    work: impl FnOnce() -> V + Send + 'static,
) -> mpsc::Receiver<V> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let run = move || {
        // Dropped after the sender, so that the window wakes to a result or to its absence.
        let _wake = Wake(ctx);
        let sender = sender;
        // The window may have moved on.
        let _ = sender.send(work());
    };
    // Where no thread can be started the channel is closed, and the answer fails.
    let _ = thread::Builder::new().name("heap-analysis".into()).spawn(run);
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Asks until the answer is there.
    fn wait(
        answer: &mut Answer<u32, u32>,
        key: u32,
        work: impl Fn() -> u32 + Copy + Send + 'static,
    ) -> Option<u32> {
        let ctx = egui::Context::default();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            match answer.get(&ctx, key, || work) {
                Shown::Ready(value) => return Some(*value),
                Shown::Failed => return None,
                Shown::Working(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        panic!("no answer")
    }

    #[test]
    fn an_answer_is_worked_out_once() {
        let mut answer = Answer::default();
        assert_eq!(wait(&mut answer, 1, || 10), Some(10));
        let ctx = egui::Context::default();
        let again = answer.get(&ctx, 1, || -> fn() -> u32 { panic!("asked again") });
        assert!(matches!(again, Shown::Ready(10)));
        assert!(!answer.is_working());
    }

    #[test]
    fn the_earlier_answer_stays_while_the_next_is_worked_out() {
        let mut answer = Answer::default();
        assert_eq!(wait(&mut answer, 1, || 10), Some(10));
        let ctx = egui::Context::default();
        let (go, gate) = mpsc::channel::<()>();
        let shown = answer.get(&ctx, 2, || {
            move || {
                let _ = gate.recv();
                20
            }
        });
        assert_eq!(shown.any(), Some(&10));
        go.send(()).unwrap();
        assert_eq!(wait(&mut answer, 2, || 0), Some(20));
    }

    #[test]
    fn a_panic_is_a_failure_and_not_tried_again() {
        let mut answer = Answer::default();
        assert_eq!(wait(&mut answer, 1, || panic!("planted")), None);
        assert_eq!(wait(&mut answer, 1, || 1), None);
        assert_eq!(wait(&mut answer, 2, || 2), Some(2));
    }
}
