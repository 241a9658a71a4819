//! Key pairs: made, imported, shown. A private key is in the answer that made it, and nowhere else: no page, address or log
//! has it, and no later request finds it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::compute::{Keypair, KeypairId, KeypairKind, Server, keypair};
use serde_json::{Value, json};

use crate::form::Fields;
use crate::layout::Content;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Problem, in_query};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Choice, Field, List, ListQuery, fact, icon};
use crate::visit::Visit;

const HERE: &str = "/dashboard/key-pairs";
const API: &str = "/compute/v2.1/os-keypairs";

/// The last microversions in which the API makes pairs; newer ones take public keys only.
const THAT_MAKE: &str = "compute 2.91";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list))
        .route("/dashboard/key-pairs/new", get(new).post(create))
        .route("/dashboard/key-pairs/import", get(ask_import).post(create_imported))
        .route("/dashboard/key-pairs/show", get(show_named))
        .route("/dashboard/key-pairs/{name}", get(show_at))
        .merge(deletion::routes(
            deletion::Kind::KeyPair,
            "/dashboard/key-pairs/delete",
            Some(HERE),
            victim,
        ))
}

/// Where a pair is shown. Its name may be any word, "new" and ".." too, so it stands in the query.
pub(crate) fn address(name: &str) -> String {
    format!("{HERE}/show?name={}", in_query(name))
}

fn api_path(name: &str) -> String {
    format!("{API}/{}", in_query(name).replace('/', "%2F"))
}

fn kind(t: Text, kind: KeypairKind) -> &'static str {
    match kind {
        KeypairKind::Ssh => t.keypair_kind_ssh(),
        KeypairKind::X509 => t.keypair_kind_x509(),
    }
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let t = visit.t();
    let pairs: Vec<_> = keypair::of_user(visit.cloud(), &visit.actor().user_id)
        .cloned()
        .collect();
    let actions = html! {
        (ui::action("/dashboard/key-pairs/import", "upload", t.keypair_import()))
        (ui::main_action("/dashboard/key-pairs/new", "plus", t.keypair_new()))
    };
    let body = html! {
        (ui::head(t.nav_key_pairs(), t.keypair_lead(), html! { (actions) }))
        @if pairs.is_empty() {
            (ui::empty("key", t.keypair_empty(), t.keypair_empty_text(), html! { (actions) }))
        } @else { (table(&visit, &query, pairs)) }
    };
    Ok(visit.page(Content::new(t.nav_key_pairs(), body).cli([
        "openstack keypair list",
        "openstack keypair create --private-key my-key.pem my-key",
        "openstack keypair create --public-key ~/.ssh/id_ed25519.pub my-laptop",
    ])))
}

fn table(visit: &Visit, query: &ListQuery, pairs: Vec<Arc<Keypair>>) -> Markup {
    let t = visit.t();
    List::new(visit, query, t.keypair_word(), pairs, |pair| {
        format!("{} {}", pair.name, pair.fingerprint)
    })
    .sorted(
        "name",
        t.name(),
        |pair| pair.name.to_lowercase(),
        |pair| html! { a href=(address(&pair.name)) { (pair.name) } },
    )
    .sorted(
        "type",
        t.keypair_kind(),
        |pair| kind(t, pair.kind),
        |pair| html! { (kind(t, pair.kind)) },
    )
    .column(
        "fingerprint",
        t.keypair_fingerprint(),
        |pair| html! { code { (pair.fingerprint) } },
    )
    .sorted(
        "created",
        t.created(),
        |pair| pair.created_at,
        |pair| ui::time(pair.created_at),
    )
    .menu(|pair| {
        let delete = format!("{HERE}/delete?id={}", in_query(&pair.name));
        ui::menu(
            t,
            &pair.name,
            html! {
                a .item href=(address(&pair.name)) { (icon("eye")) (t.details()) }
                hr;
                (ui::dialog_link(&delete, "item danger", html! { (icon("trash")) (t.delete()) }))
            },
        )
    })
    .bulk_delete(
        format!("{HERE}/delete"),
        |pair| pair.name.clone(),
        |pair| pair.name.clone(),
    )
    .render()
}

async fn show_named(visit: Visit, fields: Fields) -> Answer {
    show(&visit, fields.plain("name"))
}

async fn show_at(visit: Visit, Path(name): Path<String>) -> Answer {
    show(&visit, &name)
}

