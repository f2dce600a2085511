//! `type`: layout, variants, lengths.

use super::Out;
use crate::table::{Column, Table};
use heap_analysis::find::Subject;
use heap_analysis::type_detail::{FieldRow, Lengths, TypeDetail};
use heap_analysis::units::{bytes, count, percent};
use std::fmt::Write as _;

pub(crate) fn run(out: &Out<'_>, name: &str) -> Result<String, String> {
    let row = match out.find(name)? {
        Subject::Type(row) => Some(row),
        subject => {
            let node = out.analysis.nodes(subject).first().copied();
            node.and_then(|node| out.analysis.tree_row(node)?.row)
        }
    };
    let detail = row
        .and_then(|row| out.analysis.type_detail(row))
        .ok_or_else(|| format!("the file does not describe the type of `{name}`"))?;
    Ok(if out.is_json { out.json(&detail) } else { out.end(people(out, &detail)) })
}

fn people(out: &Out<'_>, detail: &TypeDetail) -> String {
    let row = &detail.row;
    let mut text = format!("{}\n", row.name);
    if row.path != row.name {
        let _ = writeln!(text, "{}", row.path);
    }
    let _ = writeln!(text, "{}, {} bytes, aligned to {}", row.kind, detail.size, detail.align);
    if let Some(source) = &detail.source {
        let _ = writeln!(text, "{}:{} ({} {})", source.file, source.line, source.package, source.version);
    }
    let _ = writeln!(
        text,
        "\n{} nodes: shallow {}, retained {}; {} inline values: {}",
        count(row.count),
        bytes(row.shallow),
        bytes(row.retained),
        count(row.inline_values),
        bytes(row.inline_bytes)
    );
    if !detail.fields.is_empty() {
        text.push_str("\nLayout\n");
        text.push_str(&fields(&detail.fields).render(out.width));
    }
    if !detail.variants.is_empty() {
        text.push_str("\nVariants");
        match detail.discriminant {
            0 => text.push_str(" (the discriminant is in a niche)\n"),
            size => {
                let _ = writeln!(text, " ({size} bytes of discriminant each)");
            }
        }
        text.push_str(&variants(detail).render(out.width));
    }
    if !detail.keys.is_empty() {
        text.push_str("\nKeys\n");
        text.push_str(&super::keys::table(&detail.keys, false).render(out.width));
    }
    for lengths in &detail.lengths {
        text.push_str(&lengths_text(out, lengths));
    }
    text
}

fn fields(rows: &[FieldRow]) -> Table {
    let mut table = Table::new(&[
        Column::Number("offset"),
        Column::Number("size"),
        Column::Text("field"),
        Column::Text("type"),
        Column::Text(""),
    ]);
    for row in rows {
        table.row([
            row.offset.map_or_else(|| "?".into(), |offset| offset.to_string()),
            row.size.to_string(),
            if row.is_padding { "(padding)".into() } else { row.name.clone() },
            row.type_name.clone(),
            row.mode.clone(),
        ]);
    }
    table
}

fn variants(detail: &TypeDetail) -> Table {
    let mut table = Table::new(&[
        Column::Text("variant"),
        Column::Number("values"),
        Column::Number(""),
        Column::Number("size"),
        Column::Number("payload"),
        Column::Number("dead each"),
        Column::Number("dead"),
        Column::Text("places"),
    ]);
    let all = detail.variants.iter().map(|variant| variant.count).fold(0, u64::saturating_add);
    for variant in &detail.variants {
        let places: Vec<String> =
            variant.places.iter().map(|(place, number)| format!("{} {place}", count(*number))).collect();
        table.row([
            variant.name.clone(),
            count(variant.count),
            percent(variant.count, all),
            variant.tuple_size.to_string(),
            bytes(variant.payload),
            bytes(variant.dead_each),
            bytes(variant.dead),
            places.join(", "),
        ]);
    }
    let sum = |number: fn(&heap_analysis::type_detail::VariantRow) -> u64| {
        detail.variants.iter().map(number).fold(0, u64::wrapping_add)
    };
    table.row([
        "(all)".into(),
        count(all),
        String::new(),
        String::new(),
        bytes(sum(|variant| variant.payload)),
        String::new(),
        bytes(sum(|variant| variant.dead)),
        String::new(),
    ]);
    table
}

fn lengths_text(out: &Out<'_>, lengths: &Lengths) -> String {
    let mut text = format!(
        "\nLengths of {}: {} hold {} elements of {} bytes and have room for {}, {} in use, {} spare\n",
        lengths.container,
        count(lengths.containers),
        count(lengths.len),
        lengths.element_size,
        count(lengths.cap),
        percent(lengths.len, lengths.cap),
        bytes(lengths.spare)
    );
    let mut table = Table::new(&[
        Column::Number("length"),
        Column::Number("containers"),
        Column::Number("elements"),
        Column::Number("capacity"),
        Column::Number("in use"),
        Column::Number("spare"),
    ]);
    for bucket in &lengths.buckets {
        let range = match bucket.from == bucket.to {
            true => bucket.from.to_string(),
            false => format!("{}..{}", bucket.from, bucket.to),
        };
        table.row([
            range,
            count(bucket.containers),
            count(bucket.len),
            count(bucket.cap),
            percent(bucket.len, bucket.cap),
            bytes(bucket.spare),
        ]);
    }
    text.push_str(&table.render(out.width));
    text
}
