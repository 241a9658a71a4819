//! Every page, found by following links: all of them answer, to nobody else, and take names for names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::seeds::{self, HOSTILE};
use crate::site::{TestSite, Visitor};

/// The values of an attribute.
pub fn values<'a>(html: &'a str, attribute: &'a str) -> impl Iterator<Item = String> + 'a {
    let mark = format!(" {attribute}=\"");
    html.match_indices(&mark)
        .map(|(at, found)| &html[at + found.len()..])
        .filter_map(|rest| rest.split('"').next())
        .map(|value| value.replace("&amp;", "&").replace("&quot;", "\""))
        .collect::<Vec<_>>()
        .into_iter()
}

/// An address with its ids taken out: pages of the same kind have the same.
fn kind_of(address: &str) -> String {
    let is_id = |part: &str| part.len() >= 32 && part.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let path: Vec<_> = path
        .split('/')
        .map(|part| if is_id(part) { "{id}" } else { part })
        .collect();
    let keys: Vec<_> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    format!("{}?{}", path.join("/"), keys.join("&"))
}

pub struct Found {
    /// Pages and dialogs: one address of each kind, with what it answered.
    pub pages: BTreeMap<String, String>,
    /// Where forms are sent.
    pub forms: BTreeSet<String>,
}

/// Follows every link from the start.
pub async fn crawl(visitor: &Visitor) -> Found {
    let mut found = Found {
        pages: BTreeMap::new(),
        forms: BTreeSet::new(),
    };
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from(["/dashboard/".to_owned()]);
    while let Some(address) = queue.pop_front() {
        let answer = visitor.get(&address).await;
        // What can't be done (deleting oneself), or needs a form's other fields, is refused in words.
        let is_refused = answer.status == 422 && answer.body.contains("class=\"problem\"");
        assert!(
            answer.status == 200 || is_refused,
            "{address}: {} {}",
            answer.status,
            answer.body
        );
        let is_html = answer
            .headers
            .get("content-type")
            .is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
        if !is_html {
            continue;
        }
        let links = values(&answer.body, "href").chain(values(&answer.body, "hx-get"));
        for link in links.filter(|link| link.starts_with("/dashboard/") && !link.starts_with("/dashboard/assets/")) {
            let link = link.split('#').next().unwrap().to_owned();
            if seen.insert(kind_of(&link)) {
                queue.push_back(link);
            }
        }
        let forms = values(&answer.body, "hx-post").chain(values(&answer.body, "action"));
        found.forms.extend(forms.filter(|form| form.starts_with("/dashboard/")));
        found.pages.insert(address, answer.body);
    }
    found
}

#[tokio::test]
async fn every_page_answers_and_takes_names_for_names() {
    let site = TestSite::start().await;
    seeds::sow(&site.cloud, &site.cloud.admin().await).await;
    let mut visitor = site.visitor("admin").await;
    for lang in ["en", "ko"] {
        visitor.lang = lang;
        let found = crawl(&visitor).await;
        assert!(found.pages.len() > 60, "{:?}", found.pages.keys());
        let mut named = 0;
        for (address, page) in &found.pages {
            assert!(
                !page.contains("<script>harm") && !page.contains("<img src=x"),
                "{address} took a name for markup"
            );
            assert!(!page.contains(" style=\""), "{address} has an inline style");
            assert!(!page.contains("javascript:"), "{address}");
            assert!(
                !page.contains(visitor.session.as_deref().unwrap()),
                "{address} holds the session's secret"
            );
            named += usize::from(page.contains("&lt;script&gt;harm()"));
        }
        assert!(named > 15, "names are shown on {named} pages only: {HOSTILE}");
    }
}

#[tokio::test]
async fn without_a_session_every_page_and_form_leads_to_the_sign_in() {
    let site = TestSite::start().await;
    seeds::sow(&site.cloud, &site.cloud.admin().await).await;
    let found = crawl(&site.visitor("admin").await).await;
    let stranger = site.stranger();
    for address in found.pages.keys() {
        let away = stranger.get(address).await;
        assert!(
            away.location().starts_with("/dashboard/login"),
            "{address}: {} {}",
            away.status,
            away.body
        );
    }
    for form in found.forms.iter().filter(|form| !form.starts_with("/dashboard/login")) {
        let away = stranger.post(form, &[]).await;
        let is_away = away.location().starts_with("/dashboard/login")
            || form.starts_with("/dashboard/likes")
            || away.status == 405;
        assert!(is_away, "{form}: {} {}", away.status, away.body);
    }
}

/// The object pages of one project, asked for by a member of another.
#[tokio::test]
async fn what_belongs_to_others_is_not_shown_and_not_changed() {
    let site = TestSite::start().await;
    let owner = site.cloud.project("owner").await;
    seeds::sow(&site.cloud, &owner).await;
    let found = crawl(&site.visitor("owner").await).await;
    site.cloud.project("other").await;
    let other = site.visitor("other").await;
    let before = site.cloud.control.cloud();
    let shared = shared_ids(&before);
    let is_own = |address: &str| {
        let mut ids = address
            .split(['/', '?', '=', '&'])
            .filter(|part| part.len() >= 32 && part.contains('-'))
            .peekable();
        ids.peek().is_some() && ids.all(|id| !shared.contains(id))
    };
    let mut asked = 0;
    for address in found.pages.keys().filter(|address| is_own(address)) {
        let answer = other.get(address).await;
        assert!(
            !answer.body.contains("harm()"),
            "{address} shows what is somebody else's"
        );
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
    for form in found.forms.iter().filter(|form| is_own(form)) {
        let answer = other.submit(form, &[]).await;
        assert!(answer.status.is_client_error(), "{form}: {}", answer.status);
    }
    let after = site.cloud.control.cloud();
    for id in owner_rows(&before) {
        assert!(owner_rows(&after).contains(&id), "{id} was changed by somebody else");
    }
}

/// Networks, images and flavors that everybody may see.
fn shared_ids(cloud: &model::Cloud) -> BTreeSet<String> {
    let networks = cloud
        .networks
        .iter()
        .filter(|network| network.external || network.shared);
    let flavors = cloud.flavors.iter().map(|flavor| flavor.id.to_string());
    networks.map(|network| network.id.to_string()).chain(flavors).collect()
}

fn owner_rows(cloud: &model::Cloud) -> BTreeSet<String> {
    let servers = cloud
        .servers
        .iter()
        .map(|row| format!("{} {:?} {:?}", row.id, row.desired, row.updated_at));
    let routers = cloud
        .routers
        .iter()
        .map(|row| format!("{} {}", row.id, row.standard.revision_number));
    servers.chain(routers).collect()
}
