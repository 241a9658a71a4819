//! The step that chooses a key pair, or makes one in place.

use maud::{Markup, html};

use super::{HERE, choices, form};
use crate::form::Fields;
use crate::outcome::{Answer, Page};
use crate::pages::compute::key_pairs;
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

/// The step. Forms can't be inside forms: the two small ones here are sent by their buttons.
pub(super) fn step(visit: &Visit, chosen: Option<&str>) -> Markup {
    let t = visit.t();
    let at = format!("{HERE}/key");
    html! {
        p .hint { (t.launch_key_hint()) }
        div #launch-keys { (list(visit, chosen)) }
        div #launch-key-made {}
        div .launch-split.scripted-only {
            details .launch-inline open[choices::keys(visit).is_empty()] {
                summary { (icon("key")) (t.launch_key_make()) }
                (ui::text(Field { name: "new_key", label: t.keypair_name(), hint: t.keypair_name_hint(), example: "my-key", ..Field::default() }))
                button #launch-make-key .button type="button" data-enter="#f-new_key" hx-post=(at) hx-params="new_key" hx-target="#launch-keys" hx-swap="innerHTML"
                    hx-disabled-elt="this" { (icon("plus")) (t.launch_key_make()) }
            }
            details .launch-inline {
                summary { (icon("upload")) (t.launch_key_import()) }
                (ui::text(Field { name: "import_name", label: t.keypair_name(), example: "my-laptop", ..Field::default() }))
                (ui::text_area(Field { name: "import_key", label: t.keypair_public(), hint: t.keypair_public_hint(), example: "ssh-ed25519 AAAA…", ..Field::default() }, 3))
                div .field {
                    label for="launch-key-file" { (t.keypair_public_file()) }
                    (ui::file(t, html! { input #launch-key-file type="file" accept=".pub,.pem,.crt,text/plain" data-read-into="#f-import_key"; }))
                }
                button #launch-import-key .button type="button" data-enter="#f-import_name" hx-post=(at) hx-params="import_name,import_key" hx-target="#launch-keys"
                    hx-swap="innerHTML" hx-disabled-elt="this" { (icon("upload")) (t.launch_key_import()) }
            }
        }
        p .no-script { a href="/dashboard/key-pairs/new" { (t.launch_key_make()) } }
    }
}

/// The key pairs, one of them chosen.
fn list(visit: &Visit, chosen: Option<&str>) -> Markup {
    let t = visit.t();
    // What was just made is not in the tables that the visit began with.
    let cloud = visit.cloud_now();
    let own = model::compute::keypair::of_user(&cloud, &visit.actor().user_id);
    let none = Choice::new("", t.launch_key_none()).note(t.launch_key_none_hint());
    let all: Vec<Choice> = own
        .map(|key| Choice::new(&key.name, key.name.clone()).note(key.fingerprint.clone()))
        .chain([none])
        .collect();
    form::picker(
        t,
        Field {
            name: "key",
            label: t.launch_key_list(),
            ..Field::default()
        },
        false,
        &all,
        &[chosen.unwrap_or_default()],
    )
}

/// Makes or imports one. The private half is in this answer, and nowhere else.
pub(super) async fn make(visit: Visit, fields: Fields) -> Answer {
    let made = match fields.text("new_key") {
        Some(name) => key_pairs::make(&visit, name, "ssh").await?,
        None => key_pairs::import(&visit, &fields, "import_name", "import_key", "ssh").await?,
    };
    Ok(Page(html! {
        (list(&visit, Some(&made.name)))
        @if made.private.is_some() {
            div hx-swap-oob="beforeend:#launch-key-made" { (key_pairs::private_part(visit.t(), &made)) }
        }
    }))
}
