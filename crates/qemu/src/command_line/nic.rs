//! Network cards: virtio with the offloads of the tap behind it.

use std::fmt;
use std::os::fd::RawFd;

use serde_json::{Value, json};

use super::{Arguments, OptionList};
use crate::{Error, Result};

/// The id of a device or block node: a letter, then letters, digits, `-`, `_` and `.`, 31 at most for block nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(String);

impl DeviceId {
    /// Checks the form that QEMU asks of ids.
    ///
    /// # Errors
    /// [`Error::Unusable`] for anything else.
    pub fn new(id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        let good = id.len() <= 60
            && id.starts_with(|c: char| c.is_ascii_alphabetic())
            && id
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if good {
            Ok(Self(id))
        } else {
            Err(Error::Unusable {
                what: "a device id",
                reason: "it is not of QEMU's form",
            })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A virtio network card on a tap whose descriptor QEMU inherits.
///
/// The tap must have been made with `IFF_VNET_HDR`: QEMU then finds out by itself and turns its offloads on. Without
/// them a byte costs eight times as much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// The card's id, for unplugging.
    pub id: DeviceId,
    /// The guest's address on it.
    pub mac: MacAddress,
    /// MTU that the card announces, in bytes (68 to 65535).
    pub mtu: Option<u16>,
    /// Number of the tap's descriptor in QEMU. Not used for a card that is plugged in later.
    pub tap_fd: RawFd,
}

impl Nic {
    /// The id of the back end of the card with this id.
    pub fn netdev_id_of(id: &DeviceId) -> String {
        format!("net-{id}")
    }

    pub(crate) fn netdev_id(&self) -> String {
        Self::netdev_id_of(&self.id)
    }

    /// The card as `-device` and `device_add` take it.
    pub(crate) fn device(&self) -> Value {
        let mut device = json!({
            "driver": "virtio-net-pci",
            "id": self.id.as_str(),
            "netdev": self.netdev_id(),
            "mac": self.mac.to_string(),
            // No boot ROM: the guest never boots from the network, and the firmware starts sooner.
            "romfile": "",
        });
        if let Some(mtu) = self.mtu {
            device["host_mtu"] = mtu.into();
        }
        device
    }

    pub(super) fn render(&self, list: &mut Arguments) {
        let backend = OptionList::kind("tap")
            .set("id", &self.netdev_id())
            .set("fd", &self.tap_fd.to_string());
        list.option("-netdev", backend);
        list.device(self.device());
    }
}
