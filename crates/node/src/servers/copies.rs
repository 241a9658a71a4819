//! What is done to the disks of a server that is off: they are wiped, they grow on trial, the trial is taken back, the root
//! disk is copied for an image. Each can be cut off anywhere and done again.
//!
//! ```text
//!  resize 3:   root.qcow2 ─copy─► root.qcow2.before-3, then root.qcow2 grows      (a copy that has its name is whole)
//!  take back:  root.qcow2.before-3 ─rename─► root.qcow2
//!  confirm:    root.qcow2.before-3 goes
//!  snapshot:   root.qcow2 and its base ─► snapshot-<image id>
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use model::ImageId;
use model::host::ServerConfig;
use model::image_format::{Hostile, ImageFormat};
use qemu::command_line::DiskFormat;
use qemu::image_tool::{ImageFile, ImageTool};

use super::cache::inspect;
use super::error::{Result, ServerError};
use super::files;

const GIB: u64 = 1 << 30;
/// Disks that hold what their guest wrote, and stay as they are but for their size.
const KEPT: [&str; 2] = ["root.qcow2", "ephemeral.qcow2"];
/// Between a disk's name and the number of the resize that its copy is from before of.
const BEFORE: &str = ".before-";
/// Before the id of the image that a copy becomes.
const SNAPSHOT: &str = "snapshot-";

/// Removes the disks, which are made anew at the next start.
///
/// # Errors
/// [`ServerError::File`].
pub fn wipe(directory: &Path, keep_ephemeral: bool) -> Result<()> {
    for name in ["root.qcow2", "config.iso", "kernel", "initrd", "rescue.qcow2"] {
        files::remove(&directory.join(name))?;
    }
    if !keep_ephemeral {
        files::remove(&directory.join("ephemeral.qcow2"))?;
        files::remove(&directory.join("swap"))?;
    }
    drop_before(directory, None)?;
    files::sync_parent(&directory.join("root.qcow2"))
}

/// Copies the disks, then lets them grow to what is wanted.
///
/// # Errors
/// [`ServerError`]; it can be tried again.
pub async fn grow(directory: &Path, want: &ServerConfig, tool: &ImageTool, uid: u32) -> Result<()> {
    let number = want.orders.trial;
    let (path, kept) = (directory.to_owned(), number);
    files::blocking(move || {
        files::remove_partials(&path)?;
        drop_before(&path, Some(kept))?;
        KEPT.iter().try_for_each(|name| copy(&path, name, kept, uid))
    })
    .await?;
    let sizes = [want.disk.root_gib * GIB, want.ephemeral_gib * GIB];
    for (name, size_bytes) in KEPT.iter().zip(sizes) {
        let path = directory.join(name);
        if path.exists() && virtual_size(&path)? < size_bytes {
            let image = ImageFile {
                path: &path,
                format: DiskFormat::Qcow2,
            };
            let grown = tool.grow(image, size_bytes).await;
            grown.map_err(ServerError::qemu("let the disk grow", &path))?;
        }
    }
    Ok(())
}

fn copy(directory: &Path, name: &str, number: u64, uid: u32) -> Result<()> {
    let (from, to) = (directory.join(name), before(directory, name, number));
    // A copy that is there is from before the disk grew, whatever became of it since.
    if !from.exists() || to.exists() {
        return Ok(());
    }
    let partial = directory.join(format!("{name}.{}", files::PARTIAL));
    fs::copy(&from, &partial).map_err(ServerError::file("copy", &to))?;
    files::give(&partial, uid, 0o600)?;
    files::finish_now(&partial, &to)
}

/// Puts the copies from before a resize in place of the disks.
///
/// # Errors
/// [`ServerError::File`].
pub fn take_back(directory: &Path, number: u64) -> Result<()> {
    for name in KEPT {
        let copy = before(directory, name, number);
        if copy.exists() {
            let disk = directory.join(name);
            fs::rename(&copy, &disk).map_err(ServerError::file("rename", &disk))?;
            files::sync_parent(&disk)?;
        }
    }
    drop_before(directory, None)
}

