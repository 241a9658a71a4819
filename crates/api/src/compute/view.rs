//! How a server is shown. What each microversion adds or changes is here and nowhere else.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use model::compute::server::status;
use model::compute::{Server, VmState};
use model::network::Port;
use model::volume::{VolumeAttachment, attachment};
use model::{Actor, Cloud, NetworkId};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha224};

use super::microversion::Microversion;
use super::{bookmark, links};
use crate::context::Ctx;

/// What a view needs to know of the request.
pub(super) struct View<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) cloud: Arc<Cloud>,
    pub(super) version: Microversion,
    /// Whether the host of servers reports.
    host_is_up: bool,
}

/// Which of a server's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    /// `GET /servers/{id}`.
    Show,
    /// An entry of `GET /servers/detail`.
    Detail,
    /// The answer to `PUT /servers/{id}`, which was shorter below 2.75.
    Update,
}

impl<'a> View<'a> {
    pub(super) fn new(ctx: &'a Ctx, version: Microversion) -> Self {
        Self {
            ctx,
            cloud: ctx.cloud(),
            version,
            host_is_up: ctx.control().host_report().borrow().facts.vcpus > 0,
        }
    }

    fn actor(&self) -> &Actor {
        self.ctx.actor()
    }

    /// A server in `GET /servers`.
    pub(super) fn brief(&self, server: &Server) -> Value {
        let id = server.id.to_string();
        json!({"id": id, "name": server.name, "links": links(self.ctx, "servers", &id)})
    }

    /// A whole server.
    pub(super) fn server(&self, server: &Server, document: Document) -> Value {
        let since = |minor| self.version.since(minor);
        let mut body = self.core(server);
        if document == Document::Update && !since(75) {
            body["addresses"] = self.bare_addresses(server);
        }
        if document != Document::Update || since(75) {
            self.add_extended(&mut body, server);
        }
        if since(9) {
            body["locked"] = json!(server.locked.is_some());
        }
        if since(19) {
            body["description"] = json!(server.description);
        }
        if since(26) {
            body["tags"] = json!(server.tags);
        }
        if since(63) {
            body["trusted_image_certificates"] = Value::Null;
        }
        if since(71) && document != Document::Detail {
            let groups: Vec<_> = server.group_id.iter().collect();
            body["server_groups"] = json!(groups);
        }
        if since(73) {
            body["locked_reason"] = json!(server.locked.as_ref().and_then(|locked| locked.reason.as_ref()));
        }
        if since(96) {
            body["pinned_availability_zone"] = json!(server.requested_zone);
        }
        if since(100) {
            body["scheduler_hints"] = json!(server.scheduler_hints);
        }
        body
    }

    /// What every document has.
    fn core(&self, server: &Server) -> Value {
        let id = server.id.to_string();
        let status = status(server.vm_state, server.task_state);
        let mut body = json!({
            "id": id,
            "name": server.name,
            "status": status,
            "tenant_id": server.project_id,
            "user_id": server.user_id,
            "created": server.created_at.seconds_z(),
            "updated": server.updated_at.seconds_z(),
            "hostId": host_id(server),
            "addresses": self.addresses(server),
            "accessIPv4": server.access_ipv4.map_or_else(String::new, |ip| ip.to_string()),
            "accessIPv6": server.access_ipv6.map_or_else(String::new, |ip| ip.to_string()),
            "image": self.image(server),
            "flavor": self.flavor(server),
            "metadata": server.metadata,
            "links": links(self.ctx, "servers", &id),
            "OS-DCF:diskConfig": server.disk_config,
        });
        if matches!(server.vm_state, VmState::Error | VmState::Deleted)
            && let Some(fault) = self.fault(server)
        {
            body["fault"] = fault;
        }
        if matches!(status, "ACTIVE" | "BUILD") {
            body["progress"] = json!(server.progress);
        }
        body
    }

