//! Deleting: the question, with what goes along and what stands in the way, and the deed. The same for everything that can
//! be deleted.

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

pub(crate) use crate::messages::Kind;

/// What stands in the way of a deletion.
struct Obstacle {
    /// In a sentence.
    why: String,
    /// The step that is missing: its address and words.
    step: Option<(String, String)>,
    /// The form's box that takes it away when it is ticked.
    unless: Option<&'static str>,
}

/// One thing to be deleted.
pub(crate) struct Victim {
    /// Its id in the form.
    id: String,
    /// Its name for people.
    name: String,
    /// What goes along, and what stays: sentences.
    notes: Vec<String>,
    obstacle: Option<Obstacle>,
    /// The notes tell of some of what is attached to it: the sentence for its kind is about the others.
    tells_of_some: bool,
    /// Its name must be typed.
    is_grave: bool,
    /// Its place in the API.
    path: String,
    /// How the command line names it.
    cli: String,
}

impl Victim {
    /// By its id, its name for people and its place in the API.
    pub fn new(id: impl ToString, name: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            id: id.to_string(),
            name: name.into(),
            notes: Vec::new(),
            obstacle: None,
            tells_of_some: false,
            is_grave: false,
            path: path.into(),
            cli: ui::shell_word(&id.to_string()),
        }
    }

    /// What goes along, or stays.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
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

    /// Why it can't be deleted now.
    pub fn blocked(mut self, why: impl Into<String>) -> Self {
        self.obstacle = Some(Obstacle {
            why: why.into(),
            step: None,
            unless: None,
        });
        self
    }

    /// Where what is in the way is taken out of it.
    pub fn step(mut self, address: impl Into<String>, words: impl Into<String>) -> Self {
        if let Some(obstacle) = &mut self.obstacle {
            obstacle.step = Some((address.into(), words.into()));
        }
        self
    }

    /// What is in the way goes along when a box of the form is ticked.
    pub fn unless(mut self, name: &'static str) -> Self {
        if let Some(obstacle) = &mut self.obstacle {
            obstacle.unless = Some(name);
        }
        self
    }

    /// Its notes tell of some of what is attached to it.
    pub fn tells_of_some(mut self) -> Self {
        self.tells_of_some = true;
        self
    }

    /// Its name must be typed to confirm.
    pub fn grave(mut self) -> Self {
        self.is_grave = true;
        self
    }

    /// How the command line names it, where that is not by its id.
    pub fn cli(mut self, words: impl Into<String>) -> Self {
        self.cli = words.into();
        self
    }
}

/// What an id in a form stands for, if the visitor may see it.
pub(crate) type Find = fn(&Visit, &str) -> Answer<Victim>;

/// The question and the deed, at `address`. `back` is the list that is shown afterwards to who was on a page below it.
pub(crate) fn routes(kind: Kind, address: &'static str, back: Option<&'static str>, find: Find) -> Router<Arc<Site>> {
    let question = move |visit: Visit, fields: Fields| async move { ask_about(&visit, kind, address, &fields, find) };
    let deed = move |visit: Visit, fields: Fields| async move { delete(&visit, kind, &fields, back, find).await };
    Router::new().route(address, get(question).post(deed))
}

/// [`routes`] of what only administrators see.
pub(crate) fn routes_of_admins(
    kind: Kind,
    address: &'static str,
    back: Option<&'static str>,
    find: Find,
) -> Router<Arc<Site>> {
    let question =
        move |Admin(visit): Admin, fields: Fields| async move { ask_about(&visit, kind, address, &fields, find) };
    let deed =
        move |Admin(visit): Admin, fields: Fields| async move { delete(&visit, kind, &fields, back, find).await };
    Router::new().route(address, get(question).post(deed))
}

fn ask_about(visit: &Visit, kind: Kind, address: &str, fields: &Fields, find: Find) -> Answer<Page> {
    Ok(ask(visit, kind, address, &chosen(fields, |id| find(visit, id))?))
}

