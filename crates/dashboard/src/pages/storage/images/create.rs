//! A new image, and data for one that waits for it: a file that the browser sends, or a download.
//!
//! The form registers the image; the script then sends the file to [`super::data::upload`], and shows how far it is.

use std::collections::BTreeMap;

use axum::extract::Path;
use maud::{Markup, html};
use model::ImageId;
use model::image::{self, DISK_FORMATS, Image, ImageStatus, Visibility};
use serde_json::{Map, Value, json};

use super::{HERE, patch, title};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::storage::words::{as_lines, from_lines};
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

pub(super) async fn new(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let has_web = has_web_download(&visit).await?;
    let body = html! {
        (upload_form(t, HERE, None, html! {
            (source_fields(t, &fields, has_web))
            (ui::text(Field { name: "name", label: t.name(), hint: t.image_name_hint(), example: "ubuntu-24.04", ..Field::default() }))
            (visibility_field(&visit, Visibility::Shared))
            details .more {
                summary { (t.image_more()) }
                (format_field(t, fields.plain("format")))
                (property_fields(t, None))
            }
        }))
        (ui::command_line(t, &[
            "openstack image create --disk-format qcow2 --container-format bare \\\n  --file disk.qcow2 --progress --property os_distro=ubuntu my-image".to_owned(),
            "openstack image create --import --disk-format qcow2 --container-format bare \\\n  --uri https://… my-image".to_owned(),
        ]))
    };
    Ok(visit.form(t.image_new(), body))
}

/// Data for an image that has none.
pub(super) async fn new_data(visit: Visit, Path(id): Path<ImageId>, fields: Fields) -> Answer {
    let t = visit.t();
    let image = image::show(visit.cloud(), visit.actor(), id)?;
    let has_web = has_web_download(&visit).await?;
    let format = fields
        .text("format")
        .or(image.disk_format.as_deref())
        .unwrap_or_default();
    let body = html! {
        (upload_form(t, &format!("{HERE}/{id}/data"), Some(t.image_give_data()), html! {
            (source_fields(t, &fields, has_web))
            details .more open[fields.text("format").is_some()] {
                summary { (t.image_more()) }
                (format_field(t, format))
            }
        }))
        (ui::command_line(t, &[format!("openstack image stage --file disk.qcow2 {id} && openstack image import {id}")]))
    };
    Ok(visit.form(&t.image_give_data_to(title(&image)), body))
}

/// Whether the cloud downloads images itself: its operator may have switched that off.
async fn has_web_download(visit: &Visit) -> Result<bool, Problem> {
    let info = visit.get("/image/v2/info/import").await?;
    let methods = info["import-methods"]["value"].as_array();
    Ok(methods.is_some_and(|methods| methods.iter().any(|method| method == "web-download")))
}

/// The form, with the words that the script says while it sends a file. `there`: the button's words for an image that is
/// there already, and stays when that fails.
fn upload_form(t: Text, address: &str, there: Option<&str>, fields: Markup) -> Markup {
    html! {
        form method="post" action=(address) hx-post=(address) hx-swap="none" data-upload data-keeps[there.is_some()]
            data-choose=(t.upload_choose()) data-found=(t.upload_found()) data-packed=(t.upload_packed()) data-left=(t.upload_left())
            data-sending=(t.upload_sending()) data-checking=(t.upload_checking()) data-broken=(t.upload_broken()) data-sure=(t.upload_sure())
            data-cancelled=(t.upload_cancelled()) {
            (fields)
            div .upload-progress hidden {
                div .usage-words { b data-upload-name {} span .muted data-upload-rate {} }
                progress max="100" value="0" aria-label=(t.upload_progress()) {}
                p .muted data-upload-state role="status" { (t.upload_sending()) }
                div .form-end { button .button type="button" data-stop { (t.cancel()) } }
            }
            (ui::submit(t, there.unwrap_or(t.image_create_it()), false))
        }
    }
}

