//! A new volume: empty, or a copy of something, with a look at the size while it is typed.

use std::collections::BTreeMap;

use maud::{Markup, html};
use model::volume::quota::Usage;
use model::volume::{self, SourceWish, VolumeStatus, types};
use model::{Cloud, ProjectId};
use serde_json::{Map, Value, json};

use super::{HERE, choice, in_use_note, of_project, usable_types};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::storage::words::{from_lines, limit, name_of, quota_bars};
use crate::pages::storage::{backups, images, snapshots};
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

/// What a volume may start as: the form's word for it, and its member in the API's body.
const SOURCES: [(&str, &str); 4] = [
    ("image", "imageRef"),
    ("snapshot", "snapshot_id"),
    ("volume", "source_volid"),
    ("backup", "backup_id"),
];

pub(super) async fn new(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let named = SOURCES.iter().map(|(word, _)| *word).find(|word| fields.is_set(word));
    let taken = fields.text("source").or(named).unwrap_or("blank");
    let least = wish(&fields, taken)
        .and_then(|wish| smallest(&visit, wish))
        .unwrap_or(0);
    let size = if taken == "blank" {
        10.to_string()
    } else {
        least.max(1).to_string()
    };
    let types: Vec<_> = usable_types(&visit)
        .iter()
        .map(|each| type_choice(&visit, each))
        .collect();
    let body = html! {
        form method="post" action=(HERE) hx-post=(HERE) hx-swap="none" data-checks-size {
            (ui::text(Field { name: "name", label: t.name(), hint: t.volume_name_hint(), example: "data", ..Field::default() }))
            (source_fields(&visit, &fields, taken))
            (ui::text(Field {
                name: "size", label: t.volume_size(), hint: t.volume_size_hint(), value: &size, required: true,
                kind: Some("number"), range: Some((1, 1 << 20)), check: Some("/dashboard/volumes/check"), ..Field::default()
            }))
            (quota_bars(t, visit.cloud(), visit.project_id(), &["volumes", "gigabytes"]))
            @if types.len() > 1 {
                (ui::pick(Field { name: "type", label: t.volume_type(), hint: t.volume_type_hint(), ..Field::default() }, Some(t.volume_type_usual()), &types))
            }
            details .more {
                summary { (t.volume_more()) }
                (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
                (ui::text_area(Field { name: "metadata", label: t.volume_metadata(), hint: t.volume_metadata_hint(), example: "purpose=database", ..Field::default() }, 3))
            }
            (ui::submit(t, t.volume_new(), false))
        }
        (ui::command_line(t, &[
            "openstack volume create --size 10 data".to_owned(),
            "openstack volume create --image IMAGE --size 20 --bootable root".to_owned(),
        ]))
    };
    Ok(visit.form(t.volume_new(), body))
}

/// A type to choose.
pub(super) fn type_choice(visit: &Visit, of: &model::volume::VolumeType) -> Choice {
    let t = visit.t();
    let name = if of.name == types::DEFAULT_NAME {
        t.volume_type_default()
    } else {
        &of.name
    };
    let note = of
        .description
        .as_deref()
        .filter(|_| of.name != types::DEFAULT_NAME)
        .unwrap_or_default();
    Choice::new(&of.name, name).note(note)
}

fn source_fields(visit: &Visit, fields: &Fields, taken: &str) -> Markup {
    let t = visit.t();
    let images: Vec<_> = images::usable(visit, fields.parse("image").ok().flatten())
        .iter()
        .map(|image| {
            let least = smallest(visit, SourceWish::Image(image.id)).unwrap_or(1);
            Choice::new(image.id, name_of(image.name.as_deref(), image.id)).note(t.volume_from_size(t.gibibytes(least)))
        })
        .collect();
    let mut copied = of_project(visit);
    copied.retain(|volume| matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse));
    let volumes: Vec<_> = copied.iter().map(|volume| choice(t, volume)).collect();
    let (snapshots, backups) = (snapshots::choices(visit), backups::choices(visit));
    let lists = [
        ("image", t.volume_from_image(), t.volume_from_image_note(), images),
        (
            "snapshot",
            t.volume_from_snapshot(),
            t.volume_from_snapshot_note(),
            snapshots,
        ),
        ("volume", t.volume_from_volume(), t.volume_from_volume_note(), volumes),
        ("backup", t.volume_from_backup(), t.volume_from_backup_note(), backups),
    ];
    let mut cards = vec![Choice::new("blank", t.volume_from_blank()).note(t.volume_from_blank_note())];
    cards.extend(lists.iter().map(|(word, label, note, from)| {
        let is_out = from.is_empty();
        Choice::new(word, *label)
            .note(if is_out { t.volume_from_none() } else { note })
            .out(is_out)
    }));
    html! {
        (ui::choices(Field { name: "source", label: t.volume_source(), ..Field::default() }, false, &cards, &[taken]))
        @for (word, label, _, from) in &lists {
            @if !from.is_empty() {
                div data-if={ "source=" (word) } {
                    (ui::pick(
                        Field { name: word, label, value: fields.plain(word), ..Field::default() },
                        None,
                        from,
                    ))
                    @if *word == "volume" { (in_use_note(t, &copied)) }
                }
            }
        }
    }
}

