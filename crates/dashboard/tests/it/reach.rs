//! Reachability in pages: what they say is what the API says, what a button makes is what the answer named, and nobody learns
//! of what is somebody else's.

use std::time::{Duration, Instant};

use axum::http::Request;
use axum::http::header::{ORIGIN, REFERER};
use serde_json::{Value, json};

use crate::cloud::{BASE_URL, Client, PASSWORD, TestCloud};
use crate::pages::values;
use crate::seeds::HOSTILE;
use crate::site::{TestSite, Visitor};

const NET: &str = "/networking/v2.0";
const NOVA: &str = "/compute/v2.1";

/// A server on a network of its own, without a router, in a group that lets nothing in.
async fn server(cloud: &TestCloud, client: &Client, name: &str) -> String {
    let admin = cloud.admin().await;
    let image = json!({"name": "i", "disk_format": "raw", "container_format": "bare", "visibility": "public"});
    let image = admin.post("/image/v2/images", image).await.expect(201)["id"].clone();
    let path = format!("/image/v2/images/{}/file", image.as_str().unwrap());
    let upload = admin.with("content-type", "application/octet-stream");
    let sent = upload
        .send(axum::http::Method::PUT, &path, axum::body::Body::from(vec![0; 1 << 20]))
        .await;
    assert_eq!(sent.status, 204, "{sent:?}");
    let network = client
        .post(&format!("{NET}/networks"), json!({"network": {"name": name}}))
        .await
        .expect(201)["network"]["id"]
        .clone();
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "172.31.0.0/24", "name": name}});
    client.post(&format!("{NET}/subnets"), subnet).await.expect(201);
    let flavors = client.get(&format!("{NOVA}/flavors")).await.expect(200);
    let flavors = flavors["flavors"].as_array().unwrap();
    let nano = flavors.iter().find(|flavor| flavor["name"] == "m1.nano").unwrap();
    let body =
        json!({"server": {"name": name, "imageRef": image, "flavorRef": nano["id"], "networks": [{"uuid": network}]}});
    let id = client.post(&format!("{NOVA}/servers"), body).await.expect(202)["server"]["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    let deadline = Instant::now() + Duration::from_secs(30);
    while client.get(&format!("{NOVA}/servers/{id}")).await.expect(200)["server"]["status"] != "ACTIVE" {
        assert!(Instant::now() < deadline, "{id} is not active");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    id
}

async fn asked(client: &Client, query: &str) -> Value {
    client.get(&format!("/maru/v1/reach?{query}")).await.expect(200)["reach"].clone()
}

/// The fields of each form that has something mended.
fn fixes(page: &str) -> Vec<Vec<(String, String)>> {
    let forms = page.split("<form class=\"fix\"").skip(1);
    forms
        .filter_map(|rest| rest.split("</form>").next())
        .map(|form| {
            let tags = form.split("<input").skip(1);
            let value = |tag: &str, of: &str| values(tag, of).next().unwrap();
            tags.map(|tag| (value(tag, "name"), value(tag, "value"))).collect()
        })
        .collect()
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

async fn page(visitor: &Visitor, address: &str) -> String {
    visitor.get(address).await.expect(200).body
}

#[tokio::test]
async fn the_matrix_is_the_apis() {
    let site = TestSite::start().await;
    let demo = site.cloud.demo().await;
    let id = server(&site.cloud, &demo, "web1").await;
    let visitor = site.visitor("demo").await;
    // As it is: only the network's own services reach it; and with half of it open.
    for (is_open, reached) in [(false, 1..3), (true, 3..10)] {
        if is_open {
            let to = format!("server:{id}");
            let all = [("to", to.as_str()), ("fix", "all")];
            visitor.submit("/dashboard/reach/fix", &all).await.expect(204);
        }
        let matrix = demo.get(&format!("/maru/v1/reach/servers/{id}")).await.expect(200);
        let trials = matrix["server"]["matrix"].as_array().unwrap().iter();
        let expected: Vec<bool> = trials
            .flat_map(|row| {
                ["ping_fixed", "ping_floating", "ssh"].map(|name| row["trials"][name]["verdict"] == "reachable")
            })
            .collect();
        let body = page(&visitor, &format!("/dashboard/servers/{id}/reach")).await;
        let cells: Vec<bool> = values(&body, "class")
            .filter_map(|class| Some(class.strip_prefix("cell ")? == "good"))
            .collect();
        assert_eq!(cells, expected);
        let count = expected.iter().filter(|is_reached| **is_reached).count();
        assert!(reached.contains(&count), "{count}: {matrix:?}");
        // A verdict is a word too, and a cell leads to its question, whose answer agrees.
        assert_eq!(body.matches("class=\"cell-word\"").count(), 12);
        let matrix = body.split("reach-matrix").nth(1).unwrap();
        let cells = values(matrix.split("</table>").next().unwrap(), "href");
        let cells: Vec<String> = cells.filter(|link| link.ends_with("#reach-answer")).collect();
        assert_eq!(cells.len(), 12);
        for (cell, is_reached) in cells.iter().zip(expected) {
            let answer = page(&visitor, cell.trim_end_matches("#reach-answer")).await;
            assert_eq!(answer.contains("reach-answer reached"), is_reached, "{cell}");
            assert!(answer.contains("aria-current=\"true\""), "{cell}");
        }
    }
}

#[tokio::test]
async fn what_is_in_the_way_is_said_in_both_languages_and_mended_by_a_button() {
    let site = TestSite::start().await;
    let demo = site.cloud.demo().await;
    let id = server(&site.cloud, &demo, "web1").await;
    let mut visitor = site.visitor("demo").await;
    let address = format!("/dashboard/servers/{id}/reach?from=outside&protocol=tcp&port=22");
    let query = format!("to=server:{id}&protocol=tcp&port=22");
    let before = asked(&demo, &query).await;
    let blockers = before["blockers"].as_array().unwrap();
    assert!(blockers.len() >= 3, "a router, a floating IP and a rule: {before:?}");
    for lang in ["ko", "en"] {
        visitor.lang = lang;
        let body = page(&visitor, &address).await;
        let mut from = 0;
        for blocker in blockers {
            let sentence = blocker["message"][lang].as_str().unwrap();
            let at = body[from..].find(sentence);
            from += at.unwrap_or_else(|| panic!("{sentence} is missing, or not in order"));
            assert!(body.contains(blocker["code"].as_str().unwrap()));
            let command = blocker["fix"]["commands"][0].as_str().unwrap();
            assert!(body.contains(command), "{command}");
        }
        assert!(body.contains(&format!("sudo maru reach --to {id} --tcp 22")));
    }

    // One of them: the rule, as the last stands in the way.
    let forms = fixes(&page(&visitor, &address).await);
    assert_eq!(forms.len(), blockers.len() + 1, "one for each, and one for all");
    let all = forms
        .iter()
        .find(|fields| fields.iter().any(|(_, value)| value == "all"));
    let rule = blockers
        .iter()
        .position(|blocker| blocker["code"] == "SG_NO_INGRESS_RULE")
        .unwrap();
    let done = visitor
        .submit("/dashboard/reach/fix", &borrowed(&forms[rule]))
        .await
        .expect(204);
    let told = done.headers.get("hx-trigger").unwrap().to_str().unwrap().to_owned();
    let left = asked(&demo, &query).await;
    assert_eq!(left["blockers"].as_array().unwrap().len(), blockers.len() - 1);
    assert!(told.contains("Still in the way: "), "{told}");
    // The same again is not there any more.
    let again = visitor
        .submit("/dashboard/reach/fix", &borrowed(&forms[rule]))
        .await
        .expect(409);
    assert!(again.body.contains("not in the way any more"), "{}", again.body);

    // All the rest, by a plain form: a new router's id goes from one request to the next.
    let plain = Request::builder()
        .method("POST")
        .uri("/dashboard/reach/fix")
        .header(ORIGIN, BASE_URL)
        .header(REFERER, format!("{BASE_URL}{address}"));
    let back = visitor.send_form(plain, &borrowed(all.unwrap())).await.expect(303);
    assert!(back.location().starts_with(&address), "{}", back.location());
    let after = asked(&demo, &query).await;
    assert_eq!(after["verdict"], "reachable", "{after:?}");
    let body = page(&visitor, &address).await;
    assert!(
        body.contains("reach-answer reached") && fixes(&body).is_empty(),
        "{body}"
    );
    // Address translation is shown with both ends.
    let destination = after["destination"].as_str().unwrap();
    assert!(
        body.contains("class=\"translation\"") && body.contains(destination),
        "{body}"
    );
}

#[tokio::test]
async fn no_form_makes_anything_but_what_the_answer_names() {
    let site = TestSite::start().await;
    let demo = site.cloud.demo().await;
    let id = server(&site.cloud, &demo, "web1").await;
    let visitor = site.visitor("demo").await;
    let to = format!("server:{id}");
    let networks = demo.get(&format!("{NET}/networks")).await.expect(200);
    let path = format!("{NET}/networks");
    let forged = [
        ("to", to.as_str()),
        ("fix", "0011223344556677"),
        ("method", "DELETE"),
        ("path", path.as_str()),
        (
            "requests",
            "[{\"method\":\"POST\",\"path\":\"/networking/v2.0/networks\",\"body\":{}}]",
        ),
    ];
    visitor.submit("/dashboard/reach/fix", &forged).await.expect(409);
    visitor
        .submit("/dashboard/reach/fix", &[("to", to.as_str())])
        .await
        .expect(409);
    visitor
        .submit("/dashboard/reach/fix", &[("fix", "all")])
        .await
        .expect(422);
    assert_eq!(demo.get(&format!("{NET}/networks")).await.expect(200), networks);
    // Of another site's page.
    let foreign = Request::builder()
        .method("POST")
        .uri("/dashboard/reach/fix")
        .header(ORIGIN, "https://evil.example");
    visitor
        .send_form(foreign, &[("to", &to), ("fix", "all")])
        .await
        .expect(403);
    assert_ne!(asked(&demo, &format!("to={to}")).await["verdict"], "reachable");
}

#[tokio::test]
async fn readers_see_why_and_have_no_buttons() {
    let site = TestSite::start().await;
    let owner = site.cloud.project("owner").await;
    let id = server(&site.cloud, &owner, "web1").await;
    let admin = site.cloud.admin().await;
    let user = json!({"user": {"name": "watcher", "password": PASSWORD, "default_project_id": owner.project_id}});
    let user = admin.post("/identity/v3/users", user).await.expect(201)["user"]["id"].clone();
    let roles = admin.get("/identity/v3/roles?name=reader").await.expect(200);
    let path = format!(
        "/identity/v3/projects/{}/users/{}/roles/{}",
        owner.project_id,
        user.as_str().unwrap(),
        roles["roles"][0]["id"].as_str().unwrap()
    );
    assert_eq!(admin.put(&path, Value::Null).await.status, 204);
    let member = site.visitor("owner").await;
    let reader = site.visitor("watcher").await;
    let address = format!("/dashboard/servers/{id}/reach");
    let body = page(&reader, &address).await;
    assert!(
        body.contains("SG_NO_INGRESS_RULE") && body.contains("openstack security group rule create"),
        "{body}"
    );
    assert!(
        fixes(&body).is_empty() && !body.contains("/dashboard/reach/fix"),
        "{body}"
    );
    assert!(body.contains("a member of its project can fix it"), "{body}");
    // A member's forms, sent by the reader.
    let forms = fixes(&page(&member, &address).await);
    assert!(forms.len() > 2);
    for form in &forms {
        reader.submit("/dashboard/reach/fix", &borrowed(form)).await.expect(403);
    }
    let before = asked(&owner, &format!("to=server:{id}")).await;
    assert_eq!(before["blockers"].as_array().unwrap().len(), forms.len() - 1);
}

#[tokio::test]
async fn nobody_learns_of_what_is_somebody_elses() {
    let site = TestSite::start().await;
    let owner = site.cloud.project("owner").await;
    let id = server(&site.cloud, &owner, "their-secret").await;
    let mender = site.visitor("owner").await;
    let to = format!("server:{id}");
    mender
        .submit("/dashboard/reach/fix", &[("to", &to), ("fix", "all")])
        .await
        .expect(204);
    let floating = owner.get(&format!("{NET}/floatingips")).await.expect(200);
    let floating = &floating["floatingips"][0];
    let port = floating["port_id"].as_str().unwrap();
    site.cloud.project("other").await;
    let other = site.visitor("other").await;
    for (target, status) in [
        (format!("server:{id}"), "no"),
        ("their-secret".to_owned(), "no"),
        (format!("port:{port}"), "no"),
        (format!("floating-ip:{}", floating["id"].as_str().unwrap()), "no"),
        (floating["floating_ip_address"].as_str().unwrap().to_owned(), "reached"),
        ("172.31.0.1".to_owned(), "shut"),
    ] {
        for at in ["/dashboard/reach?to=", "/dashboard/topology?to="] {
            let body = page(&other, &format!("{at}{}", target.replace(':', "%3A"))).await;
            // What was typed comes back; what it names does not.
            assert!(
                target == "their-secret" || !body.contains("their-secret"),
                "{at}{target}: {body}"
            );
            if status == "no" && target != "their-secret" {
                assert!(!body.contains("172.31.0."), "{at}{target}");
            }
            assert_eq!(
                body.contains("class=\"problem\""),
                status == "no",
                "{at}{target}: {body}"
            );
        }
        let fix = [("to", target.as_str()), ("fix", "all")];
        assert!(
            other
                .submit("/dashboard/reach/fix", &fix)
                .await
                .status
                .is_client_error()
        );
    }
    let body = page(
        &other,
        &format!(
            "/dashboard/reach?to={}",
            floating["floating_ip_address"].as_str().unwrap()
        ),
    )
    .await;
    assert!(body.contains("of another project"), "{body}");
    assert_eq!(other.get(&format!("/dashboard/servers/{id}/reach")).await.status, 404);
}

#[tokio::test]
async fn a_badge_tells_at_each_server_and_is_live() {
    let site = TestSite::start().await;
    let demo = site.cloud.demo().await;
    let id = server(&site.cloud, &demo, "web1").await;
    let mut visitor = site.visitor("demo").await;
    let at = format!("/dashboard/servers/{id}");
    let card = format!("/dashboard/topology/card/server/{id}");
    let badges = |body: &str| {
        body.split("reach-badge")
            .skip(1)
            .map(|rest| rest.split("</a>").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for address in ["/dashboard/servers", &at, &card] {
        let body = page(&visitor, address).await;
        let badges = badges(&body);
        assert_eq!(badges.len(), 1, "{address}: {body}");
        assert!(
            badges[0].contains("not reachable") && badges[0].contains(&format!("{at}/reach")),
            "{badges:?}"
        );
        assert!(
            badges[0].contains("so nothing leaves it"),
            "the first cause's sentence: {badges:?}"
        );
    }
    let to = format!("server:{id}");
    visitor
        .submit("/dashboard/reach/fix", &[("to", &to), ("fix", "all")])
        .await
        .expect(204);
    // Ping is open now, SSH is not.
    let body = page(&visitor, "/dashboard/servers").await;
    assert!(
        badges(&body)[0].contains("ping only") && badges(&body)[0].contains("SSH from outside stops"),
        "{:?}",
        badges(&body)
    );
    let ssh = [("to", to.as_str()), ("protocol", "tcp"), ("port", "22"), ("fix", "all")];
    visitor.submit("/dashboard/reach/fix", &ssh).await.expect(204);
    visitor.lang = "ko";
    for (address, words) in [
        ("/dashboard/servers", ">접속 가능"),
        (&at, ">외부에서 접속 가능"),
        (&card, ">외부에서 접속 가능"),
    ] {
        let body = page(&visitor, address).await;
        assert!(badges(&body)[0].contains(words), "{address}: {:?}", badges(&body));
    }
    // Who shut what was to be reached is warned.
    let power = json!({"os-stop": null});
    demo.post(&format!("{NOVA}/servers/{id}/action"), power)
        .await
        .expect(202);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found = badges(&page(&visitor, "/dashboard/servers").await);
        if found[0].starts_with(" warn") && found[0].contains("서버가 꺼져 있습니다") {
            break;
        }
        assert!(Instant::now() < deadline, "{found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_way_is_drawn_in_both_views_with_its_end() {
    let site = TestSite::start().await;
    let demo = site.cloud.demo().await;
    let id = server(&site.cloud, &demo, "web1").await;
    let visitor = site.visitor("demo").await;
    let to = format!("server:{id}");
    visitor
        .submit("/dashboard/reach/fix", &[("to", &to), ("fix", "all")])
        .await
        .expect(204);
    for (query, is_reached) in [("", true), ("&protocol=tcp&port=80", false)] {
        let address = format!("/dashboard/topology?to=server%3A{id}{query}");
        let [graph, columns] = ["", "&view=columns"].map(|view| format!("{address}{view}"));
        let (graph, columns) = (page(&visitor, &graph).await, page(&visitor, &columns).await);
        for body in [&graph, &columns] {
            assert_eq!(body.contains("trace reached"), is_reached, "{body}");
            assert_eq!(body.contains("way-stop"), !is_reached);
            // From the provider network by the router to the network: lines too.
            assert!(body.matches(" on-way\" d=").count() >= 2, "{body}");
            assert_eq!(
                body.contains(&format!("id=\"at-server-{id}\" class=\"place on-way\"")),
                is_reached
            );
            assert!(body.contains("step 3 of the way"), "a text says it");
            assert_eq!(body.contains("the way stops here"), !is_reached);
        }
        let numbers = |body: &str| body.matches("way-mark").count();
        assert_eq!(numbers(&graph), numbers(&columns));
        // It stays, whatever else of the picture is chosen, and goes when it is hidden.
        assert!(graph.contains("view=columns&amp;to=server%3A"), "{graph}");
        assert!(graph.contains("href=\"/dashboard/topology\" data-in-place"), "{graph}");
        assert_eq!(graph, page(&visitor, &address).await, "equal pictures are equal");
    }
    // Ports and floating IPs are told by their addresses.
    let floating = demo.get(&format!("{NET}/floatingips")).await.expect(200)["floatingips"][0].clone();
    for (to, address) in [
        (
            format!("floating-ip:{}", floating["id"].as_str().unwrap()),
            "floating_ip_address",
        ),
        (
            format!("port:{}", floating["port_id"].as_str().unwrap()),
            "fixed_ip_address",
        ),
    ] {
        let body = page(&visitor, &format!("/dashboard/topology?to={to}&from=router")).await;
        let words = format!("→ {}, ping", floating[address].as_str().unwrap());
        assert!(body.contains(&words), "{to}: {body}");
    }
}

#[tokio::test]
async fn questions_that_make_no_sense_are_explained() {
    let site = TestSite::start().await;
    let demo = site.cloud.demo().await;
    let mut visitor = site.visitor("demo").await;
    for (query, en, ko) in [
        (
            "to=nobody",
            "There is no “nobody” that you may see",
            "‘nobody’를 찾을 수 없습니다",
        ),
        (
            "to=1.2.3.4&protocol=tcp",
            "TCP and UDP need a port",
            "포트 번호가 필요합니다",
        ),
        (
            "to=1.2.3.4&protocol=udp&port=70000",
            "not “70000”",
            "‘70000’은 쓸 수 없습니다",
        ),
        (
            "to=1.2.3.4&source=here",
            "“here” is no IP address",
            "IP 주소가 아닙니다",
        ),
        ("to=1.2.3.4&protocol=gre", "“gre” is no protocol", "프로토콜이 아닙니다"),
        ("to=1.2.3.4&which=best", "The cloud", ""),
        ("to=1.2.3.4&from=mars", "The cloud", ""),
    ] {
        for (lang, words) in [("en", en), ("ko", ko)] {
            visitor.lang = lang;
            let body = page(&visitor, &format!("/dashboard/reach?{query}")).await;
            assert!(body.contains("class=\"problem\""), "{query}: {body}");
            assert!(words == "The cloud" || body.contains(words), "{query}: {body}");
            assert!(body.contains("name=\"to\""), "the form stays");
        }
    }
    // A port that the protocol has not, as a form without script sends it, and names that are markup.
    visitor.lang = "en";
    let body = page(
        &visitor,
        "/dashboard/reach?to=1.2.3.4&protocol=icmp&port=22&from=host&source=1.1.1.1",
    )
    .await;
    assert!(!body.contains("class=\"problem\""), "{body}");
    let hostile = percent_encoding::utf8_percent_encode(HOSTILE, percent_encoding::NON_ALPHANUMERIC).to_string();
    for field in ["to", "from", "source", "protocol", "port", "which", "ip_version"] {
        let query = format!("/dashboard/reach?to=x&protocol=tcp&port=1&{field}={hostile}");
        let body = page(&visitor, &query).await;
        assert!(
            !body.contains("<script>harm") && !body.contains("<img src=x"),
            "{field}: {body}"
        );
    }
    // A server without a port: what to do first.
    let id = server(&site.cloud, &demo, "web1").await;
    let ports = demo.get(&format!("{NET}/ports?device_id={id}")).await.expect(200);
    let port = ports["ports"][0]["id"].as_str().unwrap();
    let detached = demo.delete(&format!("{NOVA}/servers/{id}/os-interface/{port}")).await;
    assert_eq!(detached.status, 202, "{detached:?}");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let body = page(&visitor, &format!("/dashboard/servers/{id}/reach")).await;
        if body.contains("This server is on no network") {
            assert!(
                body.contains(&format!("/dashboard/servers/{id}/interfaces/attach")),
                "{body}"
            );
            break;
        }
        assert!(Instant::now() < deadline, "{body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
