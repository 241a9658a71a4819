//! Subnets: part of their network's page, with the form that makes or changes one and looks at it while it is filled in.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use ipnet::IpNet;
use maud::{Markup, html};
use model::network::access::{Resource, get_visible};
use model::network::port::device_owner;
use model::network::subnet::{addresses_in_use, pool_size};
use model::network::{Network, Subnet};
use model::{NetworkId, SubnetId};
use serde_json::{Value, json};

use super::networks;
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/subnets/new", get(new).post(create))
        .route("/dashboard/subnets/check", get(check))
        .route("/dashboard/subnets/{id}/edit", get(edit).post(update))
        .merge(deletion::routes(
            deletion::Kind::Subnet,
            "/dashboard/subnets/delete",
            None,
            victim,
        ))
}

/// The subnets of a network, on its page.
pub(super) fn card(visit: &Visit, network: &Network) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let owns = visit.actor().can_see(&network.standard.project_id);
    let subnets: Vec<_> = cloud
        .lookups
        .subnets_by_network
        .of(&network.id)
        .filter_map(|id| cloud.subnets.get(id))
        .cloned()
        .collect();
    html! {
        section .card #subnets {
            header .card-head {
                h2 { (t.subnets()) }
                @if owns { (ui::action(&format!("/dashboard/subnets/new?network={}", network.id), "plus", t.subnet_new())) }
            }
            @if subnets.is_empty() {
                p .muted { (t.subnet_none()) }
            } @else {
                div .table-scroll { table {
                    thead { tr {
                        th { (t.name()) } th { (t.subnet_cidr()) } th { (t.subnet_gateway()) } th { "DHCP" }
                        th { (t.subnet_pools()) } th { (t.subnet_dns()) } th .row-menu { span .sr { (t.actions()) } }
                    } }
                    tbody { @for subnet in &subnets { (row(visit, subnet)) } }
                } }
            }
        }
    }
}

fn row(visit: &Visit, subnet: &Subnet) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let name = networks::name_of(t, &subnet.standard);
    let used = addresses_in_use(cloud, subnet.id).count() as u128;
    let size: u128 = pool_size(subnet);
    html! {
        tr {
            td { (name) }
            td { code { (subnet.cidr) } }
            td { @match subnet.gateway_ip { Some(ip) => code { (ip) }, None => span .muted { (t.none()) } } }
            td { (t.on_off(subnet.enable_dhcp)) }
            td { div .stack {
                @for pool in &subnet.allocation_pools { code { (pool.start) "–" (pool.end) } }
                @if !subnet.is_ipv6() { span .muted.small { (t.free_addresses(size.saturating_sub(used))) } }
            } }
            td { div .stack {
                @for server in &subnet.dns_nameservers { code { (server) } }
                @if subnet.dns_nameservers.is_empty() { span .muted { (t.subnet_dns_own()) } }
            } }
            td .row-menu {
                @if subnet.changeable_by(cloud, visit.actor()) {
                    (ui::menu(t, &name, html! {
                        (ui::menu_dialog(&format!("/dashboard/subnets/{}/edit", subnet.id), "pencil", t.edit()))
                        (ui::dialog_link(&format!("/dashboard/subnets/delete?id={}", subnet.id), "item danger", html! { (icon("trash")) (t.delete()) }))
                    }))
                }
            }
        }
    }
}

/// The part of the form about the prefix; only a new subnet's can be chosen.
pub(crate) fn address_fields(t: Text, of: Option<&Subnet>) -> Markup {
    let gateway = of
        .and_then(|subnet| subnet.gateway_ip)
        .map_or_else(String::new, |ip| ip.to_string());
    html! {
        (ui::text(Field {
            name: "subnet_name",
            label: t.subnet_name(),
            value: of.map_or("", |subnet| &subnet.standard.name),
            ..Field::default()
        }))
        @if of.is_none() {
            (ui::text(Field {
                name: "cidr",
                label: t.subnet_cidr(),
                hint: t.subnet_cidr_hint(),
                example: "172.31.0.0/24",
                required: true,
                check: Some("/dashboard/subnets/check"),
                ..Field::default()
            }))
        }
        (ui::text(Field { name: "gateway", label: t.subnet_gateway(), hint: if of.is_some() { t.subnet_gateway_hint_kept() } else { t.subnet_gateway_hint() }, value: &gateway, example: "172.31.0.1", ..Field::default() }))
        (ui::check("no_gateway", t.subnet_no_gateway(), "", of.is_some_and(|subnet| subnet.gateway_ip.is_none())))
    }
}