/// What the form's source and the field of its name say.
fn wish(fields: &Fields, source: &str) -> Option<SourceWish> {
    let id = fields.text(source);
    match source {
        "blank" => Some(SourceWish::Blank),
        "image" => id?.parse().ok().map(SourceWish::Image),
        "snapshot" => id?.parse().ok().map(SourceWish::Snapshot),
        "volume" => id?.parse().ok().map(SourceWish::Volume),
        "backup" => id?.parse().ok().map(SourceWish::Backup),
        _ => None,
    }
}

fn smallest(visit: &Visit, wish: SourceWish) -> Option<u64> {
    volume::smallest_gib(visit.cloud(), visit.actor(), wish).ok()
}

/// Whether a volume of the size that is being typed would fit.
pub(super) async fn check(visit: Visit, fields: Fields) -> Page {
    let t = visit.t();
    let Ok(Some(size)) = fields.parse::<u64>("size") else {
        return Page(html! {});
    };
    let least = wish(&fields, fields.plain("source"))
        .and_then(|wish| smallest(&visit, wish))
        .unwrap_or(0);
    if size < least {
        return Page(html! { p .note.bad { (t.volume_too_small(t.gibibytes(least))) } });
    }
    Page(room_note(t, visit.cloud(), visit.project_id(), [1, size, size]))
}

/// What a project's quotas say to so many more volumes, so many more gibibytes, and so many in one volume.
pub(super) fn room_note(t: Text, cloud: &Cloud, project: &ProjectId, wanted: [u64; 3]) -> Markup {
    let usage = Usage::of_project(cloud, project, None);
    let [volumes, more, one] = wanted;
    let is_over = |resource: &str, used: u64, wanted: u64| {
        limit(cloud, project, resource).filter(|limit| used.saturating_add(wanted) > *limit)
    };
    html! {
        @if is_over("volumes", usage.volumes, volumes).is_some() {
            p .note.bad { (t.volume_too_many()) }
        } @else if let Some(limit) = is_over("gigabytes", usage.gigabytes, more) {
            p .note.bad { (t.volume_no_room(t.gibibytes(limit.saturating_sub(usage.gigabytes)))) }
        } @else if let Some(limit) = is_over("per_volume_gigabytes", 0, one) {
            p .note.bad { (t.volume_too_large(t.gibibytes(limit))) }
        } @else {
            p .note.good { (t.volume_fits()) }
        }
    }
}

pub(super) async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let mut volume = Map::new();
    volume.insert("name".to_owned(), json!(fields.text("name")));
    volume.insert("description".to_owned(), json!(fields.text("description")));
    let size: u32 = fields
        .parse("size")?
        .ok_or_else(|| Problem::in_form(t.volume_size_missing()))?;
    volume.insert("size".to_owned(), json!(size));
    if let Some((word, member)) = SOURCES.iter().find(|(word, _)| Some(*word) == fields.text("source")) {
        let id = fields
            .text(word)
            .ok_or_else(|| Problem::in_form(t.volume_source_missing()))?;
        volume.insert((*member).to_owned(), json!(id));
    }
    if let Some(name) = fields.text("type") {
        volume.insert("volume_type".to_owned(), json!(name));
    }
    let metadata = from_lines(t, &BTreeMap::new(), fields.plain("metadata"))?;
    if !metadata.is_empty() {
        volume.insert("metadata".to_owned(), json!(metadata));
    }
    let made = visit
        .post("/volume/v3/volumes", json!({"volume": Value::Object(volume)}))
        .await?;
    let id = made["volume"]["id"].as_str().unwrap_or_default();
    Ok(Done::saying(t.volume_made(name_of(fields.text("name"), id))).then(format!("{HERE}/{id}")))
}
