//! Volumes' dialogs: what they warn of, and what they let nobody do by a slip of the finger.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::cloud::Client;
use crate::seeds;
use crate::site::{TestSite, Visitor};

const CINDER: &str = "/volume/v3";

/// Waits for a volume's status.
async fn until(client: &Client, volume: &str, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let seen = client.get(&format!("{CINDER}/volumes/{volume}")).await.expect(200)["volume"]["status"].clone();
        if seen == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{volume} is {seen}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A site with everything in the administrator's project, and two more volumes: one that its server has, and a free one.
async fn site() -> (TestSite, Visitor, [String; 2]) {
    let site = TestSite::start().await;
    let admin = site.cloud.admin().await;
    seeds::sow(&site.cloud, &admin).await;
    let mut volumes = Vec::new();
    for name in ["used", "free"] {
        let volume = json!({"volume": {"name": name, "size": 1}});
        let made = admin.post(&format!("{CINDER}/volumes"), volume).await.expect(202);
        volumes.push(made["volume"]["id"].as_str().unwrap().to_owned());
        until(&admin, &volumes[volumes.len() - 1], "available").await;
    }
    let servers = admin.get("/compute/v2.1/servers").await.expect(200);
    let server = servers["servers"][0]["id"].as_str().unwrap();
    let attachment = json!({"volumeAttachment": {"volumeId": volumes[0]}});
    admin
        .post(
            &format!("/compute/v2.1/servers/{server}/os-volume_attachments"),
            attachment,
        )
        .await
        .expect(200);
    until(&admin, &volumes[0], "in-use").await;
    let visitor = site.visitor("admin").await;
    (site, visitor, volumes.try_into().unwrap())
}

#[tokio::test]
async fn copies_of_a_volume_in_use_are_warned_of_where_it_is_chosen() {
    let (_site, visitor, [used, free]) = site().await;
    for kind in ["snapshots", "backups"] {
        let page = visitor.get(&format!("/dashboard/{kind}/new")).await.expect(200).body;
        assert!(page.contains(&format!("value=\"{used}\"")) && page.contains(&format!("value=\"{free}\"")));
        // Seen for this one alone.
        assert!(page.contains(&format!("data-if=\"volume={used}\"")), "{kind}: {page}");
        assert!(page.contains("crash-consistent"), "{kind}: {page}");
    }
}

#[tokio::test]
async fn a_volume_is_destroyed_by_a_dialog_of_its_own_and_not_while_a_server_has_it() {
    let (site, visitor, [used, free]) = site().await;
    let at = |id: &str, what: &str| format!("/dashboard/volumes/{id}/{what}");
    let reset = visitor.get(&at(&free, "reset")).await.expect(200).body;
    assert!(
        !reset.contains(&format!("action=\"{}\"", at(&free, "force-delete"))),
        "{reset}"
    );
    assert!(
        reset.contains(&format!("href=\"{}\"", at(&free, "force-delete"))),
        "{reset}"
    );
    let blocked = visitor.get(&at(&used, "force-delete")).await.expect(200).body;
    assert!(
        blocked.contains("Detach it first") && blocked.contains("data-blocked"),
        "{blocked}"
    );
    let asked = visitor.get(&at(&free, "force-delete")).await.expect(200).body;
    assert!(
        asked.contains("All its data is destroyed") && !asked.contains("data-blocked"),
        "{asked}"
    );
    let refused = visitor.submit(&at(&used, "force-delete"), &[]).await;
    assert!(refused.status.is_client_error(), "{}: {}", refused.status, refused.body);
    let done = visitor.submit(&at(&free, "force-delete"), &[]).await;
    assert!(
        done.status.is_success() || done.status.is_redirection(),
        "{}: {}",
        done.status,
        done.body
    );
    let admin = site.cloud.admin().await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while admin.get(&format!("{CINDER}/volumes/{free}")).await.status != 404 {
        assert!(Instant::now() < deadline, "it is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    admin.get(&format!("{CINDER}/volumes/{used}")).await.expect(200);
}

#[tokio::test]
async fn a_volume_is_detached_by_the_same_words_from_both_sides() {
    let (site, visitor, [used, _]) = site().await;
    let admin = site.cloud.admin().await;
    let servers = admin.get("/compute/v2.1/servers").await.expect(200);
    let server = servers["servers"][0]["id"].as_str().unwrap();
    let title = "Detach volume “used” from server";
    for address in [
        format!("/dashboard/volumes/{used}/detach?server={server}"),
        format!("/dashboard/servers/{server}/volumes/detach"),
        format!("/dashboard/servers/{server}/volumes/detach?volume={used}"),
    ] {
        let page = visitor.get(&address).await.expect(200).body;
        assert!(
            page.contains(title) && page.contains("sudo umount /dev/vd"),
            "{address}: {page}"
        );
        assert!(page.contains("data not yet written may be lost"), "{address}: {page}");
    }
    let detach = format!("/dashboard/servers/{server}/volumes/detach");
    let done = visitor.submit(&detach, &[("server", server), ("volume", &used)]).await;
    assert!(
        done.status.is_success() || done.status.is_redirection(),
        "{}: {}",
        done.status,
        done.body
    );
    until(&admin, &used, "available").await;
}
