//! Which ports belong to one machine: servers with several NICs, and trunks.

use crate::topology::{Dice, Port, Topology};

/// Of which machine a port is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Machine {
    /// The first port, or the only one, of a machine.
    Own,
    /// A further NIC of the machine of the port with this tag.
    Nic(usize),
    /// A subport of the trunk of the port with this tag, by its VLAN ID.
    Vlan(usize, u16),
}

impl Machine {
    /// The tag of the machine's first port, if this is another.
    pub fn first(self) -> Option<usize> {
        match self {
            Self::Own => None,
            Self::Nic(first) | Self::Vlan(first, _) => Some(first),
        }
    }
}

impl Topology {
    /// The ports of the machine of a port, the first one first, NICs in order and subports by VLAN ID.
    pub fn machine(&self, port: &Port) -> Vec<&Port> {
        let first = port.of.first().unwrap_or(port.tag);
        let further = self.ports.iter().filter(|other| other.of.first() == Some(first));
        self.ports
            .iter()
            .filter(|other| other.tag == first)
            .chain(further)
            .collect()
    }

    /// Whether a port carries subports.
    pub fn is_trunk(&self, port: &Port) -> bool {
        self.ports
            .iter()
            .any(|other| matches!(other.of, Machine::Vlan(first, _) if first == port.tag))
    }
}

/// Makes some ports further ones of other machines.
pub fn share(dice: &mut Dice, topology: &mut Topology) {
    for index in 1..topology.ports.len() {
        if !dice.chance(35) {
            continue;
        }
        let port = &topology.ports[index];
        let fitting: Vec<usize> = topology.ports[..index]
            .iter()
            .filter(|first| first.of == Machine::Own && first.plugged)
            .filter(|first| {
                topology
                    .machine(first)
                    .iter()
                    .all(|other| are_apart(topology, other, port))
            })
            .map(|first| first.tag)
            .collect();
        let Some(first) = fitting.get(dice.below(fitting.len())).copied() else {
            continue;
        };
        // A machine has either further NICs or subports.
        let parts: Vec<Machine> = topology
            .ports
            .iter()
            .map(|port| port.of)
            .filter(|of| of.first() == Some(first))
            .collect();
        let vlan = Machine::Vlan(first, 100 + topology.ports[index].tag as u16);
        let of = match parts.first() {
            Some(Machine::Vlan(..)) => vlan,
            Some(_) => Machine::Nic(first),
            None if dice.chance(35) => vlan,
            None => Machine::Nic(first),
        };
        for port in &mut topology.ports {
            if port.tag == first && matches!(of, Machine::Nic(_)) {
                port.up = true;
            }
        }
        let port = &mut topology.ports[index];
        (port.of, port.plugged) = (of, true);
        // What a kernel does by a NIC without carrier depends on its settings.
        port.up |= matches!(of, Machine::Nic(_));
    }
}

/// Whether two ports may be a machine's: their networks have no subnet alike, of which it would be unclear by which of them a
/// neighbour is sought.
fn are_apart(topology: &Topology, one: &Port, other: &Port) -> bool {
    let subnets = |port: &Port| {
        let network = topology.networks.iter().find(|network| network.tag == port.network);
        let subnets = network.into_iter().flat_map(|network| &network.subnets);
        subnets.map(|subnet| subnet.cidr).collect::<Vec<_>>()
    };
    let (one, other) = (subnets(one), subnets(other));
    !one.iter().any(|cidr| other.contains(cidr))
}