/// The part of the form about what hosts are told.
pub(crate) fn detail_fields(t: Text, of: Option<&Subnet>) -> Markup {
    let lines = |lines: Vec<String>| lines.join("\n");
    let pools = of.map_or_else(String::new, |subnet| {
        lines(
            subnet
                .allocation_pools
                .iter()
                .map(|pool| format!("{},{}", pool.start, pool.end))
                .collect(),
        )
    });
    let dns = of.map_or_else(String::new, |subnet| {
        lines(subnet.dns_nameservers.iter().map(ToString::to_string).collect())
    });
    let routes = of.map_or_else(String::new, |subnet| {
        lines(
            subnet
                .host_routes
                .iter()
                .map(|route| format!("{},{}", route.destination, route.nexthop))
                .collect(),
        )
    });
    html! {
        (ui::check("dhcp", t.subnet_dhcp(), "", of.is_none_or(|subnet| subnet.enable_dhcp)))
        (ui::text_area(Field { name: "pools", label: t.subnet_pools(), hint: if of.is_some() { t.subnet_pools_hint_kept() } else { t.subnet_pools_hint() }, value: &pools, example: "172.31.0.20,172.31.0.200", ..Field::default() }, 2))
        (ui::text_area(Field { name: "dns", label: t.subnet_dns(), hint: t.subnet_dns_hint(), value: &dns, example: "1.1.1.1", ..Field::default() }, 2))
        (ui::text_area(Field { name: "routes", label: t.subnet_routes(), hint: t.subnet_routes_hint(), value: &routes, example: "192.168.10.0/24,172.31.0.254", ..Field::default() }, 2))
        @if of.is_none() {
            (ui::pick(
                Field { name: "ipv6_mode", label: t.subnet_ipv6_mode(), hint: t.subnet_ipv6_hint(), value: "slaac", ..Field::default() },
                None,
                &[
                    Choice::new("slaac", "SLAAC"),
                    Choice::new("dhcpv6-stateless", "DHCPv6 stateless"),
                    Choice::new("dhcpv6-stateful", "DHCPv6 stateful"),
                    Choice::new("none", t.subnet_ipv6_none()),
                ],
            ))
        }
    }
}

/// What the form says of a subnet.
pub(crate) struct SubnetFields(Value);

impl SubnetFields {
    /// From the form of a new one.
    pub fn read(t: Text, fields: &Fields) -> Result<Self, Problem> {
        let cidr = fields.text("cidr").ok_or_else(|| Problem::in_form(t.cidr_wrong()))?;
        let network: IpNet = cidr
            .parse()
            .map_err(|_| Problem::in_form(format!("{cidr}: {}", t.cidr_wrong())))?;
        let is_ipv6 = matches!(network, IpNet::V6(_));
        let mut subnet = Self::common(fields)?;
        subnet["cidr"] = cidr.into();
        subnet["ip_version"] = if is_ipv6 { 6 } else { 4 }.into();
        if is_ipv6 && let Some(mode) = fields.text("ipv6_mode").filter(|mode| *mode != "none") {
            subnet["ipv6_address_mode"] = mode.into();
            subnet["ipv6_ra_mode"] = mode.into();
        }
        Ok(Self(subnet))
    }

