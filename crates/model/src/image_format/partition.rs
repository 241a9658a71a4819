//! Partition tables at the start of a plain disk.

use super::{be16, le32};

/// The partition table of a raw disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartitionTable {
    /// Master boot record with at least one plausible entry.
    Mbr,
    /// GUID partition table (UEFI specification, chapter 5).
    Gpt,
}

/// Finds a table in the first sectors, for sectors of 512 or 4096 bytes.
pub(super) fn detect(prefix: &[u8]) -> Option<PartitionTable> {
    let is_gpt = |offset: usize| prefix.get(offset..offset + 8) == Some(b"EFI PART");
    if is_gpt(512) || is_gpt(4096) {
        return Some(PartitionTable::Gpt);
    }
    (be16(prefix, 510) == Some(0x55aa) && has_mbr_entry(prefix)).then_some(PartitionTable::Mbr)
}

/// A boot sector of a bare FAT file system ends in 0x55AA too: only a table whose four entries all look like entries,
/// and of which one is in use, counts.
fn has_mbr_entry(prefix: &[u8]) -> bool {
    let mut used = false;
    for index in 0..4 {
        let at = 446 + 16 * index;
        let (Some(status), Some(kind), Some(sectors)) = (prefix.get(at), prefix.get(at + 4), le32(prefix, at + 12))
        else {
            return false;
        };
        if status & 0x7f != 0 {
            return false;
        }
        used |= *kind != 0 && sectors != 0;
    }
    used
}
