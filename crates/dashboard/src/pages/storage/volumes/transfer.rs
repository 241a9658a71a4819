//! A volume given to another project: an offer, with a key that is shown once and carried over by its giver.

use axum::extract::Path;
use maud::{Markup, html};
use model::volume::{self, Volume, VolumeTransfer};
use model::{VolumeId, VolumeTransferId};
use serde_json::json;

use super::{HERE, title};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::ui::{self, Field, fact, icon};
use crate::visit::Visit;

/// On an offered volume's page: the open offer.
pub(super) fn card(visit: &Visit, volume: &Volume) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let offers = cloud.lookups.transfers_by_volume.of(&volume.id);
    let offers: Vec<_> = offers.filter_map(|id| cloud.find::<VolumeTransfer>(id)).collect();
    let at = format!("{HERE}/{}/take-back", volume.id);
    html! {
        @for offer in offers {
            section .card #offer {
                h2 { (t.volume_offered()) }
                p { (t.volume_offered_text()) }
                (ui::facts(html! {
                    (fact(t.volume_offer_id(), ui::copyable(t, &offer.id.to_string())))
                    (fact(t.created(), ui::time(offer.created_at)))
                }))
                form method="post" action=(at) hx-post=(at) hx-swap="none" {
                    button .button type="submit" { (icon("x")) (t.volume_take_back()) }
                }
            }
        }
    }
}

pub(super) async fn ask(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let t = visit.t();
    let volume = volume::get_visible(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/transfer");
    let body = html! {
        // The answer is the next page of the dialog: the key is on no other.
        form method="post" action=(at) hx-post=(at) hx-target="#dialog-body" {
            p { (t.volume_transfer_text()) }
            (ui::text(Field { name: "name", label: t.volume_transfer_name(), ..Field::default() }))
            (ui::submit(t, t.volume_transfer_do(), false))
        }
        (ui::command_line(t, &[format!("openstack volume transfer request create {id}")]))
    };
    Ok(visit.form(&t.volume_transfer_title(title(&volume)), body))
}

pub(super) async fn create(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer {
    let t = visit.t();
    let volume = volume::get_visible(visit.cloud(), visit.actor(), id)?;
    let wish = json!({"transfer": {"volume_id": id, "name": fields.text("name")}});
    let made = visit.post("/volume/v3/volume-transfers", wish).await?;
    let text = |name: &str| made["transfer"][name].as_str().unwrap_or_default().to_owned();
    let (offer, key) = (text("id"), text("auth_key"));
    let body = html! {
        p .note.warn { (icon("key")) " " (t.volume_transfer_once()) }
        div .secret {
            (ui::facts(html! {
                (fact(t.volume_offer_id(), ui::copyable(t, &offer)))
                (fact(t.volume_offer_key(), ui::copyable(t, &key)))
            }))
        }
        p { (t.volume_transfer_next()) }
        (ui::code_block(t, &format!("openstack volume transfer request accept --auth-key {key} {offer}")))
        footer .form-end { a .button.main href=(format!("{HERE}/{id}")) { (t.volume_transfer_kept()) } }
    };
    Ok(visit.form(&t.volume_transfer_made(title(&volume)), body))
}

pub(super) async fn take_back(visit: Visit, Path(id): Path<VolumeId>) -> Answer<Done> {
    let cloud = visit.cloud();
    let offers: Vec<VolumeTransferId> = cloud.lookups.transfers_by_volume.of(&id).copied().collect();
    for offer in offers {
        visit.delete(&format!("/volume/v3/volume-transfers/{offer}")).await?;
    }
    Ok(Done::saying(visit.t().volume_taken_back()))
}

pub(super) async fn ask_accept(visit: Visit) -> Answer {
    let t = visit.t();
    let at = "/dashboard/volumes/accept";
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p { (t.volume_accept_text()) }
            (ui::text(Field { name: "offer", label: t.volume_offer_id(), required: true, ..Field::default() }))
            (ui::text(Field { name: "key", label: t.volume_offer_key(), required: true, kind: Some("password"), ..Field::default() }))
            (ui::submit(t, t.volume_accept(), false))
        }
        (ui::command_line(t, &["openstack volume transfer request accept --auth-key KEY OFFER".to_owned()]))
    };
    Ok(visit.form(t.volume_accept(), body))
}

pub(super) async fn accept(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let offer: VolumeTransferId = fields
        .parse("offer")?
        .ok_or_else(|| Problem::in_form(t.volume_offer_missing()))?;
    let wish = json!({"accept": {"auth_key": fields.plain("key")}});
    let made = visit
        .post(&format!("/volume/v3/volume-transfers/{offer}/accept"), wish)
        .await?;
    let id = made["transfer"]["volume_id"].as_str().unwrap_or_default();
    Ok(Done::saying(t.volume_accepted()).then(format!("{HERE}/{id}")))
}
