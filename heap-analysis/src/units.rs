//! Bytes, counts and percentages as text, once for all views.

/// Bytes as people read them: `17 B`, `1.5 KiB`, `41.2 MiB`. Three digits or so;
/// below 1 KiB exact.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // Compared with what it is rounded to, so that 1023.96 KiB is not `1024.0 KiB`.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A difference of bytes with its sign: `+1.5 KiB`, `-17 B`, `0 B`.
pub fn signed_bytes(difference: i64) -> String {
    match difference {
        0 => "0 B".into(),
        1.. => format!("+{}", bytes(difference.unsigned_abs())),
        _ => format!("-{}", bytes(difference.unsigned_abs())),
    }
}

/// A count with thousands set apart: `1 234 567`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The part of `whole` in percent: `97.3%`; `-` where the whole is nothing.
/// Never rounded up to `100.0%` nor down to `0.0%` where it is not.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".into();
    }
    let exact = part as f64 / whole as f64 * 100.0;
    match format!("{exact:.1}%").as_str() {
        "100.0%" if part < whole => "99.9%".into(),
        "0.0%" if part > 0 => "<0.1%".into(),
        text => text.into(),
    }
}

/// Nanoseconds as people read them: `870 ns`, `1.2 ms`, `3.4 s`.
pub fn nanoseconds(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_binary_units() {
        let shown: Vec<String> =
            [0, 1023, 1024, 1536, 1_048_575, 1 << 20, 43_201_536, u64::MAX].into_iter().map(bytes).collect();
        assert_eq!(
            shown,
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 MiB", "41.2 MiB", "16.0 EiB"]
        );
        assert_eq!(signed_bytes(-1536), "-1.5 KiB");
        assert_eq!(signed_bytes(17), "+17 B");
        assert_eq!(signed_bytes(i64::MIN), "-8.0 EiB");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1 000");
        assert_eq!(count(1_234_567), "1 234 567");
    }

    #[test]
    fn percentages_do_not_round_to_the_ends() {
        assert_eq!(percent(1, 0), "-");
        assert_eq!(percent(0, 10), "0.0%");
        assert_eq!(percent(1, 1_000_000), "<0.1%");
        assert_eq!(percent(999_999, 1_000_000), "99.9%");
        assert_eq!(percent(10, 10), "100.0%");
        assert_eq!(percent(1, 3), "33.3%");
    }

    #[test]
    fn times_choose_their_unit() {
        assert_eq!(nanoseconds(870), "870 ns");
        assert_eq!(nanoseconds(1_200_000), "1.2 ms");
        assert_eq!(nanoseconds(3_400_000_000), "3.4 s");
    }
}