    /// What were extensions once.
    fn add_extended(&self, body: &mut Value, server: &Server) {
        let since = |minor| self.version.since(minor);
        let zone = super::own_zone(self.ctx);
        body["OS-EXT-AZ:availability_zone"] = json!(if server.host.is_some() { zone.as_str() } else { "" });
        body["OS-EXT-STS:vm_state"] = json!(server.vm_state.as_str());
        body["OS-EXT-STS:task_state"] = json!(server.task_state.map(|task| task.as_str()));
        body["OS-EXT-STS:power_state"] = json!(server.power_state.number());
        body["OS-SRV-USG:launched_at"] = json!(server.launched_at.map(|at| at.micros_bare()));
        body["OS-SRV-USG:terminated_at"] = json!(server.terminated_at.map(|at| at.micros_bare()));
        body["config_drive"] = json!(if server.config_drive { "True" } else { "" });
        body["key_name"] = json!(server.key.as_ref().map(|(name, _)| name));
        body["os-extended-volumes:volumes_attached"] = json!(self.volumes(server));
        let groups = self.security_groups(server);
        if !groups.is_empty() {
            let names: Vec<Value> = groups.into_iter().map(|name| json!({"name": name})).collect();
            body["security_groups"] = json!(names);
        }
        let is_admin = self.actor().is_admin();
        if is_admin {
            body["OS-EXT-SRV-ATTR:host"] = json!(server.host);
            body["OS-EXT-SRV-ATTR:hypervisor_hostname"] = json!(server.host);
            body["OS-EXT-SRV-ATTR:instance_name"] = json!(instance_name(server));
            if since(3) {
                body["OS-EXT-SRV-ATTR:hostname"] = json!(server.hostname);
                body["OS-EXT-SRV-ATTR:kernel_id"] =
                    json!(server.kernel.as_ref().map_or(String::new(), |k| k.id.to_string()));
                body["OS-EXT-SRV-ATTR:ramdisk_id"] =
                    json!(server.ramdisk.as_ref().map_or(String::new(), |r| r.id.to_string()));
                body["OS-EXT-SRV-ATTR:launch_index"] = json!(server.launch_index);
                body["OS-EXT-SRV-ATTR:reservation_id"] = json!(server.reservation_id);
                body["OS-EXT-SRV-ATTR:root_device_name"] = json!("/dev/vda");
                body["OS-EXT-SRV-ATTR:user_data"] = json!(server.user_data);
            }
        } else if since(90) {
            body["OS-EXT-SRV-ATTR:hostname"] = json!(server.hostname);
        }
        if since(16) && is_admin {
            let host_status = match (&server.host, self.host_is_up) {
                (None, _) => "",
                (Some(_), true) => "UP",
                (Some(_), false) => "UNKNOWN",
            };
            body["host_status"] = json!(host_status);
        }
    }

    /// Its volumes, in the order of their devices.
    fn volumes(&self, server: &Server) -> Vec<Value> {
        let volume = |each: &VolumeAttachment| {
            let mut body = json!({"id": each.volume_id});
            if self.version.since(3) {
                body["delete_on_termination"] = json!(each.delete_on_termination);
            }
            body
        };
        let all = attachment::of_server(&self.cloud, server.id);
        all.iter().map(|each| volume(each)).collect()
    }

    fn image(&self, server: &Server) -> Value {
        let Some(id) = server.image_id.map(|id| id.to_string()) else {
            return json!("");
        };
        let mut image = json!({
            "id": id,
            "links": [{"rel": "bookmark", "href": bookmark(self.ctx, "images", &id)}],
        });
        if self.version.since(98) {
            let known = server
                .image_properties
                .iter()
                .filter(|(name, _)| is_machine_property(name));
            image["properties"] = json!(known.collect::<BTreeMap<_, _>>());
        }
        image
    }

    fn flavor(&self, server: &Server) -> Value {
        let flavor = &server.flavor;
        if !self.version.since(47) {
            let id = flavor.id.as_str();
            return json!({
                "id": id,
                "links": [{"rel": "bookmark", "href": bookmark(self.ctx, "flavors", id)}],
            });
        }
        json!({
            "original_name": flavor.name,
            "vcpus": flavor.vcpus,
            "ram": flavor.memory_mib,
            "disk": flavor.root_gib,
            "ephemeral": flavor.ephemeral_gib,
            "swap": flavor.swap_mib,
            "extra_specs": flavor.extra_specs,
        })
    }

