//! Dialogs name what they are about, and say what stands in the way before it is tried.

use serde_json::{Value, json};

use crate::cloud::Client;
use crate::pages::values;
use crate::seeds::{self, HOSTILE};
use crate::site::{TestSite, Visitor};

const NET: &str = "/networking/v2.0";
const IDENTITY: &str = "/identity/v3";

/// Made by the API: `kind` below `path`.
pub async fn made(client: &Client, path: &str, kind: &str, body: Value) -> String {
    let answer = client.post(path, json!({ kind: body })).await;
    assert!(answer.status < 300, "{path}: {answer:?}");
    answer.json[kind]["id"].as_str().unwrap().to_owned()
}

pub async fn page(visitor: &Visitor, address: &str) -> String {
    visitor.get(address).await.expect(200).body
}

/// Where the pages above a page are, from the top.
fn above(page: &str) -> Vec<String> {
    let rest = page.split("class=\"crumbs\"").nth(1).unwrap();
    let crumbs = rest.split("</p>").next().unwrap();
    crumbs
        .split("</a>")
        .filter_map(|part| Some(part.rsplit_once('>')?.1.to_owned()))
        .filter(|words| !words.trim().is_empty())
        .collect()
}

/// A router with a gateway and unnamed subnets of a network, and the outside.
pub struct Net {
    pub site: TestSite,
    pub visitor: Visitor,
    pub admin: Client,
    pub public: Value,
    pub network: String,
    pub router: String,
    pub subnets: Vec<String>,
}

impl Net {
    pub async fn start(prefixes: &[&str]) -> Self {
        let site = TestSite::start().await;
        let admin = site.cloud.admin().await;
        let visitor = site.visitor("admin").await;
        let public = admin.get(&format!("{NET}/networks?name=public")).await.expect(200)["networks"][0]["id"].clone();
        let network = made(&admin, &format!("{NET}/networks"), "network", json!({"name": "web"})).await;
        let router = json!({"name": "r", "external_gateway_info": {"network_id": public}});
        let router = made(&admin, &format!("{NET}/routers"), "router", router).await;
        let mut subnets = Vec::new();
        for prefix in prefixes {
            let subnet = json!({"network_id": network, "ip_version": 4, "cidr": prefix});
            let subnet = made(&admin, &format!("{NET}/subnets"), "subnet", subnet).await;
            let leg = json!({"subnet_id": subnet});
            admin
                .put(&format!("{NET}/routers/{router}/add_router_interface"), leg)
                .await
                .expect(200);
            subnets.push(subnet);
        }
        Self {
            site,
            visitor,
            admin,
            public,
            network,
            router,
            subnets,
        }
    }

    /// An unnamed port on a subnet.
    pub async fn port(&self, subnet: usize) -> String {
        let port = json!({"network_id": self.network, "fixed_ips": [{"subnet_id": self.subnets[subnet]}]});
        made(&self.admin, &format!("{NET}/ports"), "port", port).await
    }

    /// A floating IP, associated with a port.
    pub async fn floating(&self, port: Option<&str>) -> String {
        let floating = json!({"floating_network_id": self.public, "port_id": port});
        made(&self.admin, &format!("{NET}/floatingips"), "floatingip", floating).await
    }

    fn clear(&self) -> String {
        format!("/dashboard/routers/{}/gateway/clear", self.router)
    }

    fn remove(&self, subnet: usize) -> String {
        format!(
            "/dashboard/routers/{}/interfaces/remove?subnet={}",
            self.router, self.subnets[subnet]
        )
    }
}