    /// From the form that changes one: what is left empty is taken away; what a subnet can't be without must be there.
    pub fn read_change(t: Text, fields: &Fields, of: &Subnet) -> Result<Self, Problem> {
        let mut subnet = Self::common(fields)?;
        if subnet.get("gateway_ip").is_none() {
            return Err(Problem::in_form(t.subnet_gateway_missing()));
        }
        if subnet.get("allocation_pools").is_none() && !of.allocation_pools.is_empty() {
            return Err(Problem::in_form(t.subnet_pools_missing()));
        }
        for list in ["dns_nameservers", "host_routes"] {
            if subnet.get(list).is_none() {
                subnet[list] = json!([]);
            }
        }
        Ok(Self(subnet))
    }

    fn common(fields: &Fields) -> Result<Value, Problem> {
        let mut subnet = json!({"name": fields.plain("subnet_name"), "enable_dhcp": fields.is_set("dhcp")});
        if fields.is_set("no_gateway") {
            subnet["gateway_ip"] = Value::Null;
        } else if let Some(gateway) = fields.parse::<IpAddr>("gateway")? {
            subnet["gateway_ip"] = gateway.to_string().into();
        }
        let pools = pairs(fields.plain("pools"), ("start", "end"))?;
        if !pools.is_empty() {
            subnet["allocation_pools"] = pools.into();
        }
        let dns: Vec<_> = fields.lines("dns").collect();
        if !dns.is_empty() {
            subnet["dns_nameservers"] = json!(dns);
        }
        let routes = pairs(fields.plain("routes"), ("destination", "nexthop"))?;
        if !routes.is_empty() {
            subnet["host_routes"] = routes.into();
        }
        Ok(subnet)
    }

    /// As the API takes it.
    pub fn body(self, network: Option<&str>) -> Value {
        let mut subnet = self.0;
        if let Some(network) = network {
            subnet["network_id"] = network.into();
        }
        json!({"subnet": subnet})
    }
}

/// Lines of two values with a comma (or a dash, or space) between.
fn pairs(text: &str, names: (&str, &str)) -> Result<Vec<Value>, Problem> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (first, second) = line
                .split_once([',', '–', ' '])
                .or_else(|| line.split_once('-'))
                .ok_or_else(|| Problem::in_form(format!("'{line}': {},{}", names.0, names.1)))?;
            Ok(json!({names.0: first.trim(), names.1: second.trim()}))
        })
        .collect()
}

async fn new(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let id: NetworkId = fields.parse("network")?.ok_or_else(|| Problem::in_form("network"))?;
    let network = get_visible::<Network>(visit.cloud(), visit.actor(), &id)?;
    let body = html! {
        form method="post" action="/dashboard/subnets/new" hx-post="/dashboard/subnets/new" hx-swap="none" {
            input type="hidden" name="network" value=(network.id);
            (address_fields(t, None))
            (detail_fields(t, None))
            (ui::submit(t, t.subnet_new(), false))
        }
        (ui::command_line(t, &[format!("openstack subnet create --network {} --subnet-range 10.10.0.0/24 my-subnet", network.id)]))
    };
    Ok(visit.form(&t.subnet_new_in(networks::name_of(t, &network.standard)), body))
}

async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let subnet = SubnetFields::read(t, &fields)?;
    visit
        .post("/networking/v2.0/subnets", subnet.body(fields.text("network")))
        .await?;
    Ok(Done::saying(t.subnet_made()))
}

async fn edit(visit: Visit, Path(id): Path<SubnetId>) -> Answer {
    let t = visit.t();
    let subnet = get_visible::<Subnet>(visit.cloud(), visit.actor(), &id)?;
    let at = format!("/dashboard/subnets/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p { (t.subnet_cidr()) ": " code { (subnet.cidr) } }
            (address_fields(t, Some(&subnet)))
            (detail_fields(t, Some(&subnet)))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack subnet set --no-allocation-pool --allocation-pool start=…,end=… {id}")]))
    };
    Ok(visit.form(&t.edit_title(t.pick("subnet", "서브넷"), named(&subnet)), body))
}

