//! Trusts, access rules and EC2 credentials: whoever acts for somebody has no more rights than that somebody, and none
//! once these are taken away.

use serde_json::{Value, json};

use super::{names, token_of};
use crate::cloud::{Answer, Client, PASSWORD, TestCloud};

async fn make_trust(demo: &Client, trustee: &Client, more: Value) -> Answer {
    let mut trust = json!({
        "trustor_user_id": demo.user_id,
        "trustee_user_id": trustee.user_id,
        "project_id": demo.project_id,
        "impersonation": true,
        "roles": [{"name": "member"}],
    });
    for (name, value) in more.as_object().unwrap() {
        trust[name] = value.clone();
    }
    demo.post("/identity/v3/OS-TRUST/trusts", json!({"trust": trust})).await
}

async fn by_trust(cloud: &TestCloud, user: &str, trust: &Value) -> Answer {
    let user = json!({"name": user, "domain": {"id": "default"}, "password": PASSWORD});
    let body = super::password_auth(user, json!({"OS-TRUST:trust": {"id": trust["id"]}}));
    cloud.anonymous().post("/identity/v3/auth/tokens", body).await
}

fn holder(cloud: &TestCloud, answer: &Answer) -> Client {
    let secret = answer.headers["x-subject-token"].to_str().unwrap();
    let mut client = cloud.anonymous().with_token(secret);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    client.user_id = text(&answer.json["token"]["user"]["id"]);
    client.project_id = text(&answer.json["token"]["project"]["id"]);
    client
}

#[tokio::test]
async fn a_trustee_acts_with_the_roles_that_were_lent_until_the_trust_ends() {
    let cloud = TestCloud::start().await;
    let (demo, other) = (cloud.demo().await, cloud.project("trustee").await);
    let trust = make_trust(&demo, &other, json!({"roles": [{"name": "reader"}]}))
        .await
        .expect(201)["trust"]
        .clone();
    let issued = by_trust(&cloud, "trustee", &trust).await;
    assert_eq!(issued.status, 201, "{issued:?}");
    let token = &issued.json["token"];
    assert_eq!(token["user"]["id"], json!(demo.user_id));
    assert_eq!(token["project"]["id"], json!(demo.project_id));
    assert_eq!(names(token, "roles"), ["reader"]);
    assert_eq!(token["OS-TRUST:trust"]["trustee_user"]["id"], json!(other.user_id));
    let acting = holder(&cloud, &issued);
    acting.get("/networking/v2.0/networks").await.expect(200);
    // It is good for no other token, and for no way in that would outlive the trust.
    let again = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": acting.token}}}});
    acting.post("/identity/v3/auth/tokens", again).await.expect(403);
    let path = format!("/identity/v3/users/{}/application_credentials", demo.user_id);
    acting
        .post(&path, json!({"application_credential": {"name": "x"}}))
        .await
        .expect(403);
    // Others can't use, see or end it.
    assert_eq!(by_trust(&cloud, "demo", &trust).await.status, 403);
    let path = format!("/identity/v3/OS-TRUST/trusts/{}", trust["id"].as_str().unwrap());
    cloud.project("stranger").await.get(&path).await.expect(403);
    other.delete(&path).await.expect(403);
    demo.delete(&path).await.expect(204);
    acting.get("/networking/v2.0/networks").await.expect(401);
    assert_eq!(by_trust(&cloud, "trustee", &trust).await.status, 403);
}

#[tokio::test]
async fn a_trust_lends_nothing_that_the_trustor_does_not_hold_and_falls_with_either_user() {
    let cloud = TestCloud::start().await;
    let (admin, demo, other) = (cloud.admin().await, cloud.demo().await, cloud.project("trustee").await);
    make_trust(&demo, &other, json!({"roles": [{"name": "admin"}]}))
        .await
        .expect(403);
    make_trust(&demo, &other, json!({"roles": []})).await.expect(403);
    make_trust(&demo, &other, json!({"expires_at": "2001-01-01T00:00:00Z"}))
        .await
        .expect(400);
    make_trust(&other, &demo, json!({"trustor_user_id": demo.user_id}))
        .await
        .expect(403);
    let once = make_trust(&demo, &other, json!({"remaining_uses": 1}))
        .await
        .expect(201)["trust"]
        .clone();
    assert_eq!(by_trust(&cloud, "trustee", &once).await.status, 201);
    assert_eq!(by_trust(&cloud, "trustee", &once).await.status, 403);
    let trust = make_trust(&demo, &other, json!({})).await.expect(201)["trust"].clone();
    let acting = holder(&cloud, &by_trust(&cloud, "trustee", &trust).await);
    // The trustee's new password ends what they had, though the token speaks for the trustor.
    let path = format!("/identity/v3/users/{}", other.user_id);
    admin
        .patch(&path, json!({"user": {"password": PASSWORD}}))
        .await
        .expect(200);
    acting.get("/networking/v2.0/networks").await.expect(401);
    cloud.clock.advance(1);
    let acting = holder(&cloud, &by_trust(&cloud, "trustee", &trust).await);
    acting.get("/networking/v2.0/networks").await.expect(200);
    let row = format!("/identity/v3/users/{}", demo.user_id);
    admin.patch(&row, json!({"user": {"enabled": false}})).await.expect(200);
    acting.get("/networking/v2.0/networks").await.expect(401);
    admin.delete(&row).await.expect(204);
    assert!(cloud.control.cloud().trusts.is_empty());
}

