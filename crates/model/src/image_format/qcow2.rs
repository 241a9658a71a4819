//! qcow2, versions 2 and 3 (QEMU's docs/interop/qcow2.txt). All numbers are big-endian.

use super::{Findings, Hostile, ImageFormat, Kept, be32, be64};

const MAGIC: &[u8] = b"QFI\xfb";
const V2_HEADER_BYTES: u32 = 72;
const V3_HEADER_BYTES: u32 = 104;
/// QEMU's own bounds: 32 MiB of L1 table, 8 MiB of refcount table, 65536 snapshots.
const MAX_L1_ENTRIES: u32 = (32 << 20) / 8;
const MAX_REFCOUNT_TABLE_BYTES: u64 = 8 << 20;
const MAX_SNAPSHOTS: u32 = 65536;

/// Bits of the incompatible features field: 0 dirty (lazy refcounts) and 3 compression type and 4 extended L2 entries
/// concern the file alone and are let through.
const BIT_EXTERNAL_DATA: u8 = 2;
const ALLOWED_BITS: u64 = 1 | 1 << 3 | 1 << 4;

const EXTENSION_END: u32 = 0;
const EXTENSION_DATA_FILE: u32 = 0x4441_5441;
const EXTENSION_ENCRYPTION: u32 = 0x0537_be77;
const EXTENSION_BACKING_FORMAT: u32 = 0xe279_2aca;
/// More extensions than this are a trick; QEMU writes at most five.
const MAX_EXTENSIONS: usize = 64;

pub(super) fn detect(prefix: &[u8]) -> Option<ImageFormat> {
    if !prefix.starts_with(MAGIC) {
        return None;
    }
    Some(if be32(prefix, 4) == Some(1) {
        ImageFormat::Qcow
    } else {
        ImageFormat::Qcow2
    })
}

pub(super) fn parse(kept: &Kept<'_>) -> Findings {
    let mut findings = Findings::default();
    if fields(kept, &mut findings).is_none() {
        findings.odd("the qcow2 header is cut short");
    }
    findings
}

/// Reads the fixed fields; `None` if the file ends within them.
fn fields(kept: &Kept<'_>, findings: &mut Findings) -> Option<()> {
    let header = kept.prefix;
    let version = be32(header, 4)?;
    if !matches!(version, 2 | 3) {
        findings.odd("unknown qcow2 version");
        return Some(());
    }
    findings.size(be64(header, 24)?);
    if be64(header, 8)? != 0 || be32(header, 16)? != 0 {
        findings.refuse(Hostile::BackingFile);
    }
    let cluster_bits = be32(header, 20)?;
    if !(9..=21).contains(&cluster_bits) {
        findings.odd("cluster size out of range");
        return Some(());
    }
    if be32(header, 32)? != 0 {
        findings.refuse(Hostile::Encrypted);
    }
    tables(kept, cluster_bits, findings)?;
    let header_bytes = if version == 2 {
        V2_HEADER_BYTES
    } else {
        version_3(header, cluster_bits, findings)?
    };
    extensions(header, header_bytes, cluster_bits, findings);
    Some(())
}

/// Sizes and places of the tables that a reader would load into memory.
fn tables(kept: &Kept<'_>, cluster_bits: u32, findings: &mut Findings) -> Option<()> {
    let header = kept.prefix;
    if be32(header, 36)? > MAX_L1_ENTRIES {
        findings.refuse(Hostile::AbsurdTable { what: "L1 table" });
    }
    if u64::from(be32(header, 56)?) << cluster_bits > MAX_REFCOUNT_TABLE_BYTES {
        findings.refuse(Hostile::AbsurdTable { what: "refcount table" });
    }
    if be32(header, 60)? > MAX_SNAPSHOTS {
        findings.refuse(Hostile::AbsurdTable { what: "snapshot table" });
    }
    for offset in [be64(header, 40)?, be64(header, 48)?, be64(header, 64)?] {
        if offset & ((1 << cluster_bits) - 1) != 0 {
            findings.odd("a table is not aligned to a cluster");
        }
        if offset >= i64::MAX as u64 {
            findings.odd("a table lies beyond any file");
        }
    }
    Some(())
}

/// The fields of version 3; gives the header's length.
fn version_3(header: &[u8], cluster_bits: u32, findings: &mut Findings) -> Option<u32> {
    let incompatible = be64(header, 72)?;
    for bit in (0..64).filter(|bit| incompatible & !ALLOWED_BITS & 1 << bit != 0) {
        findings.refuse(match bit {
            BIT_EXTERNAL_DATA => Hostile::ExternalDataFile,
            bit => Hostile::IncompatibleFeature { bit },
        });
    }
    if be32(header, 96)? > 6 {
        findings.odd("refcount width out of range");
    }
    let length = be32(header, 100)?;
    if length < V3_HEADER_BYTES || length % 8 != 0 || u64::from(length) > 1 << cluster_bits {
        findings.odd("header length out of range");
        return Some(V3_HEADER_BYTES);
    }
    Some(length)
}

/// Walks the header extensions, which end at an end marker or with the first cluster.
fn extensions(header: &[u8], header_bytes: u32, cluster_bits: u32, findings: &mut Findings) {
    let limit = 1usize << cluster_bits;
    let mut at = header_bytes as usize;
    for _ in 0..MAX_EXTENSIONS {
        if at + 8 > limit {
            return;
        }
        let (Some(kind), Some(length)) = (be32(header, at), be32(header, at + 4)) else {
            // A version 2 header may be followed directly by the end of a tiny file.
            if header.len() > at {
                findings.odd("header extensions are cut short");
            }
            return;
        };
        match kind {
            EXTENSION_END => return,
            EXTENSION_DATA_FILE => findings.refuse(Hostile::ExternalDataFile),
            EXTENSION_ENCRYPTION => findings.refuse(Hostile::Encrypted),
            EXTENSION_BACKING_FORMAT => findings.refuse(Hostile::BackingFile),
            _ => {}
        }
        let padded = (length as usize).div_ceil(8).saturating_mul(8);
        at = at.saturating_add(8).saturating_add(padded);
        if at > limit {
            findings.odd("a header extension is longer than its cluster");
            return;
        }
    }
    findings.odd("too many header extensions");
}