fn source_fields(t: Text, fields: &Fields, has_web: bool) -> Markup {
    let mut sources = vec![Choice::new("file", t.image_from_file()).note(t.image_from_file_note())];
    if has_web {
        sources.push(Choice::new("url", t.image_from_url()).note(t.image_from_url_note()));
    }
    let uri = fields.plain("uri");
    let taken = if uri.is_empty() || !has_web { "file" } else { "url" };
    html! {
        (ui::choices(Field { name: "source", label: t.image_source(), ..Field::default() }, false, &sources, &[taken]))
        div data-if="source=file" {
            p .note.warn.no-script { (t.upload_needs_script()) }
            div .field.scripted-only {
                label for="f-file" { (t.upload_file()) }
                (ui::file(t, html! { input #f-file type="file" data-upload-file aria-describedby="h-file"; }))
                p .hint #h-file { (t.upload_file_hint()) }
                p .note data-upload-note hidden {}
            }
        }
        @if has_web {
            div data-if="source=url" {
                // Addresses may be longer than a field of text.
                div .field {
                    label for="f-uri" { (t.image_uri()) }
                    input #f-uri type="url" name="uri" value=(uri) maxlength="4000" autocomplete="off" aria-describedby="h-uri"
                        placeholder="https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img";
                    p .hint #h-uri { (t.image_uri_hint()) }
                }
            }
        }
    }
}

/// The disk's format: what is not chosen is found out.
pub(super) fn format_field(t: Text, value: &str) -> Markup {
    let formats: Vec<_> = DISK_FORMATS
        .iter()
        .map(|format| Choice::new(format, *format).note(t.image_format_note(format)))
        .collect();
    ui::pick(
        Field {
            name: "format",
            label: t.image_format(),
            hint: t.image_format_hint(),
            value,
            ..Field::default()
        },
        Some(t.image_format_auto()),
        &formats,
    )
}

/// Who may see it; only administrators make images public.
pub(super) fn visibility_field(visit: &Visit, now: Visibility) -> Markup {
    let t = visit.t();
    let each = [
        Visibility::Private,
        Visibility::Shared,
        Visibility::Community,
        Visibility::Public,
    ];
    let choices: Vec<_> = each
        .into_iter()
        .filter(|each| *each != Visibility::Public || *each == now || visit.is_admin())
        .map(|each| Choice::new(each.as_str(), t.image_visibility_word(each)).note(t.image_visibility_note(each)))
        .collect();
    ui::choices(
        Field {
            name: "visibility",
            label: t.image_visibility(),
            ..Field::default()
        },
        false,
        &choices,
        &[now.as_str()],
    )
}

/// What servers from it need, and what describes it.
pub(super) fn property_fields(t: Text, of: Option<&Image>) -> Markup {
    let property = |name: &str| {
        of.and_then(|image| image.properties.get(name).cloned().flatten())
            .unwrap_or_default()
    };
    let number = |number: Option<u64>| {
        number
            .filter(|number| *number > 0)
            .map_or_else(String::new, |number| number.to_string())
    };
    let tags: Vec<&str> = of
        .into_iter()
        .flat_map(|image| &image.tags)
        .map(String::as_str)
        .collect();
    let others = of.map(super::edit::other_properties).unwrap_or_default();
    html! {
        div .columns {
            (ui::text(Field {
                name: "min_disk", label: t.image_min_disk(), hint: t.image_min_hint(), value: &number(of.map(|image| image.min_disk)),
                kind: Some("number"), range: Some((0, i64::from(i32::MAX))), ..Field::default()
            }))
            (ui::text(Field {
                name: "min_ram", label: t.image_min_ram(), value: &number(of.map(|image| image.min_ram)),
                kind: Some("number"), range: Some((0, i64::from(i32::MAX))), ..Field::default()
            }))
            (ui::text(Field {
                name: "os_distro", label: t.image_os_distro(), hint: t.image_os_distro_hint(), value: &property("os_distro"),
                example: "ubuntu", ..Field::default()
            }))
            (ui::text(Field {
                name: "os_admin_user", label: t.image_os_user(), hint: t.image_os_user_hint(), value: &property("os_admin_user"),
                example: "ubuntu", ..Field::default()
            }))
        }
        (ui::text(Field { name: "tags", label: t.image_tags(), hint: t.image_tags_hint(), value: &tags.join(", "), ..Field::default() }))
        (ui::text_area(Field {
            name: "properties", label: t.image_properties(), hint: t.image_properties_hint(),
            value: &as_lines(&others), example: "hw_disk_bus=virtio", ..Field::default()
        }, 4))
    }
}

pub(super) async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let uri = wanted_uri(t, &fields)?;
    let mut image = Map::new();
    if let Some(name) = name(&fields, uri) {
        image.insert("name".to_owned(), json!(name));
    }
    image.extend(formats(&fields, uri).map(|(name, value)| (name.to_owned(), value)));
    if let Some(visibility) = fields.text("visibility") {
        image.insert("visibility".to_owned(), json!(visibility));
    }
    for name in ["min_disk", "min_ram"] {
        if let Some(number) = fields.parse::<u32>(name)? {
            image.insert(name.to_owned(), json!(number));
        }
    }
    image.insert("tags".to_owned(), json!(fields.lines("tags").collect::<Vec<_>>()));
    for (name, value) in wanted_properties(t, &fields)? {
        image.insert(name, json!(value));
    }
    let made = visit.post("/image/v2/images", Value::Object(image)).await?;
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    if let Some(uri) = uri
        && let Err(problem) = import(&visit, &id, uri).await
    {
        // One form, one outcome: without its data the image is not what was asked for.
        visit.delete(&format!("/image/v2/images/{id}")).await?;
        return Err(problem);
    }
    let said = if uri.is_some() {
        t.image_import_begun()
    } else {
        t.image_registered()
    };
    Ok(Done::saying(said).then(format!("{HERE}/{id}")))
}

pub(super) async fn set_data(visit: Visit, Path(id): Path<ImageId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let image = image::show(visit.cloud(), visit.actor(), id)?;
    let uri = wanted_uri(t, &fields)?;
    if image.status == ImageStatus::Queued {
        let steps = formats(&fields, uri)
            .map(|(name, value)| json!({"op": "replace", "path": format!("/{name}"), "value": value}));
        patch(&visit, id, steps.into()).await?;
    }
    if let Some(uri) = uri {
        import(&visit, &id.to_string(), uri).await?;
    }
    let said = if uri.is_some() {
        t.image_import_begun()
    } else {
        t.image_registered()
    };
    Ok(Done::saying(said).then(format!("{HERE}/{id}")))
}

async fn import(visit: &Visit, id: &str, uri: &str) -> Result<(), Problem> {
    let body = json!({"method": {"name": "web-download", "uri": uri}});
    visit.post(&format!("/image/v2/images/{id}/import"), body).await?;
    Ok(())
}

fn wanted_uri(t: Text, fields: &Fields) -> Result<Option<&str>, Problem> {
    if fields.text("source") != Some("url") {
        return Ok(None);
    }
    fields
        .text("uri")
        .map(Some)
        .ok_or_else(|| Problem::in_form(t.image_uri_missing()))
}

/// The name that was given, else the file's.
fn name<'a>(fields: &'a Fields, uri: Option<&'a str>) -> Option<&'a str> {
    let file = || uri?.split(['?', '#']).next()?.rsplit('/').next();
    fields.text("name").or_else(|| file().filter(|name| !name.is_empty()))
}

/// Both formats that Glance wants. The script looks into a file before; of a download only its name is known.
fn formats(fields: &Fields, uri: Option<&str>) -> [(&'static str, Value); 2] {
    let disk = fields
        .text("format")
        .unwrap_or_else(|| format_by_name(uri.unwrap_or_default()));
    let container = if disk.starts_with('a') { disk } else { "bare" };
    [("disk_format", json!(disk)), ("container_format", json!(container))]
}

/// What a download is by its name: cloud images, whatever they are called, are mostly qcow2.
fn format_by_name(uri: &str) -> &'static str {
    let name = uri.split(['?', '#']).next().unwrap_or_default().to_lowercase();
    match name.rsplit('.').next() {
        Some("iso") => "iso",
        Some("raw") => "raw",
        Some("vmdk") => "vmdk",
        Some("vdi") => "vdi",
        Some("vhd" | "vpc") => "vhd",
        Some("vhdx") => "vhdx",
        _ => "qcow2",
    }
}

/// The properties of [`property_fields`].
pub(super) fn wanted_properties(t: Text, fields: &Fields) -> Result<BTreeMap<String, String>, Problem> {
    let mut properties = from_lines(t, &BTreeMap::new(), fields.plain("properties"))?;
    for name in ["os_distro", "os_admin_user"] {
        if let Some(value) = fields.text(name) {
            properties.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_are_taken_for_what_they_are_called() {
        assert_eq!(format_by_name("https://a.example/x/debian.qcow2"), "qcow2");
        assert_eq!(
            format_by_name("https://a.example/noble-server-cloudimg-amd64.img"),
            "qcow2"
        );
        assert_eq!(format_by_name("https://a.example/Installer.ISO?mirror=1"), "iso");
        assert_eq!(format_by_name("https://a.example/disk.vhdx#part"), "vhdx");
        assert_eq!(format_by_name(""), "qcow2");
    }
}