#[tokio::test]
async fn what_floating_ips_need_is_not_taken_away_under_them() {
    let net = Net::start(&["10.60.0.0/24", "10.61.0.0/24"]).await;
    let free = page(&net.visitor, &net.clear()).await;
    assert!(
        free.contains("can no longer reach the outside") && !free.contains("data-blocked"),
        "{free}"
    );
    let mut floating = Vec::new();
    for (through, leads) in [
        (
            "1 floating IP goes through this router. Disassociate it first.",
            "1 floating IP leads to a server on this subnet. Disassociate it first.",
        ),
        (
            "2 floating IPs go through this router. Disassociate them first.",
            "2 floating IPs lead to servers on this subnet. Disassociate them first.",
        ),
    ] {
        let port = net.port(0).await;
        floating.push(net.floating(Some(&port)).await);
        for (address, words) in [(net.clear(), through), (net.remove(0), leads)] {
            let asked = page(&net.visitor, &address).await;
            assert!(
                asked.contains(words) && asked.contains("data-blocked"),
                "{address}: {asked}"
            );
            assert!(
                asked.contains(&format!("href=\"/dashboard/routers/{}#floating-ips\"", net.router)),
                "{asked}"
            );
        }
    }
    // Nothing needs the other subnet's interface.
    assert!(!page(&net.visitor, &net.remove(1)).await.contains("data-blocked"));
    // What the page says is what the API does.
    let refused = net.visitor.submit(&net.clear(), &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    let remove = format!("/dashboard/routers/{}/interfaces/remove", net.router);
    let refused = net.visitor.submit(&remove, &[("subnet", &net.subnets[0])]).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    for id in floating {
        let loose = json!({"floatingip": {"port_id": null}});
        net.admin
            .put(&format!("{NET}/floatingips/{id}"), loose)
            .await
            .expect(200);
    }
    for (address, fields) in [
        (remove, vec![("subnet", net.subnets[0].as_str())]),
        (net.clear(), Vec::new()),
    ] {
        let query = fields.first().map(|(name, value)| format!("?{name}={value}"));
        let asked = page(&net.visitor, &format!("{address}{}", query.unwrap_or_default())).await;
        assert!(!asked.contains("data-blocked"), "{address}: {asked}");
        let done = net.visitor.submit(&address, &fields).await;
        assert!(
            done.status.is_success() || done.status.is_redirection(),
            "{address}: {}",
            done.body
        );
    }
}

#[tokio::test]
async fn networking_dialogs_name_what_they_are_about() {
    let net = Net::start(&["10.60.0.0/24"]).await;
    let (router, subnet) = (&net.router, &net.subnets[0]);
    let port = net.port(0).await;
    let ports = net.admin.get(&format!("{NET}/ports/{port}")).await.expect(200);
    let address = ports["port"]["fixed_ips"][0]["ip_address"].as_str().unwrap().to_owned();
    let floating = net.floating(None).await;
    let row = net
        .admin
        .get(&format!("{NET}/floatingips/{floating}"))
        .await
        .expect(200);
    let outside = row["floatingip"]["floating_ip_address"].as_str().unwrap().to_owned();
    let mut titles = vec![
        (
            format!("subnets/{subnet}/edit"),
            "Edit subnet “10.60.0.0/24”".to_owned(),
            "‘10.60.0.0/24’ 서브넷 편집".to_owned(),
        ),
        (
            format!("subnets/new?network={}", net.network),
            "Add a subnet to network “web”".to_owned(),
            "‘web’ 네트워크에 서브넷 추가".to_owned(),
        ),
        (
            format!("routers/{router}/interfaces/remove?subnet={subnet}"),
            "Remove the interface on subnet 10.60.0.0/24?".to_owned(),
            "10.60.0.0/24 서브넷의 인터페이스를 제거할까요?".to_owned(),
        ),
        (
            format!("ports/{port}/edit"),
            format!("Edit port “{address}”"),
            format!("‘{address}’ 포트 편집"),
        ),
        (
            format!("floating-ips/{floating}/edit"),
            format!("Edit floating IP “{outside}”"),
            format!("‘{outside}’ 유동 IP 편집"),
        ),
    ];
    for (at, en, ko) in [
        (
            "gateway",
            "Change the gateway of router “r”",
            "‘r’ 라우터의 게이트웨이 변경",
        ),
        ("routes/new", "Add a route to router “r”", "‘r’ 라우터에 경로 추가"),
        (
            "interfaces/new",
            "Add an interface to router “r”",
            "‘r’ 라우터에 인터페이스 추가",
        ),
    ] {
        titles.push((format!("routers/{router}/{at}"), en.to_owned(), ko.to_owned()));
    }
    for (at, en, ko) in titles {
        for (lang, title) in [("en", en), ("ko", ko)] {
            let visitor = Visitor {
                lang,
                ..net.visitor.clone()
            };
            let asked = page(&visitor, &format!("/dashboard/{at}")).await;
            assert!(asked.contains(&format!("<h1>{title}</h1>")), "{at}: {title}: {asked}");
        }
    }
    let shown = page(&net.visitor, &format!("/dashboard/ports/{port}")).await;
    assert_eq!(above(&shown), ["Networks", "web"]);
    // A server's port is told by its server.
    seeds::sow(&net.site.cloud, &net.admin).await;
    let servers = net.admin.get("/compute/v2.1/servers").await.expect(200);
    let server = servers["servers"][0]["id"].as_str().unwrap();
    let ports = net
        .admin
        .get(&format!("{NET}/ports?device_id={server}"))
        .await
        .expect(200);
    let port = &ports["ports"][0];
    let (id, address) = (
        port["id"].as_str().unwrap(),
        port["fixed_ips"][0]["ip_address"].as_str().unwrap(),
    );
    let asked = page(&net.visitor, &format!("/dashboard/ports/{id}/edit")).await;
    let name = HOSTILE.replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    assert!(asked.contains(&format!("Edit port “{address} of {name}”")), "{asked}");
}

#[tokio::test]
async fn administrators_dialogs_name_what_they_are_about() {
    let site = TestSite::start().await;
    let admin = site.cloud.admin().await;
    let visitor = site.visitor("admin").await;
    let roles = admin.get(&format!("{IDENTITY}/roles")).await.expect(200);
    let role = |name: &str| {
        let all = roles["roles"].as_array().unwrap();
        let found = all.iter().find(|role| role["name"] == name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let asked = page(&visitor, &format!("/dashboard/admin/roles/{}/implies", role("member"))).await;
    assert!(asked.contains("<h1>Add a role implied by “member”</h1>"), "{asked}");
    let offered = |page: &str, name: &str| values(page, "value").any(|value| value == role(name));
    // Itself, and what it implies already, are no choice.
    assert!(
        offered(&asked, "admin") && !offered(&asked, "member") && !offered(&asked, "reader"),
        "{asked}"
    );
    let host = page(&visitor, "/dashboard/admin/host").await;
    let disable = values(&host, "href")
        .find(|link| link.contains("nova-compute"))
        .unwrap();
    let asked = page(&visitor, &disable).await;
    assert!(asked.contains("<h1>Disable “nova-compute” on host “"), "{asked}");
    let asked = page(&visitor, "/dashboard/admin/host/aggregates/new").await;
    assert!(asked.contains("<h1>Create host aggregate</h1>"), "{asked}");
    let domain = json!({"name": "sales", "enabled": true});
    let domain = made(&admin, &format!("{IDENTITY}/domains"), "domain", domain).await;
    let shown = page(&visitor, &format!("/dashboard/admin/projects/domains/{domain}")).await;
    assert_eq!(above(&shown), ["Projects and quotas", "Domains"]);
}

#[tokio::test]
async fn allocating_offers_no_address_that_one_has() {
    let net = Net::start(&["10.60.0.0/24"]).await;
    let port = net.port(0).await;
    let floating = net.floating(None).await;
    let allocate = page(&net.visitor, "/dashboard/floating-ips/new").await;
    let offered = |page: &str| values(page, "value").any(|value| value == floating);
    assert!(
        !offered(&allocate) && !allocate.contains("<select id=\"f-address\""),
        "{allocate}"
    );
    assert!(!allocate.contains("One you already have"), "{allocate}");
    // That is what the other dialog is for.
    let associate = page(&net.visitor, "/dashboard/floating-ips/associate").await;
    assert!(
        offered(&associate) && associate.contains("<select id=\"f-address\""),
        "{associate}"
    );
    let forward = page(
        &net.visitor,
        &format!("/dashboard/floating-ips/{floating}/forwardings/new"),
    )
    .await;
    assert!(
        forward.contains(&port) && forward.contains(">Choose a server</option>"),
        "{forward}"
    );
    let asked = [("address", "new"), ("network", net.public.as_str().unwrap())];
    let done = net.visitor.submit("/dashboard/floating-ips/associate", &asked).await;
    assert!(
        done.status.is_success() || done.status.is_redirection(),
        "{}",
        done.body
    );
    let all = net.admin.get(&format!("{NET}/floatingips")).await.expect(200);
    assert_eq!(all["floatingips"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_project_or_domain_leaves_behind_is_counted() {
    let net = Net::start(&["10.60.0.0/24"]).await;
    net.floating(None).await;
    net.floating(None).await;
    let domain = json!({"name": "sales", "enabled": true});
    let domain = made(&net.admin, &format!("{IDENTITY}/domains"), "domain", domain).await;
    let project = json!({"name": "shop", "domain_id": domain});
    let project = made(&net.admin, &format!("{IDENTITY}/projects"), "project", project).await;
    let user = json!({"name": "kim", "domain_id": domain});
    made(&net.admin, &format!("{IDENTITY}/users"), "user", user).await;
    let delete = |id: &str| format!("/dashboard/admin/projects/delete?id={id}");
    let asked = page(&net.visitor, &delete(&net.admin.project_id)).await;
    let left = asked.split("Left behind without an owner: ").nth(1).unwrap();
    let left = left.split('.').next().unwrap();
    let mut counted: Vec<_> = left.split(", ").collect();
    counted.sort_unstable();
    // The provider network is the administrator's, too.
    assert_eq!(
        counted,
        ["1 router", "1 security group", "2 floating IPs", "2 networks"]
    );
    let empty = page(&net.visitor, &delete(&project)).await;
    assert!(
        empty.contains("There are no servers, volumes or networks in it."),
        "{empty}"
    );
    let ko = Visitor {
        lang: "ko",
        ..net.visitor.clone()
    };
    let asked = page(&ko, &delete(&net.admin.project_id)).await;
    let left = asked.split("소유자 없이 남는 자원: ").nth(1).unwrap();
    let left = left.split('.').next().unwrap();
    assert!(
        left.contains("유동 IP 2개") && left.contains("라우터 1개") && !left.contains(" 0"),
        "{left}"
    );
    // A domain that is enabled is not asked about.
    let delete = format!("/dashboard/admin/projects/domains/delete?id={domain}");
    let asked = page(&net.visitor, &delete).await;
    assert!(asked.contains("An enabled domain can't be deleted."), "{asked}");
    assert!(
        asked.contains("data-blocked") && !asked.contains("name=\"confirm\""),
        "{asked}"
    );
    assert!(
        asked.contains(&format!("href=\"/dashboard/admin/projects/domains/{domain}/edit\"")),
        "{asked}"
    );
    let disabled = json!({"domain": {"enabled": false}});
    net.admin
        .patch(&format!("{IDENTITY}/domains/{domain}"), disabled)
        .await
        .expect(200);
    let asked = page(&net.visitor, &delete).await;
    assert!(asked.contains("Deleted with it: 1 project, 1 user."), "{asked}");
    assert!(
        !asked.contains("data-blocked") && asked.contains("name=\"confirm\""),
        "{asked}"
    );
}

#[tokio::test]
async fn what_destroys_something_asks() {
    let net = Net::start(&[]).await;
    seeds::sow(&net.site.cloud, &net.admin).await;
    let first = |list: Value| list.as_array().unwrap()[0]["id"].as_str().unwrap().to_owned();
    let server = first(net.admin.get("/compute/v2.1/servers").await.expect(200)["servers"].clone());
    let volume = first(net.admin.get("/volume/v3/volumes").await.expect(200)["volumes"].clone());
    let red = [
        format!("servers/{server}/rebuild"),
        format!("servers/{server}/do/hard-reboot"),
        format!("servers/{server}/do/crash-dump"),
        format!("servers/{server}/do/force-delete"),
        format!("servers/delete?id={server}"),
        format!("volumes/{volume}/reimage"),
        format!("volumes/{volume}/force-delete"),
        net.clear().trim_start_matches("/dashboard/").to_owned(),
    ];
    for (lang, end) in [("en", "?</h1>"), ("ko", "까요?</h1>")] {
        let visitor = Visitor {
            lang,
            ..net.visitor.clone()
        };
        for address in &red {
            let asked = page(&visitor, &format!("/dashboard/{address}")).await;
            assert!(asked.contains("button main danger"), "{address}: {asked}");
            assert!(asked.contains(end), "{address}: {asked}");
        }
    }
    // What can be undone is no question.
    let lock = page(&net.visitor, &format!("/dashboard/servers/{server}/do/lock")).await;
    assert!(
        !lock.contains("?</h1>") && !lock.contains("button main danger"),
        "{lock}"
    );
    // Why something is not possible is said by the state.
    let actions = page(&net.visitor, &format!("/dashboard/servers/{server}/actions")).await;
    assert!(actions.contains("Not available while it is running"), "{actions}");
}
