//! The launch itself: one request for the servers, and before it one for the security group that is made along.

use model::compute::server::name::base64;
use model::network::SecurityGroup;
use serde_json::{Value, json};

use super::choices;
use super::reach::{self, Opening};
use super::wish::{MOST_SERVERS, Nic, Root, Wish};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Problem};
use crate::visit::Visit;

/// The longest user data, base64 characters (Nova's own limit).
const USER_DATA_LIMIT: usize = 65_535;

/// `POST /dashboard/servers/new`.
pub(super) async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let wish = Wish::read(&visit, &fields);
    let mut body = body(&visit, &wish)?;
    let to_open = wish.to_open(&visit);
    let group = if to_open.is_empty() {
        None
    } else {
        Some(group_for(&visit, &to_open).await?)
    };
    if let (Some(group), Some(groups)) = (&group, body["server"]["security_groups"].as_array_mut()) {
        groups.push(json!({"name": group.id}));
    }
    let made = match visit.post("/compute/v2.1/servers", body).await {
        Ok(made) => made,
        Err(problem) => {
            // One form, one outcome. A key stays: its private half was shown.
            if let Some(group) = group.filter(|group| group.is_new) {
                visit.delete(&group.path()).await?;
            }
            return Err(problem);
        }
    };
    let name = fields.plain("name");
    let id = made["server"]["id"].as_str().unwrap_or_default();
    Ok(if wish.count > 1 {
        Done::saying(t.launch_done_many(wish.count)).then("/dashboard/servers")
    } else {
        Done::saying(t.launch_done(name)).then(format!("/dashboard/servers/{id}"))
    })
}

/// What the API is asked for.
fn body(visit: &Visit, wish: &Wish<'_>) -> Result<Value, Problem> {
    let (t, fields) = (visit.t(), wish.fields);
    let name = fields
        .text("name")
        .ok_or_else(|| Problem::in_form(t.launch_missing_name()))?;
    let flavor = wish
        .flavor
        .as_ref()
        .ok_or_else(|| Problem::in_form(t.launch_missing_flavor()))?;
    let root = wish
        .root
        .as_ref()
        .ok_or_else(|| Problem::in_form(t.launch_missing_source()))?;
    let count: u64 = fields.parse("count")?.unwrap_or(1);
    if !(1..=MOST_SERVERS).contains(&count) {
        return Err(Problem::in_form(format!("{}: {count}", t.launch_count())));
    }
    let mut server = json!({
        "name": name,
        "flavorRef": flavor.id,
        "networks": networks(t, wish)?,
        "config_drive": fields.is_set("config_drive"),
    });
    if count > 1 {
        server["min_count"] = count.into();
        server["max_count"] = count.into();
    }
    let groups: Vec<Value> = wish.groups.iter().map(|group| json!({"name": group.id})).collect();
    if wish.has_own_ports() && (!groups.is_empty() || !wish.open.is_empty()) {
        server["security_groups"] = groups.into();
    }
    put_root(&mut server, visit, wish, root)?;
    if let Some(text) = fields.text("description") {
        server["description"] = text.into();
    }
    if let Some(key) = fields.text("key") {
        server["key_name"] = key.into();
    }
    if let Some(data) = user_data(t, fields).map_err(Problem::in_form)? {
        server["user_data"] = data.into();
    }
    let mut items = serde_json::Map::new();
    for item in metadata(fields) {
        let (key, value) = item.map_err(|line| Problem::in_form(t.launch_metadata_wrong(line)))?;
        items.insert(key.to_owned(), value.into());
    }
    if !items.is_empty() {
        server["metadata"] = items.into();
    }
    let tags: Vec<&str> = fields.lines("tags").collect();
    if !tags.is_empty() {
        server["tags"] = json!(tags);
    }
    let mut body = json!({"server": server});
    if let Some(group) = fields.text("server_group") {
        body["os:scheduler_hints"] = json!({"group": group});
    }
    Ok(body)
}

fn networks(t: Text, wish: &Wish<'_>) -> Result<Value, Problem> {
    if wish.nics.is_empty() {
        return if wish.without_network {
            Ok("none".into())
        } else {
            Err(Problem::in_form(t.launch_missing_network()))
        };
    }
    let nics = wish.nics.iter().map(|nic| match nic {
        Nic::Network(network) => json!({"uuid": network.id}),
        Nic::Port(port) => json!({"port": port.id}),
    });
    Ok(nics.collect())
}

