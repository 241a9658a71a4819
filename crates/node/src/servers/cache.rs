//! Base images of this host: each uploaded image made once into the plain file that servers start from.
//!
//! ```text
//!  image store file ──inspect──► qcow2: converted to raw │ raw: same file by hard link ──► cache/<image id>-<checksum>
//! ```
//!
//! Whoever needs an image while it is being made waits for the same work. A base is written under another name, flushed,
//! and renamed, so a base that has its name is whole. It is inspected again each time it is used, and QEMU gets it as a
//! descriptor for reading only: its user cannot reach the cache.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::ImageId;
use model::host::ImageSource;
use model::image_format::{ImageFormat, Inspection, Inspector, TAIL_BYTES};
use qemu::image_tool::{Cell, DiskFormat, ImageFile, ImageTool};
use qemu::process::Credentials;
use tokio::sync::{Semaphore, watch};

use super::error::{Result, ServerError};
use super::files;

/// How far a base is.
#[derive(Clone, Debug)]
enum Making {
    Percent(u8),
    Done(Result<()>),
}

/// The cache. Clones share it.
#[derive(Clone, Debug)]
pub struct ImageCache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    tool: ImageTool,
    uid: u32,
    making: Mutex<HashMap<String, watch::Receiver<Making>>>,
    /// Copying is bound by the disk: one at a time is fastest for all.
    turns: Semaphore,
}

/// What an image is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Disks stand on it; QEMU gets it as a descriptor.
    Disk,
    /// QEMU opens it by a name in the server's directory, so it has to be readable, and a copy of its own: the mode of
    /// the upload is not ours to change.
    Boot,
}

/// A base that is ready for use.
#[derive(Debug)]
pub struct Base {
    /// Its name in the cache.
    pub name: String,
    /// The file, open for reading.
    pub file: File,
    /// Where it is.
    pub path: PathBuf,
    /// Size of the disk, in bytes.
    pub size_bytes: u64,
}

