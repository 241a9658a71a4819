//! Rules about passwords: lockout, no reuse, a least age, an expiry. Nobody learns from them whether a user exists.

use control::auth::Compliance;
use serde_json::{Value, json};

use super::password_auth;
use crate::cloud::{Answer, Client, PASSWORD, TestCloud};

const DAY: i64 = 86_400;

async fn log_in(client: &Client, password: &str) -> Answer {
    let user = json!({"name": "demo", "domain": {"id": "default"}, "password": password});
    let body = password_auth(user, Value::Null);
    client.post("/identity/v3/auth/tokens", body).await
}

async fn change(client: &Client, from: &str, to: &str) -> Answer {
    let path = format!("/identity/v3/users/{}/password", client.user_id);
    let body = json!({"user": {"original_password": from, "password": to}});
    // Without a token: whoever's password has expired has none.
    client.clone().with_token("").post(&path, body).await
}

#[tokio::test]
async fn wrong_passwords_lock_a_user_out_for_a_while_and_look_like_any_other_refusal() {
    let cloud = TestCloud::start_compliant(Compliance {
        lockout_failure_attempts: 2,
        lockout_duration: 60,
        ..Compliance::default()
    })
    .await;
    let anonymous = cloud.anonymous();
    log_in(&anonymous, "wrong").await.expect(401);
    log_in(&anonymous, PASSWORD).await.expect(201);
    // The right one started the count anew.
    let wrong = log_in(&anonymous, "wrong").await.expect(401);
    log_in(&anonymous, "wrong").await.expect(401);
    let locked = log_in(&anonymous, PASSWORD).await.expect(401);
    assert_eq!(wrong, locked);
    cloud.clock.advance(61);
    log_in(&anonymous, PASSWORD).await.expect(201);
    // Somebody else's failures are their own, and an administrator's new password opens the door at once.
    for _ in 0..2 {
        log_in(&anonymous, "wrong").await.expect(401);
    }
    let admin = cloud.admin().await;
    let demo = cloud.control.cloud();
    let key = ("default".into(), "demo".to_owned());
    let id = demo.lookups.users_by_name.first(&key).unwrap();
    let body = json!({"user": {"password": "brand-new"}});
    admin.patch(&format!("/identity/v3/users/{id}"), body).await.expect(200);
    log_in(&anonymous, "brand-new").await.expect(201);
}

#[tokio::test]
async fn old_passwords_are_not_taken_again_and_a_young_one_stays_a_while() {
    let cloud = TestCloud::start_compliant(Compliance {
        unique_last_password_count: 2,
        minimum_password_age: 1,
        ..Compliance::default()
    })
    .await;
    let demo = cloud.demo().await;
    change(&demo, PASSWORD, "second").await.expect(400);
    cloud.clock.advance(DAY + 1);
    change(&demo, PASSWORD, PASSWORD).await.expect(400);
    change(&demo, PASSWORD, "second").await.expect(204);
    cloud.clock.advance(DAY + 1);
    change(&demo, "second", PASSWORD).await.expect(400);
    change(&demo, "second", "third").await.expect(204);
    cloud.clock.advance(DAY + 1);
    change(&demo, "third", PASSWORD).await.expect(204);
    let row = cloud.control.cloud().users.get(&demo.user_id.as_str().into()).cloned();
    assert_eq!(row.unwrap().password_history.len(), 1);
}

#[tokio::test]
async fn an_expired_password_is_good_for_nothing_but_its_own_change() {
    let cloud = TestCloud::start_compliant(Compliance {
        password_expires_days: 30,
        ..Compliance::default()
    })
    .await;
    let demo = cloud.demo().await;
    let token = log_in(&demo, PASSWORD).await.expect(201);
    assert!(token["token"]["user"]["password_expires_at"].is_string());
    cloud.clock.advance(31 * DAY);
    let refused = log_in(&demo, PASSWORD).await.expect(401);
    assert!(refused["error"]["message"].as_str().unwrap().contains("expired"));
    assert!(!log_in(&demo, "wrong").await.expect(401).to_string().contains("expired"));
    change(&demo, PASSWORD, "second").await.expect(204);
    log_in(&demo, "second").await.expect(201);
}
