//! EC2 credentials: an access key and a secret for programs that sign their requests as Amazon's clients do.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use maud::{Markup, html};
use model::identity::{Credential, EC2};
use serde_json::json;

use super::api_access::text_of;
use crate::layout::project_name;
use crate::outcome::{Answer, in_query};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, fact, icon};
use crate::visit::Visit;

const CREATE: &str = "/dashboard/api-access/ec2";
const DELETE: &str = "/dashboard/api-access/ec2/delete";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(CREATE, post(create))
        .merge(deletion::routes(deletion::Kind::Ec2, DELETE, None, victim))
}

fn own(visit: &Visit) -> Vec<Arc<Credential>> {
    let cloud = visit.cloud();
    let ids = cloud.lookups.credentials_by_user.of(&visit.actor().user_id);
    ids.filter_map(|id| cloud.credentials.get(id))
        .filter(|row| row.kind == EC2)
        .cloned()
        .collect()
}

/// The visitor's, on the page of API access.
pub(super) fn card(visit: &Visit) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let rows = own(visit);
    html! {
        section .card #ec2 {
            header .card-head {
                div { h2 { (t.access_ec2()) } p .muted { (t.access_ec2_lead()) } }
                form method="post" action=(CREATE) hx-post=(CREATE) hx-target="#dialog-body" {
                    button .button type="submit" { (icon("plus")) (t.access_ec2_new()) }
                }
            }
            @if rows.is_empty() { p .muted { (t.none_yet()) } } @else {
                div .table-scroll { table {
                    thead { tr {
                        th scope="col" { (t.access_ec2_key()) } th scope="col" { (t.project()) }
                        th .row-menu { span .sr { (t.actions()) } }
                    } }
                    tbody {
                        @for row in &rows {
                            @let access = row.part("access").unwrap_or_default();
                            tr {
                                td { (ui::copyable(t, &access)) }
                                td { @if let Some(project) = &row.project_id { (project_name(cloud, project)) } }
                                td .row-menu {
                                    (ui::dialog_link(&format!("{DELETE}?id={}", in_query(&access)), "button plain danger icon-only", html! {
                                        (icon("trash")) span .sr { (t.delete()) " " (access) }
                                    }))
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}

async fn create(visit: Visit) -> Answer {
    let t = visit.t();
    let path = format!("/identity/v3/users/{}/credentials/OS-EC2", visit.actor().user_id);
    let made = visit.post(&path, json!({"tenant_id": visit.project_id()})).await?;
    let access = text_of(&made, &["credential", "access"])?;
    let secret = text_of(&made, &["credential", "secret"])?;
    let body = html! {
        div {
            p { (t.access_ec2_made()) }
            (ui::facts(html! {
                (fact(t.access_ec2_key(), ui::copyable(t, &access)))
                (fact(t.access_ec2_secret(), ui::copyable(t, &secret)))
            }))
            footer .form-end { a .button.main href="/dashboard/api-access#ec2" { (t.close()) } }
        }
    };
    Ok(visit.form(t.access_ec2_title(), body))
}

fn victim(visit: &Visit, access: &str) -> Answer<Victim> {
    let user = &visit.actor().user_id;
    let path = format!("/identity/v3/users/{user}/credentials/OS-EC2/{}", in_query(access));
    Ok(Victim::new(access, access, path))
}
