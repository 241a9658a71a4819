//! Where a form that fills a page stands: the list and the object that it is about, by its address.

use model::compute::{Flavor, Server, ServerGroup};
use model::identity::{Domain, Group, Project, User};
use model::image::Image;
use model::network::access::Resource;
use model::network::{FloatingIp, Network, Port, Router, SecurityGroup, Standard, Subnet};
use model::volume::Volume;

use crate::messages::Text;
use crate::visit::Visit;

/// An address and its words.
type Crumb = (String, String);

/// The pages above an address, from the top. Its handler has seen to it that the visitor may see what the address names.
pub(crate) fn above(visit: &Visit) -> Vec<Crumb> {
    let t = visit.t();
    let (path, query) = visit
        .view()
        .address
        .split_once('?')
        .unwrap_or((&visit.view().address, ""));
    let path = path.trim_start_matches("/dashboard/");
    let of_query = |name: &str| {
        let mut values = query
            .split('&')
            .filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        values.next().filter(|_| values.next().is_none())
    };
    if path.starts_with("admin/grants") {
        return above_grant(visit, of_query("holder").or(of_query("target")));
    }
    let Some((list, rest)) = list_of(path) else {
        return Vec::new();
    };
    let mut found = lists(t, list);
    let id = match rest.split('/').next() {
        None | Some("" | "new" | "accept" | "associate" | "import" | "show" | "services" | "together") => None,
        Some("delete") => of_query("id"),
        Some(id) => Some(id),
    };
    match list {
        "ports" | "subnets" => found.extend(below_network(visit, list, id, of_query("network"))),
        _ => found.extend(id.and_then(|id| object(visit, list, id))),
    }
    found
}

/// Where a role that is to be given belongs: to the page of whom it is given to, or of what it holds in.
fn above_grant(visit: &Visit, of: Option<&str>) -> Vec<Crumb> {
    let (list, id) = grant_list(of);
    let mut found = lists(visit.t(), list);
    found.extend(id.and_then(|id| object(visit, list, id)));
    found
}

/// The list, and the thing in it, that stand for a holder or target of roles as an address has it: `user:…`, `project%3A…`.
fn grant_list(of: Option<&str>) -> (&'static str, Option<&str>) {
    let of = of.unwrap_or_default();
    match of.split_once("%3A").or_else(|| of.split_once(':')) {
        Some(("group", id)) => ("admin/users/groups", Some(id)),
        Some(("project", id)) => ("admin/projects", Some(id)),
        Some(("domain", id)) => ("admin/projects/domains", Some(id)),
        Some(("system", _)) => ("admin/system", None),
        Some((_, id)) => ("admin/users", Some(id)),
        None => ("admin/users", None),
    }
}

/// The list in the menu that the form of a role belongs to, by its address.
pub(crate) fn of_grant(address: &str) -> &'static str {
    let (_, query) = address.split_once('?').unwrap_or((address, ""));
    let named = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("holder=").or_else(|| pair.strip_prefix("target=")));
    match grant_list(named).0 {
        "admin/projects/domains" => "admin/projects",
        "admin/users/groups" => "admin/users",
        list => list,
    }
}

/// The list that an address is below of, and the rest of the address.
fn list_of(path: &str) -> Option<(&'static str, &str)> {
    const LISTS: [&str; 26] = [
        "servers",
        "images",
        "key-pairs",
        "server-groups",
        "volumes/types",
        "volumes",
        "snapshots",
        "backups",
        "networks",
        "subnets",
        "ports",
        "routers",
        "security-groups",
        "floating-ips",
        "api-access",
        "credentials",
        "admin/host",
        "admin/networks",
        "admin/flavors",
        "admin/projects/domains",
        "admin/projects",
        "admin/users/groups",
        "admin/users",
        "admin/grants",
        "admin/roles",
        "admin/system",
    ];
    LISTS.into_iter().find_map(|list| {
        let rest = path.strip_prefix(list)?.strip_prefix('/')?;
        Some((list, rest))
    })
}

fn lists(t: Text, list: &'static str) -> Vec<Crumb> {
    let crumb = |at: &str, words: &str| (format!("/dashboard/{at}"), words.to_owned());
    match list {
        "servers" => vec![crumb(list, t.nav_servers())],
        "images" => vec![crumb(list, t.nav_images())],
        "key-pairs" => vec![crumb(list, t.nav_key_pairs())],
        "server-groups" => vec![crumb(list, t.nav_server_groups())],
        "volumes" => vec![crumb(list, t.nav_volumes())],
        "volumes/types" => vec![crumb("volumes", t.nav_volumes()), crumb(list, t.volume_types())],
        "snapshots" => vec![crumb(list, t.nav_snapshots())],
        "backups" => vec![crumb(list, t.nav_backups())],
        "networks" | "subnets" | "ports" => vec![crumb("networks", t.nav_networks())],
        "routers" => vec![crumb(list, t.nav_routers())],
        "security-groups" => vec![crumb(list, t.nav_security_groups())],
        "floating-ips" => vec![crumb(list, t.nav_floating_ips())],
        "api-access" => vec![crumb(list, t.nav_api_access())],
        "credentials" => vec![crumb(list, t.nav_credentials())],
        "admin/host" => vec![crumb(list, t.nav_admin_overview())],
        "admin/networks" => vec![crumb(list, t.nav_admin_networks())],
        "admin/flavors" => vec![crumb(list, t.nav_flavors())],
        "admin/projects" => vec![crumb(list, t.nav_projects())],
        "admin/projects/domains" => vec![
            crumb("admin/projects", t.nav_projects()),
            crumb(list, t.admin_domains()),
        ],
        "admin/users" | "admin/grants" => vec![crumb("admin/users", t.nav_users())],
        "admin/users/groups" => vec![crumb("admin/users", t.nav_users()), crumb(list, t.admin_groups())],
        "admin/roles" => vec![crumb(list, t.nav_roles())],
        _ => vec![crumb(list, t.nav_system())],
    }
}

