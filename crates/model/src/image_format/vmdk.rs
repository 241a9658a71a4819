//! VMDK (VMware's "Virtual Disk Format 5.0"). Numbers are little-endian, sizes in sectors of 512 bytes.
//!
//! Only files that hold their data themselves are let through: `monolithicSparse` and `streamOptimized` with one sparse
//! extent. A descriptor that stands alone names other files of the host and is always refused.

use super::{Findings, Hostile, ImageFormat, Kept, le32, le64};

const SECTOR_BYTES: u64 = 512;
const SPARSE_MAGIC: &[u8] = b"KDMV";
const DESCRIPTOR_MAGIC: &[u8] = b"# Disk DescriptorFile";
/// A descriptor takes 20 sectors where VMware writes it; QEMU reads at most 2 MiB.
const MAX_DESCRIPTOR_BYTES: u64 = 64 * 1024;
/// Value of the grain directory's offset that says: look in the footer.
const DIRECTORY_AT_END: u64 = u64::MAX;
/// Footer, and the end-of-stream marker behind it.
const FOOTER_FROM_END_BYTES: usize = 1024;
const ALLOWED_TYPES: [&str; 2] = ["monolithicSparse", "streamOptimized"];

pub(super) fn detect(prefix: &[u8]) -> Option<ImageFormat> {
    let is_sparse = prefix.starts_with(SPARSE_MAGIC) || prefix.starts_with(b"COWD");
    (is_sparse || is_descriptor(prefix)).then_some(ImageFormat::Vmdk)
}

/// QEMU skips blank and comment lines before `version=`, so a descriptor need not begin with the usual words.
fn is_descriptor(prefix: &[u8]) -> bool {
    let head = &prefix[..prefix.len().min(4096)];
    let starts = |line: &[u8], word: &[u8]| line.len() >= word.len() && line[..word.len()].eq_ignore_ascii_case(word);
    if starts(head, DESCRIPTOR_MAGIC) {
        return true;
    }
    if !head.starts_with(b"#") {
        return false;
    }
    head.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty() && !line.starts_with(b"#"))
        .is_some_and(|line| starts(line, b"version="))
}

pub(super) fn parse(kept: &Kept<'_>) -> Findings {
    let mut findings = Findings::default();
    if !kept.prefix.starts_with(SPARSE_MAGIC) {
        findings.refuse(Hostile::VmdkType {
            create_type: "descriptor without data".into(),
        });
        return findings;
    }
    if sparse(kept, &mut findings).is_none() {
        findings.odd("the VMDK header is cut short");
    }
    findings
}

fn sparse(kept: &Kept<'_>, findings: &mut Findings) -> Option<()> {
    let header = kept.prefix;
    if !matches!(le32(header, 4)?, 1..=3) {
        findings.odd("unknown VMDK version");
    }
    let capacity = le64(header, 12)?;
    findings.size(capacity.saturating_mul(SECTOR_BYTES));
    let descriptor_bytes = le64(header, 36)?.saturating_mul(SECTOR_BYTES);
    let descriptor_offset = le64(header, 28)?.saturating_mul(SECTOR_BYTES);
    if le64(header, 56)? == DIRECTORY_AT_END {
        footer(kept, findings);
    }
    if descriptor_offset == 0 || descriptor_bytes == 0 || descriptor_bytes > MAX_DESCRIPTOR_BYTES {
        findings.odd("the VMDK descriptor is missing or too large");
        return Some(());
    }
    // A short descriptor in a file that ends within its sectors is still readable; one beyond the prefix is a trick.
    let available = (kept.prefix.len() as u64)
        .saturating_sub(descriptor_offset)
        .min(descriptor_bytes);
    match kept.bytes(descriptor_offset, usize::try_from(available).ok()?) {
        Some(text) if !text.is_empty() => descriptor(text, findings),
        _ => findings.odd("the VMDK descriptor is not where it belongs"),
    }
    Some(())
}

/// A stream-optimized file repeats its header near the end, and that copy is the one a reader believes.
fn footer(kept: &Kept<'_>, findings: &mut Findings) {
    let footer = kept
        .tail
        .len()
        .checked_sub(FOOTER_FROM_END_BYTES)
        .and_then(|at| kept.tail.get(at..));
    let same =
        footer.is_some_and(|footer| footer.starts_with(SPARSE_MAGIC) && footer.get(4..56) == kept.prefix.get(4..56));
    if !same {
        findings.odd("the VMDK footer differs from the header");
    }
}

fn descriptor(text: &[u8], findings: &mut Findings) {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let text = String::from_utf8_lossy(&text[..end]);
    let mut create_type = None;
    let mut extents = 0;
    for line in text.lines().map(str::trim) {
        if let Some(value) = value_of(line, "createType") {
            if create_type.replace(value.to_owned()).is_some() {
                findings.odd("two VMDK types");
            }
        } else if let Some(value) = value_of(line, "parentCID") {
            if !value.eq_ignore_ascii_case("ffffffff") {
                findings.refuse(Hostile::BackingFile);
            }
        } else if value_of(line, "parentFileNameHint").is_some() {
            findings.refuse(Hostile::BackingFile);
        } else if is_extent(line) {
            extents += 1;
            if extents > 1 || !is_own_extent(line) {
                findings.refuse(Hostile::VmdkExtent);
            }
        }
    }
    let create_type = create_type.unwrap_or_default();
    if !ALLOWED_TYPES.contains(&create_type.as_str()) {
        let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
        findings.refuse(Hostile::VmdkType {
            create_type: create_type.chars().filter(printable).take(64).collect(),
        });
    }
    if extents == 0 {
        findings.refuse(Hostile::VmdkExtent);
    }
}

/// The value of `key = "value"`, with any case of the key and any blanks.
fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = line.split_once('=')?;
    name.trim()
        .eq_ignore_ascii_case(key)
        .then(|| value.trim().trim_matches('"'))
}

fn is_extent(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    ["RW", "RDONLY", "NOACCESS"]
        .iter()
        .any(|access| first.eq_ignore_ascii_case(access))
}

/// `RW <sectors> SPARSE "<name>"` with a plain file name: the extent that lies in the file itself.
fn is_own_extent(line: &str) -> bool {
    let mut words = line.splitn(4, char::is_whitespace);
    let (Some(access), Some(sectors), Some(kind), Some(name)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return false;
    };
    access == "RW"
        && sectors.parse::<u64>().is_ok()
        && kind == "SPARSE"
        && name
            .trim()
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
            .is_some_and(|name| !name.is_empty() && !name.contains(['/', '\\', '"', ':']))
}
