//! Changing what is said of an image: as a patch of what the form has changed.

use std::collections::BTreeMap;

use axum::extract::Path;
use maud::html;
use model::ImageId;
use model::image::{self, Image, ImageStatus};
use serde_json::{Value, json};

use super::create::{format_field, property_fields, visibility_field, wanted_properties};
use super::{HERE, patch, title};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::storage::words::from_lines;
use crate::ui::{self, Field};
use crate::visit::Visit;

/// Properties that have a field of their own.
const OWN_FIELDS: [&str; 2] = ["os_distro", "os_admin_user"];

/// The properties that have none.
pub(super) fn other_properties(image: &Image) -> BTreeMap<String, String> {
    let mut properties = with_values(image);
    properties.retain(|name, _| !OWN_FIELDS.contains(&name.as_str()));
    properties
}

fn with_values(image: &Image) -> BTreeMap<String, String> {
    let with_value = image
        .properties
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    with_value.collect()
}

pub(super) async fn edit(visit: Visit, Path(id): Path<ImageId>) -> Answer {
    let t = visit.t();
    let image = image::show(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), value: image.name.as_deref().unwrap_or_default(), ..Field::default() }))
            (visibility_field(&visit, image.visibility))
            (ui::check("protected", t.image_protect(), t.image_protect_hint(), image.protected))
            (ui::check("os_hidden", t.image_hide(), t.image_hide_hint(), image.os_hidden))
            @if image.status == ImageStatus::Queued { (format_field(t, image.disk_format.as_deref().unwrap_or_default())) }
            (property_fields(t, Some(&image)))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[
            format!("openstack image set --name … --min-disk 5 --property hw_disk_bus=virtio {id}"),
            format!("openstack image unset --property hw_disk_bus {id}"),
        ]))
    };
    Ok(visit.form(&t.image_edit(title(&image)), body))
}

pub(super) async fn update(visit: Visit, Path(id): Path<ImageId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let image = image::show(visit.cloud(), visit.actor(), id)?;
    let mut steps = attribute_steps(&image, &fields)?;
    let lines = from_lines(t, &other_properties(&image), fields.plain("properties"))?;
    let mut wanted = wanted_properties(t, &fields)?;
    wanted.extend(lines);
    steps.extend(property_steps(&with_values(&image), &wanted));
    patch(&visit, id, steps).await?;
    Ok(Done::saying(t.saved()))
}

fn replace(name: &str, value: impl Into<Value>) -> Value {
    json!({"op": "replace", "path": format!("/{name}"), "value": value.into()})
}

/// What has changed of the attributes: what others may not even repeat (`visibility`, by a member) is left out else.
fn attribute_steps(image: &Image, fields: &Fields) -> Result<Vec<Value>, Problem> {
    let mut steps = Vec::new();
    if fields.text("name") != image.name.as_deref().filter(|name| !name.is_empty()) {
        steps.push(replace("name", fields.text("name")));
    }
    for (name, now) in [("protected", image.protected), ("os_hidden", image.os_hidden)] {
        if fields.is_set(name) != now {
            steps.push(replace(name, !now));
        }
    }
    for (name, now) in [("min_disk", image.min_disk), ("min_ram", image.min_ram)] {
        let wanted: u32 = fields.parse(name)?.unwrap_or(0);
        if u64::from(wanted) != now {
            steps.push(replace(name, wanted));
        }
    }
    if let Some(visibility) = fields
        .text("visibility")
        .filter(|word| *word != image.visibility.as_str())
    {
        steps.push(replace("visibility", visibility));
    }
    if let Some(format) = fields
        .text("format")
        .filter(|format| Some(*format) != image.disk_format.as_deref())
    {
        steps.push(replace("disk_format", format));
    }
    let tags: Vec<&str> = fields.lines("tags").collect();
    if tags.len() != image.tags.len() || tags.iter().any(|tag| !image.tags.contains(*tag)) {
        steps.push(replace("tags", tags));
    }
    Ok(steps)
}

/// What takes one set of properties to another.
fn property_steps(now: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> Vec<Value> {
    // A JSON pointer's two escapes (RFC 6901).
    let path = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let gone = now.keys().filter(|name| !wanted.contains_key(*name));
    let mut steps: Vec<_> = gone.map(|name| json!({"op": "remove", "path": path(name)})).collect();
    let changed = wanted.iter().filter(|(name, value)| now.get(*name) != Some(*value));
    steps.extend(changed.map(|(name, value)| json!({"op": "add", "path": path(name), "value": value})));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_sent() {
        let values = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let now = values(&[("a", "1"), ("b", "2"), ("c/d", "3")]);
        let wanted = values(&[("a", "1"), ("b", "4"), ("e~f", "5")]);
        assert_eq!(
            property_steps(&now, &wanted),
            [
                json!({"op": "remove", "path": "/c~1d"}),
                json!({"op": "add", "path": "/b", "value": "4"}),
                json!({"op": "add", "path": "/e~0f", "value": "5"}),
            ]
        );
        assert!(property_steps(&now, &now).is_empty());
    }
}
