//! CPU time. Wall time would count what other processes of the machine do.

#![expect(unsafe_code, reason = "calls clock_gettime and getrusage")]

use std::mem::MaybeUninit;

/// CPU time of the calling thread, nanoseconds.
pub fn thread_ns() -> u64 {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time of all threads of the process, those that ended included, nanoseconds.
pub fn process_ns() -> u64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time of all processes that this one started and waited for, with those they started, nanoseconds.
pub fn children_ns() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `usage` has room for the result.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) };
    assert_eq!(failed, 0, "getrusage failed");
    // SAFETY: the call succeeded, so `usage` was written.
    let usage = unsafe { usage.assume_init() };
    let ns = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000;
    ns(usage.ru_utime) + ns(usage.ru_stime)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `time` has room for the result, and both clocks exist on every Unix we build for.
    let failed = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    assert_eq!(failed, 0, "clock_gettime failed");
    // SAFETY: the call succeeded, so `time` was written.
    let time = unsafe { time.assume_init() };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time_of_both_clocks_and_sleep_of_neither() {
        let (thread, process) = (thread_ns(), process_ns());
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(thread_ns() - thread < 100_000_000);
        let begun = thread_ns();
        while thread_ns() - begun < 1_000_000 {
            std::hint::black_box(0);
        }
        assert!(process_ns() - process >= 1_000_000);
    }
}