fn show(visit: &Visit, name: &str) -> Answer {
    let t = visit.t();
    let pair = find(visit, name)?;
    let delete = format!("{HERE}/delete?id={}", in_query(name));
    let actions = ui::dialog_link(&delete, "button danger", html! { (icon("trash")) (t.delete()) });
    let body = html! {
        (ui::object_head((HERE, t.nav_key_pairs()), name, html! {}, actions))
        div .cards {
            (ui::card(t.details(), ui::facts(html! {
                (fact(t.keypair_kind(), html! { (kind(t, pair.kind)) }))
                (fact(t.keypair_fingerprint(), ui::copyable(t, &pair.fingerprint)))
                (fact(t.created(), ui::time(pair.created_at)))
            })))
            (ui::card(t.keypair_used_by(), users(visit, &pair)))
        }
        section .card {
            h2 { (t.keypair_public()) }
            p .muted .key-words { (t.keypair_public_lead()) }
            (ui::code_block(t, &pair.public_key))
        }
        @if pair.kind == KeypairKind::Ssh { (ui::card(t.keypair_how(), how(t, name))) }
    };
    let shown = name.replace('\'', r"'\''");
    Ok(visit.page(Content::new(name, body).cli([
        format!("openstack keypair show '{shown}'"),
        format!("openstack keypair show --public-key '{shown}'"),
    ])))
}

fn find(visit: &Visit, name: &str) -> Result<Arc<Keypair>, Problem> {
    let id = KeypairId(visit.actor().user_id.clone(), name.to_owned());
    Ok(visit.cloud().get::<Keypair>(&id)?)
}

/// Servers of the project that were made with it.
fn servers_of(visit: &Visit, pair: &Keypair) -> Vec<Arc<Server>> {
    let cloud = visit.cloud();
    let servers = cloud
        .lookups
        .servers_by_project
        .of(visit.project_id())
        .filter_map(|id| cloud.servers.get(id));
    let has_it = |server: &Server| {
        let key = server.key.as_ref();
        key.is_some_and(|(name, public)| *name == pair.name && *public == pair.public_key)
    };
    servers.filter(|server| has_it(server)).cloned().collect()
}

fn users(visit: &Visit, pair: &Keypair) -> Markup {
    let servers = servers_of(visit, pair);
    html! {
        @if servers.is_empty() { p .muted { (visit.t().keypair_unused()) } }
        ul .key-servers {
            @for server in servers { li { (icon("server")) a href={ "/dashboard/servers/" (server.id) } { (server.name) } } }
        }
    }
}

/// What to do with the private half.
fn how(t: Text, name: &str) -> Markup {
    let file = file_name(name);
    html! {
        p .muted .key-words { (t.keypair_how_text()) }
        (ui::code_block(t, &format!("chmod 600 {file}\nssh -i {file} {}@{}", t.keypair_how_user(), t.keypair_how_address())))
    }
}

/// The file that a private key is kept in: a name that needs no quotes.
fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    let plain: String = name.chars().map(plain).collect();
    format!("{}.pem", plain.trim_start_matches(['-', '.']))
}

async fn new(visit: Visit) -> Answer {
    let t = visit.t();
    let at = format!("{HERE}/new");
    let kinds = [
        Choice::new("ssh", t.keypair_kind_ssh()),
        Choice::new("x509", t.keypair_kind_x509()),
    ];
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-target="#dialog-body" hx-swap="innerHTML" hx-disabled-elt="find [type=submit]" {
            p .muted .key-words { (t.keypair_new_lead()) }
            (name_field(t, "name"))
            (ui::pick(Field { name: "type", label: t.keypair_kind(), hint: t.keypair_kind_hint(), value: "ssh", ..Field::default() }, None, &kinds))
            (ui::submit(t, t.keypair_new(), false))
        }
        (ui::command_line(t, &["openstack keypair create --private-key my-key.pem my-key".to_owned()]))
    };
    Ok(visit.form(t.keypair_new(), body))
}

/// The name of a new pair.
pub(super) fn name_field(t: Text, name: &'static str) -> Markup {
    ui::text(Field {
        name,
        label: t.keypair_name(),
        hint: t.keypair_name_hint(),
        example: "my-key",
        required: true,
        pattern: Some("[A-Za-z0-9 _\\-]+"),
        ..Field::default()
    })
}

/// A pair that was just made.
pub(super) struct Made {
    /// Its name.
    pub name: String,
    /// For SSH, not a certificate.
    pub is_ssh: bool,
    /// Its private half, where it was made here.
    pub private: Option<String>,
}

impl Made {
    fn of(answer: &Value) -> Self {
        let text = |field: &str| answer["keypair"][field].as_str().map(str::to_owned);
        Self {
            name: text("name").unwrap_or_default(),
            is_ssh: text("type").as_deref() == Some("ssh"),
            private: text("private_key"),
        }
    }
}

