//! The wizard's form, step by step.

use maud::{Markup, html};
use model::compute::GroupPolicy;

use super::choices::{self, Offer};
use super::wish::{Kind, MOST_SERVERS, Nic, Root, Wish};
use super::{HERE, check, keys};
use crate::messages::Text;
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

/// Lists longer than this get a field that filters them.
const LONG: usize = 8;

/// All of it.
pub(super) fn show(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    let steps = [
        (t.launch_step_details(), details(visit, wish)),
        (t.launch_step_source(), source(visit, wish)),
        (t.launch_step_flavor(), flavor_step(visit, wish)),
        (t.launch_step_networks(), networks(visit, wish)),
        (t.launch_step_groups(), groups(visit, wish)),
        (t.launch_step_key(), keys::step(visit, wish.key.as_deref())),
        (t.launch_step_more(), more(visit, wish)),
    ];
    let listens = "change from:#launch, input from:#launch delay:200ms, htmx:afterSwap from:#launch-flavors delay:50ms, \
                   htmx:afterSwap from:#launch-nics delay:50ms, htmx:afterSwap from:#launch-keys delay:50ms";
    html! {
        form #launch .launch method="post" action=(HERE) hx-post=(HERE) hx-swap="none" data-wide {
            ol .steps {
                @for (number, (title, _)) in steps.iter().enumerate() {
                    li { button type="button" data-to-step=(number) aria-current=[(number == 0).then_some("step")] { (title) } }
                }
            }
            @for (number, (title, body)) in steps.iter().enumerate() {
                fieldset .launch-step data-step=(number) id={ "launch-step-" (number) } {
                    legend .step-title { (title) }
                    (body)
                }
            }
            div .launch-foot {
                div #launch-review .launch-review aria-live="polite" hx-post={ (HERE) "/check" } hx-trigger=(listens) hx-target="this" hx-swap="innerHTML" {
                    (check::review(visit, wish))
                }
                div .problem-place aria-live="assertive" {}
                footer .form-end {
                    button .button type="button" data-close { (t.cancel()) }
                    button .button.scripted-only type="button" data-previous data-to-step="0" hidden { (icon("left")) (t.back()) }
                    button .button.main.scripted-only type="button" data-next data-to-step="1" { (t.next()) (icon("right")) }
                    button .button.main type="submit" data-launch { (icon("play")) (t.launch_do()) }
                }
            }
        }
        details .command-line {
            summary { (icon("terminal")) (t.cli_title()) }
            div #launch-cli { (check::commands(visit, wish)) }
        }
    }
}

/// Cards to choose from; a long list scrolls, and can be filtered.
pub(super) fn picker(t: Text, field: Field<'_>, many: bool, from: &[Choice], taken: &[&str]) -> Markup {
    let id = format!("list-{}", field.name);
    html! {
        @if from.len() > LONG {
            input .launch-filter.scripted-only type="search" data-filter={ "#" (id) } placeholder=(t.search()) aria-label=(t.search_in(field.label));
        }
        div .launch-list.long[from.len() > LONG] id=(id) { (ui::choices(field, many, from, taken)) }
    }
}

fn details(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    let count = wish.count.to_string();
    html! {
        div .launch-split {
            div {
                (ui::text(Field { name: "name", label: t.name(), hint: t.launch_name_hint(), value: wish.fields.plain("name"), example: "web", required: true, ..Field::default() }))
                (ui::text(Field { name: "description", label: t.description(), value: wish.fields.plain("description"), ..Field::default() }))
                (ui::text(Field {
                    name: "count",
                    label: t.launch_count(),
                    hint: t.launch_count_hint(),
                    value: &count,
                    kind: Some("number"),
                    range: Some((1, i64::try_from(MOST_SERVERS).unwrap_or(i64::MAX))),
                    required: true,
                    ..Field::default()
                }))
            }
            section .launch-quota {
                h2 { (t.launch_quota_title()) }
                div #launch-quota { (check::quota(visit, wish)) }
            }
        }
    }
}

