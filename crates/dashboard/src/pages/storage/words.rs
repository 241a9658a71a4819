//! What images, volumes and copies have in common on a page: names, metadata as lines, quotas.

use std::collections::BTreeMap;

use maud::{Markup, html};
use model::compute::Server;
use model::volume::quota;
use model::{Cloud, ProjectId, ServerId};

use crate::messages::Text;
use crate::outcome::Problem;
use crate::ui::{self, fact};
use crate::visit::Visit;

/// A name for people: what has none goes by the start of its id.
pub(super) fn name_of(name: Option<&str>, id: impl ToString) -> String {
    match name.filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => id.to_string().chars().take(8).collect(),
    }
}

/// A menu of actions, where there are any.
pub(super) fn menu_of(t: Text, name: &str, items: Markup) -> Markup {
    html! { @if !items.0.is_empty() { (ui::menu(t, name, items)) } }
}

/// A server's name, as a link to its page.
pub(super) fn server_link(cloud: &Cloud, id: &ServerId) -> Markup {
    let name = cloud
        .find::<Server>(id)
        .map_or_else(|| id.short(), |server| server.name.clone());
    html! { a href=(format!("/dashboard/servers/{id}")) { (name) } }
}

/// Keys and values that fit into lines; those that don't are left as they are.
fn fits_a_line(key: &str, value: &str) -> bool {
    key == key.trim() && value == value.trim() && !key.contains(['=', '\n', '\r']) && !value.contains(['\n', '\r'])
}

/// Keys and values, one `key=value` a line.
pub(super) fn as_lines<'a>(values: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let lines = values.into_iter().filter(|(key, value)| fits_a_line(key, value));
    lines
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What the lines of [`as_lines`] say after they were edited, with the values of `old` that lines can't hold.
pub(super) fn from_lines(
    t: Text,
    old: &BTreeMap<String, String>,
    text: &str,
) -> Result<BTreeMap<String, String>, Problem> {
    let kept = old.iter().filter(|(key, value)| !fits_a_line(key, value));
    let mut values: BTreeMap<_, _> = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| Problem::in_form(t.volume_metadata_wrong(line)))?;
        values.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    Ok(values)
}

/// A card with keys and values; nothing when there are none.
pub(super) fn values_card(title: &str, values: &BTreeMap<String, String>) -> Markup {
    html! {
        @if !values.is_empty() {
            (ui::card(title, ui::facts(html! {
                @for (key, value) in values { (fact(key, html! { code { (value) } })) }
            })))
        }
    }
}

/// The limit of a project, if there is one.
pub(super) fn limit(cloud: &Cloud, project: &ProjectId, resource: &str) -> Option<u64> {
    u64::try_from(model::quota::limit(cloud, project, resource)).ok()
}

/// How much of these quotas a project uses.
pub(super) fn quota_bars(t: Text, cloud: &Cloud, project: &ProjectId, resources: &[&str]) -> Markup {
    html! {
        div .quota-bars {
            @for resource in resources {
                (ui::usage_bar(
                    t,
                    t.volume_quota_name(resource),
                    quota::in_use(cloud, project, resource),
                    limit(cloud, project, resource),
                    if resource.ends_with("gigabytes") { ui::gibibytes } else { ui::count },
                ))
            }
        }
    }
}

/// Whose things a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The project's.
    Project,
    /// Everybody's: for administrators.
    All,
}

impl Reach {
    /// Who is no administrator sees the project's, wherever they look.
    pub fn or_less(self, visit: &Visit) -> Self {
        if visit.is_admin() { self } else { Self::Project }
    }

    /// `openstack WHAT list`, of as much.
    pub fn list_command(self, what: &str) -> String {
        match self {
            Self::Project => format!("openstack {what} list"),
            Self::All => format!("openstack {what} list --all-projects"),
        }
    }

    /// The way from the one to the other, for those who have it.
    pub fn tabs(self, visit: &Visit, here: &str, label: &str) -> Markup {
        let t = visit.t();
        html! {
            @if visit.is_admin() {
                nav .tabs aria-label=(label) {
                    a href=(here) aria-current=[(self == Self::Project).then_some("page")] { (t.storage_of_project()) }
                    a href={ (here) "/all" } aria-current=[(self == Self::All).then_some("page")] { (t.storage_of_all()) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    #[test]
    fn metadata_as_lines() {
        let pairs = [("a", "1"), ("b", "x=y, z"), ("c", "two\nlines"), ("d=", "odd")];
        let old: BTreeMap<_, _> = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let lines = as_lines(&old);
        assert_eq!(lines, "a=1\nb=x=y, z");
        let t = Text(Lang::En);
        assert_eq!(from_lines(t, &old, &lines).unwrap(), old);
        let changed = from_lines(t, &old, " a = 2 \n\n").unwrap();
        assert_eq!(changed["a"], "2");
        assert!(!changed.contains_key("b") && changed.contains_key("c"));
        assert!(from_lines(t, &old, "nothing").is_err());
    }

    #[test]
    fn what_has_no_name_goes_by_its_id() {
        assert_eq!(name_of(Some("disk"), "0123456789"), "disk");
        assert_eq!(name_of(Some(""), "0123456789"), "01234567");
        assert_eq!(name_of(None, "0123456789"), "01234567");
    }
}
