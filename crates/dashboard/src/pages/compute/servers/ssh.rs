//! How to log in: the exact command, for this server with this image, key and address.

use maud::{Markup, html};
use model::compute::{PowerState, Server, VmState};
use model::network::port::device_owner;
use model::network::{FloatingIp, Port};
use model::{Cloud, NetworkId};

use super::{HERE, Nic, boot_volume, image_name, nics, parts};
use crate::pages::reach;
use crate::ui;
use crate::visit::Visit;

/// How a word in an image's name or `os_distro` begins, and who logs in there.
const USERS: &[(&str, &str)] = &[
    ("cirros", "cirros"),
    ("tiny", "cirros"),
    ("debian", "debian"),
    ("ubuntu", "ubuntu"),
    ("fedora", "fedora"),
    ("stream", "cloud-user"),
    ("centos", "centos"),
    ("rocky", "rocky"),
    ("alma", "almalinux"),
    ("alpine", "alpine"),
    ("arch", "arch"),
    ("opensuse", "opensuse"),
    ("sles", "sles"),
    ("rhel", "cloud-user"),
    ("redhat", "cloud-user"),
    ("amazon", "ec2-user"),
    ("amzn", "ec2-user"),
    ("flatcar", "core"),
    ("coreos", "core"),
    ("freebsd", "freebsd"),
    ("openbsd", "openbsd"),
    ("netbsd", "netbsd"),
];

/// Who logs in to what was made from an image, by what is known of it.
fn user_of(admin_user: Option<&str>, distro: Option<&str>, name: Option<&str>) -> Option<String> {
    let by_words = |text: Option<&str>| {
        let text = text?.to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let is_named = |(word, _): &&(&str, &str)| words.iter().any(|each| each.starts_with(word));
        USERS.iter().find(is_named).map(|(_, user)| (*user).to_owned())
    };
    let given = admin_user.filter(|user| !user.is_empty()).map(str::to_owned);
    given.or_else(|| by_words(distro)).or_else(|| by_words(name))
}

fn user_of_server(cloud: &Cloud, server: &Server) -> Option<String> {
    let volume = boot_volume(cloud, server).and_then(|id| cloud.volumes.get(&id));
    let property = |name: &str| {
        let of_volume = || volume.and_then(|volume| volume.image_metadata.get(name));
        server.image_properties.get(name).or_else(of_volume).map(String::as_str)
    };
    user_of(
        property("os_admin_user"),
        property("os_distro"),
        image_name(cloud, server).as_deref(),
    )
}

/// A file's name as a shell takes it: none that is read as an option.
fn file_word(text: &str) -> String {
    if text.starts_with('-') {
        format!("./{}", ui::shell_word(text))
    } else {
        ui::shell_word(text)
    }
}

/// `ssh …` without the way there.
fn command(key: Option<&str>, user: &str, address: &str) -> String {
    match key {
        Some(key) => format!("ssh -i {} {user}@{address}", file_word(&format!("{key}.pem"))),
        None => format!("ssh {user}@{address}"),
    }
}

/// The namespace from which a network's servers are reached: its router's, else its own.
fn namespace(cloud: &Cloud, network: NetworkId) -> String {
    let mut ports = cloud
        .lookups
        .ports_by_network
        .of(&network)
        .filter_map(|id| cloud.ports.get(id));
    let interface = ports.find(|port| port.device_owner == device_owner::ROUTER_INTERFACE);
    match interface {
        Some(port) => format!("qrouter-{}", port.device_id),
        None => format!("qdhcp-{network}"),
    }
}

