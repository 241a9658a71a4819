//! The hosts: what they have, what of it is promised to servers, and what runs on them.

mod aggregates;
mod services;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use model::compute::aggregate::zone_of;
use model::compute::schedule::Candidate;
use model::compute::{Server, host_service};
use model::host::HostFacts;

use super::common::{Admin, gibibytes, mebibytes, size};
use crate::layout::{Content, project_name};
use crate::outcome::Answer;
use crate::pages::compute::servers::state_badge;
use crate::site::Site;
use crate::ui::{self, Mood, badge, fact};
use crate::visit::Visit;

/// Servers named on the page; the others are in their own list.
const SHOWN: usize = 50;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/admin/host", get(show))
        .merge(services::routes())
        .merge(aggregates::routes())
}

async fn show(Admin(visit): Admin) -> Answer {
    let t = visit.t();
    let facts = visit.control().host_report().borrow().facts.clone();
    let services = services::card(&visit).await?;
    let body = html! {
        (ui::head(t.nav_admin_overview(), t.admin_host_lead(), html! {}))
        (hypervisor(&visit, &facts))
        (servers(&visit, &facts))
        (services)
        (aggregates::card(&visit))
    };
    Ok(visit.page(Content::new(t.nav_admin_overview(), body).cli([
        "openstack hypervisor list --long",
        "openstack compute service list",
        "openstack volume service list",
        "openstack network agent list",
        "openstack aggregate list --long",
        "openstack availability zone list",
    ])))
}

/// The host with its figures.
fn hypervisor(visit: &Visit, facts: &HostFacts) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let settings = visit.control().plan_settings();
    let name = visit.control().host_id();
    let candidate = Candidate::new(cloud, facts, &zone_of(cloud, name, &settings.availability_zone));
    let said = host_service::of(cloud, name);
    let state = match (candidate.is_up && !said.forced_down, said.disabled) {
        (false, _) => badge(Mood::Bad, t.admin_host_down()),
        (true, true) => badge(Mood::Warn, t.admin_host_disabled()),
        (true, false) => badge(Mood::Good, t.admin_host_up()),
    };
    html! {
        div .cards {
            section .card {
                header .card-head { h2 { (name) } (state) }
                (about(visit, facts, &candidate))
            }
            (capacity(visit, facts, &candidate))
        }
    }
}

fn about(visit: &Visit, facts: &HostFacts, candidate: &Candidate) -> Markup {
    let t = visit.t();
    let version = facts.hypervisor_version;
    let (symbol, words) = match facts.acceleration.as_str() {
        "kvm" => (Mood::Good, t.admin_host_kvm()),
        "tcg" => (Mood::Warn, t.admin_host_tcg()),
        _ => (Mood::Idle, t.none()),
    };
    ui::facts(html! {
        (fact(t.admin_host_acceleration(), html! { (badge(symbol, &facts.acceleration.to_uppercase())) p .muted.small { (words) } }))
        (fact("QEMU", html! { (version / 1_000_000) "." (version / 1_000 % 1_000) "." (version % 1_000) }))
        (fact("CPU", html! { (facts.vcpus) " × " (facts.cpu_model) }))
        (fact(t.admin_host_memory(), html! { (t.admin_host_really_free(mebibytes(t, facts.memory_free_mib), mebibytes(t, facts.memory_mib))) }))
        (fact(t.admin_host_disk(), html! { (t.admin_host_really_free(size(t, facts.disk_free_bytes), size(t, facts.disk_bytes))) }))
        (fact(t.admin_host_zone(), html! { (candidate.zone) }))
    })
}

/// What is promised to servers, of what may be: more than there is, as far as the settings let it.
fn capacity(visit: &Visit, facts: &HostFacts, candidate: &Candidate) -> Markup {
    let t = visit.t();
    let policy = visit.control().plan_settings().scheduling;
    let (taken, free) = (candidate.taken, candidate.free(&policy));
    // `16`, `1.5`, `1`.
    let times = |percent: u64| {
        let written = format!("{}.{:02}", percent / 100, percent % 100);
        written.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    ui::card(
        t.admin_host_promised(),
        html! {
            p .muted.lead-in { (t.admin_host_promised_hint()) }
            (ui::usage_bar(t, &t.admin_quota("cores"), taken.vcpus, Some(taken.vcpus + free.vcpus), ui::count))
            p .muted.small { (t.admin_host_ratio(ui::count(t, facts.vcpus.into()), times(policy.cpu_ratio_percent))) }
            (ui::usage_bar(t, t.admin_host_memory(), taken.memory_mib, Some(taken.memory_mib + free.memory_mib), mebibytes))
            p .muted.small {
                (t.admin_host_ratio(mebibytes(t, facts.memory_mib), times(policy.ram_ratio_percent))) " "
                (t.admin_host_reserved(mebibytes(t, policy.reserved_memory_mib)))
            }
            (ui::usage_bar(t, t.admin_host_disk(), taken.disk_gib, Some(taken.disk_gib + free.disk_gib), gibibytes))
            p .muted.small {
                (t.admin_host_ratio(gibibytes(t, candidate.disk_gib), times(policy.disk_ratio_percent)))
                @if candidate.is_short_of_disk(&policy) { " " (t.admin_host_disk_limited(gibibytes(t, candidate.disk_free_gib))) }
            }
        },
    )
}

/// What runs there, the largest first.
fn servers(visit: &Visit, facts: &HostFacts) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let mut servers: Vec<&Arc<Server>> = cloud
        .servers
        .iter()
        .filter(|server| server.host.as_ref() == Some(&facts.host))
        .collect();
    servers.sort_by_key(|server| (std::cmp::Reverse(server.flavor.memory_mib), server.id));
    html! {
        section .card #host-servers {
            header .card-head {
                h2 { (t.admin_host_servers()) " " span .muted { (servers.len()) } }
                a href="/dashboard/admin/servers" { (t.nav_admin_servers()) }
            }
            @if servers.is_empty() { p .muted { (t.admin_host_no_servers()) } } @else {
                div .table-scroll { table {
                    thead { tr {
                        th scope="col" { (t.name()) } th scope="col" { (t.project()) } th scope="col" { "Flavor" }
                        th scope="col" .number { (t.admin_quota("cores")) } th scope="col" .number { (t.admin_host_memory()) } th scope="col" { (t.status()) }
                    } }
                    tbody {
                        @for server in servers.iter().take(SHOWN) {
                            tr {
                                td { a href=(format!("/dashboard/servers/{}", server.id)) { (server.name) } }
                                td { (project_name(cloud, &server.project_id)) }
                                td { (server.flavor.name) }
                                td .number { (server.flavor.vcpus) }
                                td .number { (ui::mebibytes(t, server.flavor.memory_mib)) }
                                td { (state_badge(t, server)) }
                            }
                        }
                    }
                } }
            }
        }
    }
}