/// A network's page above its ports and subnets, and a port's own.
fn below_network(visit: &Visit, list: &str, id: Option<&str>, network: Option<&str>) -> Vec<Crumb> {
    let cloud = visit.cloud();
    let port = id
        .filter(|_| list == "ports")
        .and_then(|id| cloud.find::<Port>(&id.parse().ok()?));
    let subnet = id
        .filter(|_| list == "subnets")
        .and_then(|id| cloud.find::<Subnet>(&id.parse().ok()?));
    let network = port
        .map(|port| port.network_id)
        .or_else(|| subnet.map(|subnet| subnet.network_id))
        .or_else(|| network?.parse().ok());
    let above = network.and_then(|network| object(visit, "networks", &network.to_string()));
    let own = port.map(|port| {
        let words = match port.standard.name.as_str() {
            "" => port.id.short(),
            name => name.to_owned(),
        };
        (format!("/dashboard/ports/{}", port.id), words)
    });
    above.into_iter().chain(own).collect()
}

/// A thing with a page of its own.
fn object(visit: &Visit, list: &str, id: &str) -> Option<Crumb> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let of_network = |standard: &Standard| match standard.name.as_str() {
        "" => t.unnamed().to_owned(),
        name => name.to_owned(),
    };
    let or_short = |name: Option<&str>| match name.filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => id.chars().take(8).collect(),
    };
    let name = match list {
        "servers" => cloud.find::<Server>(&id.parse().ok()?)?.name.clone(),
        "images" => or_short(cloud.find::<Image>(&id.parse().ok()?)?.name.as_deref()),
        "server-groups" => cloud.find::<ServerGroup>(&id.parse().ok()?)?.name.clone(),
        "volumes" => or_short(cloud.find::<Volume>(&id.parse().ok()?)?.name.as_deref()),
        "networks" => {
            let network = cloud.find::<Network>(&id.parse().ok()?)?;
            of_network(&network.visible_to(cloud, visit.actor()).then_some(network)?.standard)
        }
        "routers" => of_network(&cloud.find::<Router>(&id.parse().ok()?)?.standard),
        "security-groups" => of_network(&cloud.find::<SecurityGroup>(&id.parse().ok()?)?.standard),
        "floating-ips" => {
            let row = cloud.find::<FloatingIp>(&id.parse().ok()?)?;
            row.floating_ip_address.to_string()
        }
        "admin/flavors" => cloud.find::<Flavor>(&id.into())?.name.clone(),
        "admin/projects" => cloud.find::<Project>(&id.into())?.name.clone(),
        "admin/projects/domains" => cloud.find::<Domain>(&id.into())?.name.clone(),
        "admin/users" => cloud.find::<User>(&id.into())?.name.clone(),
        "admin/users/groups" => cloud.find::<Group>(&id.into())?.name.clone(),
        _ => return None,
    };
    Some((format!("/dashboard/{list}/{id}"), name))
}

#[cfg(test)]
mod tests {
    use super::{grant_list, list_of, of_grant};

    #[test]
    fn the_longest_list_is_taken() {
        assert_eq!(list_of("volumes/types/1/edit"), Some(("volumes/types", "1/edit")));
        assert_eq!(list_of("volumes/types"), Some(("volumes", "types")));
        assert_eq!(list_of("admin/users/groups/new"), Some(("admin/users/groups", "new")));
        assert_eq!(list_of("password"), None);
    }

    #[test]
    fn a_role_belongs_to_whom_it_is_given_or_what_it_holds_in() {
        let grant = |query: &str| of_grant(&format!("/dashboard/admin/grants/new{query}"));
        assert_eq!(grant("?target=project%3A12"), "admin/projects");
        assert_eq!(grant("?target=project:12"), "admin/projects");
        assert_eq!(grant("?target=domain%3Adefault"), "admin/projects");
        assert_eq!(grant("?target=system%3Aall"), "admin/system");
        assert_eq!(grant("?holder=group%3A7"), "admin/users");
        assert_eq!(grant("?holder=user%3A7"), "admin/users");
        assert_eq!(grant(""), "admin/users");
        assert_eq!(grant_list(Some("project%3A12")), ("admin/projects", Some("12")));
        assert_eq!(grant_list(Some("group:7")), ("admin/users/groups", Some("7")));
    }
}