#[tokio::test]
async fn a_trust_is_passed_on_only_as_far_as_it_says() {
    let cloud = TestCloud::start().await;
    let (demo, one, two) = (
        cloud.demo().await,
        cloud.project("one").await,
        cloud.project("two").await,
    );
    let closed = make_trust(&demo, &one, json!({})).await.expect(201)["trust"].clone();
    let acting = holder(&cloud, &by_trust(&cloud, "one", &closed).await);
    make_trust(&acting, &two, json!({})).await.expect(403);
    let open = json!({"allow_redelegation": true, "redelegation_count": 1, "roles": [{"name": "reader"}]});
    let open = make_trust(&demo, &one, open).await.expect(201)["trust"].clone();
    let acting = holder(&cloud, &by_trust(&cloud, "one", &open).await);
    make_trust(&acting, &two, json!({"roles": [{"name": "member"}]}))
        .await
        .expect(403);
    let passed = make_trust(&acting, &two, json!({"roles": [{"name": "reader"}]}))
        .await
        .expect(201)["trust"]
        .clone();
    assert_eq!(passed["redelegated_trust_id"], open["id"]);
    let last = holder(&cloud, &by_trust(&cloud, "two", &passed).await);
    last.get("/networking/v2.0/networks").await.expect(200);
    let path = format!("/identity/v3/OS-TRUST/trusts/{}", open["id"].as_str().unwrap());
    demo.delete(&path).await.expect(204);
    last.get("/networking/v2.0/networks").await.expect(401);
}

#[tokio::test]
async fn access_rules_bound_every_request_of_a_credential() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let path = format!("/identity/v3/users/{}/application_credentials", demo.user_id);
    let rule = json!({"service": "network", "method": "GET", "path": "/v2.0/networks/*"});
    let wanted = json!({"application_credential": {"name": "looks", "unrestricted": true, "access_rules": [rule]}});
    let made = demo.post(&path, wanted).await.expect(201)["application_credential"].clone();
    let rule_id = made["access_rules"][0]["id"].as_str().unwrap();
    let credential = json!({"id": made["id"], "secret": made["secret"]});
    let auth = json!({"identity": {"methods": ["application_credential"], "application_credential": credential}});
    let (secret, _) = token_of(&cloud.anonymous(), json!({"auth": auth})).await;
    let limited = cloud.anonymous().with_token(&secret);
    let unknown = "/networking/v2.0/networks/11111111-2222-4333-8444-555555555555";
    limited.get(unknown).await.expect(404);
    limited.delete(unknown).await.expect(401);
    limited.get("/networking/v2.0/networks").await.expect(401);
    limited.get("/compute/v2.1/servers").await.expect(401);
    limited.get("/identity/v3/auth/projects").await.expect(401);
    // The rule outlives the credential, and goes only after it.
    let rule_path = format!("/identity/v3/users/{}/access_rules/{rule_id}", demo.user_id);
    demo.get(&rule_path).await.expect(200);
    demo.delete(&rule_path).await.expect(403);
    demo.delete(&format!("{path}/{}", made["id"].as_str().unwrap()))
        .await
        .expect(204);
    demo.delete(&rule_path).await.expect(204);
    demo.get(&rule_path).await.expect(404);
    for bad in [
        json!({"service": "network", "method": "GET", "path": "x"}),
        json!({"service": "network", "method": "FETCH", "path": "/x"}),
        json!({"service": "network"}),
        json!({"id": "none"}),
    ] {
        let wanted = json!({"application_credential": {"name": "bad", "access_rules": [bad]}});
        demo.post(&path, wanted).await.expect(400);
    }
}

