//! A machine as a value, and the argument list that makes QEMU run it. Pure: same machine, same arguments.
//!
//! Two forms are used, both safe for any value. Devices and block nodes are given as JSON, so nothing in a value can end
//! it. The older options (`-name`, `-chardev`, `-smbios`, `-netdev`, `-vnc`) have commas doubled, which is how QEMU
//! quotes them. Ids are a type of their own that holds only letters, digits, `-`, `_` and `.`.

mod disk;
mod nic;
mod option;

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::{Error, Result};
pub use disk::{Backing, CacheMode, Disk, DiskAttachment, DiskFormat, FileSource};
pub use nic::{DeviceId, MacAddress, Nic};
use option::OptionList;

/// What runs the guest's instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor itself.
    Kvm {
        /// CPU model, `host` or `host,-arch-capabilities` (see [`crate::accelerator::probe`]).
        cpu: &'static str,
    },
    /// Translation by QEMU.
    Tcg {
        /// Size of the translation cache in MiB. 64 suffices for small guests; QEMU's own default costs far more memory.
        translation_cache_mib: u32,
    },
}

/// CPU model under TCG: old enough to be cheap, and with RDRAND, without which guests wait for entropy at boot.
const TCG_CPU: &str = "Nehalem,+rdrand";

/// How the guest starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// By firmware from the disks in the order of their boot index.
    Disk,
    /// A kernel given from outside.
    Kernel {
        /// bzImage, or an ELF with a PVH note together with the `qboot.rom` firmware.
        kernel: PathBuf,
        /// Initial ramdisk.
        initrd: Option<PathBuf>,
        /// Kernel arguments.
        append: String,
        /// Firmware other than the usual one, such as `qboot.rom`.
        firmware: Option<PathBuf>,
    },
}

/// What the guest reads about its maker from SMBIOS table 1. cloud-init looks here for its cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smbios {
    /// Maker.
    pub manufacturer: String,
    /// Product.
    pub product: String,
    /// Version of the product.
    pub version: String,
    /// Serial number.
    pub serial: String,
}

/// One machine. Paths may be relative to the directory that QEMU is started in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Shown in the process list and by `query-name`.
    pub name: String,
    /// The guest's UUID, in the usual text form.
    pub uuid: String,
    /// What runs the guest's instructions.
    pub accelerator: Accelerator,
    /// Number of virtual CPUs, each a socket of its own.
    pub vcpus: u32,
    /// Guest memory.
    pub memory_mib: u64,
    /// SMBIOS table 1.
    pub smbios: Option<Smbios>,
    /// How the guest starts.
    pub boot: Boot,
    /// Disks, in order.
    pub disks: Vec<Disk>,
    /// Network cards, in order.
    pub nics: Vec<Nic>,
    /// Where the output of the first serial port is appended.
    pub console_log: PathBuf,
    /// Where the first serial port can be used interactively.
    pub console_socket: Option<PathBuf>,
    /// Where the monitor listens.
    pub monitor_socket: PathBuf,
    /// Where a VNC server for a VGA screen listens. `None`: no screen at all.
    pub vnc_socket: Option<PathBuf>,
    /// Entropy from the host.
    pub random_device: bool,
    /// A balloon, for memory figures from the guest.
    pub balloon: bool,
    /// Do not run the guest before the monitor says so.
    pub start_paused: bool,
    /// Continue from memory that was saved to a file (see [`crate::qmp::Qmp::save_memory`]): its descriptor.
    pub incoming: Option<RawFd>,
}

impl Machine {
    /// The arguments, without the program's name.
    ///
    /// # Errors
    /// [`Error::Unusable`] when a text holds a zero byte, which no argument can, or a disk's path is not UTF-8.
    pub fn arguments(&self) -> Result<Vec<OsString>> {
        // Block nodes are described in JSON, which is UTF-8.
        if self.disks.iter().any(|disk| !disk.has_utf8_paths()) {
            return Err(Error::Unusable {
                what: "a disk's path",
                reason: "it is not UTF-8",
            });
        }
        let mut list = Arguments::default();
        self.identity(&mut list);
        self.processor(&mut list);
        self.boot(&mut list);
        self.character_devices(&mut list);
        for disk in &self.disks {
            disk.render(&mut list);
        }
        for nic in &self.nics {
            nic.render(&mut list);
        }
        if self.random_device {
            list.device(json!({ "driver": "virtio-rng-pci", "id": "rng0" }));
        }
        if self.balloon {
            list.device(json!({ "driver": "virtio-balloon-pci", "id": "balloon0" }));
        }
        if self.start_paused {
            list.flag("-S");
        }
        if let Some(fd) = self.incoming {
            list.pair("-incoming", format!("fd:{fd}"));
        }
        list.finish()
    }

