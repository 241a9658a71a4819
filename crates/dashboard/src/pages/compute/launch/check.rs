//! What the choices come to: quota, who may reach the servers, what is still missing, and the command that does the same.

use maud::{Markup, html};

use super::choices::{self, image_name, port_name, snapshot_name, volume_name};
use super::create::{self, group_name};
use super::quota::{self, Share};
use super::reach::{Openings, Sender};
use super::wish::{Kind, Nic, Root, Wish};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Page};
use crate::pages::network::networks;
use crate::ui::{self, icon};
use crate::visit::Visit;

/// All of it, each part for its own place.
pub(super) async fn check(visit: Visit, fields: Fields) -> Answer {
    let wish = Wish::read(&visit, &fields);
    Ok(Page(html! {
        (review(&visit, &wish))
        div hx-swap-oob="innerHTML:#launch-quota" { (self::quota(&visit, &wish)) }
        div hx-swap-oob="innerHTML:#launch-reach" { (reach(&visit, &wish)) }
        div hx-swap-oob="innerHTML:#launch-cli" { (commands(&visit, &wish)) }
    }))
}

fn shares(visit: &Visit, wish: &Wish<'_>) -> Vec<Share> {
    quota::shares(visit, wish.flavor.as_deref(), wish.count, wish.volume_gib(visit))
}

/// The project's quota as it would be after the launch.
pub(super) fn quota(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    html! {
        div .rings {
            @for share in shares(visit, wish) {
                (ui::usage_ring(t, share.name, share.used.saturating_add(share.more), share.limit(), share.unit))
            }
        }
        @for words in over(visit, wish) { p .note.bad { (words) } }
        @if let Some(flavor) = &wish.flavor {
            @let fitting = choices::servers_that_fit(visit, wish, flavor);
            @if fitting < wish.count { p .note.warn { (t.launch_room_for(fitting, wish.count)) } }
        }
    }
}

/// What the launch is above the project's quotas by.
fn over(visit: &Visit, wish: &Wish<'_>) -> Vec<String> {
    shares(visit, wish)
        .iter()
        .filter_map(|share| share.excess(visit.t()))
        .collect()
}

/// Who may reach the servers, in a sentence.
pub(super) fn reach(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    if !wish.nics.is_empty() && !wish.has_own_ports() {
        return html! { p { (t.launch_reach_of_ports()) } };
    }
    let mut openings: Openings = if wish.groups.is_empty() && wish.open.is_empty() {
        // Without a choice the ports get the project's default group.
        let default = choices::groups(visit)
            .into_iter()
            .find(|group| group.is_default)
            .map(|group| group.id);
        super::reach::openings(visit.cloud(), default.as_slice())
    } else {
        wish.openings(visit)
    };
    for opening in &wish.open {
        openings.add(Sender::Anybody, opening.clone());
    }
    let to_open = wish.to_open(visit);
    html! {
        @if openings.is_closed() { p .note.warn { (t.launch_reach_nobody()) } }
        dl .reach {
            @for (from, what) in openings.lines(t) { div { dt { (from) } dd { (what) } } }
        }
        @if !to_open.is_empty() { p .note.good { (t.launch_group_made(group_name(&to_open))) } }
        p .muted.small { (t.launch_reach_floating()) }
    }
}

