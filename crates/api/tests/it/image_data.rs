//! Images' data: streamed in and out, refused, raced, broken off; and that nothing is ever left over.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::cloud::{Answer, Client, TestCloud};

const TEXT: &[u8] = b"hello, image";
const TEXT_MD5: &str = "87a83bec3da797da33b0344e7096cc70";
const TEXT_SHA512: &str = "b0b9d58c2ce87e0ce8c5bec865f2c72b7afd0c5c028823b157e49dfea605275e\
                           31a7216ee09b40abb7621e997ad6336315971b4daff11828e68c706d3d9faf2c";

async fn create(client: &Client, disk_format: &str) -> String {
    let body = json!({"name": "i", "disk_format": disk_format, "container_format": "bare"});
    let image = client.post("/image/v2/images", body).await.expect(201);
    image["id"].as_str().unwrap().to_owned()
}

async fn put(client: &Client, id: &str, data: impl Into<Body>) -> Answer {
    let client = client.clone().with("content-type", "application/octet-stream");
    client
        .send(Method::PUT, &format!("/image/v2/images/{id}/file"), data.into())
        .await
}

async fn show(client: &Client, id: &str) -> Value {
    client.get(&format!("/image/v2/images/{id}")).await.expect(200)
}

/// A body that the test feeds; dropping the sender ends it well, an error breaks it off.
fn fed_body() -> (mpsc::Sender<io::Result<Bytes>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|part| (part, receiver))
    });
    (sender, Body::from_stream(stream))
}

fn files(cloud: &TestCloud) -> Vec<String> {
    let entries = std::fs::read_dir(cloud.dir().join("images")).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Waits until a condition holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..2000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} within 20 s");
}

/// A qcow2 v3 header of one disk of 1 MiB, with tables that are there.
fn qcow2(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut file = vec![0u8; 5 * 65536];
    let mut set = |offset: usize, bytes: &[u8]| file[offset..offset + bytes.len()].copy_from_slice(bytes);
    set(0, b"QFI\xfb");
    set(4, &3u32.to_be_bytes());
    set(20, &16u32.to_be_bytes());
    set(24, &(1u64 << 20).to_be_bytes());
    set(36, &1u32.to_be_bytes());
    set(40, &(3u64 * 65536).to_be_bytes());
    set(48, &65536u64.to_be_bytes());
    set(56, &1u32.to_be_bytes());
    set(96, &4u32.to_be_bytes());
    set(100, &104u32.to_be_bytes());
    change(&mut file);
    file
}

#[tokio::test]
async fn data_goes_in_in_pieces_and_comes_out_whole() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = create(&demo, "raw").await;
    let file = format!("/image/v2/images/{id}/file");
    assert_eq!(demo.get(&file).await.status, 204, "no data yet");
    let pieces: Vec<Result<Bytes, Infallible>> =
        TEXT.chunks(5).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let answer = put(&demo, &id, Body::from_stream(futures_util::stream::iter(pieces))).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");

    let image = show(&demo, &id).await;
    assert_eq!(image["status"], "active");
    assert_eq!(image["size"], TEXT.len());
    assert_eq!(image["virtual_size"], TEXT.len());
    assert_eq!(image["checksum"], TEXT_MD5);
    assert_eq!(image["os_hash_algo"], "sha512");
    assert_eq!(image["os_hash_value"], TEXT_SHA512);

    let answer = demo.get(&file).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, TEXT));
    assert_eq!(answer.headers["content-md5"], TEXT_MD5);
    assert_eq!(answer.headers["content-type"], "application/octet-stream");
    let answer = demo.clone().with("range", "bytes=7-9").get(&file).await;
    assert_eq!((answer.status, answer.body.as_slice()), (206, &TEXT[7..10]));
    assert_eq!(answer.headers["content-range"], "bytes 7-9/12");
    let answer = demo.clone().with("range", "bytes=99-").get(&file).await;
    assert_eq!(
        (answer.status, answer.headers["content-range"].to_str().unwrap()),
        (416, "bytes */12")
    );

    assert_eq!(
        put(&demo, &id, "other data").await.status,
        409,
        "active data never changes"
    );
    assert_eq!(files(&cloud), [id.as_str()]);
    assert_eq!(demo.delete(&format!("/image/v2/images/{id}")).await.status, 204);
    assert_eq!(files(&cloud), Vec::<String>::new());
}