/// The address that one logs in at: a floating IP if there is one.
enum Way<'a> {
    Floating(&'a Nic<'a>, &'a FloatingIp),
    Inside(&'a Nic<'a>, &'a Port),
}

fn way<'a>(nics: &'a [Nic<'a>]) -> Option<Way<'a>> {
    let floating = nics
        .iter()
        .find_map(|nic| nic.floating.first().map(|floating| Way::Floating(nic, floating)));
    let inside = || {
        let nic = nics.iter().find(|nic| !nic.port.fixed_ips.is_empty())?;
        Some(Way::Inside(nic, nic.port))
    };
    floating.or_else(inside)
}

/// The card that tells how to log in.
pub(super) fn card(visit: &Visit, server: &Server) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let nics = nics(cloud, server);
    let key = server.key.as_ref().map(|(name, _)| name.as_str());
    let known = user_of_server(cloud, server);
    let user = known.as_deref().unwrap_or("LOGIN");
    let is_off =
        server.power_state != PowerState::Running || !matches!(server.vm_state, VmState::Active | VmState::Rescued);
    let body = match way(&nics) {
        None => html! { p .muted { (t.server_ssh_no_nic()) } },
        Some(Way::Floating(nic, floating)) => {
            let command = command(key, user, &floating.floating_ip_address.to_string());
            let command = match &visit.site().host_netns {
                Some(_) => visit.at_host(&command),
                None => command,
            };
            html! {
                (ui::code_block(t, &command))
                (closed_note(visit, server, nic))
            }
        }
        Some(Way::Inside(nic, port)) => {
            let address = port.first_ipv4().map(|ip| ip.to_string());
            let address = address.or_else(|| port.fixed_ips.first().map(|fixed| fixed.ip_address.to_string()));
            let command = command(key, user, &address.unwrap_or_default());
            html! {
                (ui::code_block(t, &visit.in_namespace(&namespace(cloud, port.network_id), &command)))
                p .muted { (t.server_ssh_inside()) " "
                    (ui::dialog_link(&format!("/dashboard/floating-ips/associate?server={}", server.id), "", html! { (t.server_do_associate()) }))
                }
                (closed_note(visit, server, nic))
            }
        }
    };
    ui::card(
        t.server_ssh(),
        html! { div .log-in {
            @if is_off { p .muted { (t.server_ssh_off()) } }
            (body)
            p { (reach::why_link(visit, &reach::ssh_of_server(server.id))) }
            @if known.is_none() { p .note.warn { (t.server_ssh_who()) } }
            @match key {
                Some(key) => {
                    p .muted.small { (t.server_ssh_key(format!("{key}.pem"))) " " code { "chmod 600 " (file_word(&format!("{key}.pem"))) } }
                }
                None => { p .muted.small { (t.server_ssh_no_key()) } }
            }
        } },
    )
}

/// Its security groups would turn the login away.
fn closed_note(visit: &Visit, server: &Server, nic: &Nic<'_>) -> Markup {
    let t = visit.t();
    html! {
        @if !parts::lets_in(visit.cloud(), nic, 22) {
            p .note.warn { (t.server_ssh_closed()) " "
                (ui::dialog_link(&format!("{HERE}/{}/security-groups", server.id), "", html! { (t.nav_security_groups()) }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_logs_in_is_told_by_the_image() {
        let user = |name: &str| user_of(None, None, Some(name));
        assert_eq!(user("debian-12-generic").as_deref(), Some("debian"));
        assert_eq!(user("Ubuntu 24.04 (Noble)").as_deref(), Some("ubuntu"));
        assert_eq!(user("cirros-0.6.3-x86_64").as_deref(), Some("cirros"));
        assert_eq!(user("tiny").as_deref(), Some("cirros"));
        assert_eq!(user("CentOS Stream 9").as_deref(), Some("cloud-user"));
        assert_eq!(user("my own"), None);
        assert_eq!(user("research"), None);
        assert_eq!(
            user_of(Some("root"), Some("debian"), Some("ubuntu")).as_deref(),
            Some("root")
        );
        assert_eq!(
            user_of(Some(""), Some("debian"), Some("ubuntu")).as_deref(),
            Some("debian")
        );
        assert_eq!(user_of(None, Some("other"), Some("ubuntu")).as_deref(), Some("ubuntu"));
    }

    #[test]
    fn commands_survive_any_name_of_a_key() {
        assert_eq!(
            command(Some("my-key"), "debian", "10.0.0.5"),
            "ssh -i my-key.pem debian@10.0.0.5"
        );
        assert_eq!(command(None, "debian", "10.0.0.5"), "ssh debian@10.0.0.5");
        assert_eq!(command(Some("a b"), "x", "y"), "ssh -i 'a b.pem' x@y");
        assert_eq!(
            command(Some("it's; rm -rf"), "x", "y"),
            r"ssh -i 'it'\''s; rm -rf.pem' x@y"
        );
        assert_eq!(
            command(Some("-oProxyCommand=x"), "x", "y"),
            "ssh -i ./'-oProxyCommand=x.pem' x@y"
        );
    }
}