fn source(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    let kinds = [
        Choice::new(Kind::Image.as_str(), t.launch_from_image()).note(t.launch_from_image_hint()),
        Choice::new(Kind::Copy.as_str(), t.launch_from_copy()).note(t.launch_from_copy_hint()),
        Choice::new(Kind::Volume.as_str(), t.launch_from_volume()).note(t.launch_from_volume_hint()),
        Choice::new(Kind::Snapshot.as_str(), t.launch_from_snapshot()).note(t.launch_from_snapshot_hint()),
    ];
    let chosen = wish.root.as_ref().map_or_else(String::new, Root::id);
    let size = wish.size_gib.map_or_else(String::new, |size| size.to_string());
    let size_field = |name, hint| {
        let field = Field {
            name,
            label: t.launch_volume_size(),
            hint,
            value: &size,
            kind: Some("number"),
            range: Some((1, 1_000_000)),
            ..Field::default()
        };
        ui::text(field)
    };
    let list = |kind: Kind, label: &str, none: &str, (address, make): (&str, &str)| {
        let from = choices::of_kind(visit, kind);
        html! {
            div data-if={ "source=" (kind.as_str()) } {
                @if from.is_empty() {
                    p .note { (none) " " a href=(address) target="_blank" rel="noopener" { (make) } }
                } @else {
                    (picker(t, Field { name: kind.as_str(), label, required: true, ..Field::default() }, false, &from, &[&chosen]))
                }
            }
        }
    };
    let deletes = ui::check(
        "delete_volume",
        t.volume_with_server(),
        t.volume_with_server_hint(),
        wish.deletes_volume,
    );
    html! {
        div #launch-source {
            (ui::choices(Field { name: "source", label: t.launch_source(), required: true, ..Field::default() }, false, &kinds, &[wish.kind.as_str()]))
            (list(Kind::Image, t.launch_from_image(), t.launch_no_images(), ("/dashboard/images/new", t.launch_add_image())))
            (list(Kind::Copy, t.launch_from_copy(), t.launch_no_copies(), ("/dashboard/servers", t.nav_servers())))
            (list(Kind::Volume, t.launch_from_volume(), t.launch_no_volumes(), ("/dashboard/volumes", t.nav_volumes())))
            (list(Kind::Snapshot, t.launch_from_snapshot(), t.launch_no_snapshots(), ("/dashboard/snapshots", t.nav_snapshots())))
            div data-if="source=image copy" {
                (ui::check("into_volume", t.launch_into_volume(), t.launch_into_volume_hint(), wish.into_volume))
                div data-if="into_volume=true" { (size_field("volume_size", t.launch_volume_size_hint())) (deletes) }
            }
            div data-if="source=volume" { (deletes) }
            div data-if="source=snapshot" { (size_field("snapshot_size", t.launch_snapshot_size_hint())) (deletes) }
        }
    }
}

fn flavor_step(visit: &Visit, wish: &Wish<'_>) -> Markup {
    html! {
        p .hint { (visit.t().launch_flavor_hint()) }
        div #launch-flavors hx-get={ (HERE) "/flavors" } hx-trigger="change from:#launch-source delay:80ms" hx-target="this" hx-swap="innerHTML"
            hx-include="#launch-source, #launch-flavors" {
            (flavors(visit, wish))
        }
    }
}

/// The flavors, as cards; those that can't be taken say what is missing.
pub(super) fn flavors(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    let offers = choices::offers(visit, wish);
    let chosen = wish.flavor.as_ref().map(|flavor| &flavor.id);
    html! {
        @if offers.is_empty() { p .note.warn { (t.launch_no_flavors()) } }
        @if wish.local_bytes().is_none() { p .note { (t.launch_disk_is_volume()) } }
        div .flavor-list {
            @for Offer { flavor, lacks } in &offers {
                label .choice.flavor.out[!lacks.is_empty()] {
                    input type="radio" name="flavor" value=(flavor.id) required disabled[!lacks.is_empty()]
                        checked[lacks.is_empty() && chosen == Some(&flavor.id)];
                    span {
                        b { (flavor.name) }
                        span .flavor-figures {
                            (t.server_figures(
                                flavor.vcpus,
                                ui::mebibytes(t, flavor.memory_mib),
                                (flavor.root_gib > 0).then(|| ui::gibibytes(t, flavor.root_gib)),
                            ))
                        }
                        @if flavor.ephemeral_gib > 0 || flavor.swap_mib > 0 {
                            span .muted { (t.launch_further_disks(ui::gibibytes(t, flavor.ephemeral_gib), ui::mebibytes(t, flavor.swap_mib))) }
                        }
                        @for lack in lacks { span .lacks { (lack) } }
                    }
                }
            }
        }
    }
}

fn networks(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    html! {
        p .hint { (t.launch_networks_hint()) }
        div #launch-nics .nics data-ordered { (nics(visit, wish)) }
        p .launch-links {
            a href="/dashboard/networks/new" target="_blank" rel="noopener" { (icon("plus")) (t.network_new()) }
            button .plain.scripted-only type="button" hx-get={ (HERE) "/networks" } hx-target="#launch-nics" hx-swap="innerHTML" hx-include="#launch-nics" {
                (icon("refresh")) (t.launch_look_again())
            }
        }
        (ui::check("without_network", t.launch_without_network(), t.launch_without_network_hint(), wish.without_network))
    }
}

