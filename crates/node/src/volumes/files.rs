//! Volumes as sparse files: `volumes/<id>.raw`, snapshots beside them as `volumes/<id>.snapshot`, what becomes an image as
//! `volumes/<id>.export`; backups as `backups/<id>.backup`.
//!
//! Plain bytes have no header that a guest could write, and a hole reads as zeros: a new volume never shows what was on the
//! disk before. A file is made under another name, flushed and renamed, so one that has its name is whole.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::VolumeId;
use qemu::image_tool::{DiskFormat, ImageFile, ImageTool};
use qemu::qmp::DiskCopy;
use uuid::Uuid;

use super::backup;
use super::driver::{Object, Origin, Progress, VolumeDriver, Work};
use crate::servers::cache::{ImageCache, Use};
use crate::servers::disks::volume_node;
use crate::servers::{Result, ServerError, files};

/// Longest time for a copy of a volume in use.
const COPY_LIMIT: Duration = Duration::from_secs(3600);

/// Files in a directory.
pub struct FileDriver {
    directory: PathBuf,
    backups: PathBuf,
    tool: ImageTool,
    cache: ImageCache,
}

impl FileDriver {
    /// In these directories, for volumes and for backups, which are made if need be; only we may enter them.
    ///
    /// # Errors
    /// [`ServerError::File`].
    pub fn open(directory: PathBuf, backups: PathBuf, tool: ImageTool, cache: ImageCache) -> Result<Self> {
        files::private_dir(&directory)?;
        files::private_dir(&backups)?;
        Ok(Self {
            directory,
            backups,
            tool,
            cache,
        })
    }

    fn path(&self, object: Object) -> PathBuf {
        match object {
            Object::Volume(id) => self.directory.join(format!("{id}.raw")),
            Object::Snapshot(id) => self.directory.join(format!("{id}.snapshot")),
            Object::Export(id) => self.directory.join(format!("{id}.export")),
            Object::Backup(id) => backup::path(&self.backups, id),
        }
    }

    /// The objects in a directory, with their sizes.
    fn list(&self, directory: &Path, found: &mut Vec<(Object, u64)>) -> Result<()> {
        files::remove_partials(directory)?;
        let failed = || ServerError::file("read", directory);
        for entry in fs::read_dir(directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let object = match name.rsplit_once('.') {
                Some((id, "raw")) => id.parse().map(Object::Volume).ok(),
                Some((id, "snapshot")) => id.parse().map(Object::Snapshot).ok(),
                Some((id, "export")) => id.parse().map(Object::Export).ok(),
                Some((id, "backup")) => id.parse().map(Object::Backup).ok(),
                // Foreign names are nobody's volume and are left alone.
                _ => None,
            };
            if let Some(object) = object {
                found.push((object, entry.metadata().map_err(failed())?.len()));
            }
        }
        Ok(())
    }

    async fn fill(
        &self,
        object: Object,
        partial: &Path,
        origin: Origin,
        size_bytes: u64,
        progress: Progress,
    ) -> Result<()> {
        match origin {
            Origin::Backup(id) => self.restore(id, partial, progress).await,
            Origin::Differences { of, parent } => {
                let whole = self.whole(object, *of, partial, size_bytes).await?;
                let (directory, to) = (self.backups.clone(), partial.to_owned());
                let work = move || {
                    let file = create(&to)?;
                    backup::write(&directory, &whole, parent, &file, progress)
                        .map_err(ServerError::file("write a backup of", &whole))?;
                    files::remove(&whole)
                };
                files::blocking(work).await
            }
            Origin::Converted { of, format } => {
                let whole = self.whole(object, *of, partial, size_bytes).await?;
                let done = self.tool.export(&whole, partial, format, progress).await;
                done.map_err(ServerError::qemu("convert a volume", partial))?;
                files::remove(&whole)
            }
            Origin::Blank => create(partial).map(drop),
            Origin::Image(image) => {
                let mut progress = progress;
                let base = self
                    .cache
                    .base(&image, Use::Disk, |percent| progress(percent / 2))
                    .await?;
                self.copy(&base.path, partial, Box::new(move |percent| progress(50 + percent / 2)))
                    .await
            }
            Origin::Copy(from) => self.copy(&self.path(from), partial, progress).await,
            Origin::Live(volume, qmp) => {
                let file = create(partial)?;
                file.set_len(size_bytes)
                    .map_err(ServerError::file("make room in", partial))?;
                // One name for each object that is made: what an attempt left that was cut off is found by it.
                let copy = DiskCopy {
                    name: &copy_name(object),
                    node: &volume_node(volume),
                    format: DiskFormat::Raw,
                    limit: COPY_LIMIT,
                };
                qmp.copy_disk(copy, file.as_fd(), progress)
                    .await
                    .map_err(ServerError::qemu("copy a volume in use", partial))?;
                // Where the volume is empty QEMU writes zeros, for which it claims space.
                let of = partial.to_owned();
                let free = move || files::free_unwritten(&file).map_err(ServerError::file("free space of", &of));
                files::blocking(free).await
            }
        }
    }