impl ImageCache {
    /// The cache in this directory, which is made if need be. What a crash left half made is removed. `uid` is a number
    /// that belongs to nobody, for the image tool to run under.
    ///
    /// # Errors
    /// [`ServerError::File`].
    pub fn open(directory: &Path, tool: ImageTool, uid: u32) -> Result<Self> {
        files::private_dir(directory)?;
        files::remove_partials(directory)?;
        let inner = Inner {
            directory: directory.to_owned(),
            tool,
            uid,
            making: Mutex::default(),
            turns: Semaphore::new(1),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The name of an image's base.
    fn name(image: &ImageSource, purpose: Use) -> Result<String> {
        let checksum = image
            .sha512
            .get(..32)
            .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let checksum = checksum.ok_or_else(|| refused(image.id, "it has no valid checksum".into()))?;
        let suffix = if purpose == Use::Boot { "-boot" } else { "" };
        Ok(format!("{}-{checksum}{suffix}", image.id))
    }

    /// Gives an image's base, and makes it first if it is not there. `progress` gets the percentage done while waiting.
    ///
    /// # Errors
    /// [`ServerError::ImageMissing`], [`ServerError::ImageRefused`], [`ServerError::DiskFull`] and failures of the tool.
    pub async fn base(&self, image: &ImageSource, purpose: Use, mut progress: impl FnMut(u8)) -> Result<Base> {
        let name = Self::name(image, purpose)?;
        if let Some(base) = self.use_base(image, &name).await? {
            return Ok(base);
        }
        let mut making = self.make_or_join(image, purpose, &name);
        loop {
            let now = making.borrow_and_update().clone();
            match now {
                Making::Percent(percent) => progress(percent),
                Making::Done(result) => {
                    result?;
                    break;
                }
            }
            // The maker is gone only after it said Done.
            if making.changed().await.is_err() {
                break;
            }
        }
        let base = self.use_base(image, &name).await?;
        base.ok_or_else(|| missing(image, io::ErrorKind::NotFound.into()))
    }

    /// Joins the work on this base, or begins it as a task of its own: it goes on when whoever began it no longer waits.
    fn make_or_join(&self, image: &ImageSource, purpose: Use, name: &str) -> watch::Receiver<Making> {
        let mut making = self.inner.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(receiver) = making.get(name) {
            return receiver.clone();
        }
        let (sender, receiver) = watch::channel(Making::Percent(0));
        making.insert(name.to_owned(), receiver.clone());
        let (cache, image, name) = (self.clone(), image.clone(), name.to_owned());
        tokio::spawn(async move {
            let report = |percent| {
                sender.send_replace(Making::Percent(percent));
            };
            let result = cache.make(&image, purpose, &name, report).await;
            // Off the list first: who comes now finds the base, or tries again.
            cache
                .inner
                .making
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&name);
            sender.send_replace(Making::Done(result));
        });
        receiver
    }

    async fn make(&self, image: &ImageSource, purpose: Use, name: &str, progress: impl FnMut(u8) + Send) -> Result<()> {
        let _turn = self.inner.turns.acquire().await;
        let path = self.inner.directory.join(name);
        if path.exists() {
            return Ok(());
        }
        let format = inspect_upload(image).await?;
        let partial = path.with_extension(files::PARTIAL);
        files::remove(&partial)?;
        self.fill(image, format, purpose, &partial, progress)
            .await
            .inspect_err(|_| {
                // What is left takes room, and the next try begins anew.
                let _ = files::remove(&partial);
            })?;
        if purpose == Use::Boot {
            fs::set_permissions(&partial, std::os::unix::fs::PermissionsExt::from_mode(0o444))
                .map_err(ServerError::file("change the mode of", &partial))?;
        }
        tracing::info!(image.id = %image.id, "Made the base of image {} in the cache", image.id);
        files::finish(&partial, &path).await
    }

    /// Brings an image's plain bytes to `partial`.
    async fn fill(
        &self,
        image: &ImageSource,
        format: DiskFormat,
        purpose: Use,
        partial: &Path,
        progress: impl FnMut(u8) + Send,
    ) -> Result<()> {
        let (from, to) = (image.path.clone(), partial.to_owned());
        match (format, purpose) {
            // A kernel or ramdisk to the byte; the image tool would fill its last sector up.
            (DiskFormat::Raw, Use::Boot) => {
                files::blocking(move || fs::copy(&from, &to).map(drop).map_err(ServerError::file("copy", &to))).await
            }
            (DiskFormat::Raw, Use::Disk) if fs::hard_link(&from, &to).is_ok() => Ok(()),
            _ => self.convert(image, format, partial, progress).await,
        }
    }

    /// Lets the image tool make plain bytes of an image, which also leaves out what is zero. The tool works on a copy, in
    /// a directory and as a user that have nothing else.
    async fn convert(
        &self,
        image: &ImageSource,
        format: DiskFormat,
        partial: &Path,
        progress: impl FnMut(u8) + Send,
    ) -> Result<()> {
        let cell = partial.with_extension(format!("cell.{}", files::PARTIAL));
        let (uid, from, directory) = (self.inner.uid, image.path.clone(), cell.clone());
        let prepare = files::blocking(move || {
            files::remove_dir(&directory)?;
            files::private_dir(&directory)?;
            let source = directory.join("source");
            fs::copy(&from, &source).map_err(ServerError::file("copy", &source))?;
            files::give(&source, uid, 0o400)?;
            files::give(&directory, uid, 0o700)
        });
        let converted = async {
            prepare.await?;
            let tool = self.celled(&cell, image.virtual_size);
            let from = ImageFile {
                path: Path::new("source"),
                format,
            };
            let to = ImageFile {
                path: Path::new("disk"),
                format: DiskFormat::Raw,
            };
            tool.convert(from, to, progress)
                .await
                .map_err(ServerError::qemu("convert the image into", partial))?;
            let disk = cell.join("disk");
            files::give(&disk, rustix::process::geteuid().as_raw(), 0o400)?;
            fs::rename(&disk, partial).map_err(ServerError::file("rename", partial))
        }
        .await;
        files::remove_dir(&cell)?;
        converted
    }

    fn celled(&self, directory: &Path, size_bytes: u64) -> ImageTool {
        let uid = self.inner.uid;
        let cell = Cell {
            directory: directory.to_owned(),
            credentials: Credentials {
                uid,
                gid: uid,
                groups: vec![],
            },
            // The tool rounds up to whole sectors.
            file_bytes: size_bytes + 4096,
        };
        ImageTool {
            cell: Some(cell),
            ..self.inner.tool.clone()
        }
    }

    /// Opens a base that is there, after it has passed inspection once more.
    async fn use_base(&self, image: &ImageSource, name: &str) -> Result<Option<Base>> {
        let path = self.inner.directory.join(name);
        let (id, size_bytes) = (image.id, image.virtual_size);
        let opened = files::blocking({
            let path = path.clone();
            move || open_base(&path, id, size_bytes)
        });
        let Some(file) = opened.await? else { return Ok(None) };
        Ok(Some(Base {
            name: name.to_owned(),
            file,
            path,
            size_bytes,
        }))
    }

    /// Removes bases that are in nobody's use and were not used for `keep`.
    ///
    /// # Errors
    /// [`ServerError::File`].
    pub fn remove_unused(&self, used: &BTreeSet<String>, keep: Duration) -> Result<()> {
        let directory = &self.inner.directory;
        for entry in fs::read_dir(directory).map_err(ServerError::file("read", directory))? {
            let entry = entry.map_err(ServerError::file("read", directory))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let making = self
                .inner
                .making
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains_key(&name);
            let partial = name.ends_with(files::PARTIAL);
            // Set at each use, whatever the file system does by itself.
            let age = entry
                .metadata()
                .ok()
                .and_then(|m| m.accessed().ok())
                .and_then(|time| time.elapsed().ok());
            if !making && !partial && !used.contains(&name) && age.is_some_and(|age| age >= keep) {
                files::remove(&entry.path())?;
                tracing::info!("Removed the unused base image {name}");
            }
        }
        Ok(())
    }
}

fn missing(image: &ImageSource, source: io::Error) -> ServerError {
    ServerError::ImageMissing {
        image: image.id,
        path: image.path.clone(),
        source: Arc::new(source),
    }
}

fn refused(image: ImageId, reason: String) -> ServerError {
    ServerError::ImageRefused { image, reason }
}

/// Looks at an image before any tool does. It was looked at when it was uploaded; what is on the disk now decides.
async fn inspect_upload(image: &ImageSource) -> Result<DiskFormat> {
    let path = image.path.clone();
    let inspected = files::blocking(move || Ok(File::open(&path).and_then(|mut file| inspect(&mut file))));
    let found = inspected.await?.map_err(|error| missing(image, error))?;
    if let Some(reason) = found.hostile.first() {
        return Err(refused(image.id, reason.to_string()));
    }
    let format = match found.format {
        ImageFormat::Qcow2 => DiskFormat::Qcow2,
        ImageFormat::Raw | ImageFormat::Iso => DiskFormat::Raw,
        other => return Err(refused(image.id, format!("its format {other} cannot be booted"))),
    };
    let same_format = image.format == found.format.as_str() || image.format == format.as_str();
    if !same_format || found.virtual_size_bytes != Some(image.virtual_size) {
        return Err(refused(image.id, "its data is not what was uploaded".into()));
    }
    Ok(format)
}

fn open_base(path: &Path, image: ImageId, size_bytes: u64) -> Result<Option<File>> {
    let opened = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(ServerError::file("open", path))?,
    };
    let metadata = file.metadata().map_err(ServerError::file("read", path))?;
    // A converted disk ends with a whole sector.
    let sizes = [size_bytes, size_bytes.next_multiple_of(512)];
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    if !metadata.is_file() || !is_ours || !sizes.contains(&metadata.len()) {
        return Err(refused(image, "its cached copy was changed".into()));
    }
    let found = inspect(&mut file).map_err(ServerError::file("read", path))?;
    let used = rustix::fs::Timestamps {
        last_access: rustix::fs::Timespec {
            tv_sec: 0,
            tv_nsec: rustix::fs::UTIME_NOW,
        },
        last_modification: rustix::fs::Timespec {
            tv_sec: 0,
            tv_nsec: rustix::fs::UTIME_OMIT,
        },
    };
    // Only an age; that it cannot be set harms nothing but the cache's size.
    let _ = rustix::fs::futimens(&file, &used);
    // A disk whose own bytes are an image again waits for a tool that guesses.
    if !matches!(found.format, ImageFormat::Raw | ImageFormat::Iso) {
        return Err(refused(
            image,
            format!("the disk in it is itself an image of format {}", found.format),
        ));
    }
    Ok(Some(file))
}

/// Inspects a file, of which only the beginning and the end are read where that is enough.
pub(super) fn inspect(file: &mut File) -> io::Result<Inspection> {
    let length = file.metadata()?.len();
    let mut inspector = Inspector::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let middle = length
            .saturating_sub(inspector.fed_bytes())
            .saturating_sub(TAIL_BYTES as u64);
        if middle > 0 && inspector.skip(middle) {
            file.seek(SeekFrom::Start(inspector.fed_bytes()))?;
        }
        let read = file.read(&mut buffer)?;
        if read == 0 {
            file.rewind()?;
            return Ok(inspector.finish());
        }
        inspector.feed(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests;
