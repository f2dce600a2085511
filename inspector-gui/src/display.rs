//! Whether a window can be opened at all.

use std::ffi::OsString;

/// What is missing for a window, by the environment; `None` where a display is named.
///
/// `variable` looks an environment variable up.
pub fn missing(variable: impl Fn(&str) -> Option<OsString>) -> Option<&'static str> {
    if !cfg!(all(unix, not(target_os = "macos"))) {
        return None;
    }
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let names_a_display = ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"].into_iter().any(is_set);
    (!names_a_display).then_some("neither WAYLAND_DISPLAY nor DISPLAY is set")
}

/// The line for users without a display: what is missing, the fix, and the way without one.
pub fn message(what: &str) -> String {
    format!(
        "inspector-gui: cannot open a window: {what}: run it in a desktop session (over ssh: `ssh -X`, \
         and install libgl1, libxcursor1, libxi6, libxrandr2 and libxkbcommon-x11-0), or use \
         inspector-console, which shows the same in the terminal"
    )
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use super::*;

    #[test]
    fn a_display_is_named_by_any_of_the_variables() {
        assert!(missing(|_| None).is_some());
        assert!(missing(|_| Some(OsString::new())).is_some());
        for name in ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"] {
            assert_eq!(missing(|asked| (asked == name).then(|| ":0".into())), None);
        }
    }

    #[test]
    fn the_message_is_one_line_that_names_the_console() {
        let text = message("no display");
        assert!(
            text.contains("no display") && text.contains("inspector-console") && !text.contains('\n'),
            "{text}"
        );
    }
}
