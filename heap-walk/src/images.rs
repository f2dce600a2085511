//! The program's file and the libraries that are mapped into this process.

use crate::process::Line;
use crate::raw::RawMemory;
use heap_snapshot::record::Image;
use std::collections::HashSet;

/// Type of the note that holds a build id, and its name.
const BUILD_ID: (u32, &[u8]) = (3, b"GNU\0");
/// Bytes of program headers, and of notes, that are looked at.
const MOST: u64 = 4096;

/// The mapped files that hold code, with their build ids: each image, and where its pieces begin
/// and end, ascending, with its position in the list. From the kernel.
pub(crate) fn mapped(memory: &RawMemory) -> (Vec<Image>, Vec<(u64, u64, u32)>) {
    let maps = std::fs::read("/proc/self/maps").unwrap_or_default();
    let maps = String::from_utf8_lossy(&maps);
    let pieces = || maps.lines().filter_map(Line::parse).filter(|line| line.name.starts_with('/'));
    // Others hold no vtables and no frames, and their paths are nobody's business.
    let with_code: HashSet<&str> =
        pieces().filter(|line| line.rights.contains('x')).map(|line| line.name).collect();
    let (mut images, mut mapped) = (Vec::<Image>::new(), Vec::new());
    for Line { from, to, name: path, .. } in pieces().filter(|line| with_code.contains(line.name)) {
        let image = images.iter().rposition(|image| image.path == path).unwrap_or_else(|| {
            // The first piece of a file that is loaded begins where the file does.
            let build_id = build_id(memory, from).unwrap_or_default();
            images.push(Image { path: path.to_owned(), base: from, build_id });
            images.len() - 1
        });
        mapped.push((from, to, image as u32));
    }
    mapped.sort_unstable();
    (images, mapped)
}

/// The images that some of `addresses` lie in, with their build ids.
pub(crate) fn of(addresses: &[u64]) -> Vec<Image> {
    let (images, pieces) = mapped(&RawMemory::open());
    let mut is_met = vec![false; images.len()];
    for address in addresses {
        let piece = pieces.partition_point(|(from, _, _)| from <= address).checked_sub(1);
        if let Some(&(_, _, image)) = piece.map(|at| &pieces[at]).filter(|(_, to, _)| address < to) {
            is_met[image as usize] = true;
        }
    }
    images.into_iter().zip(is_met).filter_map(|(image, is_met)| is_met.then_some(image)).collect()
}

/// The build id in the notes of an image (64-bit ELF), in hexadecimal.
fn build_id(memory: &RawMemory, base: u64) -> Option<String> {
    let head = bytes(memory, base, 64);
    if head.get(..5)? != b"\x7fELF\x02" {
        return None;
    }
    let (headers, size, count) = (number(&head, 32, 8)?, number(&head, 54, 2)?, number(&head, 56, 2)?);
    let table = bytes(memory, base.checked_add(headers)?, (size * count).min(MOST));
    let headers = || table.chunks_exact(usize::try_from(size).unwrap_or(0).max(56));
    // Where the file asks to be loaded: 0 but for programs with fixed addresses.
    let wanted =
        headers().filter(|header| number(header, 0, 4) == Some(1)).find_map(|load| number(load, 16, 8))?;
    headers().filter(|header| number(header, 0, 4) == Some(4)).find_map(|header| {
        let (addr, len) = (number(header, 16, 8)?, number(header, 32, 8)?);
        in_notes(&bytes(memory, base.wrapping_add(addr.wrapping_sub(wanted)), len.min(MOST)))
    })
}

fn in_notes(mut notes: &[u8]) -> Option<String> {
    loop {
        let [name_len, len, kind] = [number(notes, 0, 4)?, number(notes, 4, 4)?, number(notes, 8, 4)?];
        let (name_len, len) = (usize::try_from(name_len).ok()?, usize::try_from(len).ok()?);
        let data = 12_usize.checked_add(name_len.checked_next_multiple_of(4)?)?;
        let name = notes.get(12..12_usize.checked_add(name_len)?)?;
        let id = notes.get(data..data.checked_add(len)?)?;
        if (kind, name) == (u64::from(BUILD_ID.0), BUILD_ID.1) {
            return Some(id.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        notes = notes.get(data.checked_add(len.checked_next_multiple_of(4)?)?..)?;
    }
}

/// `len` bytes from `addr`, or as many as can be read.
fn bytes(memory: &RawMemory, addr: u64, len: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Whole words: notes need not begin at one.
    let from = addr & !7;
    memory.words(from, (addr - from).saturating_add(len).next_multiple_of(8), |word| {
        bytes.extend_from_slice(&word.to_ne_bytes());
    });
    bytes.drain(..((addr - from) as usize).min(bytes.len()));
    bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    bytes
}

fn number(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_among_them() {
        let (images, mapped) = mapped(&RawMemory::open());
        let here = this_program_is_among_them as fn() as usize as u64;
        let (_, _, image) = mapped.iter().find(|(from, to, _)| (*from..*to).contains(&here)).unwrap();
        let exe = std::fs::canonicalize(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(images[*image as usize].path, exe.to_str().unwrap());
        // Linkers may leave it out of programs; the C library comes with one.
        assert!(images.iter().any(|image| image.build_id.len() >= 16), "{images:?}");
    }

    #[test]
    fn notes_end_where_they_end() {
        let note = |name: &[u8], kind: u8, id: &[u8]| {
            let mut note = vec![name.len() as u8, 0, 0, 0, id.len() as u8, 0, 0, 0, kind, 0, 0, 0];
            note.extend_from_slice(name);
            note.extend_from_slice(id);
            note
        };
        let notes = [note(b"GNU\0", 1, &[0; 16]), note(b"GNU\0", 3, &[0xab, 0x01, 0, 0xff])].concat();
        assert_eq!(in_notes(&notes).as_deref(), Some("ab0100ff"));
        for cut in 0..notes.len() {
            assert_eq!(in_notes(&notes[..cut]), None);
        }
        assert_eq!(in_notes(&[0xff; 40]), None);
    }
}
