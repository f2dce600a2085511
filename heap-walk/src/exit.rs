//! Runs the report when the program ends.

#![expect(unsafe_code, reason = "registers a function with the C library")]

extern "C" {
    fn atexit(callback: extern "C" fn()) -> std::ffi::c_int;
}

extern "C" fn report() {
    // A panic must not leave a function that C calls.
    let _ = std::panic::catch_unwind(crate::checkpoint::report);
}

/// Has the report run at `exit`, once. A program that is killed or aborts goes without.
pub(crate) fn at_exit() {
    // SAFETY: the callback is a function of this program that does not unwind;
    // `atexit` keeps its address and nothing else.
    unsafe { atexit(report) };
}
