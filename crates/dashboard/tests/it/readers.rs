//! Who may only look: whatever form they send, filled in as a page has it, nothing changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cloud::{Client, PASSWORD};
use crate::pages::{crawl, values};
use crate::seeds;
use crate::site::TestSite;

/// A user of somebody's project with role `reader`, able to sign in.
async fn reader_of(admin: &Client, project: &str) {
    let user = json!({"user": {"name": "watcher", "password": PASSWORD, "default_project_id": project}});
    let user = admin.post("/identity/v3/users", user).await.expect(201)["user"]["id"].clone();
    let roles = admin.get("/identity/v3/roles?name=reader").await.expect(200);
    let role = roles["roles"][0]["id"].as_str().unwrap().to_owned();
    let path = format!(
        "/identity/v3/projects/{project}/users/{}/roles/{role}",
        user.as_str().unwrap()
    );
    assert_eq!(admin.put(&path, Value::Null).await.status, 204);
}

/// Everything there is, as its owner and the administrator see it.
async fn everything(owner: &Client, admin: &Client) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    for kind in [
        "networks",
        "subnets",
        "ports",
        "routers",
        "security-groups",
        "security-group-rules",
        "floatingips",
    ] {
        let path = format!("/networking/v2.0/{kind}");
        seen.insert(path.clone(), owner.get(&path).await.expect(200));
    }
    for path in [
        "/compute/v2.1/servers/detail",
        "/compute/v2.1/os-server-groups",
        "/volume/v3/volumes/detail",
        "/volume/v3/snapshots/detail",
        "/volume/v3/backups/detail",
        "/image/v2/images",
    ] {
        seen.insert(path.to_owned(), owner.get(path).await.expect(200));
    }
    for path in [
        "/identity/v3/users",
        "/identity/v3/groups",
        "/identity/v3/projects",
        "/identity/v3/roles",
        "/identity/v3/role_assignments",
        "/compute/v2.1/flavors/detail?is_public=None",
        "/compute/v2.1/os-aggregates",
        "/volume/v3/types",
    ] {
        seen.insert(path.to_owned(), admin.get(path).await.expect(200));
    }
    seen
}

/// The fields of a page's form that is sent to `address`, with something in each.
fn filled_in(page: &str, address: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| values(&format!(" {tag}"), name).next();
    let mut fields = Vec::new();
    for form in page
        .split("<form")
        .skip(1)
        .filter_map(|rest| rest.split("</form>").next())
    {
        let head = form.split('>').next().unwrap_or_default();
        if attribute(head, "action").as_deref() != Some(address)
            && attribute(head, "hx-post").as_deref() != Some(address)
        {
            continue;
        }
        let mut tags = form.split('<').skip(1).peekable();
        while let Some(tag) = tags.next() {
            let tag = tag.split('>').next().unwrap_or_default();
            let Some(name) = attribute(tag, "name") else { continue };
            let value = attribute(tag, "value").filter(|value| !value.is_empty());
            let value = if tag.starts_with("select") {
                let options =
                    std::iter::from_fn(|| tags.next_if(|tag| tag.starts_with("option") || tag.starts_with("/option")));
                options
                    .filter_map(|option| attribute(option.split('>').next().unwrap_or_default(), "value"))
                    .find(|value| !value.is_empty())
            } else {
                value
            };
            let usual = if tag.contains("type=\"number\"") {
                "1"
            } else {
                "changed"
            };
            fields.push((name, value.unwrap_or_else(|| usual.to_owned())));
        }
    }
    fields
}

#[tokio::test]
async fn a_reader_changes_nothing_through_any_form() {
    let site = TestSite::start().await;
    let owner = site.cloud.project("owner").await;
    seeds::sow(&site.cloud, &owner).await;
    let admin = site.cloud.admin().await;
    reader_of(&admin, &owner.project_id).await;
    let reader = site.visitor("watcher").await;
    // What its owner may do, and what an administrator may.
    let mut found = crawl(&site.visitor("owner").await).await;
    let of_admin = crawl(&site.visitor("admin").await).await;
    found.pages.extend(of_admin.pages);
    found.forms.extend(of_admin.forms);

    // What everybody has of their own.
    let own = [
        "login",
        "logout",
        "likes",
        "project",
        "password",
        "key-pairs",
        "credentials",
        "api-access",
        "live",
    ];
    let is_own = |form: &str| own.iter().any(|own| form.starts_with(&format!("/dashboard/{own}")));
    let before = everything(&owner, &admin).await;
    let mut refused = 0;
    for form in found.forms.iter().filter(|form| !is_own(form)) {
        let fields = found
            .pages
            .values()
            .map(|page| filled_in(page, form))
            .max_by_key(Vec::len)
            .unwrap_or_default();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let answer = reader.submit(form, &fields).await;
        // Who sends what is there already changes nothing, and may be told so.
        assert!(
            !answer.status.is_server_error(),
            "{form} {fields:?}: {} {}",
            answer.status,
            answer.body
        );
        refused += usize::from(answer.status.is_client_error() && answer.status != 405);
    }
    assert!(refused > 60, "only {refused} forms were refused");
    let after = everything(&owner, &admin).await;
    for (path, rows) in &before {
        assert_eq!(rows, &after[path], "{path} was changed by a reader");
    }
}