#[tokio::test]
async fn a_large_image_streams_through() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = create(&demo, "raw").await;
    let piece = Bytes::from(vec![0x5a_u8; 1 << 20]);
    let pieces = futures_util::stream::iter((0..48).map(move |_| Ok::<_, Infallible>(piece.clone())));
    assert_eq!(put(&demo, &id, Body::from_stream(pieces)).await.status, 204);
    let answer = demo.get(&format!("/image/v2/images/{id}/file")).await;
    assert_eq!(answer.headers["content-length"], (48u64 << 20).to_string().as_str());
    assert!(answer.body.len() == 48 << 20 && answer.body.iter().all(|byte| *byte == 0x5a));
}

#[tokio::test]
async fn the_format_is_what_the_data_says() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await.with("accept", "application/json");
    let good = qcow2(|_| ());
    let id = create(&demo, "qcow2").await;
    put(&demo, &id, good.clone()).await.expect(204);
    assert_eq!(show(&demo, &id).await["virtual_size"], 1 << 20);
    for (declared, data) in [("raw", good), ("qcow2", TEXT.to_vec()), ("ari", qcow2(|_| ()))] {
        let id = create(&demo, declared).await;
        let answer = put(&demo, &id, data).await;
        assert!(
            answer.json["message"].as_str().unwrap().contains("declared as"),
            "{answer:?}"
        );
        answer.expect(415);
        assert_eq!(show(&demo, &id).await["status"], "queued");
    }
    assert_eq!(files(&cloud), [id.as_str()], "nothing of the refused ones is kept");
}

#[tokio::test]
async fn hostile_files_are_refused_and_nothing_is_kept() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await.with("accept", "application/json");
    let backing = qcow2(|file| {
        file[8..16].copy_from_slice(&200u64.to_be_bytes());
        file[16..20].copy_from_slice(&11u32.to_be_bytes());
        file[200..211].copy_from_slice(b"/etc/passwd");
    });
    let external = qcow2(|file| file[72..80].copy_from_slice(&4u64.to_be_bytes()));
    let encrypted = qcow2(|file| file[32..36].copy_from_slice(&2u32.to_be_bytes()));
    let absurd = qcow2(|file| file[24..32].copy_from_slice(&u64::MAX.to_be_bytes()));
    let cut = qcow2(|file| file.truncate(50));
    let cases = [
        ("backing", backing),
        ("external", external),
        ("encrypted", encrypted),
        ("absurd", absurd),
        ("cut", cut),
    ];
    for (name, data) in cases {
        let id = create(&demo, "qcow2").await;
        let answer = put(&demo, &id, data).await;
        assert_eq!(answer.status, 400, "{name} {answer:?}");
        assert!(
            answer.json["message"].as_str().unwrap().contains("refused"),
            "{name} {answer:?}"
        );
        assert_eq!(show(&demo, &id).await["status"], "queued", "{name}");
        assert_eq!(files(&cloud), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn data_needs_formats_and_its_media_type() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let image = demo
        .post("/image/v2/images", json!({"disk_format": "raw"}))
        .await
        .expect(201);
    put(&demo, image["id"].as_str().unwrap(), TEXT).await.expect(400);
    let id = create(&demo, "raw").await;
    let path = format!("/image/v2/images/{id}/file");
    let client = demo.clone().with("content-type", "application/json");
    assert_eq!(client.send(Method::PUT, &path, Body::from(TEXT)).await.status, 415);
    assert_eq!(
        demo.send(Method::PUT, &path, Body::from(TEXT)).await.status,
        204,
        "none named is fine"
    );
}

#[tokio::test]
async fn a_second_upload_is_refused_while_the_first_goes_on() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = create(&demo, "raw").await;
    let (feed, body) = fed_body();
    let first = tokio::spawn({
        let (demo, id) = (demo.clone(), id.clone());
        async move { put(&demo, &id, body).await }
    });
    feed.send(Ok(Bytes::from_static(TEXT))).await.unwrap();
    until("the upload begins", async || {
        show(&demo, &id).await["status"] == "saving"
    })
    .await;
    assert_eq!(put(&demo, &id, "second").await.status, 409);
    drop(feed);
    assert_eq!(first.await.unwrap().status, 204);
    assert_eq!(show(&demo, &id).await["checksum"], TEXT_MD5);
}

