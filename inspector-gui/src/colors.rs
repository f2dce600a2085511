//! Which colour a type has: the components or types with the most bytes have one
//! of the palette's each, all others one together.

use crate::theme::{OTHER, PALETTE};
use egui::Color32;
use heap_analysis::type_table::{RowId, TypeRow};
use std::collections::HashMap;

/// What has a colour of its own.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum By {
    /// Components of the type config.
    #[default]
    Component,
    /// Types.
    Type,
}

/// The colours of all types.
#[derive(Debug)]
pub struct Colors {
    of_row: Vec<u8>,
    names: Vec<String>,
}

impl Colors {
    /// For the rows of a type table. Where no type is in a component, by type. O(types).
    pub fn new(types: &[TypeRow], by: By) -> Colors {
        let has_groups = types.iter().any(|row| !row.group.is_empty());
        let name = |row: &TypeRow| match by {
            By::Component if has_groups => row.group.clone(),
            By::Component | By::Type => row.name.clone(),
        };
        let mut bytes: HashMap<String, u64> = HashMap::new();
        for row in types {
            let sum = bytes.entry(name(row)).or_default();
            *sum = sum.saturating_add(row.shallow);
        }
        bytes.remove("");
        let mut names: Vec<(String, u64)> = bytes.into_iter().collect();
        names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        names.truncate(PALETTE.len());
        let index: HashMap<&str, u8> =
            names.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at as u8)).collect();
        let none = PALETTE.len() as u8;
        let of_row = types.iter().map(|row| *index.get(name(row).as_str()).unwrap_or(&none)).collect();
        Colors { of_row, names: names.into_iter().map(|(name, _)| name).collect() }
    }

    /// The colour of a type.
    pub fn of(&self, row: Option<RowId>) -> Color32 {
        let at = row.and_then(|row| self.of_row.get(row.0 as usize));
        at.and_then(|&at| PALETTE.get(usize::from(at))).map_or(OTHER, |(_, color)| *color)
    }

    /// What has a colour of its own, most bytes first.
    pub fn legend(&self) -> impl Iterator<Item = (&str, Color32)> {
        self.names.iter().zip(PALETTE).map(|(name, (_, color))| (name.as_str(), color))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_have_colours_and_all_others_one() {
        let row = |id: u32| TypeRow {
            id: RowId(id),
            name: format!("T{id}"),
            group: if id.is_multiple_of(2) { "even".into() } else { String::new() },
            shallow: 1000 - u64::from(id),
            ..TypeRow::default()
        };
        let types: Vec<TypeRow> = (0..20).map(row).collect();
        let by_type = Colors::new(&types, By::Type);
        assert_eq!(by_type.legend().count(), PALETTE.len());
        assert_eq!(by_type.of(Some(RowId(0))), PALETTE[0].1);
        assert_eq!(by_type.of(Some(RowId(19))), OTHER);
        assert_eq!(by_type.of(None), OTHER);
        let by_component = Colors::new(&types, By::Component);
        assert_eq!(by_component.legend().map(|(name, _)| name).collect::<Vec<_>>(), ["even"]);
        assert_eq!(by_component.of(Some(RowId(1))), OTHER);
    }
}
