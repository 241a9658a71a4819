//! Forms say what comes of them before it is done, and change nothing that was not meant.

use serde_json::{Value, json};

use crate::dialogs::{Net, made, page};
use crate::site::TestSite;

const NET: &str = "/networking/v2.0";
const IDENTITY: &str = "/identity/v3";

/// Names and values.
type FormFields<'a> = Vec<(&'a str, &'a str)>;

#[tokio::test]
async fn what_others_feel_at_once_is_asked_first() {
    let site = TestSite::start().await;
    let admin = site.cloud.admin().await;
    let visitor = site.visitor("admin").await;
    let me = admin.get(&format!("{IDENTITY}/users?name=admin")).await.expect(200)["users"][0]["id"].clone();
    let me = me.as_str().unwrap();
    let user = made(&admin, &format!("{IDENTITY}/users"), "user", json!({"name": "minji"})).await;
    let project = made(
        &admin,
        &format!("{IDENTITY}/projects"),
        "project",
        json!({"name": "web"}),
    )
    .await;
    let role_id = async |name: &str| {
        let rows = admin.get(&format!("{IDENTITY}/roles?name={name}")).await.expect(200);
        rows["roles"][0]["id"].as_str().unwrap().to_owned()
    };
    let (member, reader) = (role_id("member").await, role_id("reader").await);
    let grant = format!("{IDENTITY}/projects/{project}/users/{user}/roles/{member}");
    assert_eq!(admin.put(&grant, Value::Null).await.status, 204);
    let quotas = format!("/compute/v2.1/os-quota-sets/{project}");
    admin
        .put(&quotas, json!({"quota_set": {"instances": 3}}))
        .await
        .expect(200);
    let users = format!("{IDENTITY}/users/{user}");
    let projects = format!("{IDENTITY}/projects/{project}");
    let implied = format!("{IDENTITY}/roles/{member}/implies/{reader}");
    let take =
        |who: &str| format!("/dashboard/admin/grants/take?holder=user:{who}&target=project:{project}&role={member}");
    let state = async || {
        (
            admin.get(&grant).await.status,
            admin.get(&implied).await.status,
            admin.get(&quotas).await.expect(200)["quota_set"]["instances"].clone(),
            admin.get(&users).await.expect(200)["user"]["enabled"].clone(),
            admin.get(&projects).await.expect(200)["project"]["enabled"].clone(),
        )
    };
    let before = (204, 200, json!(3), json!(true), json!(true));
    assert_eq!(state().await, before);
    let holder = format!("user:{user}");
    let target = format!("project:{project}");
    let at_project = format!("/dashboard/admin/projects/{project}");
    let questions: [(String, &str, FormFields); 5] = [
        (
            take(&user),
            "Remove role “member” from “minji”?",
            vec![("holder", &holder), ("target", &target), ("role", &member)],
        ),
        (
            format!("/dashboard/admin/roles/{member}/implies/remove?role={reader}"),
            "Remove implied role “reader” from “member”?",
            vec![("role", &reader)],
        ),
        (
            format!("{at_project}/quotas/reset"),
            "Reset the quotas of project “web”?",
            Vec::new(),
        ),
        (
            format!("/dashboard/admin/users/{user}/disable"),
            "Disable user “minji”?",
            Vec::new(),
        ),
        (format!("{at_project}/disable"), "Disable project “web”?", Vec::new()),
    ];
    for (address, title, fields) in &questions {
        let asked = page(&visitor, address).await;
        assert!(asked.contains(title), "{address}: {asked}");
        assert!(asked.contains("button main warning"), "{asked}");
        for (name, value) in fields {
            let field = format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
            assert!(asked.contains(&field), "{field}: {asked}");
        }
    }
    assert_eq!(state().await, before, "a question changes nothing");
    for (address, _, fields) in &questions {
        let done = visitor.submit(address.split('?').next().unwrap(), fields).await;
        assert!(done.status.is_success(), "{address}: {}", done.body);
    }
    assert_eq!(state().await, (404, 404, json!(10), json!(false), json!(false)));
    // One's own rights, and the project that one is in.
    let own = page(&visitor, &take(me)).await;
    assert!(own.contains("This is your own role"), "{own}");
    let here = admin.get(&format!("{IDENTITY}/projects?name=admin")).await.expect(200)["projects"][0]["id"].clone();
    let here = page(
        &visitor,
        &format!("/dashboard/admin/projects/{}/disable", here.as_str().unwrap()),
    )
    .await;
    assert!(here.contains("it signs you out"), "{here}");
}

