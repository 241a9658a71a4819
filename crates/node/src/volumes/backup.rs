//! A backup's file: the parts of a volume that differ from what is below it (its parent, or zeros).
//!
//! ```text
//!  part │ part │ … │ index (JSON) │ length of the index (8 bytes, little-endian) │ MAGIC
//! ```
//!
//! The index is behind the parts, since it is known last. A parent is a file of the same kind, named by its id in the index,
//! so that a chain is read without anybody's help.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Bytes of a part; the last one of a volume may be shorter.
const PART: usize = 1 << 20;

/// The end of every whole file.
const MAGIC: &[u8; 8] = b"MARUBAK1";

/// Longest chain that is followed: a loop in tampered files ends here.
const MOST_LINKS: usize = 10_000;

/// Largest index that is read: one of a volume of 64 TiB.
const MOST_INDEX: u64 = 1 << 30;

/// What a file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Index {
    parent: Option<Uuid>,
    size_bytes: u64,
    /// Where in the volume each part belongs, in the order of the file.
    parts: Vec<u64>,
}

/// Where each part of a volume is in a file: its place and length, bytes.
type Places = BTreeMap<u64, (u64, usize)>;

/// A file and those below it.
pub(super) struct Chain {
    /// Each file with the parts that it has, the newest file first.
    links: Vec<(File, Places)>,
    /// Size of the volume, bytes.
    pub(super) size_bytes: u64,
}

/// The file of a backup.
pub(super) fn path(directory: &Path, id: Uuid) -> PathBuf {
    directory.join(format!("{id}.backup"))
}

fn damaged(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} is no whole backup", path.display()),
    )
}

fn read_index(file: &File, path: &Path) -> io::Result<Index> {
    let length = file.metadata()?.len();
    let tail = length.checked_sub(16).ok_or_else(|| damaged(path))?;
    let mut bytes = [0; 16];
    file.read_exact_at(&mut bytes, tail)?;
    let (size, magic) = bytes.split_at(8);
    let size = size.try_into().map(u64::from_le_bytes).map_err(|_| damaged(path))?;
    let start = tail.checked_sub(size).filter(|_| size <= MOST_INDEX && magic == MAGIC);
    let start = start.ok_or_else(|| damaged(path))?;
    let mut json = vec![0; usize::try_from(size).map_err(|_| damaged(path))?];
    file.read_exact_at(&mut json, start)?;
    serde_json::from_slice(&json).map_err(|_| damaged(path))
}

impl Chain {
    /// Opens a backup and everything below it.
    pub(super) fn open(directory: &Path, id: Uuid) -> io::Result<Self> {
        let mut links = Vec::new();
        let mut size_bytes = None;
        let mut next = Some(id);
        while let Some(id) = next {
            let path = path(directory, id);
            let file = File::open(&path)?;
            let index = read_index(&file, &path)?;
            let size = *size_bytes.get_or_insert(index.size_bytes);
            if links.len() == MOST_LINKS || index.size_bytes > size {
                return Err(damaged(&path));
            }
            let mut places = Places::new();
            let mut at = 0;
            for part in index.parts {
                let length = part_length(index.size_bytes, part);
                places.insert(part, (at, length));
                at += length as u64;
            }
            links.push((file, places));
            next = index.parent;
        }
        let size_bytes = size_bytes.unwrap_or(0);
        Ok(Self { links, size_bytes })
    }

    /// Reads a part as the newest file that has it says; zeros where none has.
    fn read(&self, part: u64, into: &mut [u8]) -> io::Result<()> {
        into.fill(0);
        for (file, places) in &self.links {
            if let Some((at, length)) = places.get(&part) {
                // The volume may have been smaller then: what follows was zeros.
                let length = into.len().min(*length);
                file.read_exact_at(&mut into[..length], *at)?;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// How long a part of a volume is.
fn part_length(size_bytes: u64, part: u64) -> usize {
    let left = size_bytes.saturating_sub(part.saturating_mul(PART as u64));
    usize::try_from(left).map_or(PART, |left| left.min(PART))
}

fn parts(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(PART as u64)
}

/// Writes what of `whole` differs from the parent (from zeros without one) into `to`, which must not be seen before it was
/// flushed and renamed.
pub(super) fn write(
    directory: &Path,
    whole: &Path,
    parent: Option<Uuid>,
    to: &File,
    mut progress: impl FnMut(u8),
) -> io::Result<()> {
    let below = parent.map(|id| Chain::open(directory, id)).transpose()?;
    let whole = File::open(whole)?;
    let size_bytes = whole.metadata()?.len();
    let mut index = Index {
        parent,
        size_bytes,
        parts: Vec::new(),
    };
    let (mut new, mut old) = (vec![0; PART], vec![0; PART]);
    let mut at = 0;
    for part in 0..parts(size_bytes) {
        let length = part_length(size_bytes, part);
        let (new, old) = (&mut new[..length], &mut old[..length]);
        whole.read_exact_at(new, part * PART as u64)?;
        match &below {
            Some(below) => below.read(part, old)?,
            None => old.fill(0),
        }
        if new != old {
            to.write_all_at(new, at)?;
            at += length as u64;
            index.parts.push(part);
        }
        progress(u8::try_from(part * 100 / parts(size_bytes)).unwrap_or(100));
    }
    let json = serde_json::to_vec(&index)?;
    to.write_all_at(&json, at)?;
    at += json.len() as u64;
    to.write_all_at(&(json.len() as u64).to_le_bytes(), at)?;
    to.write_all_at(MAGIC, at + 8)
}

/// Writes the volume as a backup has it into a new, empty file: what is zero stays a hole.
pub(super) fn restore(directory: &Path, id: Uuid, to: &File, mut progress: impl FnMut(u8)) -> io::Result<()> {
    let chain = Chain::open(directory, id)?;
    to.set_len(chain.size_bytes)?;
    let (mut bytes, zeros) = (vec![0; PART], vec![0; PART]);
    for part in 0..parts(chain.size_bytes) {
        let length = part_length(chain.size_bytes, part);
        let bytes = &mut bytes[..length];
        chain.read(part, bytes)?;
        if *bytes != zeros[..length] {
            to.write_all_at(bytes, part * PART as u64)?;
        }
        progress(u8::try_from(part * 100 / parts(chain.size_bytes)).unwrap_or(100));
    }
    Ok(())
}
