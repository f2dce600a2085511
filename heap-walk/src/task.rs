//! Tagged futures: a tag that follows its task from thread to thread, and a root
//! while the task waits.
//!
//! A future that waits is a value that nobody can walk, since its type is the
//! compiler's; its bytes are read raw. It is pinned from its first poll on, and
//! until it is dropped the registry knows where it lies. Beside it stands a word
//! that says whose it is and whether it is being polled; a walk reads both
//! through the kernel, so it matters to nobody when the task goes on meanwhile.

use crate::shape::Shape;
use crate::tag::{tag, TagScope};
use heap_snapshot::live::ToolScope;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Tags for futures.
pub trait TagFuture: Future + Sized {
    /// Puts a name on the blocks that are allocated while this future is polled,
    /// on whatever thread, below the tags that the thread has there; and makes it a
    /// root of every checkpoint from its first poll until it is dropped.
    ///
    /// ```
    /// use heap_walk::TagFuture;
    ///
    /// async fn serve() {}
    /// let task = serve().tagged("serve"); // to be spawned
    /// ```
    ///
    /// The root has the name with a number, and the line of this call. While the
    /// future is not being polled its bytes are read raw: what they point to and
    /// nobody else claims is claimed by the task, as raw. The block that it lies in is
    /// its own, though bytes of a runtime lead to all tasks. While it is polled it is
    /// unreadable. Of a tagged future inside another one the outer is the root.
    ///
    /// Costs 48 bytes, a lock held for some nanoseconds at the first poll and when it
    /// is dropped, and two stores and a tag's scope at each poll.
    #[track_caller]
    fn tagged(self, name: &'static str) -> Tagged<Self> {
        let place = Place { word: AtomicU64::new(0), index: 0 };
        Tagged { place, name, source: Location::caller(), future: self }
    }
}

impl<F: Future> TagFuture for F {}

/// A future with a tag. See [`TagFuture::tagged`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are polled"]
pub struct Tagged<F> {
    // Before the future, so that it is forgotten before it is dropped.
    place: Place,
    name: &'static str,
    source: &'static Location<'static>,
    future: F,
}

/// A task's place in the registry, which it leaves when it is dropped.
#[derive(Debug)]
struct Place {
    /// Number of the task, shifted left by one, and [`POLLED`]; 0 before it is registered.
    word: AtomicU64,
    index: usize,
}

/// The task is being polled.
const POLLED: u64 = 1;

/// A task that waits or is being polled, as the registry knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) source: &'static Location<'static>,
    pub(crate) shape: &'static Shape,
    pub(crate) number: u64,
    /// Where its future lies.
    pub(crate) addr: u64,
    pub(crate) size: u64,
    /// Where its word lies.
    word: u64,
}

/// What a task's word says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Waits,
    Polled,
    /// Another value stands there.
    Gone,
}

impl Task {
    /// Where its word lies, and what a word that was read there says.
    pub(crate) fn word(&self) -> (u64, impl Fn(u64) -> State) {
        let number = self.number;
        (self.word, move |word| match word {
            word if word >> 1 != number => State::Gone,
            word if word & POLLED != 0 => State::Polled,
            _ => State::Waits,
        })
    }
}

#[derive(Default)]
struct Tasks {
    /// By index; those that are free hold the next free one.
    entries: Vec<Result<Task, usize>>,
    free: usize,
    /// Number of the last task.
    last: u64,
}

static TASKS: Mutex<Tasks> = Mutex::new(Tasks { entries: Vec::new(), free: 0, last: 0 });

fn tasks() -> MutexGuard<'static, Tasks> {
    TASKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All tasks that were polled and not dropped, in the order of their numbers.
pub(crate) fn registered() -> Vec<Task> {
    let mut all: Vec<Task> = tasks().entries.iter().filter_map(|entry| entry.ok()).collect();
    all.sort_by_key(|task| task.number);
    all
}

impl Place {
    /// Registers a task, whose place this is from now on.
    #[cold]
    fn register(&mut self, task: Task) {
        let mut tasks = tasks();
        tasks.last += 1;
        let number = tasks.last;
        let task = Task { number, word: std::ptr::from_ref(&self.word) as usize as u64, ..task };
        self.index = tasks.free;
        match tasks.entries.get(self.index).copied() {
            Some(free) => {
                tasks.free = free.err().unwrap_or(tasks.entries.len());
                tasks.entries[self.index] = Ok(task);
            }
            None => {
                // Seldom: it doubles.
                let _tool = (tasks.entries.len() == tasks.entries.capacity()).then(ToolScope::enter);
                tasks.entries.push(Ok(task));
                tasks.free = tasks.entries.len();
            }
        }
        *self.word.get_mut() = number << 1;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::mem::take(self.word.get_mut()) != 0 {
            let mut tasks = tasks();
            tasks.entries[self.index] = Err(tasks.free);
            tasks.free = self.index;
        }
    }
}

