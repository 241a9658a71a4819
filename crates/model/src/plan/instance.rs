//! What a server may learn about itself.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::View;
use super::network::{fixed_ips, plan_subnet};
use crate::compute::Server;
use crate::host::{InstanceMetadata, MetadataNic};
use crate::network::Port;

pub(crate) fn metadata(view: &View<'_>, server: &Server) -> InstanceMetadata {
    let ports: Vec<&Port> = super::server::ports(view, server).collect();
    let local_ipv4 = ports.iter().find_map(|port| port.first_ipv4());
    InstanceMetadata {
        uuid: Some(server.id),
        name: server.name.clone(),
        hostname: server.hostname.clone(),
        project_id: Some(server.project_id.clone()),
        user_id: Some(server.user_id.clone()),
        availability_zone: view.settings.availability_zone.clone(),
        image_id: server.image_id,
        instance_type: server.flavor.name.clone(),
        launch_index: server.launch_index,
        reservation_id: server.reservation_id.clone(),
        public_keys: server.key.iter().cloned().collect::<BTreeMap<_, _>>(),
        meta: server.metadata.clone(),
        user_data: server.user_data.clone(),
        admin_pass: server.admin_pass.clone(),
        guest_password: server.guest_password.clone(),
        personality: server.personality.clone(),
        security_groups: security_groups(view, &ports),
        local_ipv4,
        public_ipv4: public_ipv4(view, &ports, local_ipv4),
        nics: ports.iter().filter_map(|port| nic(view, port)).collect(),
        random_seed: server.random_seed.clone(),
    }
}

fn security_groups(view: &View<'_>, ports: &[&Port]) -> Vec<String> {
    let ids = ports.iter().flat_map(|port| &port.security_groups);
    let mut names: Vec<String> = ids
        .filter_map(|id| view.cloud.security_groups.get(id))
        .map(|group| group.standard.name.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The floating IP that leads to the server's first address, or to any of its addresses.
fn public_ipv4(view: &View<'_>, ports: &[&Port], local: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
    let floating_ips = ports
        .iter()
        .flat_map(|port| view.cloud.lookups.floating_ips_by_port.of(&port.id))
        .filter_map(|id| view.cloud.floating_ips.get(id));
    let mut all: Vec<_> = floating_ips.collect();
    all.sort_by_key(|floating_ip| (floating_ip.fixed_ip_address != local, floating_ip.floating_ip_address));
    all.first().map(|floating_ip| floating_ip.floating_ip_address)
}

fn nic(view: &View<'_>, port: &Port) -> Option<MetadataNic> {
    let network = view.cloud.networks.get(&port.network_id)?;
    let addresses = fixed_ips(view.cloud, port).into_iter().filter_map(|fixed| {
        view.cloud
            .subnets
            .get(&fixed.subnet_id)
            .map(|subnet| (fixed.address, plan_subnet(subnet)))
    });
    Some(MetadataNic {
        port_id: port.id,
        network_id: network.id,
        mac: port.mac_address,
        mtu: network.mtu,
        addresses: addresses.collect(),
    })
}
