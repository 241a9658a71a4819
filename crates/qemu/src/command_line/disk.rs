//! Disks. The format of every file in a chain is named, so that QEMU never guesses from bytes a guest may have written.

use std::os::fd::RawFd;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Arguments, DeviceId};

/// Format of a disk's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiskFormat {
    /// Plain bytes.
    Raw,
    /// QEMU copy-on-write.
    Qcow2,
}

impl DiskFormat {
    /// QEMU's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// Where a disk's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// A file that QEMU can open itself.
    Path(PathBuf),
    /// A descriptor that QEMU inherits; its user need not be allowed to open the file.
    Inherited(RawFd),
}

/// The file below a copy-on-write disk, opened for reading only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backing {
    /// Its format.
    pub format: DiskFormat,
    /// Its bytes.
    pub file: FileSource,
}

/// How the host's page cache is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMode {
    /// Through the page cache; the guest's flushes reach the disk.
    Writeback,
    /// Past the page cache (`O_DIRECT`).
    None,
    /// Through the page cache, and the guest's flushes do nothing. For what may be lost with the host.
    Unsafe,
}

/// How the guest sees a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskAttachment {
    /// A virtio block device.
    Virtio,
    /// An IDE CD-ROM.
    CdRom,
}

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Name of the block node, at most 31 characters.
    pub id: DeviceId,
    /// The device's id; `<id>-dev` when `None`.
    pub device_id: Option<DeviceId>,
    /// Format of the file.
    pub format: DiskFormat,
    /// The file.
    pub file: FileSource,
    /// The file below, for copy-on-write. `None` also overrules what the file's header may say.
    pub backing: Option<Backing>,
    /// The guest may not write.
    pub read_only: bool,
    /// Use of the page cache.
    pub cache: CacheMode,
    /// What the guest discards is given back to the host.
    pub discard: bool,
    /// How the guest sees it.
    pub attachment: DiskAttachment,
    /// Another QEMU may write to it, too.
    pub shared: bool,
    /// Place in the firmware's boot order; 1 is first.
    pub boot_index: Option<u32>,
    /// Serial number that the guest sees (20 characters).
    pub serial: Option<String>,
}

impl Disk {
    /// A writable virtio disk with the usual settings.
    pub fn new(id: DeviceId, format: DiskFormat, file: FileSource) -> Self {
        Self {
            id,
            device_id: None,
            shared: false,
            format,
            file,
            backing: None,
            read_only: false,
            cache: CacheMode::Writeback,
            discard: true,
            attachment: DiskAttachment::Virtio,
            boot_index: None,
            serial: None,
        }
    }

    pub(super) fn has_utf8_paths(&self) -> bool {
        let files = [Some(&self.file), self.backing.as_ref().map(|backing| &backing.file)];
        files.into_iter().flatten().all(|file| match file {
            FileSource::Path(path) => path.to_str().is_some(),
            FileSource::Inherited(_) => true,
        })
    }

    pub(super) fn render(&self, list: &mut Arguments) {
        let backing = self.backing.as_ref().map(|backing| {
            let node = format!("{}-base", self.id);
            let file = protocol(&backing.file, true, self.cache, list);
            let mut json = json!({
                "node-name": node,
                "driver": backing.format.as_str(),
                "read-only": true,
                "file": file,
            });
            if backing.format == DiskFormat::Qcow2 {
                json["backing"] = Value::Null;
            }
            list.pair("-blockdev", json.to_string());
            node
        });
        let mut node = json!({
            "node-name": self.id.as_str(),
            "driver": self.format.as_str(),
            "read-only": self.read_only,
            "discard": if self.discard { "unmap" } else { "ignore" },
            "cache": cache(self.cache),
            "file": protocol(&self.file, self.read_only, self.cache, list),
        });
        if self.format == DiskFormat::Qcow2 {
            // Null means: no backing file, whatever the header says.
            node["backing"] = backing.map_or(Value::Null, Value::from);
        }
        list.pair("-blockdev", node.to_string());
        list.device(self.device());
    }

    /// The device, as `device_add` and `-device` take it.
    pub(crate) fn device(&self) -> Value {
        let id = self
            .device_id
            .as_ref()
            .map_or_else(|| format!("{}-dev", self.id), |id| id.as_str().to_owned());
        let mut device = json!({ "id": id, "drive": self.id.as_str() });
        if self.shared {
            device["share-rw"] = true.into();
        }
        match self.attachment {
            DiskAttachment::Virtio => {
                device["driver"] = "virtio-blk-pci".into();
                device["discard"] = self.discard.into();
            }
            DiskAttachment::CdRom => device["driver"] = "ide-cd".into(),
        }
        if let Some(index) = self.boot_index {
            device["bootindex"] = index.into();
        }
        if let Some(serial) = &self.serial {
            device["serial"] = serial.chars().take(20).collect::<String>().into();
        }
        device
    }
}

impl Disk {
    /// The block node of a plain disk whose bytes QEMU was given as a descriptor set, as `blockdev-add` takes it.
    pub(crate) fn plugged_node(&self, fdset: u64) -> Value {
        json!({
            "node-name": self.id.as_str(),
            "driver": self.format.as_str(),
            "read-only": self.read_only,
            "discard": if self.discard { "unmap" } else { "ignore" },
            "cache": cache(self.cache),
            "file": {
                "driver": "file",
                "filename": format!("/dev/fdset/{fdset}"),
                "read-only": self.read_only,
                "cache": cache(self.cache),
                "discard": "unmap",
            },
        })
    }
}

fn cache(mode: CacheMode) -> Value {
    json!({ "direct": mode == CacheMode::None, "no-flush": mode == CacheMode::Unsafe })
}

/// The node that reads and writes the file. An inherited descriptor is announced as a descriptor set of its own number.
fn protocol(source: &FileSource, read_only: bool, mode: CacheMode, list: &mut Arguments) -> Value {
    let filename = match source {
        FileSource::Path(path) => path.to_string_lossy().into_owned(),
        FileSource::Inherited(fd) => {
            list.pair("-add-fd", format!("fd={fd},set={fd}"));
            format!("/dev/fdset/{fd}")
        }
    };
    json!({
        "driver": "file",
        "filename": filename,
        "read-only": read_only,
        "cache": cache(mode),
        "discard": "unmap",
    })
}