/// What it boots from: an image by itself, anything else as a block device.
fn put_root(server: &mut Value, visit: &Visit, wish: &Wish<'_>, root: &Root) -> Result<(), Problem> {
    let (source, id) = match root {
        Root::Image(image) if !wish.into_volume => {
            server["imageRef"] = json!(image.id);
            return Ok(());
        }
        Root::Image(image) => ("image", json!(image.id)),
        Root::Volume(volume) => ("volume", json!(volume.id)),
        Root::Snapshot(snapshot) => ("snapshot", json!(snapshot.id)),
    };
    let mut device = json!({
        "source_type": source,
        "uuid": id,
        "destination_type": "volume",
        "boot_index": 0,
        "delete_on_termination": wish.deletes_volume,
    });
    let field = if source == "snapshot" {
        "snapshot_size"
    } else {
        "volume_size"
    };
    let size: Option<u64> = wish.fields.parse(field)?;
    if let Some(size) = size
        .filter(|_| source != "volume")
        .or_else(|| wish.smallest_volume(visit))
    {
        device["volume_size"] = size.into();
    }
    server["block_device_mapping_v2"] = json!([device]);
    Ok(())
}

/// User data in base64. A form's text has line ends of two characters, which no shell takes behind `#!`.
pub(super) fn user_data(t: Text, fields: &Fields) -> Result<Option<String>, String> {
    let Some(text) = fields.raw("user_data").filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    let data = if fields.is_set("user_data_base64") {
        text.split_ascii_whitespace().collect()
    } else {
        base64(text.replace("\r\n", "\n").as_bytes())
    };
    if data.len() > USER_DATA_LIMIT {
        return Err(t.launch_user_data_long(data.len(), USER_DATA_LIMIT));
    }
    Ok(Some(data))
}

/// Lines of `key=value`; one that is none comes back as the error.
pub(super) fn metadata(fields: &Fields) -> impl Iterator<Item = Result<(&str, &str), &str>> {
    let lines = fields
        .plain("metadata")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    lines.map(|line| match line.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim(), value.trim())),
        _ => Err(line),
    })
}

/// A group that opens what no chosen one does.
struct Group {
    id: String,
    /// Made for this launch: it goes again if there are no servers.
    is_new: bool,
}

impl Group {
    fn path(&self) -> String {
        format!("/networking/v2.0/security-groups/{}", self.id)
    }
}

/// The name of a group that opens this.
pub(super) fn group_name(openings: &[Opening]) -> String {
    let mut names: Vec<_> = openings.iter().map(Opening::short).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.join("-and-")
}

/// The group of an earlier launch that opens the same, or a new one.
async fn group_for(visit: &Visit, openings: &[Opening]) -> Result<Group, Problem> {
    let name = group_name(openings);
    let opens = |group: &SecurityGroup| {
        let found = reach::openings(visit.cloud(), &[group.id]);
        openings.iter().all(|opening| found.lets_anybody(opening))
    };
    if let Some(group) = choices::groups(visit)
        .iter()
        .find(|group| group.standard.name == name && opens(group))
    {
        return Ok(Group {
            id: group.id.to_string(),
            is_new: false,
        });
    }
    let description = visit.t().launch_group_description();
    let wanted = json!({"security_group": {"name": name, "description": description}});
    let made = visit.post("/networking/v2.0/security-groups", wanted).await?;
    let group = Group {
        id: made["security_group"]["id"].as_str().unwrap_or_default().to_owned(),
        is_new: true,
    };
    let rules: Vec<Value> = openings.iter().map(|opening| opening.rule(&group.id)).collect();
    if let Err(problem) = visit
        .post(
            "/networking/v2.0/security-group-rules",
            json!({"security_group_rules": rules}),
        )
        .await
    {
        visit.delete(&group.path()).await?;
        return Err(problem);
    }
    Ok(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_by_what_they_open() {
        assert_eq!(group_name(&[Opening::PING, Opening::SSH]), "ssh-and-ping");
        assert_eq!(group_name(&[Opening::PING]), "ping");
        assert_eq!(group_name(&[Opening::SSH]), "ssh");
    }
}