/// What is still missing: the step, and the words.
fn missing(visit: &Visit, wish: &Wish<'_>) -> Vec<(usize, String)> {
    let t = visit.t();
    let mut found = Vec::new();
    if wish.fields.plain("name").is_empty() {
        found.push((0, t.launch_missing_name().to_owned()));
    }
    match &wish.root {
        None => found.push((1, t.launch_missing_source().to_owned())),
        Some(_) => {
            let smallest = wish.smallest_volume(visit).unwrap_or(0);
            if wish
                .size_gib
                .is_some_and(|size| wish.volume_source().is_some() && size < smallest)
            {
                found.push((1, t.launch_volume_small(ui::gibibytes(t, smallest))));
            }
            if wish.count > 1 && matches!(&wish.root, Some(Root::Volume(volume)) if !volume.multiattach) {
                found.push((0, t.launch_volume_one().to_owned()));
            }
        }
    }
    if wish.flavor.is_none() {
        found.push((2, t.launch_missing_flavor().to_owned()));
    }
    if wish.nics.is_empty() && !wish.without_network {
        found.push((3, t.launch_missing_network().to_owned()));
    }
    if wish.count > 1 && wish.nics.iter().any(|nic| matches!(nic, Nic::Port(_))) {
        found.push((3, t.launch_port_one().to_owned()));
    }
    if let Some(fault) = create::user_data(t, wish.fields).err() {
        found.push((6, fault));
    }
    found
}

/// A line of what will be made, and what is still missing for it.
pub(super) fn review(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    let name = wish.fields.plain("name");
    let missing = missing(visit, wish);
    let part =
        |symbol: &str, label: &str, words: String| html! { span { (icon(symbol)) span .muted { (label) } (words) } };
    let nics: Vec<String> = wish.nics.iter().map(|nic| nic_name(t, nic)).collect();
    let mut groups: Vec<String> = wish.groups.iter().map(|group| group.standard.name.clone()).collect();
    let to_open = wish.to_open(visit);
    if !to_open.is_empty() {
        groups.push(group_name(&to_open));
    }
    html! {
        p .review-line {
            span .sr { (t.launch_review()) ": " }
            @if !name.is_empty() {
                (part("server", t.name(), if wish.count > 1 { format!("{} × {name}", wish.count) } else { name.to_owned() }))
            }
            @if let Some(root) = &wish.root { (part(root_symbol(root), t.launch_step_source(), root_name(visit, wish, root))) }
            @if let Some(flavor) = &wish.flavor { (part("cpu", t.launch_step_flavor(), flavor.name.clone())) }
            @if !nics.is_empty() { (part("network", t.launch_step_networks(), nics.join(", "))) }
            @if !groups.is_empty() { (part("shield", t.launch_step_groups(), groups.join(", "))) }
            @if let Some(key) = &wish.key { (part("key", t.launch_step_key(), key.clone())) }
        }
        @if !missing.is_empty() {
            p .review-missing {
                span { (t.launch_still()) }
                @for (step, words) in &missing { button .plain type="button" data-to-step=(step) { (words) } }
            }
        }
        @for words in over(visit, wish) { p .review-over { (icon("alert")) (words) } }
    }
}

fn nic_name(t: Text, nic: &Nic) -> String {
    match nic {
        Nic::Network(network) => networks::name_of(t, &network.standard),
        Nic::Port(port) => t.launch_port_named(port_name(port)),
    }
}

fn root_symbol(root: &Root) -> &'static str {
    match root {
        Root::Image(_) => "disc",
        Root::Volume(_) => "volume",
        Root::Snapshot(_) => "camera",
    }
}

fn root_name(visit: &Visit, wish: &Wish<'_>, root: &Root) -> String {
    let t = visit.t();
    let name = match root {
        Root::Image(image) => image_name(t, image),
        Root::Volume(volume) => volume_name(volume),
        Root::Snapshot(snapshot) => snapshot_name(snapshot),
    };
    match wish.volume_gib(visit) {
        0 => name,
        gib => t.launch_in_new_volume(name, ui::gibibytes(t, gib)),
    }
}

