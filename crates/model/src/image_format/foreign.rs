//! Formats that are recognised so that they are never taken for something else, with little more than their size.

use super::{Findings, Hostile, ImageFormat, Kept, be16, be32, be64, le32, le64};

/// ISO 9660 volume descriptors begin at sector 16 of 2048 bytes; the identifier follows a type byte.
const ISO_IDENTIFIER_OFFSET: usize = 16 * 2048 + 1;

pub(super) fn is_iso(kept: &Kept<'_>) -> bool {
    kept.prefix.get(ISO_IDENTIFIER_OFFSET..ISO_IDENTIFIER_OFFSET + 5) == Some(b"CD001")
}

pub(super) fn detect(kept: &Kept<'_>) -> Option<ImageFormat> {
    let prefix = kept.prefix;
    let starts = |magic: &[u8]| prefix.starts_with(magic);
    if starts(b"QED\0") {
        Some(ImageFormat::Qed)
    } else if starts(b"LUKS\xba\xbe") {
        Some(ImageFormat::Luks)
    } else if le32(prefix, 0x40) == Some(0xbeda_107f) {
        Some(ImageFormat::Vdi)
    } else if starts(b"WithoutFreeSpace") || starts(b"WithouFreSpacExt") {
        Some(ImageFormat::Parallels)
    } else if starts(b"Bochs Virtual HD Image") {
        Some(ImageFormat::Bochs)
    } else if starts(b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop") {
        Some(ImageFormat::Cloop)
    } else if kept.tail.len() >= 512 && kept.tail[kept.tail.len() - 512..].starts_with(b"koly") {
        Some(ImageFormat::Dmg)
    } else {
        None
    }
}

pub(super) fn parse(format: ImageFormat, kept: &Kept<'_>) -> Findings {
    let mut findings = Findings::default();
    let prefix = kept.prefix;
    let read = match format {
        ImageFormat::Qcow => qcow(prefix, &mut findings),
        ImageFormat::Qed => qed(prefix, &mut findings),
        ImageFormat::Vdi => vdi(prefix, &mut findings),
        ImageFormat::Luks => luks(kept, &mut findings),
        // Read-only and rare: no reader of ours will ever open them, so no size is taken from them.
        _ => Some(()),
    };
    if read.is_none() {
        findings.odd("the header is cut short");
    }
    findings
}

fn qcow(prefix: &[u8], findings: &mut Findings) -> Option<()> {
    if be64(prefix, 8)? != 0 || be32(prefix, 16)? != 0 {
        findings.refuse(Hostile::BackingFile);
    }
    findings.size(be64(prefix, 24)?);
    if be32(prefix, 36)? != 0 {
        findings.refuse(Hostile::Encrypted);
    }
    Some(())
}

fn qed(prefix: &[u8], findings: &mut Findings) -> Option<()> {
    let features = le64(prefix, 16)?;
    if features & 1 != 0 {
        findings.refuse(Hostile::BackingFile);
    }
    if features & !0x7 != 0 {
        findings.odd("unknown QED feature");
    }
    findings.size(le64(prefix, 48)?);
    Some(())
}

fn vdi(prefix: &[u8], findings: &mut Findings) -> Option<()> {
    findings.size(le64(prefix, 0x170)?);
    // 1 is dynamic, 2 is fixed; undo and differencing images need their parent.
    if !matches!(le32(prefix, 0x4c)?, 1 | 2) {
        findings.refuse(Hostile::BackingFile);
    }
    // A parent's identity beside an allowed type is a contradiction.
    if prefix.get(0x1a8..0x1b8)?.iter().any(|byte| *byte != 0) {
        findings.refuse(Hostile::BackingFile);
    }
    Some(())
}

/// The payload follows the header; version 1 tells its offset in sectors, version 2 within JSON that is not read here.
fn luks(kept: &Kept<'_>, findings: &mut Findings) -> Option<()> {
    match be16(kept.prefix, 6)? {
        1 => {
            let payload = u64::from(be32(kept.prefix, 104)?) * 512;
            match kept.file_size_bytes.checked_sub(payload) {
                Some(size) => findings.size(size),
                None => findings.odd("the LUKS payload lies beyond the file"),
            }
        }
        2 => {}
        _ => findings.odd("unknown LUKS version"),
    }
    Some(())
}