async fn update(visit: Visit, Path(id): Path<SubnetId>, fields: Fields) -> Answer<Done> {
    let now = get_visible::<Subnet>(visit.cloud(), visit.actor(), &id)?;
    let subnet = SubnetFields::read_change(visit.t(), &fields, &now)?;
    visit
        .put(&format!("/networking/v2.0/subnets/{id}"), subnet.body(None))
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

/// What there is to say about a prefix while it is typed.
async fn check(visit: Visit, fields: Fields) -> Page {
    let t = visit.t();
    let Some(text) = fields.text("cidr") else {
        return Page(html! {});
    };
    let Ok(cidr) = text.parse::<IpNet>() else {
        return Page(html! { p .note.bad { (t.cidr_wrong()) } });
    };
    let trunc = cidr.trunc();
    if trunc != cidr {
        return Page(html! { p .note.warn { (t.cidr_host_bits(trunc)) } });
    }
    let others = overlapping(&visit, cidr);
    let is_private = match cidr {
        IpNet::V4(net) => net.network().is_private(),
        IpNet::V6(net) => net.network().is_unique_local(),
    };
    let hosts = match cidr {
        IpNet::V4(net) => (1_u128 << (32 - net.prefix_len())).saturating_sub(3),
        IpNet::V6(net) => 1_u128
            .checked_shl(u32::from(128 - net.prefix_len()))
            .unwrap_or(u128::MAX),
    };
    Page(html! {
        @if is_private { p .note.good { (t.cidr_private(hosts)) } } @else { p .note.warn { (t.cidr_public()) } }
        @for (name, other, is_host) in others {
            p .note.warn { @if is_host { (t.cidr_overlaps_host(name, other)) } @else { (t.cidr_overlaps(name, other)) } }
        }
    })
}

/// Prefixes that share addresses with this one: of the project's networks, and of the provider networks, which the host is on.
fn overlapping(visit: &Visit, cidr: IpNet) -> Vec<(String, IpNet, bool)> {
    let cloud = visit.cloud();
    let mut found = Vec::new();
    for network in networks::of_project(visit) {
        for id in cloud.lookups.subnets_by_network.of(&network.id) {
            if let Some(subnet) = cloud.subnets.get(id)
                && (subnet.cidr.contains(&cidr) || cidr.contains(&subnet.cidr))
            {
                found.push((
                    networks::name_of(visit.t(), &network.standard),
                    subnet.cidr,
                    network.external,
                ));
            }
        }
    }
    found
}

/// A subnet in titles: by its name and addresses, or by these alone.
pub(super) fn named(subnet: &Subnet) -> String {
    match subnet.standard.name.as_str() {
        "" => subnet.cidr.to_string(),
        name => format!("{name} ({})", subnet.cidr),
    }
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let subnet = get_visible::<Subnet>(visit.cloud(), visit.actor(), &deletion::parsed(id)?)?;
    let (t, cloud) = (visit.t(), visit.cloud());
    let path = format!("/networking/v2.0/subnets/{}", subnet.id);
    let victim = Victim::new(subnet.id, named(&subnet), path);
    let users = addresses_in_use(cloud, subnet.id)
        .filter_map(|(_, port)| cloud.ports.get(&port))
        .filter(|port| port.device_owner != device_owner::DHCP && (port.is_router_owned() || !subnet.is_slaac()))
        .count();
    if users > 0 {
        let page = format!("/dashboard/networks/{}#ports", subnet.network_id);
        return Ok(victim.blocked(t.subnet_in_use(users)).step(page, t.network_to_ports()));
    }
    Ok(victim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_as_people_write_them() {
        for text in [
            "10.0.0.5,10.0.0.9",
            "10.0.0.5-10.0.0.9",
            " 10.0.0.5 – 10.0.0.9 ".trim(),
            "10.0.0.5 10.0.0.9",
        ] {
            let read = pairs(text, ("start", "end")).unwrap();
            assert_eq!(read[0]["start"], "10.0.0.5", "{text}");
        }
        assert!(pairs("10.0.0.5", ("start", "end")).is_err());
        assert!(pairs("\n \n", ("start", "end")).unwrap().is_empty());
    }
}
