//! Deleting: the question, with what goes along, and the deed. The same for everything that can be deleted.

use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};

use crate::form::Fields;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::admin::Admin;
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::Visit;

/// One thing to be deleted.
pub(crate) struct Victim {
    /// Its id in the form.
    id: String,
    /// Its name for people.
    name: String,
    /// What goes along, or stands in the way.
    note: String,
    /// Its place in the API.
    path: String,
}

impl Victim {
    /// By its id, its name for people and its place in the API.
    pub fn new(id: impl ToString, name: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            id: id.to_string(),
            name: name.into(),
            note: String::new(),
            path: path.into(),
        }
    }

    /// What goes along, or stands in the way.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// [`Self::note`] of so many of something, if there are any.
    pub fn note_of<N: Copy + Default + PartialOrd>(self, count: N, words: impl FnOnce(N) -> String) -> Self {
        if count > N::default() {
            self.note(words(count))
        } else {
            self
        }
    }
}

/// What an id in a form stands for, if the visitor may see it.
pub(crate) type Find = fn(&Visit, &str) -> Answer<Victim>;

/// The question and the deed, at `address`. `back` is the list that is shown afterwards to who was on a page below it.
pub(crate) fn routes(address: &'static str, back: Option<&'static str>, find: Find) -> Router<Arc<Site>> {
    let question = move |visit: Visit, fields: Fields| async move { ask_about(&visit, address, &fields, find) };
    let deed = move |visit: Visit, fields: Fields| async move { delete(&visit, &fields, back, find).await };
    Router::new().route(address, get(question).post(deed))
}

/// [`routes`] of what only administrators see.
pub(crate) fn routes_of_admins(address: &'static str, back: Option<&'static str>, find: Find) -> Router<Arc<Site>> {
    let question = move |Admin(visit): Admin, fields: Fields| async move { ask_about(&visit, address, &fields, find) };
    let deed = move |Admin(visit): Admin, fields: Fields| async move { delete(&visit, &fields, back, find).await };
    Router::new().route(address, get(question).post(deed))
}

fn ask_about(visit: &Visit, address: &str, fields: &Fields, find: Find) -> Answer<Page> {
    Ok(ask(visit, address, &chosen(fields, |id| find(visit, id))?))
}

async fn delete(visit: &Visit, fields: &Fields, back: Option<&str>, find: Find) -> Answer<Done> {
    run(visit, &chosen(fields, |id| find(visit, id))?, back).await
}

/// Everything that a form names by its id.
///
/// # Errors
/// What `find` says.
pub(crate) fn chosen<T>(fields: &Fields, find: impl FnMut(&str) -> Answer<T>) -> Answer<Vec<T>> {
    fields.all("id").map(find).collect()
}

/// An id as it stands in a form.
///
/// # Errors
/// It is none.
pub(crate) fn parsed<T: FromStr>(id: &str) -> Answer<T> {
    id.parse().map_err(|_| Problem::in_form(id))
}

/// Asks whether they are really meant; the answer is sent to `address`.
pub(crate) fn ask(visit: &Visit, address: &str, victims: &[Victim]) -> Page {
    ask_with(visit, address, victims, html! {})
}

/// [`ask`] with further fields.
pub(crate) fn ask_with(visit: &Visit, address: &str, victims: &[Victim], fields: Markup) -> Page {
    let t = visit.t();
    if victims.is_empty() {
        return visit.form(t.delete(), html! { p { (t.nothing_chosen()) } });
    }
    let title = match victims {
        [one] => t.delete_title(&one.name),
        _ => t.delete_title_of_many(victims.len()),
    };
    visit.form(
        &title,
        html! {
            form method="post" action=(address) hx-post=(address) hx-swap="none" {
                ul .victims tabindex="0" {
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
    if victims.is_empty() {
        return Err(Problem::in_form(t.nothing_chosen()));
    }
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