impl<F: Future> Future for Tagged<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: `future` is pinned with its wrapper: nothing here moves it, it is
        // dropped where it lies, and there is no `Unpin` for a wrapper of one that
        // has none. The other fields are not pinned.
        #[expect(unsafe_code, reason = "a projection to the one field that is pinned")]
        let (future, _polled) = unsafe {
            let Tagged { place, name, source, future } = self.get_unchecked_mut();
            if *place.word.get_mut() == 0 && size_of::<F>() > 0 {
                let addr = std::ptr::from_ref(future) as usize as u64;
                let (shape, size) = (Shape::unwalked::<F>(), size_of::<F>() as u64);
                place.register(Task { name, source, shape, addr, size, number: 0, word: 0 });
            }
            (Pin::new_unchecked(future), Polled::enter(&place.word, name))
        };
        future.poll(context)
    }
}

/// A task is being polled.
struct Polled<'t> {
    word: &'t AtomicU64,
    _tag: TagScope,
}

impl Polled<'_> {
    fn enter<'t>(word: &'t AtomicU64, name: &'static str) -> Polled<'t> {
        // Only who polls it writes it.
        word.store(word.load(Ordering::Relaxed) | POLLED, Ordering::Relaxed);
        Polled { word, _tag: tag(name) }
    }
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        // What was written into the future stands there before the word says so.
        self.word.store(self.word.load(Ordering::Relaxed) & !POLLED, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::task::Waker;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Only this test has tasks of these names.
    fn mine(prefix: &str) -> Vec<Task> {
        registered().into_iter().filter(|task| task.name.starts_with(prefix)).collect()
    }

    #[test]
    fn a_task_is_known_from_its_first_poll_until_it_is_dropped() {
        let mut first = Box::pin(async { pending::<()>().await }.tagged("known-1"));
        let line = line!() - 1;
        assert!(mine("known").is_empty(), "it may still be moved");
        assert!(poll(first.as_mut()).is_pending());
        let mut second = Box::pin(async { pending::<u64>().await }.tagged("known-2"));
        assert!(poll(second.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        let known = mine("known");
        assert_eq!(known.iter().map(|task| task.name).collect::<Vec<_>>(), ["known-1", "known-2"]);
        assert_eq!((known[0].source.file(), known[0].source.line()), (file!(), line));
        assert!(known[0].number < known[1].number);
        assert_eq!(known[0].addr, std::ptr::from_ref(&first.future) as usize as u64);
        drop(first);
        assert_eq!(mine("known").len(), 1);
        let mut third = Box::pin(async { ready(()).await }.tagged("known-3"));
        assert!(poll(third.as_mut()).is_ready());
        assert_eq!(mine("known").len(), 2, "until it is dropped");
        drop((second, third));
        assert!(mine("known").is_empty());
        // Never polled, and without a byte.
        drop(async {}.tagged("known-4"));
        let mut empty = Box::pin(pending::<()>().tagged("known-5"));
        assert!(poll(empty.as_mut()).is_pending() && mine("known").is_empty());
    }

    #[test]
    fn its_word_says_whether_it_is_polled() {
        let state = || {
            let task = mine("word")[0];
            let (addr, state) = task.word();
            let mut said = None;
            crate::raw::RawMemory::open().words(addr, 8, |word| said = Some(state(word)));
            said.expect("this process's memory can be read")
        };
        let mut gone = None;
        let mut seen = Vec::new();
        let polls = async {
            seen.push(state());
            gone = Some(mine("word")[0]);
            pending::<()>().await;
        };
        let mut task = Box::pin(polls.tagged("word"));
        assert!(poll(task.as_mut()).is_pending());
        assert_eq!(state(), State::Waits);
        drop(task);
        assert_eq!(seen, [State::Polled]);
        let gone = gone.expect("it was polled");
        assert_eq!(gone.word().1(0), State::Gone);
        assert_eq!(gone.word().1((gone.number + 1) << 1), State::Gone);
    }

    #[test]
    fn a_panic_ends_the_poll_and_the_tag() {
        let mut task = Box::pin(async { panic!("on purpose") }.tagged("panics"));
        let polled = std::panic::AssertUnwindSafe(|| poll(task.as_mut()).is_ready());
        std::panic::catch_unwind(polled).expect_err("a panic");
        assert_eq!(task.place.word.load(Ordering::Relaxed) & POLLED, 0);
    }
}
