//! The extensions list: only what really works here is on it, since clients believe it.

use axum::extract::Path;
use model::Error;
use serde_json::{Value, json};

use crate::context::Ctx;
use crate::fault::Fault;
use crate::reply::{Reply, json as document};

/// Alias, name, what it is.
const EXTENSIONS: &[(&str, &str, &str)] = &[
    (
        "address-group",
        "Address group",
        "Prefixes that security group rules name together.",
    ),
    (
        "address-scope",
        "Address scope",
        "Subnet pools that are routed among one another without translation.",
    ),
    ("agent", "agent", "What of the networking service runs where."),
    (
        "allowed-address-pairs",
        "Allowed Address Pairs",
        "Further addresses that a port may send from.",
    ),
    (
        "auto-allocated-topology",
        "Auto Allocated Topology Services",
        "A project is given a network, with a router to the default provider network.",
    ),
    (
        "availability_zone",
        "Availability Zone",
        "The availability zones of networks and routers.",
    ),
    ("binding", "Port Binding", "Where and how a port is plugged in."),
    (
        "dhcp_agent_scheduler",
        "DHCP Agent Scheduler",
        "Which networks have DHCP, and taking it from them.",
    ),
    (
        "dns-integration",
        "DNS Integration",
        "Names of ports, networks and floating IPs, answered by the network's own resolver.",
    ),
    (
        "empty-string-filtering",
        "Empty String Filtering Extension",
        "Filters by empty attributes.",
    ),
    (
        "expose-port-forwarding-in-fip",
        "Expose Floating IP port forwardings",
        "A floating IP tells its port forwardings.",
    ),
    (
        "flavors",
        "Neutron Service Flavors",
        "Kinds of services by names of an operator's own, carried out by service profiles.",
    ),
    (
        "floating-ip-port-forwarding",
        "Floating IP Port Forwarding",
        "Single ports of a floating IP lead to ports of servers.",
    ),
    (
        "floating-ip-port-forwarding-description",
        "Floating IP Port Forwarding new attribute description",
        "Port forwardings have a description.",
    ),
    (
        "floating-ip-port-forwarding-detail",
        "Floating IP port forwarding detail",
        "A floating IP tells the ids of its port forwardings and of the ports they lead to.",
    ),
    (
        "floating-ip-port-forwarding-port-ranges",
        "Floating IP Port Forwarding support port ranges",
        "Ranges of ports are forwarded at once.",
    ),
    (
        "floatingip-pools",
        "Floating IP Pools Extension",
        "The subnets that floating IPs come from.",
    ),
    (
        "ext-gw-mode",
        "Neutron L3 Configurable external gateway mode",
        "Address translation at a router's gateway can be switched off.",
    ),
    (
        "external-net",
        "Neutron external network",
        "Provider networks that routers have their gateway on.",
    ),
    (
        "extra_dhcp_opt",
        "Neutron Extra DHCP options",
        "DHCP options of single ports.",
    ),
    (
        "extraroute",
        "Neutron Extra Route",
        "Routes of a router besides those to its own subnets.",
    ),
    (
        "extraroute-atomic",
        "Atomically add/remove extra routes",
        "Extra routes are added and removed without sending all of them.",
    ),
    (
        "filter-validation",
        "Filter parameters validation",
        "Filters by attributes that do not exist are refused.",
    ),
    (
        "fip-port-details",
        "Add port_details to Floating IP",
        "A floating IP tells of the port it leads to.",
    ),
    (
        "ip_allocation",
        "IP Allocation",
        "Ports tell when their addresses are chosen.",
    ),
    (
        "ip-substring-filtering",
        "IP address substring filtering",
        "Ports are found by a part of an address.",
    ),
    ("l3-flavors", "Router Flavor Extension", "Routers are made by flavors."),
    (
        "l3_agent_scheduler",
        "L3 Agent Scheduler",
        "Which routers are on the host, and taking them from it.",
    ),
    (
        "l3-ext-ndp-proxy",
        "Router support to enable NDP proxy",
        "Routers answer on their provider network for addresses behind them, once that is switched on.",
    ),
    (
        "l3-ndp-proxy",
        "L3 NDP Proxy",
        "Single IPv6 addresses of servers that neighbours on a provider network reach.",
    ),
    (
        "metering",
        "Neutron Metering",
        "What passes the gateways of routers is counted by labels; the counts are at /maru/v1/metering/labels.",
    ),
    (
        "metering_source_and_destination_fields",
        "Neutron Metering with source and destination filtering",
        "What is counted is chosen by where packets come from and go to.",
    ),
    ("net-mtu", "Network MTU", "Networks tell the largest packet."),
    (
        "net-mtu-writable",
        "Network MTU (writable)",
        "The largest packet of a network can be set.",
    ),
    (
        "network-ip-availability",
        "Network IP Availability",
        "How many addresses of a network are used.",
    ),
    (
        "network_availability_zone",
        "Network Availability Zone",
        "Zones of networks.",
    ),
    ("pagination", "Pagination support", "Lists come in pages."),
    (
        "port-mac-address-regenerate",
        "Neutron Port MAC address regenerate",
        "A port gets a new MAC address when it is set to nothing.",
    ),
    (
        "port-security-groups-filtering",
        "Port filtering on security groups",
        "Ports are found by their security groups.",
    ),
    (
        "port-security",
        "Port Security",
        "Protection against forged addresses, per port.",
    ),
    (
        "project-id",
        "project_id field enabled",
        "'project_id' beside 'tenant_id'.",
    ),
    (
        "provider",
        "Provider Network",
        "Where a network is in the physical world.",
    ),
    (
        "rbac-policies",
        "RBAC Policies",
        "Networks are shared with, or external for, single projects.",
    ),
    (
        "rbac-address-group",
        "Add address_group type to RBAC",
        "Address groups are shared with single projects.",
    ),
    (
        "rbac-address-scope",
        "Add address_scope type to RBAC",
        "Address scopes are shared with single projects.",
    ),
    (
        "rbac-security-groups",
        "Add security_group type to network RBAC",
        "Security groups are shared with single projects.",
    ),
    (
        "rbac-subnetpool",
        "Add subnetpool type to RBAC",
        "Subnet pools are shared with single projects.",
    ),
    (
        "qos",
        "Quality of Service",
        "Policies that limit and mark what ports send and receive.",
    ),
    (
        "qos-bw-limit-direction",
        "Direction for QoS bandwidth limit rule",
        "Bandwidth is limited in either direction.",
    ),
    (
        "qos-default",
        "QoS default policy",
        "A policy for the new networks of a project.",
    ),
    (
        "qos-fip",
        "Floating IP QoS",
        "Bandwidth of floating IPs is limited in either direction.",
    ),
    (
        "qos-gateway-ip",
        "Gateway IP QoS",
        "Bandwidth by a router's own address is limited in either direction.",
    ),
    (
        "qos-port-network-policy",
        "QoS port network policy ID",
        "Ports tell the policy of their network.",
    ),
    (
        "qos-pps",
        "QoS Rule Type Packet per Second Extension",
        "Packets are limited in either direction.",
    ),
    (
        "qos-rule-type-details",
        "Details of QoS rule types",
        "Rule types tell what they take.",
    ),
    (
        "quota-check-limit",
        "Quota engine limit check",
        "Limits below what is used are refused.",
    ),
    (
        "quota-check-limit-default",
        "Quota engine limit check by default",
        "Limits below what is used are refused, unless that is forced.",
    ),
    (
        "quota_details",
        "Quota details management support",
        "What of each quota is used.",
    ),
    ("quotas", "Quota management support", "Limits of projects."),
    (
        "revision-if-match",
        "If-Match constraints based on revision_number",
        "Changes only of what was seen.",
    ),
    ("router", "Neutron L3 Router", "Routers and floating IPs."),
    (
        "router_availability_zone",
        "Router Availability Zone",
        "Zones of routers.",
    ),
    ("security-group", "security-group", "Security groups and their rules."),
    (
        "security-groups-default-rules",
        "Default rules for security groups",
        "Which rules new security groups begin with.",
    ),
    (
        "security-groups-normalized-cidr",
        "Normalized CIDR field for security group rules",
        "A rule's prefix without host bits.",
    ),
    (
        "security-groups-remote-address-group",
        "Remote address group id field for security group rules",
        "A rule's other end is an address group.",
    ),
    (
        "security-groups-shared-filtering",
        "Security group filtering on the shared field",
        "Groups are found by whether they are shared.",
    ),
    ("segment", "Segment", "What networks are made of in the physical world."),
    (
        "service-type",
        "Neutron Service Type Management",
        "Who provides services: Maru itself.",
    ),
    ("sorting", "Sorting support", "Lists come sorted."),
    (
        "standard-attr-description",
        "standard-attr-description",
        "Every resource has a description.",
    ),
    (
        "standard-attr-revisions",
        "Resource revision numbers",
        "Every resource counts its changes.",
    ),
    (
        "standard-attr-segment",
        "standard-attr-segment",
        "Segments have a description, and tell when they were made and changed.",
    ),
    (
        "standard-attr-tag",
        "Tag support for resources with standard attribute",
        "Every resource has tags.",
    ),
    (
        "standard-attr-timestamp",
        "Resource timestamps",
        "Every resource tells when it was made and changed.",
    ),
    (
        "default-subnetpools",
        "Default Subnetpools",
        "Subnets from a default pool.",
    ),
    (
        "stateful-security-group",
        "Stateful security group",
        "Whether a security group lets answers pass without a rule.",
    ),
    (
        "subnet-external-network",
        "Subnet belongs to an external network",
        "Subnets tell whether their network is external, and those of external networks are seen by all.",
    ),
    ("subnet_allocation", "Subnet Allocation", "Subnets are cut from pools."),
    (
        "subnetpool-prefix-ops",
        "Subnet Pool Prefix Operations",
        "Prefixes are added to pools and removed without sending all of them.",
    ),
    (
        "subnet-service-types",
        "Subnet service types",
        "Subnets for ports of a certain kind.",
    ),
    (
        "tag-ports-during-bulk-creation",
        "Tag Ports During Bulk Creation",
        "Ports that are made together have their own tags each.",
    ),
    (
        "tag-creation",
        "Tag creation in the POST request",
        "Resources are made with their tags.",
    ),
    (
        "trunk",
        "Trunk Extension",
        "A server's port carries further networks, told apart by VLAN tags.",
    ),
    (
        "trunk-details",
        "Trunk port details",
        "Ports tell the trunk that is made of them.",
    ),
];

fn shape(&(alias, name, description): &(&str, &str, &str)) -> Value {
    json!({
        "alias": alias,
        "name": name,
        "description": description,
        "updated": "2026-01-01T00:00:00-00:00",
        "links": [],
    })
}

/// GET all.
pub(super) async fn list(_ctx: Ctx) -> Reply {
    let extensions: Vec<Value> = EXTENSIONS.iter().map(shape).collect();
    document(&json!({"extensions": extensions}))
}

/// GET one.
pub(super) async fn show(_ctx: Ctx, Path(alias): Path<String>) -> Reply {
    match EXTENSIONS.iter().find(|(known, _, _)| *known == alias) {
        Some(extension) => document(&json!({"extension": shape(extension)})),
        None => Err(Fault(Error::not_found(
            "ExtensionNotFound",
            format!("Extension with alias {alias} does not exist"),
        ))),
    }
}