    /// A volume's plain bytes beside what they become; a crash leaves nothing of them.
    async fn whole(&self, object: Object, of: Origin, partial: &Path, size_bytes: u64) -> Result<PathBuf> {
        let whole = partial.with_extension(format!("whole.{}", files::PARTIAL));
        files::remove(&whole)?;
        Box::pin(self.fill(object, &whole, of, size_bytes, Box::new(|_| {}))).await?;
        Ok(whole)
    }

    /// Writes what a backup holds.
    async fn restore(&self, id: Uuid, partial: &Path, progress: Progress) -> Result<()> {
        let (directory, to) = (self.backups.clone(), partial.to_owned());
        let work = move || {
            let file = create(&to)?;
            backup::restore(&directory, id, &file, progress)
                .map_err(ServerError::file("restore the backup", &backup::path(&directory, id)))
        };
        files::blocking(work).await
    }

    /// Copies plain bytes, leaving out what is zero. The tool refuses a file that a QEMU writes to.
    async fn copy(&self, from: &Path, partial: &Path, progress: Progress) -> Result<()> {
        let plain = |path| ImageFile {
            path,
            format: DiskFormat::Raw,
        };
        self.tool
            .convert(plain(from), plain(partial), progress)
            .await
            .map_err(ServerError::qemu("copy a volume", partial))?;
        fs::set_permissions(partial, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .map_err(ServerError::file("change the mode of", partial))
    }
}

/// As long as a block node's name may be.
fn copy_name(object: Object) -> String {
    let (kind, id) = match object {
        Object::Volume(id) => ('v', id.to_string()),
        Object::Snapshot(id) => ('s', id.to_string()),
        Object::Backup(id) => ('b', id.to_string()),
        Object::Export(id) => ('e', id.to_string()),
    };
    let digits = id.chars().filter(|c| *c != '-').take(30);
    std::iter::once(kind).chain(digits).collect()
}

fn create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(ServerError::file("create", path))
}

/// Makes a file at least so long; gives its length.
fn lengthen(path: &Path, size_bytes: u64) -> Result<u64> {
    let work = || {
        let file = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)?;
        let length = file.metadata()?.len();
        if length < size_bytes {
            file.set_len(size_bytes)?;
            file.sync_all()?;
        }
        Ok(length.max(size_bytes))
    };
    work().map_err(ServerError::file("grow", path))
}

impl VolumeDriver for FileDriver {
    fn find(&self) -> Result<Vec<(Object, u64)>> {
        let mut found = Vec::new();
        self.list(&self.directory, &mut found)?;
        self.list(&self.backups, &mut found)?;
        Ok(found)
    }

    fn make(&self, object: Object, origin: Origin, size_bytes: u64, progress: Progress) -> Work<'_, u64> {
        Box::pin(async move {
            let path = self.path(object);
            let partial = path.with_extension(files::PARTIAL);
            files::remove(&partial)?;
            let filled = self.fill(object, &partial, origin, size_bytes, progress).await;
            filled.inspect_err(|_| {
                // What is left takes room, and the next try begins anew.
                let _ = files::remove(&partial);
                let _ = files::remove(&partial.with_extension(format!("whole.{}", files::PARTIAL)));
            })?;
            let target = partial.clone();
            let size_bytes = match object {
                Object::Volume(_) | Object::Snapshot(_) => size_bytes,
                Object::Backup(_) | Object::Export(_) => 0,
            };
            let length = files::blocking(move || lengthen(&target, size_bytes)).await?;
            files::finish(&partial, &path).await?;
            Ok(length)
        })
    }

    fn grow(&self, volume: VolumeId, size_bytes: u64) -> Work<'_, ()> {
        let path = self.path(Object::Volume(volume));
        Box::pin(files::blocking(move || lengthen(&path, size_bytes).map(drop)))
    }

    fn remove(&self, object: Object) -> Work<'_, ()> {
        let path = self.path(object);
        Box::pin(files::blocking(move || {
            files::remove(&path.with_extension(files::PARTIAL))?;
            files::remove(&path)?;
            files::sync_parent(&path)
        }))
    }
}
