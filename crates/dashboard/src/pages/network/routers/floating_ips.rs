//! The floating IPs through a router, on its page.

use maud::{Markup, html};
use model::RouterId;
use model::network::Router;

use crate::messages::Text;
use crate::pages::network::floating_ips;
use crate::visit::Visit;

/// Why the router can't do without something yet, with the way to the floating IPs that need it.
pub(super) fn in_the_way(t: Text, id: RouterId, why: &str) -> Markup {
    html! {
        p .note.warn { (why) " " a href=(format!("{}/{id}#floating-ips", super::HERE)) { (t.router_to_page()) } }
    }
}

/// What comes in by it.
pub(super) fn card(visit: &Visit, router: &Router) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ids = cloud.lookups.floating_ips_by_router.of(&router.id);
    let rows: Vec<_> = ids.filter_map(|id| cloud.floating_ips.get(id)).collect();
    html! {
        section .card #floating-ips {
            h2 { (t.router_through()) " " span .muted { (rows.len()) } }
            @if rows.is_empty() { p .muted { (t.router_through_none()) } } @else {
                div .table-scroll { table {
                    thead { tr { th { (t.fip_word()) } th { (t.router_leads_to()) } th { (t.status()) } } }
                    tbody {
                        @for row in rows {
                            tr {
                                td { (floating_ips::link(row)) }
                                td { (floating_ips::leads_to(visit, row)) }
                                td { (floating_ips::state(t, row)) }
                            }
                        }
                    }
                } }
            }
        }
    }
}
