//! A server's disks, made once and each step in a way that a crash cannot leave half done.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use model::VolumeId;
use model::host::{DirectBoot, ImageSource, RescueDisk, ServerConfig, VolumeDisk};
use qemu::command_line::{Backing, Boot, DeviceId, Disk, DiskFormat, FileSource};
use qemu::image_tool::{ImageFile, ImageTool};

use super::cache::{Base, ImageCache, Use};
use super::error::{Result, ServerError};
use super::settings::Settings;
use super::{files, iso9660};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// Volume label by which cloud-init knows a config drive.
const CONFIG_DRIVE_LABEL: &str = "config-2";
/// The disk of a server in rescue.
const RESCUE: &str = "rescue.qcow2";

/// What a machine needs of its disks.
#[derive(Debug)]
pub struct Disks {
    /// For the command line.
    pub disks: Vec<Disk>,
    /// For the command line.
    pub boot: Boot,
    /// Descriptors that QEMU inherits.
    pub inherited: Vec<OwnedFd>,
    /// Name of the base image that the root disk stands on.
    pub base: Option<String>,
    /// Name of the base image that the rescue disk stands on.
    pub rescue_base: Option<String>,
}

/// Who makes the disks of one server, where.
#[derive(Debug)]
pub struct DiskMaker<'a> {
    /// The server's directory.
    pub directory: &'a Path,
    /// The user that its QEMU runs as.
    pub uid: u32,
    /// The host's base images.
    pub cache: &'a ImageCache,
    /// The image tool.
    pub tool: &'a ImageTool,
}