    fn fault(&self, server: &Server) -> Option<Value> {
        let fault = server.fault.as_ref()?;
        let mut body = json!({
            "code": fault.code,
            "created": fault.created.seconds_z(),
            "message": fault.message,
        });
        // What a 500 holds of the host's inside is for administrators.
        if !fault.details.is_empty() && (self.actor().is_admin() || fault.code != 500) {
            body["details"] = json!(fault.details);
        }
        Some(body)
    }

    /// Addresses by the name of their network; none while the server is built.
    pub(super) fn addresses(&self, server: &Server) -> Value {
        if server.vm_state == VmState::Building {
            return json!({});
        }
        let mut networks: Map<String, Value> = Map::new();
        for port in self.ports(server) {
            let name = self.network_name(port.network_id);
            let entries = networks.entry(name).or_insert_with(|| json!([]));
            if let Some(entries) = entries.as_array_mut() {
                entries.extend(self.addresses_of(port));
            }
        }
        Value::Object(networks)
    }

    /// Addresses with version and address only.
    pub(super) fn bare_addresses(&self, server: &Server) -> Value {
        let mut addresses = self.addresses(server);
        let entries = addresses
            .as_object_mut()
            .into_iter()
            .flat_map(|networks| networks.values_mut())
            .filter_map(Value::as_array_mut)
            .flatten();
        for entry in entries.filter_map(Value::as_object_mut) {
            entry.retain(|name, _| name == "version" || name == "addr");
        }
        addresses
    }

    fn addresses_of(&self, port: &Port) -> Vec<Value> {
        let entry = |address: IpAddr, kind: &str| {
            json!({
                "version": if address.is_ipv4() { 4 } else { 6 },
                "addr": address,
                "OS-EXT-IPS:type": kind,
                "OS-EXT-IPS-MAC:mac_addr": port.mac_address,
            })
        };
        let fixed = port.fixed_ips.iter().map(|fixed| entry(fixed.ip_address, "fixed"));
        let floating = self
            .cloud
            .lookups
            .floating_ips_by_port
            .of(&port.id)
            .filter_map(|id| self.cloud.floating_ips.get(id))
            .map(|floating| entry(floating.floating_ip_address.into(), "floating"));
        fixed.chain(floating).collect()
    }

    /// A server's ports in the order of its NICs.
    pub(super) fn ports<'s>(&'s self, server: &'s Server) -> impl Iterator<Item = &'s Arc<Port>> {
        server.ports.iter().filter_map(|id| self.cloud.ports.get(id))
    }

    fn network_name(&self, id: NetworkId) -> String {
        self.cloud
            .networks
            .get(&id)
            .map_or_else(|| id.to_string(), |network| network.standard.name.clone())
    }

    /// Names of the groups that its ports are in, each once.
    pub(super) fn security_groups(&self, server: &Server) -> Vec<String> {
        let mut names: Vec<String> = self
            .ports(server)
            .flat_map(|port| port.security_groups.iter())
            .filter_map(|id| self.cloud.security_groups.get(id))
            .map(|group| group.standard.name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// An image property that says something about the machine, as Nova keeps them (`ImageMetaProps`).
fn is_machine_property(name: &str) -> bool {
    const PREFIXES: &[&str] = &["hw_", "os_", "img_", "hypervisor_"];
    const NAMES: &[&str] = &["architecture", "cinder_encryption_key_id", "traits_required", "vm_mode"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Tells a project whether two of its servers share a host, and nothing else.
pub(super) fn host_id(server: &Server) -> String {
    let Some(host) = &server.host else { return String::new() };
    let digest = Sha224::digest(format!("{}{host}", server.project_id));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the host's administrator knows it by.
pub(super) fn instance_name(server: &Server) -> String {
    format!("instance-{}", &server.id.to_string()[..8])
}
