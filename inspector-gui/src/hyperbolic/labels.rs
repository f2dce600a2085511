//! Which labels there is room for: greedily, the most important first.

use egui::Rect;

/// Labels that are shown at once.
pub const MAX_LABELS: usize = 25;

/// Positions of the labels to show, of `wanted` with the most important first:
/// each that lies in `area` and on none that was chosen before.
pub fn choose(wanted: impl IntoIterator<Item = Rect>, area: Rect) -> Vec<usize> {
    let mut chosen: Vec<(usize, Rect)> = Vec::new();
    for (at, rect) in wanted.into_iter().enumerate() {
        if chosen.len() == MAX_LABELS {
            break;
        }
        if area.contains_rect(rect) && !chosen.iter().any(|(_, other)| other.intersects(rect)) {
            chosen.push((at, rect));
        }
    }
    chosen.into_iter().map(|(at, _)| at).collect()
}

/// A name of at most `limit` characters, with its middle left out.
pub fn shorten(name: &str, limit: usize) -> String {
    let count = name.chars().count();
    if count <= limit {
        return name.to_owned();
    }
    let (head, tail) = (limit.div_ceil(2), limit / 2);
    let head: String = name.chars().take(head.saturating_sub(1)).collect();
    let tail: String = name.chars().skip(count - tail).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{pos2, vec2};

    #[test]
    fn labels_do_not_overlap() {
        let area = Rect::from_min_size(pos2(0.0, 0.0), vec2(600.0, 400.0));
        let wanted: Vec<Rect> = (0..500_u32)
            .map(|at| {
                let at = pos2((at * 7919 % 640) as f32 - 20.0, (at * 104_729 % 430) as f32 - 15.0);
                Rect::from_min_size(at, vec2(90.0, 14.0))
            })
            .collect();
        let chosen = choose(wanted.iter().copied(), area);
        assert!(chosen.len() > 5 && chosen.len() <= MAX_LABELS && chosen.is_sorted());
        for (at, &one) in chosen.iter().enumerate() {
            assert!(area.contains_rect(wanted[one]));
            assert!(chosen[..at].iter().all(|&other| !wanted[one].intersects(wanted[other])));
        }
        // What is left out had no room, or there were enough.
        for at in 0..wanted.len() {
            let is_free =
                || chosen.iter().take_while(|&&one| one < at).all(|&one| !wanted[one].intersects(wanted[at]));
            assert!(
                chosen.contains(&at)
                    || chosen.len() == MAX_LABELS
                    || !area.contains_rect(wanted[at])
                    || !is_free()
            );
        }
    }

    #[test]
    fn names_lose_their_middle() {
        assert_eq!(shorten("short", 24), "short");
        let name = shorten("HashMap<DefId, Rc<BorrowCheckResult>>", 24);
        assert_eq!((name.chars().count(), name.as_str()), (24, "HashMap<Def…heckResult>>"));
    }
}