async fn delete(visit: &Visit, kind: Kind, fields: &Fields, back: Option<&str>, find: Find) -> Answer<Done> {
    run(visit, kind, fields, &chosen(fields, |id| find(visit, id))?, back).await
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
pub(crate) fn ask(visit: &Visit, kind: Kind, address: &str, victims: &[Victim]) -> Page {
    ask_with(visit, kind, address, victims, html! {})
}

/// [`ask`] with further fields.
pub(crate) fn ask_with(visit: &Visit, kind: Kind, address: &str, victims: &[Victim], fields: Markup) -> Page {
    let t = visit.t();
    if victims.is_empty() {
        return ask_about_nothing(visit, kind);
    }
    let title = match victims {
        [one] => t.delete_title(kind, &one.name),
        _ => t.delete_title_of_many(kind, victims.len()),
    };
    let obstacles = || victims.iter().filter_map(|victim| victim.obstacle.as_ref());
    let is_blocked = obstacles().any(|obstacle| obstacle.unless.is_none());
    let needed = obstacles().find_map(|obstacle| obstacle.unless);
    let names: Vec<_> = victims.iter().map(|victim| victim.cli.as_str()).collect();
    let command = format!("openstack {} {}", kind.command(), names.join(" "));
    visit.form(
        &title,
        html! {
            form method="post" action=(address) hx-post=(address) hx-swap="none" {
                ul .victims tabindex="0" { @for victim in victims { (line(victim)) } }
                (fields)
                @if !is_blocked { p .hint { (t.what_goes(kind, victims.len(), victims.iter().any(|victim| victim.tells_of_some))) " " (t.delete_for_good()) } }
                @for victim in victims.iter().filter(|victim| victim.is_grave && !is_blocked) {
                    div .field.confirm-field {
                        label { span { (t.confirm_by_name(&victim.name)) } input name="confirm" autocomplete="off" maxlength="255" data-must-be=(victim.name); }
                    }
                }
                (ui::submit_if(t, t.delete_word(kind), true, is_blocked, needed))
            }
            (ui::command_line(t, &[command]))
        },
    )
}

/// Without a choice there is nothing to ask.
fn ask_about_nothing(visit: &Visit, kind: Kind) -> Page {
    let t = visit.t();
    visit.form(
        &t.delete_none_title(kind),
        html! { div {
            p { (t.none_selected(kind)) }
            p { a href={ "/dashboard/" (kind.list()) } { (t.back_to_list(kind)) } }
        } },
    )
}

fn line(victim: &Victim) -> Markup {
    html! {
        li {
            input type="hidden" name="id" value=(victim.id);
            div .victim-name { (icon("trash")) b { (victim.name) } }
            @for note in &victim.notes {
                p class=(if victim.is_grave { "note warn" } else { "muted" }) { (note) }
            }
            @if let Some(Obstacle { why, step, unless }) = &victim.obstacle {
                p .note.warn data-if=[unless.map(|name| format!("{name}="))] {
                    (why)
                    @if let Some((address, words)) = step { " " a href=(address) { (words) } }
                }
            }
        }
    }
}

/// Deletes them one after another, up to the first that can't be. `back` is shown then to who was on the page of one, which is
/// gone.
pub(crate) async fn run(
    visit: &Visit,
    kind: Kind,
    fields: &Fields,
    victims: &[Victim],
    back: Option<&str>,
) -> Answer<Done> {
    let t = visit.t();
    if victims.is_empty() {
        return Err(Problem::in_form(t.none_selected(kind)));
    }
    for victim in victims.iter().filter(|victim| victim.is_grave) {
        if !fields.all("confirm").any(|typed| typed == victim.name.trim()) {
            return Err(Problem::in_form(t.confirm_by_name_missing(&victim.name)));
        }
    }
    for victim in victims {
        let outcome = visit.delete(&victim.path).await;
        outcome.map_err(|mut problem| {
            problem.error.message = format!("{}: {}", victim.name, problem.error.message);
            problem
        })?;
    }
    let said = match victims {
        [one] => t.deleted(kind, &one.name),
        _ => t.deleted_count(kind, victims.len()),
    };
    let done = Done::saying(said);
    Ok(match back {
        Some(back) => done.back_to(back),
        None => done,
    })
}