/// A request signed by version 4, with the machine's own arithmetic.
fn sign(access: &str, secret: &str, at: model::Timestamp) -> Value {
    let date = at.seconds_z().replace(['-', ':'], "");
    let (day, region) = (&date[..8], "RegionOne");
    let hash = hex(&sha256(b""));
    let canonical = format!("GET\n/\nAction=x\nhost:ec2.example\nx-amz-date:{date}\n\nhost;x-amz-date\n{hash}");
    let scope = format!("{day}/{region}/ec2/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&sha256(canonical.as_bytes()))
    );
    let steps = [day, region, "ec2", "aws4_request", &text];
    let signature = steps.iter().fold(format!("AWS4{secret}").into_bytes(), |key, step| {
        hmac(&key, step.as_bytes())
    });
    json!({"credentials": {
        "access": access,
        "signature": hex(&signature),
        "host": "ec2.example",
        "verb": "GET",
        "path": "/",
        "params": {"Action": "x"},
        "headers": {
            "X-Amz-Date": date,
            "Authorization": format!(
                "AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders=host;x-amz-date, Signature=x"
            ),
        },
        "body_hash": hash,
    }})
}

fn sha256(data: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(data).to_vec()
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut block = key.to_vec();
    block.resize(64, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    sha256(&[pad(0x5c), sha256(&[pad(0x36), data.to_vec()].concat())].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_signature_speaks_for_its_user_for_a_quarter_of_an_hour_and_only_to_services() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let service = cloud.project_with_role("svc", "service").await;
    let path = format!("/identity/v3/users/{}/credentials/OS-EC2", demo.user_id);
    let made = demo
        .post(&path, json!({"tenant_id": demo.project_id}))
        .await
        .expect(201)["credential"]
        .clone();
    let (access, secret) = (made["access"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let now = cloud.control.now();
    let good = sign(access, secret, now);
    let tokens = "/identity/v3/ec2tokens";
    cloud.anonymous().post(tokens, good.clone()).await.expect(401);
    demo.post(tokens, good.clone()).await.expect(403);
    for client in [&admin, &service] {
        let token = client.post(tokens, good.clone()).await.expect(200)["token"].clone();
        assert_eq!(token["user"]["id"], json!(demo.user_id));
        assert_eq!(token["project"]["id"], json!(demo.project_id));
    }
    service.post(tokens, sign(access, "forged", now)).await.expect(401);
    service
        .post(tokens, sign(access, secret, now.plus_seconds(-1000)))
        .await
        .expect(401);
    // Kept as a credential like any other, which its owner sees and a stranger does not.
    let listed = demo.get("/identity/v3/credentials?type=ec2").await.expect(200);
    let id = listed["credentials"][0]["id"].as_str().unwrap().to_owned();
    let stranger = cloud.project("stranger").await;
    stranger
        .get(&format!("/identity/v3/credentials/{id}"))
        .await
        .expect(403);
    assert_eq!(
        stranger.get("/identity/v3/credentials").await.expect(200)["credentials"],
        json!([])
    );
    let moved = json!({"credential": {"user_id": stranger.user_id}});
    demo.patch(&format!("/identity/v3/credentials/{id}"), moved)
        .await
        .expect(400);
    demo.delete(&format!("{path}/{access}")).await.expect(204);
    service.post(tokens, good).await.expect(401);
}

#[tokio::test]
async fn what_is_made_with_a_limited_token_is_as_limited() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let path = format!("/identity/v3/users/{}/application_credentials", demo.user_id);
    let make = async |name: &str, unrestricted: bool| {
        let wanted = json!({"name": name, "roles": [{"name": "reader"}], "unrestricted": unrestricted});
        let made = demo
            .post(&path, json!({"application_credential": wanted}))
            .await
            .expect(201);
        let made = &made["application_credential"];
        let credential = json!({"id": made["id"], "secret": made["secret"]});
        let auth = json!({"identity": {"methods": ["application_credential"], "application_credential": credential}});
        cloud
            .anonymous()
            .with_token(&token_of(&cloud.anonymous(), json!({"auth": auth})).await.0)
    };
    let (restricted, open) = (make("closed", false).await, make("open", true).await);
    let ec2 = format!("/identity/v3/users/{}/credentials/OS-EC2", demo.user_id);
    let body = json!({"tenant_id": demo.project_id});
    restricted.post(&ec2, body.clone()).await.expect(403);
    let mut limited = restricted;
    limited.user_id = demo.user_id.clone();
    limited.project_id = demo.project_id.clone();
    make_trust(&limited, &admin, json!({})).await.expect(403);
    let made = open.post(&ec2, body).await.expect(201)["credential"].clone();
    let request = sign(
        made["access"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
        cloud.control.now(),
    );
    let token = admin.post("/identity/v3/ec2tokens", request).await.expect(200);
    assert_eq!(names(&token["token"], "roles"), ["reader"]);
}