#[tokio::test]
async fn a_gateways_new_address_leaves_the_one_of_the_other_version() {
    let net = Net::start(&[]).await;
    let subnet = json!({"network_id": net.public, "ip_version": 6, "cidr": "2001:db8:5::/64"});
    made(&net.admin, &format!("{NET}/subnets"), "subnet", subnet).await;
    let router = json!({"name": "both", "external_gateway_info": {"network_id": net.public}});
    let router = made(&net.admin, &format!("{NET}/routers"), "router", router).await;
    let addresses = async || {
        let row = net.admin.get(&format!("{NET}/routers/{router}")).await.expect(200);
        let ips = row["router"]["external_gateway_info"]["external_fixed_ips"].clone();
        let ips = ips.as_array().unwrap().iter();
        let mut ips: Vec<_> = ips.map(|ip| ip["ip_address"].as_str().unwrap().to_owned()).collect();
        ips.sort();
        ips
    };
    let before = addresses().await;
    assert_eq!(before.len(), 2, "{before:?}");
    let at = format!("/dashboard/routers/{router}/gateway");
    let form = page(&net.visitor, &at).await;
    assert!(
        form.contains("Leave empty to keep ") && form.contains(&before[0]) && form.contains(&before[1]),
        "{form}"
    );
    let public = net.public.as_str().unwrap();
    let kept = net.visitor.submit(&at, &[("gateway", public), ("snat", "true")]).await;
    assert!(kept.status.is_success(), "{}", kept.body);
    assert_eq!(addresses().await, before);
    let fields = [
        ("gateway", public),
        ("snat", "true"),
        ("gateway_address", "172.24.4.77"),
    ];
    let moved = net.visitor.submit(&at, &fields).await;
    assert!(moved.status.is_success(), "{}", moved.body);
    assert_eq!(addresses().await, ["172.24.4.77".to_owned(), before[1].clone()]);
}

#[tokio::test]
async fn a_subnets_form_without_what_it_needs_changes_nothing() {
    let net = Net::start(&["10.60.0.0/24"]).await;
    let id = made(
        &net.admin,
        &format!("{NET}/subnets"),
        "subnet",
        json!({"network_id": net.network, "ip_version": 4, "cidr": "10.62.0.0/24"}),
    )
    .await;
    let at = format!("/dashboard/subnets/{id}/edit");
    let row = async || {
        let row = net.admin.get(&format!("{NET}/subnets/{id}")).await.expect(200);
        (
            row["subnet"]["gateway_ip"].clone(),
            row["subnet"]["allocation_pools"].clone(),
        )
    };
    let (gateway, pools) = row().await;
    assert_eq!(gateway, "10.62.0.1");
    let form = page(&net.visitor, &at).await;
    assert!(!form.contains("Leave empty to use the first address"), "{form}");
    let pool = "10.62.0.2,10.62.0.254";
    for (fields, words) in [
        ([("gateway", ""), ("pools", pool)], "Give the gateway"),
        ([("gateway", "10.62.0.1"), ("pools", "")], "Give at least one pool"),
    ] {
        let refused = net.visitor.submit(&at, &fields).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert!(refused.body.contains(words), "{}", refused.body);
        assert_eq!(row().await, (gateway.clone(), pools.clone()));
    }
    let none = net
        .visitor
        .submit(&at, &[("gateway", ""), ("no_gateway", "true"), ("pools", pool)])
        .await;
    assert!(none.status.is_success(), "{}", none.body);
    assert_eq!(row().await, (Value::Null, pools));
}

#[tokio::test]
async fn an_address_is_not_taken_from_a_server_unsaid() {
    let net = Net::start(&["10.60.0.0/24"]).await;
    let (one, other) = (net.port(0).await, net.port(0).await);
    let floating = net.floating(Some(&one)).await;
    let row = net
        .admin
        .get(&format!("{NET}/floatingips/{floating}"))
        .await
        .expect(200);
    let address = row["floatingip"]["floating_ip_address"].as_str().unwrap();
    let fixed = row["floatingip"]["fixed_ip_address"].as_str().unwrap();
    let asked = page(
        &net.visitor,
        &format!("/dashboard/floating-ips/associate?address={floating}&port={other}"),
    )
    .await;
    let title = format!("Associate floating IP “{address}” with another server");
    assert!(asked.contains(&title), "{asked}");
    assert!(asked.contains("It leads to ") && asked.contains(fixed), "{asked}");
    assert!(asked.contains("button main warning"), "{asked}");
    let free = net.floating(None).await;
    let asked = page(
        &net.visitor,
        &format!("/dashboard/floating-ips/associate?address={free}&port={other}"),
    )
    .await;
    assert!(
        !asked.contains("It leads to ") && !asked.contains("warning\""),
        "{asked}"
    );
}
