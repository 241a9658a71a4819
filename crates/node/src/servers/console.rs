//! The console log's size. QEMU appends to the file all the time, so it is never moved or rewritten while a machine runs:
//! the storage of its oldest part is given back (a hole), which loses no byte that is written meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// Granularity of holes; larger than the block of any usual file system.
const BLOCK: u64 = 64 * 1024;

/// Gives back the oldest part of a log that takes more than `limit_bytes` of storage; about half the limit stays. QEMU
/// may be writing to it. Gives whether something was given back.
///
/// # Errors
/// Those of the file system; that there is no log is none.
pub fn trim(log: &Path, limit_bytes: u64) -> io::Result<bool> {
    let file = match OpenOptions::new().write(true).open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    let metadata = file.metadata()?;
    if metadata.blocks() * 512 <= limit_bytes {
        return Ok(false);
    }
    let end = metadata.len().saturating_sub(limit_bytes / 2) / BLOCK * BLOCK;
    if end == 0 {
        return Ok(false);
    }
    match rustix::fs::fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, end) {
        Ok(()) => Ok(true),
        // A file system without holes: the whole log is given up rather than the disk. QEMU appends, so it goes on.
        Err(Errno::OPNOTSUPP) => file.set_len(0).map(|()| true),
        Err(error) => Err(error.into()),
    }
}

/// Rewrites a log without its hole, while no machine runs. The new file has the same owner and mode.
///
/// # Errors
/// Those of the file system; that there is no log is none.
pub fn compact(log: &Path, limit_bytes: u64) -> io::Result<()> {
    let mut file = match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let metadata = file.metadata()?;
    if metadata.len() <= limit_bytes {
        return Ok(());
    }
    file.seek(SeekFrom::Start(metadata.len() - limit_bytes / 2))?;
    let mut rest = Vec::new();
    file.take(limit_bytes).read_to_end(&mut rest)?;
    let partial = log.with_extension("partial");
    let mut new = File::create(&partial)?;
    new.write_all(&rest)?;
    new.set_permissions(metadata.permissions())?;
    std::os::unix::fs::fchown(&new, Some(metadata.uid()), Some(metadata.gid()))?;
    std::fs::rename(&partial, log)
}

/// Empties a log that nobody reads but people, once it is too long.
///
/// # Errors
/// Those of the file system; that there is no log is none.
pub fn truncate(log: &Path, limit_bytes: u64) -> io::Result<()> {
    match std::fs::metadata(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(metadata) if metadata.len() <= limit_bytes => Ok(()),
        Ok(_) => OpenOptions::new().write(true).open(log)?.set_len(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 512 * 1024;

    #[test]
    fn a_log_under_use_stays_within_its_limit_and_loses_no_new_byte() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("console.log");
        let mut writer = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        for round in 0..40 {
            writer.write_all(&vec![b'a'; 100 * 1024]).unwrap();
            writer.write_all(format!("round {round}\n").as_bytes()).unwrap();
            trim(&log, LIMIT).unwrap();
        }
        writer.sync_all().unwrap();
        let metadata = std::fs::metadata(&log).unwrap();
        assert!(
            metadata.blocks() * 512 <= LIMIT + 200 * 1024,
            "{} blocks",
            metadata.blocks()
        );
        let text = std::fs::read(&log).unwrap();
        assert!(text.ends_with(b"round 39\n"));
        assert!(text.windows(8).any(|window| window == b"round 38"));
        drop(writer);
        compact(&log, LIMIT).unwrap();
        let text = std::fs::read(&log).unwrap();
        assert_eq!(text.len() as u64, LIMIT / 2);
        assert!(text.ends_with(b"round 39\n") && !text.contains(&0));
    }

    #[test]
    fn nothing_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("console.log");
        assert!(!trim(&log, LIMIT).unwrap());
        compact(&log, LIMIT).unwrap();
        truncate(&log, LIMIT).unwrap();
        std::fs::write(&log, "short").unwrap();
        assert!(!trim(&log, LIMIT).unwrap());
        compact(&log, LIMIT).unwrap();
        truncate(&log, LIMIT).unwrap();
        assert_eq!(std::fs::read(&log).unwrap(), b"short");
        truncate(&log, 3).unwrap();
        assert_eq!(std::fs::read(&log).unwrap(), b"");
    }
}
