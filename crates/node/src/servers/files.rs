//! Files that a crash cannot leave half made: a temporary name, a flush, a rename.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

use super::error::{Result, ServerError};

/// Extension of what is being made.
pub const PARTIAL: &str = "partial";

/// Runs file work where it may block: a flush has been seen to take seconds.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Makes a directory (and those above it) that only we can enter.
pub fn private_dir(path: &Path) -> Result<()> {
    dir(path, 0o700)
}

/// Makes a directory (and those above it) and sets its mode.
pub fn dir(path: &Path, mode: u32) -> Result<()> {
    let make = || {
        DirBuilder::new().recursive(true).mode(mode).create(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    make().map_err(ServerError::file("create the directory", path))
}

/// Removes a file; one that is not there is fine.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ServerError::file("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a directory and all in it; one that is not there is fine.
pub fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ServerError::file("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes what a crash left half made in a directory.
pub fn remove_partials(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory).map_err(ServerError::file("read", directory))? {
        let path = entry.map_err(ServerError::file("read", directory))?.path();
        if path.extension().is_some_and(|extension| extension == PARTIAL) {
            if path.is_dir() {
                remove_dir(&path)?
            } else {
                remove(&path)?
            }
        }
    }
    Ok(())
}

/// Gives a file that is ready its name, for good: its bytes and then its name are on the disk when this returns.
pub async fn finish(partial: &Path, path: &Path) -> Result<()> {
    let (partial, path) = (partial.to_owned(), path.to_owned());
    blocking(move || finish_now(&partial, &path)).await
}

/// As [`finish`], in a thread that may block.
pub fn finish_now(partial: &Path, path: &Path) -> Result<()> {
    File::open(partial)
        .and_then(|file| file.sync_all())
        .map_err(ServerError::file("flush", partial))?;
    fs::rename(partial, path).map_err(ServerError::file("rename", path))?;
    sync_parent(path)
}

/// Makes the names in a file's directory durable.
pub fn sync_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .map_err(ServerError::file("flush", parent))
}

/// Writes a small file whole or not at all, readable by us alone.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let partial = path.with_extension(PARTIAL);
    let mut file = create(&partial)?;
    file.write_all(content).map_err(ServerError::file("write", &partial))?;
    drop(file);
    finish_now(&partial, path)
}

/// A new, empty file for us alone, in place of any that was there.
pub fn create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(ServerError::file("create", path))
}

/// Gives the space back that a file claims for parts where nothing was ever written. Where the filesystem can't, the file
/// stays as it is.
///
/// # Errors
/// What the filesystem says of a look at the file.
pub fn free_unwritten(file: &File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut from = 0;
    while from < length {
        let data = match rustix::fs::seek(file, SeekFrom::Data(from)) {
            Ok(data) => data,
            Err(Errno::NXIO) => length,
            Err(error) => return Err(error.into()),
        };
        if data > from {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            match rustix::fs::fallocate(file, flags, from, data - from) {
                Ok(()) => {}
                Err(Errno::OPNOTSUPP) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        if data == length {
            break;
        }
        from = rustix::fs::seek(file, SeekFrom::Hole(data))?;
    }
    Ok(())
}

/// Gives a file to a server's user.
pub fn give(path: &Path, uid: u32, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .and_then(|()| std::os::unix::fs::lchown(path, Some(uid), Some(uid)))
        .map_err(ServerError::file("give away", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    #[test]
    fn what_was_never_written_takes_no_space() {
        const MIB: u64 = 1 << 20;
        let file = tempfile::tempfile().unwrap();
        let claim = |from, length| rustix::fs::fallocate(&file, FallocateFlags::empty(), from, length).unwrap();
        claim(0, 16 * MIB);
        file.write_all_at(&vec![7; 1 << 20], 3 * MIB).unwrap();
        file.write_all_at(&vec![8; 1 << 20], 15 * MIB).unwrap();
        file.set_len(20 * MIB).unwrap();
        let before = file.metadata().unwrap();
        assert!(before.blocks() * 512 >= 16 * MIB);
        free_unwritten(&file).unwrap();
        let after = file.metadata().unwrap();
        assert_eq!(after.len(), 20 * MIB);
        assert!(after.blocks() * 512 < 4 * MIB, "{} blocks", after.blocks());
        let at = |at: u64| {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            byte[0]
        };
        let edges = [
            0,
            3 * MIB - 1,
            3 * MIB,
            4 * MIB - 1,
            4 * MIB,
            15 * MIB,
            16 * MIB - 1,
            16 * MIB,
        ];
        assert_eq!(edges.map(at), [0, 0, 7, 7, 0, 8, 8, 0]);
        free_unwritten(&file).unwrap();
        free_unwritten(&tempfile::tempfile().unwrap()).unwrap();
    }
}
