//! What the details say, as text: a line a fact, its name and its value with a tab between them.

use crate::theme::Part;
use heap_analysis::addresses::Code;
use heap_analysis::owners::{OutsideOwner, Owns, Sizes};
use heap_analysis::path::PathStep;
use heap_analysis::stacks;
use heap_analysis::tree::{Holder, NodeDetail};
use heap_analysis::type_table::TypeRow;
use std::fmt::{Display, Write as _};

/// Lines of text, while they are put together.
struct Lines(String);

impl Lines {
    fn new(title: &str) -> Lines {
        Lines(format!("{title}\n"))
    }

    fn fact(&mut self, name: &str, value: impl Display) {
        let start = self.0.len();
        let _ = write!(self.0, "{name}\t{value}");
        let line = self.0[start..].replace(['\n', '\r'], " ");
        self.0.replace_range(start.., &line);
        self.0.push('\n');
    }

    fn heading(&mut self, text: &str) {
        let _ = write!(self.0, "\n{text}\n");
    }

    fn sizes(&mut self, sizes: &Sizes) {
        self.fact("shallow", sizes.shallow);
        self.fact("alone", sizes.alone);
        self.fact("in all", sizes.in_all);
        self.fact("shared", sizes.shared);
        self.fact("nodes", sizes.nodes);
    }

    fn parts(&mut self, parts: &[(Part, u64)]) {
        self.heading("Where its bytes go");
        for (part, bytes) in parts {
            self.fact(part.name(), bytes);
        }
    }

    fn outside(&mut self, outside: &[OutsideOwner]) {
        for owner in outside {
            let counted = format!("{} {} handles, {} met", owner.counted, owner.handles, owner.met);
            self.fact(&format!("owners outside the walk of {} #{}", owner.type_name, owner.node.0), counted);
        }
    }

    fn holders<'h>(&mut self, title: &str, all: u64, holders: impl Iterator<Item = &'h Holder>) {
        self.heading(title);
        let mut listed = 0;
        for holder in holders {
            let name = format!("{} {}", holder.type_name, holder.place);
            self.fact(&holder.edge, format!("{} #{}", name.trim_end(), holder.node.0));
            listed += 1;
        }
        if all > listed {
            self.fact("not listed", all - listed);
        }
    }
}

/// Of a node. Sizes in bytes.
pub(super) fn of_node(
    detail: &NodeDetail,
    parts: &[(Part, u64)],
    path: &[PathStep],
    frames: Option<&[Code]>,
) -> String {
    let row = &detail.row;
    let mut text = Lines::new(&row.type_name);
    text.fact("path", &detail.path);
    text.fact("node", format!("#{}", row.node.0));
    if !detail.roots.is_empty() {
        text.fact("root", detail.roots.join(", "));
    }
    text.fact("address", format!("{:#x}", detail.addr));
    if let Some(variant) = &row.variant {
        text.fact("variant", variant);
    }
    if let Some((len, cap)) = row.len_cap {
        text.fact("length", len);
        text.fact("capacity", cap);
    }
    if detail.usable > 0 {
        text.fact("requested", detail.requested);
        text.fact("usable", detail.usable);
    }
    if let Some(align) = detail.align {
        text.fact("alignment", align);
    }
    if let Some(epoch) = detail.epoch {
        text.fact("birth epoch", epoch);
    }
    for (field, reason) in &detail.unreadable {
        text.fact("unreadable", format!("{field} {reason}"));
    }
    text.heading("Sizes");
    text.sizes(&detail.sizes);
    text.outside(&detail.outside);
    if detail.usable > 0 {
        text.parts(parts);
    }
    if !detail.values.is_empty() {
        text.heading("Recorded values");
        for (field, value) in &detail.values {
            text.fact(field, value);
        }
    }
    text.heading("Why it is alive");
    for step in path {
        let place = if step.place.is_empty() { String::new() } else { format!("{}: ", step.place) };
        text.fact(&step.edge, format!("{place}{} #{}", step.type_name, step.node.0));
    }
    if let Some(frames) = frames {
        text.heading("Allocated in");
        for line in stacks::lines(frames, true) {
            let _ = writeln!(text.0, "{}", line.text);
        }
    }
    let owners = detail.holders.iter().filter(|holder| holder.is_owner);
    text.holders("Held by", detail.owner_count, owners);
    let others = detail.holders.iter().filter(|holder| !holder.is_owner);
    text.holders("Referred to by", detail.holder_count - detail.owner_count, others);
    text.heading("Leaving it");
    text.fact("held", row.children);
    for reference in &detail.references {
        let name = format!("{} {}", reference.place, reference.type_name);
        text.fact(&reference.edge, format!("{} #{}", name.trim(), reference.node.0));
    }
    text.0
}

/// Of a type. Sizes in bytes.
pub(super) fn of_type(row: &TypeRow, parts: &[(Part, u64)], place: &str, owns: Option<&Owns>) -> String {
    let mut text = Lines::new(&row.name);
    text.fact("path", &row.path);
    text.fact("kind", &row.kind);
    text.fact("size", row.size);
    for (name, value) in [("component", row.group.as_str()), ("source", place)] {
        if !value.is_empty() {
            text.fact(name, value);
        }
    }
    text.fact("count", row.count);
    text.fact("inline values", row.inline_values);
    text.fact("inline size", row.inline_bytes);
    if let Some(owns) = owns {
        text.heading("What it owns");
        text.sizes(&owns.sizes);
        text.outside(&owns.outside);
    }
    if row.count > 0 {
        text.parts(parts);
    }
    text.0
}