fn before(directory: &Path, name: &str, number: u64) -> PathBuf {
    directory.join(format!("{name}{BEFORE}{number}"))
}

/// Removes copies from before resizes, but those of this one.
///
/// # Errors
/// [`ServerError::File`].
pub fn drop_before(directory: &Path, but: Option<u64>) -> Result<()> {
    let kept = but.map(|number| format!("{BEFORE}{number}"));
    remove_named(directory, |name| {
        name.contains(BEFORE) && kept.as_ref().is_none_or(|kept| !name.ends_with(kept))
    })
}

/// Removes copies made for images, but that for this one.
///
/// # Errors
/// [`ServerError::File`].
pub fn drop_snapshots(directory: &Path, but: Option<ImageId>) -> Result<()> {
    let kept = but.map(|id| format!("{SNAPSHOT}{id}"));
    remove_named(directory, |name| {
        name.starts_with(SNAPSHOT) && Some(name) != kept.as_deref()
    })
}

fn remove_named(directory: &Path, is_meant: impl Fn(&str) -> bool) -> Result<()> {
    for entry in fs::read_dir(directory).map_err(ServerError::file("read", directory))? {
        let entry = entry.map_err(ServerError::file("read", directory))?;
        if is_meant(&entry.file_name().to_string_lossy()) {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Where the copy for an image is, once it is whole.
pub fn snapshot(directory: &Path, image: ImageId) -> PathBuf {
    directory.join(format!("{SNAPSHOT}{image}"))
}

/// Copies the root disk of a server that is off, and the base it stands on, into one file.
///
/// # Errors
/// [`ServerError`]; nothing is left then but a partial file.
pub async fn flatten(
    tool: &ImageTool,
    root: &Path,
    base: Option<&Path>,
    to: ImageFile<'_>,
    progress: impl FnMut(u8) + Send,
) -> Result<()> {
    // Looked at before a tool opens it: a QEMU wrote it that a guest may have taken over.
    virtual_size(root)?;
    let base = base.map(|path| ImageFile {
        path,
        format: DiskFormat::Raw,
    });
    let flattened = tool.flatten(root, base, to, progress).await;
    flattened.map_err(ServerError::qemu("copy the root disk", root))
}

/// The size of the disk in a server's copy-on-write file, which may stand on another and nothing else.
///
/// # Errors
/// [`ServerError::File`], also when it is not such a file.
pub fn virtual_size(path: &Path) -> Result<u64> {
    let failed = || ServerError::file("read", path);
    let mut file = File::open(path).map_err(failed())?;
    let found = inspect(&mut file).map_err(failed())?;
    let is_sound = found.format == ImageFormat::Qcow2 && found.hostile.iter().all(|why| *why == Hostile::BackingFile);
    match found.virtual_size_bytes {
        Some(size) if is_sound => Ok(size),
        _ => Err(failed()(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not a disk as this program makes them",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn copies_are_told_apart_by_the_number_of_their_resize() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::write(path.join("root.qcow2"), "old").unwrap();
        let uid = rustix::process::geteuid().as_raw();
        copy(path, "root.qcow2", 1, uid).unwrap();
        copy(path, "root.qcow2", 11, uid).unwrap();
        // A copy that is there is not made anew from what has grown meanwhile.
        fs::write(path.join("root.qcow2"), "grown").unwrap();
        copy(path, "root.qcow2", 11, uid).unwrap();
        drop_before(path, Some(11)).unwrap();
        assert_eq!(names(path), ["root.qcow2", "root.qcow2.before-11"]);
        take_back(path, 11).unwrap();
        assert_eq!(names(path), ["root.qcow2"]);
        assert_eq!(fs::read(path.join("root.qcow2")).unwrap(), b"old");
        // Once more, as after a crash: there is nothing left to do.
        take_back(path, 11).unwrap();
        assert_eq!(names(path), ["root.qcow2"]);
    }
}