/// Networks and free ports: what is taken stands first, in its order.
pub(super) fn nics(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    let taken: Vec<String> = wish.nics.iter().map(Nic::value).collect();
    let networks = choices::network_choices(visit);
    let has_subnet = networks.iter().any(|choice| !choice.is_out);
    let mut all: Vec<Choice> = networks;
    let is_empty = all.is_empty();
    all.extend(choices::port_choices(visit));
    all.sort_by_key(|choice| {
        taken
            .iter()
            .position(|value| *value == choice.value)
            .unwrap_or(usize::MAX)
    });
    let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
    html! {
        @if is_empty {
            p .note.warn { (t.launch_no_networks()) }
        } @else if !has_subnet {
            p .note.warn { (t.launch_no_subnets()) }
        }
        @if !all.is_empty() {
            (picker(t, Field { name: "nic", label: t.launch_nics(), ..Field::default() }, true, &all, &taken))
        }
    }
}

fn groups(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    let own: Vec<Choice> = choices::groups(visit)
        .iter()
        .map(|group| Choice::new(group.id, group.standard.name.clone()).note(group.standard.description.clone()))
        .collect();
    let taken: Vec<String> = wish.groups.iter().map(|group| group.id.to_string()).collect();
    let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
    let is_open = |name: &str| wish.fields.is_set(name);
    html! {
        div .launch-split {
            div {
                p .hint { (t.launch_groups_hint()) }
                @if own.is_empty() { p .note { (t.launch_groups_none()) } }
                (picker(t, Field { name: "group", label: t.nav_security_groups(), ..Field::default() }, true, &own, &taken))
                (ui::check("allow_ping", t.launch_allow_ping(), "", is_open("allow_ping")))
                (ui::check("allow_ssh", t.launch_allow_ssh(), t.launch_allow_hint(), is_open("allow_ssh")))
            }
            section .launch-reach aria-live="polite" {
                h2 { (icon("shield")) " " (t.launch_reach_title()) }
                div #launch-reach { (check::reach(visit, wish)) }
            }
        }
    }
}

fn more(visit: &Visit, wish: &Wish<'_>) -> Markup {
    let t = visit.t();
    let groups = choices::server_groups(visit).into_iter().map(|group| {
        let policy = match group.policy {
            GroupPolicy::Affinity => t.launch_group_affinity(),
            GroupPolicy::AntiAffinity => t.launch_group_anti_affinity(),
            GroupPolicy::SoftAffinity => t.launch_group_soft_affinity(),
            GroupPolicy::SoftAntiAffinity => t.launch_group_soft_anti_affinity(),
        };
        Choice::new(group.id, group.name.clone()).note(policy)
    });
    let groups: Vec<Choice> = groups.collect();
    let chosen = wish
        .server_group
        .as_ref()
        .map_or_else(String::new, |group| group.id.to_string());
    let value = |name| wish.fields.plain(name);
    html! {
        (ui::text_area(Field {
            name: "user_data",
            label: t.launch_user_data(),
            hint: t.launch_user_data_hint(),
            value: wish.fields.raw("user_data").unwrap_or_default(),
            example: "#cloud-config\npackages:\n  - nginx",
            ..Field::default()
        }, 6))
        div .field.scripted-only {
            label for="launch-file" { (t.launch_user_data_file()) }
            (ui::file(t, html! { input #launch-file type="file" data-read-into="#f-user_data" data-read-base64="#launch-base64"; }))
        }
        label .launch-base64 {
            input #launch-base64 type="checkbox" name="user_data_base64" value="true" checked[wish.fields.is_set("user_data_base64")];
            span { (t.launch_user_data_base64()) }
        }
        (ui::text_area(Field { name: "metadata", label: t.launch_metadata(), hint: t.launch_metadata_hint(), value: value("metadata"), example: "role=web", ..Field::default() }, 3))
        div .columns {
            (ui::text(Field { name: "tags", label: t.launch_tags(), hint: t.launch_tags_hint(), value: value("tags"), example: "web, test", ..Field::default() }))
            (ui::pick(Field { name: "server_group", label: t.launch_server_group(), hint: t.launch_server_group_hint(), value: &chosen, ..Field::default() }, Some(t.none()), &groups))
        }
        (ui::check("config_drive", t.launch_config_drive(), t.launch_config_drive_hint(), wish.fields.is_set("config_drive")))
    }
}