/// Has the cloud make a pair.
pub(super) async fn make(visit: &Visit, name: &str, kind: &str) -> Result<Made, Problem> {
    let body = json!({"keypair": {"name": name, "type": kind}});
    Ok(Made::of(&visit.post_at(THAT_MAKE, API, body).await?))
}

/// Brings a public key, from these fields of a form.
pub(super) async fn import(visit: &Visit, fields: &Fields, name: &str, key: &str, kind: &str) -> Result<Made, Problem> {
    let t = visit.t();
    let name = fields
        .text(name)
        .ok_or_else(|| Problem::in_form(t.keypair_needs_name()))?;
    let text = fields
        .text(key)
        .ok_or_else(|| Problem::in_form(t.keypair_needs_public()))?;
    if text.contains("PRIVATE KEY") {
        return Err(Problem::in_form(t.keypair_is_private()));
    }
    let body = json!({"keypair": {"name": name, "type": kind, "public_key": text}});
    Ok(Made::of(&visit.post(API, body).await?))
}

/// Makes one; its private half is in this answer alone.
async fn create(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let name = fields
        .text("name")
        .ok_or_else(|| Problem::in_form(t.keypair_needs_name()))?;
    let made = make(&visit, name, fields.text("type").unwrap_or("ssh")).await?;
    let body = html! {
        div .key-made {
            (private_part(t, &made))
            footer .form-end {
                a .button.main href=(HERE) { (icon("check")) (t.keypair_kept()) }
            }
        }
    };
    Ok(visit.form(&t.keypair_made(&made.name), body))
}

/// A private key, to be copied or kept as a file now; and how it is used then.
pub(super) fn private_part(t: Text, made: &Made) -> Markup {
    let Some(private) = &made.private else { return html! {} };
    let name = &made.name;
    // An id may hold no spaces, a name may.
    let id: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    html! {
        section .private-key {
            p .note.warn { (icon("alert")) " " (t.keypair_once(name)) }
            div .private-actions {
                button .button.main.scripted-only type="button" data-save={ "#private-" (id) } data-name=(file_name(name)) data-said=(t.keypair_downloaded(file_name(name))) { (icon("download")) (t.keypair_download(file_name(name))) }
                button .button.scripted-only type="button" data-copy=(private) { (icon("copy")) (t.copy()) }
            }
            pre id={ "private-" (id) } tabindex="0" aria-label=(t.keypair_private()) { (private) }
            @if made.is_ssh { (how(t, name)) }
        }
    }
}

async fn ask_import(visit: Visit) -> Answer {
    let t = visit.t();
    let at = format!("{HERE}/import");
    let kinds = [
        Choice::new("ssh", t.keypair_kind_ssh()),
        Choice::new("x509", t.keypair_kind_x509()),
    ];
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .muted .key-words { (t.keypair_import_lead()) }
            (name_field(t, "name"))
            (ui::pick(Field { name: "type", label: t.keypair_kind(), hint: t.keypair_kind_hint(), value: "ssh", ..Field::default() }, None, &kinds))
            (ui::text_area(Field {
                name: "public_key",
                label: t.keypair_public(),
                hint: t.keypair_public_hint(),
                example: "ssh-ed25519 AAAA… me@laptop",
                required: true,
                ..Field::default()
            }, 5))
            div .field.scripted-only {
                label for="key-file" { (t.keypair_public_file()) }
                (ui::file(t, html! { input #key-file type="file" accept=".pub,.pem,.crt,text/plain" data-read-into="#f-public_key"; }))
            }
            (ui::submit(t, t.keypair_import(), false))
        }
        (ui::command_line(t, &["openstack keypair create --public-key ~/.ssh/id_ed25519.pub my-laptop".to_owned()]))
    };
    Ok(visit.form(t.keypair_import(), body))
}

async fn create_imported(visit: Visit, fields: Fields) -> Answer<Done> {
    let kind = fields.text("type").unwrap_or("ssh");
    let made = import(&visit, &fields, "name", "public_key", kind).await?;
    Ok(Done::saying(visit.t().keypair_imported(made.name)).then(HERE))
}

fn victim(visit: &Visit, name: &str) -> Answer<Victim> {
    let pair = find(visit, name)?;
    let users = servers_of(visit, &pair).len();
    Ok(Victim::new(name, name, api_path(name)).note_of(users, |users| visit.t().keypair_delete_note(users)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_keys_need_no_quotes() {
        assert_eq!(file_name("my key"), "my_key.pem");
        assert_eq!(file_name("-rf"), "rf.pem");
        assert_eq!(file_name("a$(b)'c"), "a__b__c.pem");
    }
}
