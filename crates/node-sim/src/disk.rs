//! The disk of a server that is not there: the image that it was made from, kept open, as a real host keeps a base image.
//! The image may be deleted; who copies the disk still gets its bytes.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Images that some server stands on. One descriptor an image, however many servers.
static OPEN: Mutex<Vec<(PathBuf, Weak<File>)>> = Mutex::new(Vec::new());

/// A root disk.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    image: PathBuf,
    file: Option<Arc<File>>,
}

impl Disk {
    /// Makes it from an image, if it is not that already.
    pub(crate) fn stand_on(&mut self, image: &Path) {
        if self.image == image && self.file.is_some() {
            return;
        }
        image.clone_into(&mut self.image);
        self.file = open(image);
    }

    /// Where its bytes can be read, by this process.
    pub(crate) fn path(&self) -> PathBuf {
        self.file.as_ref().map_or_else(
            || self.image.clone(),
            |file| Path::new("/proc/self/fd").join(file.as_raw_fd().to_string()),
        )
    }
}

fn open(image: &Path) -> Option<Arc<File>> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|(_, file)| file.strong_count() > 0);
    if let Some((_, file)) = open.iter().find(|(path, _)| path == image) {
        return file.upgrade();
    }
    // Tests without an API have no image files.
    let file = Arc::new(File::open(image).ok()?);
    open.push((image.to_owned(), Arc::downgrade(&file)));
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_is_deleted_stays_readable() {
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("image");
        std::fs::write(&image, "bytes").unwrap();
        let (mut one, mut other) = (Disk::default(), Disk::default());
        one.stand_on(&image);
        other.stand_on(&image);
        assert_eq!(one.path(), other.path());
        std::fs::remove_file(&image).unwrap();
        one.stand_on(&image);
        drop(other);
        assert_eq!(std::fs::read(one.path()).unwrap(), b"bytes");
        let mut none = Disk::default();
        none.stand_on(&directory.path().join("none"));
        assert_eq!(none.path(), directory.path().join("none"));
    }
}
