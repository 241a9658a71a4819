//! What an uploaded disk image really is, found from its bytes.
//!
//! Images are hostile input (the OSSA series on backing files, external data files and VMDK descriptors). What a user
//! declares is never believed: [`Inspector`] looks at the bytes as they stream by during an upload, keeps a bounded
//! part of them, and says at the end which format it found, how large the disk in it is, and every reason for which no
//! tool may open the file ([`Hostile`]). The same inspector runs again over the cached copy each time it is used.
//!
//! ```text
//! upload chunks ──feed──► Inspector { prefix ≤ 512 KiB, one window ≤ 128 KiB, tail 2 KiB } ──finish──► Inspection
//! ```
//!
//! Nothing here reads a file, allocates by a number found in the image, or can panic on any input.

mod foreign;
mod inspector;
mod partition;
mod qcow2;
mod vhd;
mod vmdk;

use std::fmt;

pub use inspector::{Inspector, PREFIX_LIMIT_BYTES, TAIL_BYTES};
pub use partition::PartitionTable;

/// Largest virtual disk that is taken seriously: 64 TiB. A header that says more is made to exhaust something.
pub const MAX_VIRTUAL_SIZE_BYTES: u64 = 64 << 40;

/// The format of a disk image, named as QEMU and Glance name it (see [`ImageFormat::as_str`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImageFormat {
    /// A plain disk: no known container was found.
    Raw,
    /// QEMU copy-on-write, version 2 or 3.
    Qcow2,
    /// QEMU copy-on-write, version 1.
    Qcow,
    /// QEMU enhanced disk.
    Qed,
    /// VMware disk.
    Vmdk,
    /// VirtualBox disk.
    Vdi,
    /// Virtual PC disk ("vpc" to QEMU).
    Vhd,
    /// Hyper-V disk.
    Vhdx,
    /// ISO 9660 file system.
    Iso,
    /// LUKS encrypted volume.
    Luks,
    /// Parallels disk.
    Parallels,
    /// Bochs growing disk.
    Bochs,
    /// Compressed loop image.
    Cloop,
    /// Apple disk image.
    Dmg,
}

impl ImageFormat {
    /// The name that Glance's `disk_format` uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Qcow => "qcow",
            Self::Qed => "qed",
            Self::Vmdk => "vmdk",
            Self::Vdi => "vdi",
            Self::Vhd => "vhd",
            Self::Vhdx => "vhdx",
            Self::Iso => "iso",
            Self::Luks => "luks",
            Self::Parallels => "ploop",
            Self::Bochs => "bochs",
            Self::Cloop => "cloop",
            Self::Dmg => "dmg",
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A reason for which no tool may open an image. The text is fit for the user who uploaded it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hostile {
    /// The image names another file as its backing file or parent.
    BackingFile,
    /// The image keeps its data in another file.
    ExternalDataFile,
    /// A qcow2 incompatible feature bit that is unknown or never fit for an upload.
    IncompatibleFeature {
        /// Number of the bit, from 0.
        bit: u8,
    },
    /// The disk in the image is larger than [`MAX_VIRTUAL_SIZE_BYTES`].
    AbsurdVirtualSize {
        /// What the header says.
        bytes: u64,
    },
    /// A table in the header is larger than any real image needs.
    AbsurdTable {
        /// Which table.
        what: &'static str,
    },
    /// The container itself encrypts the data.
    Encrypted,
    /// A VMDK type that reaches outside of its file, or one we do not know.
    VmdkType {
        /// The `createType`, cut to 64 printable characters.
        create_type: String,
    },
    /// A VMDK extent other than the one sparse extent in the file itself.
    VmdkExtent,
    /// The file is valid as two formats at once.
    Polyglot {
        /// The format that was found beside the first.
        also: ImageFormat,
    },
    /// The header contradicts itself, its format's specification, or the file's length.
    OddHeader {
        /// What is odd.
        what: &'static str,
    },
}

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BackingFile => write!(f, "it refers to a backing file; flatten it first (qemu-img convert)"),
            Self::ExternalDataFile => write!(f, "it keeps its data in an external file"),
            Self::IncompatibleFeature { bit } => {
                write!(f, "it needs the unsupported qcow2 feature bit {bit}")
            }
            Self::AbsurdVirtualSize { bytes } => {
                write!(f, "its virtual size of {bytes} bytes is out of range")
            }
            Self::AbsurdTable { what } => write!(f, "its {what} is out of range"),
            Self::Encrypted => write!(f, "it is encrypted by its container"),
            Self::VmdkType { create_type } => {
                write!(f, "its VMDK type '{create_type}' is not allowed")
            }
            Self::VmdkExtent => write!(f, "its VMDK descriptor lists a forbidden extent"),
            Self::Polyglot { also } => write!(f, "it is a valid {also} image at the same time"),
            Self::OddHeader { what } => write!(f, "its header is malformed: {what}"),
        }
    }
}

/// What was found out about one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The format by content.
    pub format: ImageFormat,
    /// Size of the disk that a guest would see, in bytes. `None` if the header is too broken to say.
    pub virtual_size_bytes: Option<u64>,
    /// Length of the whole file, in bytes.
    pub file_size_bytes: u64,
    /// Partition table at the start of a raw image (or of an ISO hybrid).
    pub partition_table: Option<PartitionTable>,
    /// Every reason to refuse the image, in the order found, without repeats. Empty means that a tool may open it with
    /// this format named explicitly.
    pub hostile: Vec<Hostile>,
}

impl Inspection {
    /// Whether nothing speaks against opening the image.
    pub fn is_safe(&self) -> bool {
        self.hostile.is_empty()
    }
}

/// What a format's own parser found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Findings {
    virtual_size_bytes: Option<u64>,
    hostile: Vec<Hostile>,
}

impl Findings {
    fn refuse(&mut self, reason: Hostile) {
        if !self.hostile.contains(&reason) {
            self.hostile.push(reason);
        }
    }

    fn odd(&mut self, what: &'static str) {
        self.refuse(Hostile::OddHeader { what });
    }

    fn size(&mut self, bytes: u64) {
        self.virtual_size_bytes = Some(bytes);
        if bytes > MAX_VIRTUAL_SIZE_BYTES {
            self.refuse(Hostile::AbsurdVirtualSize { bytes });
        }
    }
}

/// The parts of a file that were kept, as the parsers see them.
struct Kept<'a> {
    prefix: &'a [u8],
    window: Option<(u64, &'a [u8])>,
    tail: &'a [u8],
    file_size_bytes: u64,
}

impl Kept<'_> {
    /// Bytes `offset..offset + length` if they were kept.
    fn bytes(&self, offset: u64, length: usize) -> Option<&[u8]> {
        slice(self.prefix, offset, length).or_else(|| {
            let (start, bytes) = self.window?;
            slice(bytes, offset.checked_sub(start)?, length)
        })
    }
}

fn slice(bytes: &[u8], offset: u64, length: usize) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(length)?)
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

fn be16(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_be_bytes)
}

fn be32(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_be_bytes)
}

fn be64(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64::from_be_bytes)
}

fn le16(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_le_bytes)
}

fn le32(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_le_bytes)
}

fn le64(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
