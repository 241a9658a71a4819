//! Imports from the web: real servers on loopback, of which only 127.0.0.1 is allowed by the operator.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::cloud::{Client, TestCloud};

/// A web server that answers every request with the same bytes, and counts who came.
struct Server {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Server {
    async fn start(host: &str, answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (visits, answer) = (Arc::new(AtomicUsize::new(0)), answer.into());
        let counter = Arc::clone(&visits);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(&answer).await;
            }
        });
        Self { port, visits }
    }

    /// One that sends a body.
    async fn with(body: &[u8]) -> Self {
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        Self::start("127.0.0.1", answer).await
    }

    /// One that redirects.
    async fn to(location: &str) -> Self {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        Self::start("127.0.0.1", answer).await
    }

    fn uri(&self) -> String {
        format!("http://127.0.0.1:{}/disk.img", self.port)
    }
}

async fn image(client: &Client, format: &str) -> String {
    let body = json!({"name": "i", "disk_format": format, "container_format": "bare"});
    let made = client.post("/image/v2/images", body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn ask(client: &Client, id: &str, uri: &str) -> u16 {
    let body = json!({"method": {"name": "web-download", "uri": uri}});
    let path = format!("/image/v2/images/{id}/import");
    client.post(&path, body).await.status
}

/// An image's last task, once it has ended.
async fn ended(client: &Client, id: &str) -> Value {
    for _ in 0..4000 {
        let tasks = client.get(&format!("/image/v2/images/{id}/tasks")).await.expect(200);
        let task = tasks["tasks"].as_array().unwrap().last().unwrap().clone();
        if task["status"] != "processing" {
            return task;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the import of image {id} does not end");
}

/// What an import of a URI fails with, after it was let in.
async fn failure(client: &Client, format: &str, uri: &str) -> String {
    let id = image(client, format).await;
    assert_eq!(ask(client, &id, uri).await, 202, "{uri}");
    let task = ended(client, &id).await;
    assert_eq!(task["status"], "failure", "{uri}");
    let row = client.get(&format!("/image/v2/images/{id}")).await.expect(200);
    assert_eq!(
        (&row["status"], &row["size"]),
        (&json!("queued"), &json!(null)),
        "{uri}"
    );
    task["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_image_comes_from_the_web() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let methods = demo.get("/image/v2/info/import").await.expect(200);
    let methods = methods["import-methods"]["value"].as_array().unwrap().clone();
    assert!(methods.contains(&json!("web-download")));
    let server = Server::with(&[7; 70_000]).await;
    let by_way = Server::to(&server.uri()).await;
    for (uri, visits) in [(server.uri(), 1), (by_way.uri(), 2)] {
        let id = image(&demo, "raw").await;
        assert_eq!(ask(&demo, &id, &uri).await, 202);
        assert_eq!(ended(&demo, &id).await["status"], "success");
        let row = demo.get(&format!("/image/v2/images/{id}")).await.expect(200);
        assert_eq!((&row["status"], &row["size"]), (&json!("active"), &json!(70_000)));
        assert_eq!(server.visits.load(Ordering::SeqCst), visits);
        // It has its data.
        assert_eq!(ask(&demo, &id, &uri).await, 409);
    }
}

#[tokio::test]
async fn what_the_web_sends_is_judged_as_an_upload_is() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let plain = Server::with(&[7; 700]).await;
    assert!(failure(&demo, "qcow2", &plain.uri()).await.contains("qcow2"));
    let cut = Server::start("127.0.0.1", "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nshort").await;
    assert!(failure(&demo, "raw", &cut.uri()).await.contains("broke off"));
    let absent = Server::start("127.0.0.1", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    assert!(failure(&demo, "raw", &absent.uri()).await.contains("404"));
    let packed = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab";
    let packed = Server::start("127.0.0.1", packed).await;
    assert!(failure(&demo, "raw", &packed.uri()).await.contains("compressed"));
    let names = std::fs::read_dir(cloud.dir().join("images")).unwrap();
    assert_eq!(names.count(), 0, "nothing of it stays");
}

#[tokio::test]
async fn no_way_leads_inside() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    // Another address of loopback: the operator did not name it.
    let inside = Server::start("127.0.0.2", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret").await;
    let port = inside.port;
    let id = image(&demo, "raw").await;
    for host in [
        "127.0.0.2",
        "2130706434",
        "0x7f000002",
        "0177.0.0.2",
        "127.2",
        "[::ffff:127.0.0.2]",
        "[::ffff:7f00:2]",
        "[::1]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "[fe80::1]",
        "10.0.0.1",
        "192.168.0.1",
        "172.24.4.1",
        "user@127.0.0.1",
    ] {
        let uri = format!("http://{host}:{port}/");
        assert_eq!(ask(&demo, &id, &uri).await, 400, "{uri}");
    }
    for uri in ["file:///etc/passwd", "ftp://127.0.0.1/x", "127.0.0.1/x", "http://", ""] {
        assert_eq!(ask(&demo, &id, uri).await, 400, "{uri}");
    }
    for location in [
        format!("http://127.0.0.2:{port}/"),
        format!("//127.0.0.2:{port}/"),
        format!("http://2130706434:{port}/"),
        format!("http://[::ffff:127.0.0.2]:{port}/"),
        "file:///etc/passwd".to_owned(),
    ] {
        let server = Server::to(&location).await;
        let message = failure(&demo, "raw", &server.uri()).await;
        assert!(message.contains("not allowed"), "{location}: {message}");
        assert_eq!(server.visits.load(Ordering::SeqCst), 1);
    }
    let round = Server::to("again").await;
    assert!(failure(&demo, "raw", &round.uri()).await.contains("redirections"));
    assert_eq!(
        inside.visits.load(Ordering::SeqCst),
        0,
        "nobody came to the server inside"
    );
}

#[tokio::test]
async fn a_download_that_was_cut_off_is_begun_anew_by_the_next_start() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let server = Server::with(&[5; 900]).await;
    let cut = image(&demo, "raw").await;
    let (id, actor) = (
        cut.parse().unwrap(),
        cloud.control.authenticate(&demo.token).unwrap().actor.clone(),
    );
    let wanted = model::image::WantedImport {
        source: model::image::ImportSource::Web { uri: server.uri() },
        request: json!({}),
        request_id: "req-x".to_owned(),
        makes_image: false,
    };
    cloud
        .run(move |tx| model::image::begin_import(tx, &actor, id, wanted))
        .await;
    let cloud = cloud.restart().await;
    assert_eq!(ended(&demo, &cut).await["status"], "success");
    drop(cloud);
}

#[tokio::test]
async fn administrators_see_the_tasks_and_make_images_by_one() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let server = Server::with(&[7; 700]).await;
    let tasks = "/image/v2/tasks";
    let input = |uri: &str| {
        json!({"type": "import", "input": {
            "import_from": uri, "import_from_format": "raw",
            "image_properties": {"name": "by task", "disk_format": "raw", "container_format": "bare"},
        }})
    };
    demo.get(tasks).await.expect(403);
    demo.post(tasks, input(&server.uri())).await.expect(403);
    admin.post(tasks, input("http://10.0.0.1/x")).await.expect(400);
    admin
        .post(tasks, json!({"type": "export", "input": {}}))
        .await
        .expect(400);
    admin
        .post(tasks, json!({"type": "import", "input": {}}))
        .await
        .expect(400);
    assert_eq!(admin.get(tasks).await.expect(200)["tasks"], json!([]));
    let made = admin.post(tasks, input(&server.uri())).await.expect(201);
    let id = made["image_id"].as_str().unwrap();
    assert_eq!(
        (&made["type"], &made["status"]),
        (&json!("import"), &json!("processing"))
    );
    ended(&admin, id).await;
    let one = format!("{tasks}/{}", made["id"].as_str().unwrap());
    let shown = admin.get(&one).await.expect(200);
    assert_eq!(
        (&shown["status"], &shown["result"]),
        (&json!("success"), &json!({"image_id": id}))
    );
    assert_eq!(shown["input"], input(&server.uri())["input"]);
    let image = admin.get(&format!("/image/v2/images/{id}")).await.expect(200);
    assert_eq!(
        (&image["name"], &image["status"]),
        (&json!("by task"), &json!("active"))
    );
    let listed = admin
        .get(&format!("{tasks}?type=import&status=success"))
        .await
        .expect(200);
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed["tasks"][0]["id"], &listed["tasks"][0].get("input")),
        (&made["id"], &None)
    );
    let none = admin.get(&format!("{tasks}?status=failure")).await.expect(200);
    assert_eq!(none["tasks"], json!([]));
    demo.get(&one).await.expect(403);
    admin.get(&format!("{tasks}/none")).await.expect(404);
    admin.get("/image/v2/schemas/tasks").await.expect(200);
}