/// The commands that do the same.
pub(super) fn commands(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    let mut lines = Vec::new();
    let to_open = wish.to_open(visit);
    let made = (!to_open.is_empty()).then(|| group_name(&to_open));
    if let Some(group) = &made {
        lines.push(format!("openstack security group create {group}"));
        lines.extend(to_open.iter().map(|opening| opening.command(group)));
    }
    let mut parts = vec!["openstack server create".to_owned()];
    parts.push(format!(
        "--flavor {}",
        wish.flavor
            .as_ref()
            .map_or_else(|| "FLAVOR".to_owned(), |flavor| shell(&flavor.name))
    ));
    parts.push(root_options(wish));
    parts.extend(wish.nics.iter().map(|nic| match nic {
        Nic::Network(network) => format!(
            "--network {}",
            shell(named(&network.standard.name, &network.id.to_string()))
        ),
        Nic::Port(port) => format!("--port {}", shell(named(&port.standard.name, &port.id.to_string()))),
    }));
    if wish.without_network && wish.nics.is_empty() {
        parts.push("--no-network".to_owned());
    }
    let groups = wish
        .groups
        .iter()
        .map(|group| group.standard.name.as_str())
        .chain(made.as_deref());
    parts.extend(groups.map(|group| format!("--security-group {}", shell(group))));
    parts.extend(wish.key.iter().map(|key| format!("--key-name {}", shell(key))));
    if wish.count > 1 {
        parts.push(format!("--min {0} --max {0}", wish.count));
    }
    let fields = wish.fields;
    if fields.is_set("description") {
        parts.push(format!("--description {}", shell(fields.plain("description"))));
    }
    if fields.is_set("user_data") {
        parts.push("--user-data FILE".to_owned());
    }
    parts.extend(
        create::metadata(fields)
            .flatten()
            .map(|(key, value)| format!("--property {}", shell(&format!("{key}={value}")))),
    );
    parts.extend(fields.lines("tags").map(|tag| format!("--tag {}", shell(tag))));
    parts.extend(
        wish.server_group
            .iter()
            .map(|group| format!("--hint group={}", group.id)),
    );
    if fields.is_set("config_drive") {
        parts.push("--use-config-drive".to_owned());
    }
    parts.push(match fields.plain("name") {
        "" => "NAME".to_owned(),
        name => shell(name),
    });
    lines.push(parts.join(" \\\n  "));
    ui::code_block(t, &lines.join("\n"))
}

fn root_options(wish: &Wish<'_>) -> String {
    let size = wish
        .size_gib
        .map_or_else(String::new, |size| format!(",volume_size={size}"));
    let block = |source: &str, id: String, size: &str| {
        let deletes = if wish.deletes_volume {
            ",delete_on_termination=true"
        } else {
            ""
        };
        format!("--block-device source_type={source},uuid={id},destination_type=volume,boot_index=0{size}{deletes}")
    };
    match &wish.root {
        None if wish.kind == Kind::Volume => "--volume VOLUME".to_owned(),
        None if wish.kind == Kind::Snapshot => "--snapshot SNAPSHOT".to_owned(),
        None => "--image IMAGE".to_owned(),
        Some(Root::Image(image)) if wish.into_volume => block("image", image.id.to_string(), &size),
        Some(Root::Image(image)) => {
            format!(
                "--image {}",
                shell(named(image.name.as_deref().unwrap_or_default(), &image.id.to_string()))
            )
        }
        Some(Root::Volume(volume)) if wish.deletes_volume => block("volume", volume.id.to_string(), ""),
        Some(Root::Volume(volume)) => {
            format!(
                "--volume {}",
                shell(named(
                    volume.name.as_deref().unwrap_or_default(),
                    &volume.id.to_string()
                ))
            )
        }
        Some(Root::Snapshot(snapshot)) => block("snapshot", snapshot.id.to_string(), &size),
    }
}

fn named<'a>(name: &'a str, id: &'a str) -> &'a str {
    if name.is_empty() { id } else { name }
}

/// A word as a shell takes it.
fn shell(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(shell("m1.tiny"), "m1.tiny");
        assert_eq!(shell("my web"), "'my web'");
        assert_eq!(shell("it's; rm -rf"), r"'it'\''s; rm -rf'");
        assert_eq!(shell(""), "''");
    }
}
