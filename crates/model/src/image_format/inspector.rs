//! The streaming part: keeps what the parsers need, decides on the format, asks the right parser.

use super::{Findings, Hostile, ImageFormat, Inspection, Kept, foreign, partition, qcow2, vhd, vmdk};

/// Most bytes of an image's start that are ever kept.
pub const PREFIX_LIMIT_BYTES: usize = 512 * 1024;
/// The metadata table of a VHDX takes 64 KiB, and its items follow.
const WINDOW_LIMIT_BYTES: usize = 128 * 1024;
/// Bytes of an image's end that are kept: footers of VHD, VMDK and DMG.
pub const TAIL_BYTES: usize = 2048;

/// Looks at an image while its bytes stream by. Memory is bounded by [`PREFIX_LIMIT_BYTES`] and about 130 KiB more.
///
/// ```
/// use model::image_format::{ImageFormat, Inspector};
/// let mut inspector = Inspector::new();
/// inspector.feed(&[0u8; 1024]);
/// assert_eq!(inspector.finish().format, ImageFormat::Raw);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Inspector {
    prefix: Vec<u8>,
    window: Option<Window>,
    window_decided: bool,
    tail: Vec<u8>,
    file_size_bytes: u64,
}

/// A second place to keep, where a header points beyond the prefix (the metadata region of VHDX).
#[derive(Clone, Debug)]
struct Window {
    offset: u64,
    bytes: Vec<u8>,
}

impl Inspector {
    /// An inspector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file, in order and without gaps.
    pub fn feed(&mut self, chunk: &[u8]) {
        let room = PREFIX_LIMIT_BYTES - self.prefix.len();
        self.prefix.extend_from_slice(&chunk[..room.min(chunk.len())]);
        if !self.window_decided && self.prefix.len() >= vhd::VHDX_TABLES_END {
            self.window_decided = true;
            self.window = vhd::vhdx_metadata_offset(&self.prefix)
                .filter(|offset| *offset >= self.prefix.len() as u64)
                .map(|offset| Window {
                    offset,
                    bytes: Vec::new(),
                });
        }
        self.feed_window(chunk);
        self.feed_tail(chunk);
        self.file_size_bytes = self.file_size_bytes.saturating_add(chunk.len() as u64);
    }

    fn feed_window(&mut self, chunk: &[u8]) {
        let Some(window) = &mut self.window else {
            return;
        };
        let wanted = window.offset + window.bytes.len() as u64;
        let room = WINDOW_LIMIT_BYTES - window.bytes.len();
        // The window is always ahead of what was fed, so the next wanted byte is in this chunk or after it.
        let Some(skip) = wanted
            .checked_sub(self.file_size_bytes)
            .and_then(|n| usize::try_from(n).ok())
        else {
            return;
        };
        if let Some(rest) = chunk.get(skip..) {
            window.bytes.extend_from_slice(&rest[..room.min(rest.len())]);
        }
    }

    fn feed_tail(&mut self, chunk: &[u8]) {
        let new = &chunk[chunk.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (self.tail.len() + new.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend_from_slice(new);
    }

    /// Whether the next bytes may be skipped: what comes now matters only as the file's length and, at its very end, as
    /// its last 2 KiB.
    pub fn may_skip(&self) -> bool {
        let window_full = |window: &Window| window.bytes.len() == WINDOW_LIMIT_BYTES;
        self.prefix.len() == PREFIX_LIMIT_BYTES && self.window.as_ref().is_none_or(window_full)
    }

    /// Passes over bytes of a file on disk that need not be read, all but its last [`TAIL_BYTES`]. Does nothing and gives
    /// `false` where [`Inspector::may_skip`] does not hold.
    pub fn skip(&mut self, bytes: u64) -> bool {
        let may = self.may_skip();
        if may {
            self.tail.clear();
            self.file_size_bytes = self.file_size_bytes.saturating_add(bytes);
        }
        may
    }

    /// How many bytes were fed so far.
    pub fn fed_bytes(&self) -> u64 {
        self.file_size_bytes
    }

    /// What is known so far, as if the file ended here. Lets an upload of a container with a forbidden header be refused
    /// before gigabytes of it were taken: reasons found from the prefix do not go away with more bytes, except for
    /// those that say the file is too short.
    pub fn finish(&self) -> Inspection {
        let kept = Kept {
            prefix: &self.prefix,
            window: self.window.as_ref().map(|w| (w.offset, w.bytes.as_slice())),
            tail: &self.tail,
            file_size_bytes: self.file_size_bytes,
        };
        let format = detect(&kept);
        let mut findings = parse(format, &kept);
        if let Some(also) = iso_beside(format, &kept) {
            findings.refuse(Hostile::Polyglot { also });
        }
        let partition_table = matches!(format, ImageFormat::Raw | ImageFormat::Iso)
            .then(|| partition::detect(kept.prefix))
            .flatten();
        Inspection {
            format,
            virtual_size_bytes: findings.virtual_size_bytes,
            file_size_bytes: self.file_size_bytes,
            partition_table,
            hostile: findings.hostile,
        }
    }
}

/// The format by magic numbers. Those at the start win over the ones elsewhere, as they do in QEMU.
fn detect(kept: &Kept<'_>) -> ImageFormat {
    if let Some(format) = qcow2::detect(kept.prefix)
        .or_else(|| vmdk::detect(kept.prefix))
        .or_else(|| vhd::detect(kept))
        .or_else(|| foreign::detect(kept))
    {
        return format;
    }
    if foreign::is_iso(kept) {
        ImageFormat::Iso
    } else {
        ImageFormat::Raw
    }
}

/// A container that carries an ISO signature where a CD-ROM would look for it is made to be taken for two things.
fn iso_beside(format: ImageFormat, kept: &Kept<'_>) -> Option<ImageFormat> {
    (!matches!(format, ImageFormat::Iso | ImageFormat::Raw) && foreign::is_iso(kept)).then_some(ImageFormat::Iso)
}

fn parse(format: ImageFormat, kept: &Kept<'_>) -> Findings {
    match format {
        ImageFormat::Raw | ImageFormat::Iso => {
            let mut findings = Findings::default();
            findings.size(kept.file_size_bytes);
            findings
        }
        ImageFormat::Qcow2 => qcow2::parse(kept),
        ImageFormat::Vmdk => vmdk::parse(kept),
        ImageFormat::Vhd => vhd::parse(kept),
        ImageFormat::Vhdx => vhd::parse_vhdx(kept),
        ImageFormat::Qcow
        | ImageFormat::Qed
        | ImageFormat::Vdi
        | ImageFormat::Luks
        | ImageFormat::Parallels
        | ImageFormat::Bochs
        | ImageFormat::Cloop
        | ImageFormat::Dmg => foreign::parse(format, kept),
    }
}
