//! A flood of logins costs the flooders, not the cloud.

use std::collections::BTreeMap;

use control::password::HashCost;
use futures_util::future::join_all;
use serde_json::json;

use super::PASSWORD;
use crate::cloud::TestCloud;

#[tokio::test]
async fn logins_beyond_the_queue_are_told_to_come_back_and_everything_else_goes_on() {
    let cost = HashCost {
        parallel: 1,
        queue: 4,
        ..HashCost::default()
    };
    let cloud = TestCloud::start_with(cost).await;
    let admin = cloud.admin().await;
    let login = |name: &str| {
        let user = json!({"name": name, "domain": {"id": "default"}, "password": PASSWORD});
        json!({"auth": {"identity": {"methods": ["password", "password"], "password": {"user": user}}}})
    };
    let anonymous = cloud.anonymous();
    let flood = join_all((0..40).map(|i| {
        let name = if i % 2 == 0 { "demo" } else { "nobody" };
        anonymous.post("/identity/v3/auth/tokens", login(name))
    }));
    let (answers, reading) = tokio::join!(flood, admin.get("/identity/v3/users"));
    reading.expect(200);
    let mut count: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in &answers {
        *count.entry(answer.status).or_default() += 1;
    }
    assert_eq!(count.get(&503), Some(&36), "{count:?}");
    assert_eq!(count.get(&201), Some(&2), "{count:?}");
    assert_eq!(count.get(&401), Some(&2), "{count:?}");
    anonymous
        .post("/identity/v3/auth/tokens", login("demo"))
        .await
        .expect(201);
}
