//! The writing end of an upload: a blocking thread that writes, hashes and inspects what comes through a channel.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use bytes::Bytes;
use md5::{Digest, Md5};
use model::image::{self, StoredData, Upload};
use model::image_format::{Inspector, PREFIX_LIMIT_BYTES};
use model::{Error, Result};
use sha2::Sha512;
use tokio::sync::mpsc;

use super::Settings;

/// The end of a name that no finished file has.
pub(super) const PART_SUFFIX: &str = ".part";
/// Free space is looked at each time so many bytes came.
const SPACE_CHECK_BYTES: u64 = 16 << 20;

/// What comes through the channel.
pub(super) enum Part {
    /// The next bytes.
    Data(Bytes),
    /// That was all. A channel that closes without it means that the upload broke off.
    End,
}

/// Where an upload goes and what it may be.
pub(super) struct Receiver {
    dir: PathBuf,
    part: PathBuf,
    target: PathBuf,
    /// What the data must be; `None`: it is looked into later.
    disk_format: Option<String>,
    size_limit: SizeLimit,
    reserve_bytes: u64,
}

/// The smaller of the two limits, and which it is.
struct SizeLimit {
    bytes: u64,
    is_quota: bool,
}

/// A temporary file that goes away unless it was given its name.
struct PartFile {
    path: PathBuf,
    is_named: bool,
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_named
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::error!(
                "'{}' can't be removed; the next start will try again: {error}",
                self.path.display()
            );
        }
    }
}

/// What is known of the bytes so far.
#[derive(Default)]
struct Measure {
    inspector: Inspector,
    md5: Md5,
    sha512: Sha512,
    prefix_checked: bool,
    next_space_check: u64,
}

impl Receiver {
    pub(super) fn new(settings: &Settings, upload: &Upload) -> Self {
        let quota = upload.room_bytes.unwrap_or(u64::MAX);
        Self {
            dir: settings.dir.clone(),
            part: settings.dir.join(format!("{}{PART_SUFFIX}", upload.upload_id)),
            target: settings.dir.join(upload.image_id.to_string()),
            disk_format: Some(upload.disk_format.clone()),
            size_limit: SizeLimit {
                bytes: quota.min(settings.max_image_bytes),
                is_quota: quota < settings.max_image_bytes,
            },
            reserve_bytes: settings.reserve_bytes,
        }
    }

    /// For data of any kind, which goes to a file of another name.
    pub(super) fn unchecked(settings: &Settings, upload: &Upload, target: PathBuf) -> Self {
        Self {
            target,
            disk_format: None,
            ..Self::new(settings, upload)
        }
    }

    /// Takes everything up to [`Part::End`]; then the file stands under its name and is on the disk.
    pub(super) fn run(self, mut queue: mpsc::Receiver<Part>) -> Result<StoredData> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.part)
            .map_err(io_error)?;
        let mut part = PartFile {
            path: self.part.clone(),
            is_named: false,
        };
        let mut measure = Measure::default();
        loop {
            match queue.blocking_recv() {
                Some(Part::Data(bytes)) => self.take(&mut file, &mut measure, &bytes)?,
                Some(Part::End) => break,
                None => return Err(super::broken_off("the client went away")),
            }
        }
        let found = measure.inspector.finish();
        if let Some(format) = &self.disk_format {
            image::check_data(format, &found, true)?;
        }
        file.sync_all().map_err(io_error)?;
        fs::rename(&self.part, &self.target).map_err(io_error)?;
        part.is_named = true;
        if let Err(error) = File::open(&self.dir).and_then(|dir| dir.sync_all()) {
            // The name may not outlive a power cut, so the file can't be counted on.
            let _ = fs::remove_file(&self.target);
            return Err(io_error(error));
        }
        Ok(StoredData {
            size: found.file_size_bytes,
            virtual_size: found.virtual_size_bytes,
            md5: hex(&measure.md5.finalize()),
            sha512: hex(&measure.sha512.finalize()),
        })
    }

    fn take(&self, file: &mut File, measure: &mut Measure, bytes: &[u8]) -> Result<()> {
        let size = measure.inspector.fed_bytes().saturating_add(bytes.len() as u64);
        self.check_size(size)?;
        if size >= measure.next_space_check {
            measure.next_space_check = size + SPACE_CHECK_BYTES;
            self.check_space(bytes.len() as u64)?;
        }
        measure.inspector.feed(bytes);
        if !measure.prefix_checked && size >= PREFIX_LIMIT_BYTES as u64 {
            measure.prefix_checked = true;
            if let Some(format) = &self.disk_format {
                image::check_data(format, &measure.inspector.finish(), false)?;
            }
        }
        measure.md5.update(bytes);
        measure.sha512.update(bytes);
        file.write_all(bytes).map_err(io_error)
    }

    fn check_size(&self, size: u64) -> Result<()> {
        let limit = self.size_limit.bytes;
        if size <= limit {
            return Ok(());
        }
        let what = if self.size_limit.is_quota {
            "the project's quota image_size_total leaves room for"
        } else {
            "the largest image this cloud takes has"
        };
        Err(Error::over_limit(
            "ImageSizeLimitExceeded",
            format!("The image is too large: {what} {limit} bytes. Nothing was kept."),
        ))
    }

    fn check_space(&self, coming: u64) -> Result<()> {
        let space = rustix::fs::statvfs(&self.dir).map_err(|errno| io_error(errno.into()))?;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        if free.saturating_sub(coming) >= self.reserve_bytes {
            return Ok(());
        }
        Err(storage_full())
    }
}

fn storage_full() -> Error {
    Error::over_limit(
        "StorageFull",
        "There is not enough disk space on the image storage media. Nothing was kept; delete images, or ask the \
         administrator for room.",
    )
}

fn io_error(error: io::Error) -> Error {
    let full = [
        io::ErrorKind::StorageFull,
        io::ErrorKind::QuotaExceeded,
        io::ErrorKind::FileTooLarge,
    ];
    if full.contains(&error.kind()) {
        return storage_full();
    }
    tracing::error!("The image storage can't be written: {error}");
    Error::unavailable(
        "StorageWriteDenied",
        "The image storage can't be written just now. Nothing was kept; try again later.",
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