    fn identity(&self, list: &mut Arguments) {
        list.option("-name", OptionList::new().set("guest", &self.name));
        list.pair("-uuid", &self.uuid);
        // Nothing that was not asked for: no default devices, no configuration files, no display.
        list.flag("-nodefaults");
        list.flag("-no-user-config");
        list.pair("-display", "none");
        // A guest that turns itself off leaves QEMU waiting, so that this can be told from a killed QEMU later.
        list.flag("-no-shutdown");
        list.pair(
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        );
        if let Some(smbios) = &self.smbios {
            let option = OptionList::new()
                .set("type", "1")
                .set("manufacturer", &smbios.manufacturer)
                .set("product", &smbios.product)
                .set("version", &smbios.version)
                .set("serial", &smbios.serial)
                .set("uuid", &self.uuid)
                .set("family", "Virtual Machine");
            list.option("-smbios", option);
        }
    }

    fn processor(&self, list: &mut Arguments) {
        // Without "graphics" the firmware writes to the serial port what it writes to the screen: that it finds nothing to
        // boot from, say, is then in the console's log. A screen is there all the same.
        list.pair("-machine", "pc,usb=off,vmport=off,graphics=off");
        let cpu = match &self.accelerator {
            Accelerator::Kvm { cpu } => {
                list.pair("-accel", "kvm");
                cpu
            }
            Accelerator::Tcg { translation_cache_mib } => {
                list.pair("-accel", format!("tcg,tb-size={translation_cache_mib}"));
                TCG_CPU
            }
        };
        list.pair("-cpu", cpu);
        list.pair("-smp", format!("cpus={0},sockets={0},cores=1,threads=1", self.vcpus));
        list.pair("-m", format!("size={}M", self.memory_mib));
        list.pair("-rtc", "base=utc");
    }

    fn boot(&self, list: &mut Arguments) {
        list.pair("-boot", "strict=on");
        let Boot::Kernel {
            kernel,
            initrd,
            append,
            firmware,
        } = &self.boot
        else {
            return;
        };
        if let Some(firmware) = firmware {
            list.pair("-bios", firmware);
        }
        list.pair("-kernel", kernel);
        if let Some(initrd) = initrd {
            list.pair("-initrd", initrd);
        }
        list.pair("-append", append);
    }

    fn character_devices(&self, list: &mut Arguments) {
        let listen = |id: &str, path: &Path| {
            OptionList::kind("socket")
                .set("id", id)
                .set_path("path", path)
                .set("server", "on")
                .set("wait", "off")
        };
        let serial = match &self.console_socket {
            Some(socket) => listen("serial0", socket),
            None => OptionList::kind("null").set("id", "serial0"),
        };
        let serial = serial.set_path("logfile", &self.console_log).set("logappend", "on");
        list.option("-chardev", serial);
        list.pair("-serial", "chardev:serial0");
        list.option("-chardev", listen("monitor0", &self.monitor_socket));
        list.pair("-mon", "chardev=monitor0,mode=control");
        if let Some(socket) = &self.vnc_socket {
            let mut address = OsString::from("unix:");
            address.push(socket);
            list.option("-vnc", OptionList::kind_path(Path::new(&address)));
            list.device(json!({ "driver": "VGA", "id": "video0" }));
        }
    }
}

/// The arguments as they grow.
#[derive(Debug, Default)]
struct Arguments {
    words: Vec<OsString>,
}

impl Arguments {
    fn flag(&mut self, name: &str) {
        self.words.push(name.into());
    }

    fn pair(&mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) {
        self.words.extend([name.into(), value.as_ref().to_owned()]);
    }

    fn option(&mut self, name: &str, option: OptionList) {
        self.pair(name, option.into_string());
    }

    fn device(&mut self, device: serde_json::Value) {
        self.pair("-device", device.to_string());
    }

    fn finish(self) -> Result<Vec<OsString>> {
        if self.words.iter().any(|word| word.as_encoded_bytes().contains(&0)) {
            return Err(Error::Unusable {
                what: "a QEMU argument",
                reason: "it holds a zero byte",
            });
        }
        Ok(self.words)
    }
}

#[cfg(test)]
mod tests;
