//! Microsoft's disks: VHD ("Virtual Hard Disk Image Format Specification", big-endian, footer at the end and for dynamic
//! disks also at the start) and VHDX ([MS-VHDX], little-endian).

use super::{Findings, Hostile, ImageFormat, Kept, array, be32, be64, le16, le32, le64};

const VHD_COOKIE: &[u8] = b"conectix";
const VHDX_MAGIC: &[u8] = b"vhdxfile";
const REGION_TABLE_OFFSET: usize = 192 * 1024;
/// End of the second region table: with this much of a file kept, the metadata region's place is known.
pub(super) const VHDX_TABLES_END: usize = 320 * 1024;
const MAX_TABLE_ENTRIES: usize = 2047;
/// GUIDs as they lie in the file.
const METADATA_REGION: [u8; 16] = [
    0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e,
];
const FILE_PARAMETERS: [u8; 16] = [
    0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b,
];
const VIRTUAL_DISK_SIZE: [u8; 16] = [
    0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8,
];
const PARENT_LOCATOR: [u8; 16] = [
    0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c,
];

pub(super) fn detect(kept: &Kept<'_>) -> Option<ImageFormat> {
    if kept.prefix.starts_with(VHDX_MAGIC) {
        return Some(ImageFormat::Vhdx);
    }
    (kept.prefix.starts_with(VHD_COOKIE) || footer(kept).is_some()).then_some(ImageFormat::Vhd)
}

fn footer<'a>(kept: &Kept<'a>) -> Option<&'a [u8]> {
    // Some old tools wrote 511 bytes.
    [512, 511]
        .into_iter()
        .filter_map(|length| kept.tail.get(kept.tail.len().checked_sub(length)?..))
        .find(|footer| footer.starts_with(VHD_COOKIE))
}

pub(super) fn parse(kept: &Kept<'_>) -> Findings {
    let mut findings = Findings::default();
    let header = if kept.prefix.starts_with(VHD_COOKIE) {
        Some(kept.prefix)
    } else {
        footer(kept)
    };
    let fields = header.and_then(|header| Some((be64(header, 48)?, be32(header, 60)?)));
    match fields {
        None => findings.odd("the VHD header is cut short"),
        Some((size, kind)) => {
            findings.size(size);
            match kind {
                2 | 3 => {}
                4 => findings.refuse(Hostile::BackingFile),
                _ => findings.odd("unknown VHD type"),
            }
        }
    }
    findings
}

/// Where the metadata region of a VHDX begins, from the first region table.
pub(super) fn vhdx_metadata_offset(prefix: &[u8]) -> Option<u64> {
    if !prefix.starts_with(VHDX_MAGIC) {
        return None;
    }
    let table = prefix.get(REGION_TABLE_OFFSET..)?;
    if !table.starts_with(b"regi") {
        return None;
    }
    let entries = (le32(table, 8)? as usize).min(MAX_TABLE_ENTRIES);
    (0..entries)
        .map(|index| 16 + 32 * index)
        .find(|at| array(table, *at) == Some(METADATA_REGION))
        .and_then(|at| le64(table, at + 16))
}

pub(super) fn parse_vhdx(kept: &Kept<'_>) -> Findings {
    let mut findings = Findings::default();
    if metadata(kept, &mut findings).is_none() {
        findings.odd("the VHDX metadata is missing or cut short");
    }
    findings
}

fn metadata(kept: &Kept<'_>, findings: &mut Findings) -> Option<()> {
    let region = vhdx_metadata_offset(kept.prefix)?;
    let table = kept.bytes(region, 32)?;
    if !table.starts_with(b"metadata") {
        return None;
    }
    let entries = usize::from(le16(table, 10)?).min(MAX_TABLE_ENTRIES);
    let mut parameters = None;
    for index in 0..entries {
        let entry = kept.bytes(region.checked_add(32 + 32 * index as u64)?, 32)?;
        let item = region.checked_add(u64::from(le32(entry, 16)?))?;
        match array(entry, 0)? {
            VIRTUAL_DISK_SIZE => findings.size(le64(kept.bytes(item, 8)?, 0)?),
            FILE_PARAMETERS => parameters = Some(le32(kept.bytes(item, 8)?, 4)?),
            PARENT_LOCATOR => findings.refuse(Hostile::BackingFile),
            _ => {}
        }
    }
    if parameters? & 2 != 0 {
        findings.refuse(Hostile::BackingFile);
    }
    findings.virtual_size_bytes.map(|_| ())
}