#[tokio::test]
async fn an_image_deleted_while_it_is_uploaded_leaves_nothing() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = create(&demo, "raw").await;
    let (feed, body) = fed_body();
    let upload = tokio::spawn({
        let (demo, id) = (demo.clone(), id.clone());
        async move { put(&demo, &id, body).await }
    });
    feed.send(Ok(Bytes::from_static(TEXT))).await.unwrap();
    until("a file appears", async || !files(&cloud).is_empty()).await;
    assert_eq!(demo.delete(&format!("/image/v2/images/{id}")).await.status, 204);
    // The id can't be had again while the old data is about.
    let again = json!({"id": id, "disk_format": "raw", "container_format": "bare"});
    demo.post("/image/v2/images", again.clone()).await.expect(409);
    drop(feed);
    assert_eq!(upload.await.unwrap().status, 410);
    assert_eq!(files(&cloud), Vec::<String>::new());
    demo.post("/image/v2/images", again).await.expect(201);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_and_can_be_repeated() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = create(&demo, "raw").await;
    for parts in [0, 1, 3] {
        let mut pieces: Vec<io::Result<Bytes>> = (0..parts).map(|_| Ok(Bytes::from_static(TEXT))).collect();
        pieces.push(Err(io::ErrorKind::ConnectionReset.into()));
        let answer = put(&demo, &id, Body::from_stream(futures_util::stream::iter(pieces))).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(show(&demo, &id).await["status"], "queued");
        assert_eq!(files(&cloud), Vec::<String>::new());
    }
    assert_eq!(put(&demo, &id, TEXT).await.status, 204);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = create(&demo, "raw").await;
    let (feed, body) = fed_body();
    let upload = tokio::spawn({
        let (demo, id) = (demo.clone(), id.clone());
        async move { put(&demo, &id, body).await }
    });
    feed.send(Ok(Bytes::from_static(TEXT))).await.unwrap();
    until("a file appears", async || !files(&cloud).is_empty()).await;
    // The connection's future is dropped, then its body ends in an error, as hyper does it.
    upload.abort();
    let _ = feed.send(Err(io::ErrorKind::ConnectionReset.into())).await;
    until("the file is gone", async || files(&cloud).is_empty()).await;
    until("the image waits again", async || {
        show(&demo, &id).await["status"] == "queued"
    })
    .await;
}

#[tokio::test]
async fn a_deactivated_image_is_the_administrators_to_read() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let id = create(&demo, "raw").await;
    let action = |name: &str| format!("/image/v2/images/{id}/actions/{name}");
    demo.post(&action("deactivate"), Value::Null).await.expect(403);
    put(&demo, &id, TEXT).await.expect(204);
    demo.post(&action("deactivate"), Value::Null).await.expect(204);
    assert_eq!(show(&demo, &id).await["status"], "deactivated");
    let file = format!("/image/v2/images/{id}/file");
    demo.get(&file).await.expect(403);
    assert_eq!(admin.get(&file).await.body, TEXT);
    demo.post(&action("reactivate"), Value::Null).await.expect(204);
    assert_eq!(demo.get(&file).await.body, TEXT);
}

#[tokio::test]
async fn a_restart_sweeps_what_a_crash_left() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let kept = create(&demo, "raw").await;
    put(&demo, &kept, TEXT).await.expect(204);
    let interrupted = create(&demo, "raw").await;
    // What kill -9 leaves at the worst moments: a row in 'saving' with its finished file, a part, a file of a deleted image.
    let actor = {
        let id = interrupted.parse().unwrap();
        move |tx: &mut model::Tx<'_>| {
            tx.update::<model::image::Image>(&id, |image| {
                image.status = model::image::ImageStatus::Saving;
                image.upload_id = Some(id.0);
            })
        }
    };
    cloud.run(actor).await;
    let dir = cloud.dir().join("images");
    for name in [
        &interrupted,
        "11111111-2222-4333-8444-555555555555",
        "11111111-2222-4333-8444-555555555556.part",
    ] {
        std::fs::write(dir.join(name), "litter").unwrap();
    }
    drop(demo);
    let cloud = cloud.restart().await;
    let demo = cloud.demo().await;
    assert_eq!(files(&cloud), [kept.as_str()]);
    assert_eq!(show(&demo, &interrupted).await["status"], "queued");
    assert_eq!(show(&demo, &kept).await["status"], "active");
    assert_eq!(put(&demo, &interrupted, TEXT).await.status, 204);
}