impl DiskMaker<'_> {
    /// Makes whatever is missing, and describes all for the command line. `drive` gives the config drive's files.
    ///
    /// # Errors
    /// [`ServerError`]; what was made so far stays and is used the next time.
    pub async fn ensure(
        &self,
        config: &ServerConfig,
        drive: impl FnOnce() -> Vec<u8>,
        mut progress: impl FnMut(u8),
    ) -> Result<Disks> {
        files::remove_partials(self.directory)?;
        let mut made = Disks {
            disks: vec![],
            boot: Boot::Disk,
            inherited: vec![],
            base: None,
            rescue_base: None,
        };
        self.root(config, &mut made, &mut progress).await?;
        if config.ephemeral_gib > 0 {
            self.empty("ephemeral.qcow2", config.ephemeral_gib * GIB).await?;
            made.disks
                .push(disk("ephemeral", DiskFormat::Qcow2, "ephemeral.qcow2")?);
        }
        if config.swap_mib > 0 {
            self.drop_swap_of_another_size(config.swap_mib * MIB)?;
            self.file("swap", |partial| swap(partial, config.swap_mib * MIB))
                .await?;
            made.disks.push(disk("swap", DiskFormat::Raw, "swap")?);
        }
        if config.config_drive {
            let write = |partial: &Path| fs::write(partial, drive()).map_err(ServerError::file("write", partial));
            self.file("config.iso", write).await?;
            let mut disk = disk("config", DiskFormat::Raw, "config.iso")?;
            (disk.read_only, disk.discard) = (true, false);
            made.disks.push(disk);
        }
        match &config.orders.rescue {
            Some(rescue) => self.rescue(rescue, &mut made, &mut progress).await?,
            None => files::remove(&self.directory.join(RESCUE))?,
        }
        if let Some(direct) = config.kernel.as_ref().filter(|_| config.orders.rescue.is_none()) {
            made.boot = self.direct_boot(direct, &mut progress).await?;
        }
        Ok(made)
    }

    async fn root(&self, config: &ServerConfig, made: &mut Disks, progress: &mut impl FnMut(u8)) -> Result<()> {
        let wanted_bytes = config.disk.root_gib * GIB;
        let base = match &config.disk.image {
            Some(image) if wanted_bytes > 0 && wanted_bytes < image.virtual_size => {
                return Err(ServerError::DiskTooSmall {
                    disk_bytes: wanted_bytes,
                    image_bytes: image.virtual_size,
                });
            }
            Some(image) => Some(self.cache.base(image, Use::Disk, progress).await?),
            None if wanted_bytes == 0 => return Ok(()),
            None => None,
        };
        let mut root = disk("root", DiskFormat::Qcow2, "root.qcow2")?;
        root.boot_index = Some(1);
        match base {
            None => self.empty("root.qcow2", wanted_bytes).await?,
            Some(base) => {
                let size = if wanted_bytes == 0 {
                    base.size_bytes
                } else {
                    wanted_bytes
                };
                self.overlay("root.qcow2", &base, size).await?;
                root.backing = Some(Backing {
                    format: DiskFormat::Raw,
                    file: FileSource::Inherited(base.file.as_raw_fd()),
                });
                made.inherited.push(base.file.into());
                made.base = Some(base.name);
            }
        }
        made.disks.push(root);
        Ok(())
    }

    /// The disk that is booted from in a rescue: before the server's own disks, or after them.
    async fn rescue(&self, rescue: &RescueDisk, made: &mut Disks, progress: &mut impl FnMut(u8)) -> Result<()> {
        let base = self.cache.base(&rescue.image, Use::Disk, progress).await?;
        self.overlay(RESCUE, &base, base.size_bytes).await?;
        let mut own = disk("rescue", DiskFormat::Qcow2, RESCUE)?;
        own.boot_index = Some(1);
        own.backing = Some(Backing {
            format: DiskFormat::Raw,
            file: FileSource::Inherited(base.file.as_raw_fd()),
        });
        made.inherited.push(base.file.into());
        made.rescue_base = Some(base.name);
        for disk in &mut made.disks {
            disk.boot_index = None;
        }
        let place = if rescue.last { made.disks.len() } else { 0 };
        made.disks.insert(place, own);
        Ok(())
    }

    /// What a guest swapped is of no use after a start.
    fn drop_swap_of_another_size(&self, size_bytes: u64) -> Result<()> {
        let path = self.directory.join("swap");
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() != size_bytes => files::remove(&path),
            _ => Ok(()),
        }
    }

    async fn overlay(&self, name: &str, base: &Base, size_bytes: u64) -> Result<()> {
        let (path, partial) = self.names(name);
        if path.exists() {
            return Ok(());
        }
        let below = ImageFile {
            path: &base.path,
            format: DiskFormat::Raw,
        };
        let made = self.tool.create_overlay(&partial, below, Some(size_bytes)).await;
        made.map_err(ServerError::qemu("create the root disk", &path))?;
        self.finish(&partial, &path).await
    }

    async fn empty(&self, name: &str, size_bytes: u64) -> Result<()> {
        let (path, partial) = self.names(name);
        if path.exists() {
            return Ok(());
        }
        let made = self
            .tool
            .create(
                ImageFile {
                    path: &partial,
                    format: DiskFormat::Qcow2,
                },
                size_bytes,
            )
            .await;
        made.map_err(ServerError::qemu("create an empty disk", &path))?;
        self.finish(&partial, &path).await
    }

    async fn file(&self, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let (path, partial) = self.names(name);
        if path.exists() {
            return Ok(());
        }
        write(&partial)?;
        self.finish(&partial, &path).await
    }

    fn names(&self, name: &str) -> (PathBuf, PathBuf) {
        (
            self.directory.join(name),
            self.directory.join(format!("{name}.{}", files::PARTIAL)),
        )
    }

    async fn finish(&self, partial: &Path, path: &Path) -> Result<()> {
        files::give(partial, self.uid, 0o600)?;
        files::finish(partial, path).await
    }

    /// Kernel and ramdisk are links to the cache: QEMU opens them by name, and only its own directory is open to it.
    async fn direct_boot(&self, direct: &DirectBoot, progress: &mut impl FnMut(u8)) -> Result<Boot> {
        self.link("kernel", &direct.kernel, progress).await?;
        let mut initrd = None;
        if let Some(image) = &direct.ramdisk {
            self.link("initrd", image, progress).await?;
            initrd = Some("initrd".into());
        }
        Ok(Boot::Kernel {
            kernel: "kernel".into(),
            initrd,
            append: direct.append.clone(),
            // Not qboot: after a reset it may find its kernel's header gone (QEMU 7.2 keeps it on its stack), and the usual
            // firmware enters an ELF kernel just as fast.
            firmware: None,
        })
    }

    /// Makes a name for an image's file that the server's user may open. Its storage is that of the cache where a link is
    /// possible. It stays the server's own, whatever becomes of the image.
    async fn link(&self, name: &str, image: &ImageSource, progress: &mut impl FnMut(u8)) -> Result<()> {
        let (path, partial) = self.names(name);
        if path.exists() {
            return Ok(());
        }
        let base = self.cache.base(image, Use::Boot, progress).await?;
        fs::hard_link(&base.path, &partial)
            .or_else(|_| fs::copy(&base.path, &partial).map(drop))
            .map_err(ServerError::file("link", &path))?;
        files::finish(&partial, &path).await
    }
}

