//! What QEMU tells by itself (QEMU's QAPI reference, "events").

use serde_json::Value;

/// An event of the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The machine was turned off. `by_guest` tells whether the guest did it, `reason` is QEMU's word for it.
    Shutdown {
        /// The guest did it, rather than the host (a signal, `quit`).
        by_guest: bool,
        /// `guest-shutdown`, `host-signal`, …
        reason: String,
    },
    /// The machine was reset.
    Reset {
        /// The guest did it, rather than a monitor command.
        by_guest: bool,
    },
    /// The power button was pressed through the monitor.
    Powerdown,
    /// The virtual CPUs were stopped.
    Stop,
    /// The virtual CPUs go on.
    Resume,
    /// The guest went to sleep (ACPI S3).
    Suspend,
    /// The guest says that it crashed.
    GuestPanicked,
    /// An unplugged device is gone, by its id if it had one.
    DeviceDeleted {
        /// The device's id.
        device: Option<String>,
    },
    /// The guest refused to let a device go.
    DeviceUnplugRefused {
        /// The device's id.
        device: Option<String>,
    },
    /// A disk could not be read or written.
    BlockIoError {
        /// The device's id or path.
        device: String,
        /// The host's disk is full.
        no_space: bool,
    },
    /// Anything else.
    Other {
        /// QEMU's name of it.
        name: String,
    },
}

impl Event {
    /// Makes an event of its name and data; fields that are missing read as empty.
    pub(super) fn parse(name: String, data: Value) -> Self {
        let text = |key: &str| data.get(key).and_then(Value::as_str).map(str::to_owned);
        let flag = |key: &str| data.get(key).and_then(Value::as_bool).unwrap_or_default();
        match name.as_str() {
            "SHUTDOWN" => Self::Shutdown {
                by_guest: flag("guest"),
                reason: text("reason").unwrap_or_default(),
            },
            "RESET" => Self::Reset {
                by_guest: flag("guest"),
            },
            "POWERDOWN" => Self::Powerdown,
            "STOP" => Self::Stop,
            "RESUME" => Self::Resume,
            "SUSPEND" => Self::Suspend,
            "GUEST_PANICKED" => Self::GuestPanicked,
            "DEVICE_DELETED" => Self::DeviceDeleted { device: text("device") },
            "DEVICE_UNPLUG_GUEST_ERROR" => Self::DeviceUnplugRefused { device: text("device") },
            "BLOCK_IO_ERROR" => Self::BlockIoError {
                device: text("device").unwrap_or_default(),
                no_space: flag("nospace"),
            },
            _ => Self::Other { name },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_events_are_typed() {
        let event = |name: &str, data| Event::parse(name.into(), data);
        assert_eq!(
            event("SHUTDOWN", json!({"guest": true, "reason": "guest-shutdown"})),
            Event::Shutdown {
                by_guest: true,
                reason: "guest-shutdown".into()
            }
        );
        assert_eq!(
            event("DEVICE_DELETED", json!({"path": "/machine/x"})),
            Event::DeviceDeleted { device: None }
        );
        assert_eq!(
            event("BLOCK_IO_ERROR", json!({"device": "d", "nospace": true})),
            Event::BlockIoError {
                device: "d".into(),
                no_space: true
            }
        );
        assert_eq!(event("NEWS", Value::Null), Event::Other { name: "NEWS".into() });
    }
}
