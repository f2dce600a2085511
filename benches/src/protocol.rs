//! How a measuring process tells its numbers: a line `name value` each.

use std::collections::BTreeMap;

/// Numbers of one run, by name.
pub type Numbers = BTreeMap<String, f64>;

/// Tells one number.
pub fn tell(name: &str, value: f64) {
    println!("{name} {value}");
}

/// Reads what a process told.
///
/// # Errors
///
/// The line that is not a name and a number.
pub fn read(text: &str) -> Result<Numbers, String> {
    text.lines()
        .map(|line| {
            let (name, value) = line.split_once(' ').ok_or_else(|| line.to_owned())?;
            let value = value.parse().map_err(|_| line.to_owned())?;
            Ok((name.to_owned(), value))
        })
        .collect()
}

/// The middle one of several numbers; 0 of none.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => 0.0,
        len if len % 2 == 1 => numbers[len / 2],
        len => (numbers[len / 2 - 1] + numbers[len / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let numbers = read("a 1.5\nb 2\n").unwrap();
        assert_eq!(numbers, Numbers::from([("a".into(), 1.5), ("b".into(), 2.0)]));
        assert_eq!(read("a 1\nnoise"), Err("noise".into()));
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), 0.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0, 4.0]), 3.0);
    }
}