/// Opens a volume's file for a QEMU, which itself may not look into the directory.
pub fn open_volume(settings: &Settings, disk: &VolumeDisk) -> Result<File> {
    let path = settings.volumes_dir().join(format!("{}.raw", disk.id));
    fs::OpenOptions::new()
        .read(true)
        .write(!disk.read_only)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&path)
        .map_err(ServerError::file("open the volume", &path))
}

/// How a volume is described to QEMU.
pub fn describe_volume(disk: &VolumeDisk, file: FileSource) -> Result<Disk> {
    let named = DeviceId::new(volume_node(disk.id)).map_err(ServerError::qemu("name a disk", Path::new("")))?;
    let device = DeviceId::new(volume_device(disk.id)).map_err(ServerError::qemu("name a disk", Path::new("")))?;
    let mut described = Disk::new(named, DiskFormat::Raw, file);
    described.device_id = Some(device);
    described.read_only = disk.read_only;
    described.shared = disk.shared;
    described.boot_index = disk.boot_index.map(|index| index + 1);
    described.serial = Some(disk.id.to_string());
    Ok(described)
}

/// The name of a volume's device.
pub fn volume_device(id: VolumeId) -> String {
    format!("vol-{id}")
}

/// The name of a volume's block node: QEMU takes at most 31 characters.
pub fn volume_node(id: VolumeId) -> String {
    format!("vol-{}", &id.0.simple().to_string()[..26])
}

impl Disks {
    /// Adds the server's volumes: behind its own disks and before the config drive, which is no disk to people. A rescue
    /// disk that leaves all others in their places comes last of all.
    pub fn add_volumes(&mut self, settings: &Settings, want: &ServerConfig) -> Result<()> {
        let rescue = want.orders.rescue.as_ref();
        let last = rescue.filter(|rescue| rescue.last).and_then(|_| self.disks.pop());
        let config_drive = want.config_drive.then(|| self.disks.pop()).flatten();
        for volume in &want.volumes {
            let file = open_volume(settings, volume)?;
            let mut described = describe_volume(volume, FileSource::Inherited(file.as_raw_fd()))?;
            if rescue.is_some() {
                // It boots from the rescue disk.
                described.boot_index = None;
            }
            self.inherited.push(file.into());
            // The one that the server boots from is its first disk.
            let place = if volume.boot_index == Some(0) {
                0
            } else {
                self.disks.len()
            };
            self.disks.insert(place, described);
        }
        self.disks.extend(config_drive.into_iter().chain(last));
        Ok(())
    }
}

fn disk(name: &str, format: DiskFormat, path: &str) -> Result<Disk> {
    let id = DeviceId::new(name).map_err(ServerError::qemu("name a disk", Path::new(path)))?;
    Ok(Disk::new(id, format, FileSource::Path(path.into())))
}

/// Renders the config drive.
pub fn config_drive(files: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    iso9660::image(CONFIG_DRIVE_LABEL, &files.into_iter().collect())
}

/// A disk that a guest can swap to at once: Linux' swap header, version 1, for pages of 4096 bytes (mkswap(8)).
fn swap(path: &Path, size_bytes: u64) -> Result<()> {
    const PAGE: u64 = 4096;
    let last_page = u32::try_from((size_bytes / PAGE).saturating_sub(1)).unwrap_or(u32::MAX);
    let mut header = vec![0; 4096];
    header[1024..1028].copy_from_slice(&1u32.to_le_bytes());
    header[1028..1032].copy_from_slice(&last_page.to_le_bytes());
    header[4086..].copy_from_slice(b"SWAPSPACE2");
    let write = || {
        let file = File::create(path)?;
        file.set_len(size_bytes)?;
        file.write_all_at(&header, 0)
    };
    write().map_err(ServerError::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_the_swap() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("swap");
        swap(&path, 16 * MIB).unwrap();
        let output = std::process::Command::new("blkid")
            .args(["-p", "-o", "export"])
            .arg(&path)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("TYPE=swap"), "{text}");
    }
}
