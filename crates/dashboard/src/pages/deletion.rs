//! Deleting: the question, with what goes along, and the deed. The same for everything that can be deleted.

use maud::{Markup, html};

use crate::outcome::{Answer, Done, Page};
use crate::ui::{self, icon};
use crate::visit::Visit;

/// One thing to be deleted.
pub(crate) struct Victim {
    /// Its id in the form.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What goes along, or stands in the way.
    pub note: String,
    /// Its place in the API.
    pub path: String,
}

/// Asks whether they are really meant; the answer is sent to `address`.
pub(crate) fn ask(visit: &Visit, address: &str, victims: &[Victim]) -> Page {
    ask_with(visit, address, victims, html! {})
}

/// [`ask`] with further fields.
pub(crate) fn ask_with(visit: &Visit, address: &str, victims: &[Victim], fields: Markup) -> Page {
    let t = visit.t();
    let title = match victims {
        [one] => t.delete_title(&one.name),
        _ => t.delete_title(victims.len()),
    };
    visit.form(
        &title,
        html! {
            form method="post" action=(address) hx-post=(address) hx-swap="none" {
                ul .victims {
                    @for victim in victims {
                        li {
                            input type="hidden" name="id" value=(victim.id);
                            (icon("trash")) b { (victim.name) }
                            @if !victim.note.is_empty() { span .muted { (victim.note) } }
                        }
                    }
                }
                (fields)
                p .muted { (t.delete_for_good()) }
                (ui::submit(t, t.delete(), true))
            }
        },
    )
}

/// Deletes them one after another, up to the first that can't be. `back` is shown then to who was on the page of one, which is
/// gone.
pub(crate) async fn run(visit: &Visit, victims: &[Victim], back: Option<&str>) -> Answer<Done> {
    let t = visit.t();
    for victim in victims {
        let outcome = visit.delete(&victim.path).await;
        outcome.map_err(|mut problem| {
            problem.error.message = format!("{}: {}", victim.name, problem.error.message);
            problem
        })?;
    }
    let said = match victims {
        [one] => t.deleted(&one.name),
        _ => t.deleted_count(victims.len()),
    };
    let done = Done::saying(said);
    Ok(match back {
        Some(back) => done.back_to(back),
        None => done,
    })
}
