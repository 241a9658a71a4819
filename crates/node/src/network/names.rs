//! The names of what a host holds for its networks (docs: "The host's objects and their names").
//!
//! They are OpenStack's own, so what people learned elsewhere holds: `ip netns` shows
//! `qdhcp-<network>` and `qrouter-<router>`, and devices carry the first 11 characters of the
//! port's id.

use model::{NetworkId, PortId, RouterId};

/// The bridge inside a network's namespace.
pub const BRIDGE: &str = "br0";

/// Namespace of a self-service network.
pub fn network_namespace(id: NetworkId) -> String {
    format!("{NETWORK_PREFIX}{id}")
}

/// Namespace of a router.
pub fn router_namespace(id: RouterId) -> String {
    format!("{ROUTER_PREFIX}{id}")
}

/// Device of a port on its bridge: a server's tap, or the bridge's end of a veth pair.
pub fn tap_device(id: PortId) -> String {
    format!("tap{}", id.short())
}

/// Intermediate device beside a port's own, where what the port sends is limited.
pub fn ifb_device(id: PortId) -> String {
    format!("ifb{}", id.short())
}

/// The [`tap_device`] that an [`ifb_device`] is beside; `None` for another name.
pub(crate) fn beside_ifb(name: &str) -> Option<String> {
    let tap = format!("tap{}", name.strip_prefix("ifb")?);
    is_tap_device(&tap).then_some(tap)
}

/// End of a trunk's subport beside the parent's tap.
pub fn trunk_device(id: PortId) -> String {
    format!("{TRUNK_DEVICE}{}", id.short())
}

/// Leg of a router on a self-service network.
pub fn router_device(id: PortId) -> String {
    format!("qr-{}", id.short())
}

/// Leg of a router on a provider network.
pub fn gateway_device(id: PortId) -> String {
    format!("qg-{}", id.short())
}

/// The start of every network's namespace name.
pub(super) const NETWORK_PREFIX: &str = "qdhcp-";
/// The start of every [`trunk_device`].
pub(super) const TRUNK_DEVICE: &str = "spt-";
/// The start of every router's namespace name.
pub(super) const ROUTER_PREFIX: &str = "qrouter-";

/// Whether a device on a bridge has the form of [`tap_device`]: `tap01234567-89`.
pub(crate) fn is_tap_device(name: &str) -> bool {
    let Some(short) = name.strip_prefix("tap") else {
        return false;
    };
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    matches!(short.split_once('-'), Some((head, tail)) if head.len() == 8 && tail.len() == 2 && hex(head) && hex(tail))
}

/// The first id, in order, whose [`tap_device`] has this name; `None` if it is no name of that form.
pub(super) fn first_port_of(name: &str) -> Option<PortId> {
    if !is_tap_device(name) {
        return None;
    }
    let digits = name[3..].replace('-', "");
    let start = u128::from_str_radix(&digits, 16).ok()?;
    Some(PortId(uuid::Uuid::from_u128(start << (128 - 4 * digits.len()))))
}

/// The text that marks a namespace's loopback device or a bridge as made by this cloud, so that several clouds can
/// share a machine, and none ever removes what belongs to another or to somebody else.
pub(crate) fn mark(owner: &str) -> String {
    format!("maru:{owner}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_have_the_ids_first_eleven_characters_and_fit() {
        let id: PortId = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9".parse().unwrap();
        assert_eq!(tap_device(id), "tap0a1b2c3d-4e");
        assert_eq!(router_device(id), "qr-0a1b2c3d-4e");
        assert_eq!(trunk_device(id), "spt-0a1b2c3d-4e");
        assert!(trunk_device(id).len() < 16);
        assert!(is_tap_device(&tap_device(id)));
        let first = first_port_of(&tap_device(id)).unwrap();
        assert_eq!(first.to_string(), "0a1b2c3d-4e00-0000-0000-000000000000");
        assert_eq!(first_port_of("tapestry"), None);
        for other in ["tap0", "tapestry", "tap0a1b2c3d-4", "tapzzzzzzzz-zz", "qr-0a1b2c3d-4e"] {
            assert!(!is_tap_device(other), "{other}");
        }
    }
}
