//! Consoles: their URLs by microversion, and what a WebSocket client gets at them.

use futures_util::{SinkExt, StreamExt};
use model::ServerId;
use model::console::ConsoleKind;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::cloud::{BASE_URL, Client, TestCloud};
use crate::compute::{Means, act, at, text, url, wait_for};

/// Where a console is, without scheme and host.
fn path_of(console_url: &str) -> String {
    let rest = console_url.split_once("://").unwrap().1;
    format!("/{}", rest.split_once('/').unwrap().1)
}

async fn url_of(client: &Client, server: &str, protocol: &str, kind: &str) -> String {
    let body = json!({"remote_console": {"protocol": protocol, "type": kind}});
    let path = url(&format!("servers/{server}/remote-consoles"));
    let shown = at(client, "2.6").post(&path, body).await.expect(200)["remote_console"].clone();
    assert_eq!((&shown["protocol"], &shown["type"]), (&json!(protocol), &json!(kind)));
    text(&shown["url"])
}

/// Opens a WebSocket as a browser does on a page of `origin`.
async fn open(
    address: std::net::SocketAddr,
    path: &str,
    origin: Option<&str>,
) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_static("binary"));
    if let Some(origin) = origin {
        headers.insert("origin", HeaderValue::from_str(origin).unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    client_async(request, stream).await.map(|(socket, answer)| {
        assert_eq!(answer.headers()["sec-websocket-protocol"], "binary");
        socket
    })
}

/// The status that refused a connection.
fn refusal(outcome: Result<WebSocketStream<TcpStream>, Error>) -> u16 {
    match outcome {
        Err(Error::Http(answer)) => {
            assert!(answer.body().as_ref().is_none_or(Vec::is_empty), "{answer:?}");
            answer.status().as_u16()
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// The next bytes that the console says; pings are passed over.
async fn bytes(socket: &mut WebSocketStream<TcpStream>) -> Vec<u8> {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Binary(bytes) => return bytes.to_vec(),
            Message::Ping(_) => {}
            other => panic!("not bytes: {other:?}"),
        }
    }
}

/// The code and the words that a console was closed with.
async fn closing(socket: &mut WebSocketStream<TcpStream>) -> (u16, String) {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
            Message::Ping(_) => {}
            other => panic!("not closed: {other:?}"),
        }
    }
}

#[tokio::test]
async fn urls_come_with_their_microversions() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let console = async |minor: u16, protocol: &str, kind: &str| {
        let body = json!({"remote_console": {"protocol": protocol, "type": kind}});
        let client = at(&demo, &format!("2.{minor}"));
        let answer = client.post(&url(&format!("servers/{id}/remote-consoles")), body).await;
        let message = answer.json.pointer("/badRequest/message").map(text);
        (answer.status, message.unwrap_or_default())
    };
    let unavailable = |kind: &str| (400, format!("Unavailable console type {kind}."));
    assert_eq!(console(5, "vnc", "novnc").await.0, 404);
    assert_eq!(console(6, "vnc", "novnc").await.0, 200);
    assert_eq!(console(6, "serial", "serial").await.0, 200);
    assert_eq!(console(6, "vnc", "xvpvnc").await, unavailable("xvpvnc"));
    assert_eq!(console(6, "rdp", "rdp-html5").await, unavailable("rdp"));
    assert!(console(7, "mks", "webmks").await.1.contains("Invalid input"));
    assert_eq!(console(8, "mks", "webmks").await, unavailable("webmks"));
    assert!(console(98, "spice", "spice-direct").await.1.contains("Invalid input"));
    assert_eq!(console(99, "spice", "spice-direct").await, unavailable("spice-direct"));

    let old = json!({"os-getVNCConsole": {"type": "novnc"}});
    let shown = act(&at(&demo, "2.5"), &id, old.clone()).await.expect(200);
    assert_eq!(shown["console"]["type"], "novnc");
    let token = text(&shown["console"]["url"])
        .split("token%3D")
        .nth(1)
        .unwrap()
        .to_owned();
    assert_eq!(act(&at(&demo, "2.6"), &id, old).await.status, 404);

    let path = url(&format!("os-console-auth-tokens/{token}"));
    assert_eq!(at(&admin, "2.30").get(&path).await.status, 404);
    assert_eq!(at(&demo, "2.31").get(&path).await.status, 403);
    let shown = at(&admin, "2.31").get(&path).await.expect(200)["console"].clone();
    assert_eq!(shown["instance_uuid"], json!(id));
    assert!(shown.get("tls_port").is_none());
    let shown = at(&admin, "2.99").get(&path).await.expect(200);
    assert_eq!(shown["console"]["tls_port"], Value::Null);
    assert_eq!(
        at(&admin, "2.31").get(&url("os-console-auth-tokens/x")).await.status,
        404
    );
}

#[tokio::test]
async fn a_screen_greets_and_a_serial_port_answers() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let address = cloud.listen().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;

    let page = url_of(&demo, &id, "vnc", "novnc").await;
    assert!(
        page.starts_with(&format!("{BASE_URL}/console/vnc_lite.html?path=")),
        "{page}"
    );
    // What noVNC does with `path`.
    let path = page
        .split("path=")
        .nth(1)
        .unwrap()
        .replace("%2F", "/")
        .replace("%3F", "?")
        .replace("%3D", "=");
    let mut screen = open(address, &format!("/{path}"), None).await.unwrap();
    assert_eq!(bytes(&mut screen).await, b"RFB 003.008\n");

    let serial = url_of(&demo, &id, "serial", "serial").await;
    assert!(serial.starts_with("ws://"), "{serial}");
    let serial = path_of(&serial);
    let origin = format!("http://{address}");
    let mut port = open(address, &serial, Some(&origin)).await.unwrap();
    port.send(Message::Binary("hel".into())).await.unwrap();
    assert_eq!(bytes(&mut port).await, b"hel");
    port.send(Message::Text("lo".into())).await.unwrap();
    assert_eq!(bytes(&mut port).await, b"lo");

    // The serial port is one user's: the newest has it. The screen is not touched.
    let mut second = open(address, &serial, None).await.unwrap();
    assert_eq!(
        closing(&mut port).await,
        (1008, "Another user has opened this console.".to_owned())
    );
    second.send(Message::Binary("mine".into())).await.unwrap();
    assert_eq!(bytes(&mut second).await, b"mine");
    screen.send(Message::Binary("RFB 003.008\n".into())).await.unwrap();
    assert_eq!(bytes(&mut screen).await, b"RFB 003.008\n");
}

#[tokio::test]
async fn what_opens_no_console() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let address = cloud.listen().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let path = path_of(&url_of(&demo, &id, "serial", "serial").await);

    // Another site's page, a token that was changed, a token of Keystone's.
    assert_eq!(refusal(open(address, &path, Some("http://evil.example")).await), 403);
    assert_eq!(
        refusal(open(address, &path.replace("token=", "token=bad"), None).await),
        403
    );
    assert_eq!(refusal(open(address, "/console/websockify", None).await), 403);
    let keystone = format!("/console/websockify?token={}", demo.token);
    assert_eq!(refusal(open(address, &keystone, None).await), 403);
    // A console's token is none of Keystone's either.
    let console = path.split("token=").nth(1).unwrap().to_owned();
    assert_eq!(demo.clone().with_token(&console).get(&url("servers")).await.status, 401);

    // A machine that is off; the URL is good again once it runs.
    assert_eq!(act(&demo, &id, json!({"os-stop": null})).await.status, 202);
    wait_for(&demo, &id, "SHUTOFF").await;
    assert_eq!(refusal(open(address, &path, None).await), 409);
    assert_eq!(act(&demo, &id, json!({"os-start": null})).await.status, 202);
    wait_for(&demo, &id, "ACTIVE").await;
    let mut port = open(address, &path, None).await.unwrap();

    // The token ends; what was opened goes on.
    cloud.clock.advance(600);
    assert_eq!(refusal(open(address, &path, None).await), 403);
    port.send(Message::Binary("on".into())).await.unwrap();
    assert_eq!(bytes(&mut port).await, b"on");

    let path = path_of(&url_of(&demo, &id, "serial", "serial").await);
    assert_eq!(demo.delete(&url(&format!("servers/{id}"))).await.status, 204);
    crate::compute::wait_gone(&demo, &id).await;
    assert_eq!(refusal(open(address, &path, None).await), 403);
}

/// What the dashboard's page opens a console with: for one server and one session, once, within a minute.
#[tokio::test]
async fn a_ticket_opens_one_console_once_and_for_its_session_alone() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let address = cloud.listen().await;
    let means = Means::make(&demo).await;
    let server: ServerId = means.boot(&demo, "web").await.parse().unwrap();
    let session = cloud.control.authenticate(&demo.token).unwrap();
    let control = &cloud.control;
    let ticket = || {
        control
            .seal_console_ticket(server, ConsoleKind::Serial, &session)
            .unwrap()
    };
    let path = |ticket: &str| format!("/console/websockify?token={ticket}");
    let own_page = format!("http://{address}");
    let own_page = Some(own_page.as_str());

    // Another site's page gets nothing, and does not use it up either.
    let first = ticket();
    let claims = control.open_console_token(&first).unwrap();
    assert_eq!((claims.server_id, claims.console), (server, ConsoleKind::Serial));
    assert_eq!(
        refusal(open(address, &path(&first), Some("http://evil.example")).await),
        403
    );
    let mut port = open(address, &path(&first), own_page).await.unwrap();
    port.send(Message::Binary("mine".into())).await.unwrap();
    assert_eq!(bytes(&mut port).await, b"mine");
    assert_eq!(refusal(open(address, &path(&first), own_page).await), 403);
    // Whoever tried it again disturbed nobody.
    port.send(Message::Binary("still".into())).await.unwrap();
    assert_eq!(bytes(&mut port).await, b"still");

    // Two at the same moment: one of them has it.
    let (second, both) = (ticket(), own_page);
    let second = path(&second);
    let (one, other) = tokio::join!(open(address, &second, both), open(address, &second, both));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);

    // It is no token of Keystone's, and one of Keystone's is no ticket.
    let third = ticket();
    assert_eq!(demo.clone().with_token(&third).get(&url("servers")).await.status, 401);
    assert_eq!(refusal(open(address, &path(&demo.token), own_page).await), 403);

    // Who may not use the server gets none.
    for (name, role) in [("elsewhere", "member"), ("watchers", "reader")] {
        let other = cloud.project_with_role(name, role).await;
        let other = control.authenticate(&other.token).unwrap();
        assert!(
            control
                .seal_console_ticket(server, ConsoleKind::Serial, &other)
                .is_err(),
            "{name}"
        );
    }

    // It ends after a minute, and with the session that it was asked for in.
    cloud.clock.advance(61);
    assert_eq!(refusal(open(address, &path(&third), own_page).await), 403);
    let fourth = ticket();
    control.revoke_token(&session).await.unwrap();
    assert_eq!(refusal(open(address, &path(&fourth), own_page).await), 403);
}

#[tokio::test]
async fn pages_are_novncs_own() {
    let cloud = TestCloud::start().await;
    let somebody = cloud.anonymous();
    let page = "/console/vnc_lite.html?path=x";
    let missing = somebody.get(page).await;
    assert_eq!(missing.status, 200);
    assert!(String::from_utf8_lossy(&missing.body).contains("not installed"));
    assert_eq!(somebody.get("/console/core/rfb.js").await.status, 404);

    let novnc = cloud.dir().join("novnc");
    std::fs::create_dir_all(novnc.join("core")).unwrap();
    std::fs::write(novnc.join("vnc_lite.html"), "<html>theirs</html>").unwrap();
    std::fs::write(novnc.join("core/rfb.js"), "export default 1;").unwrap();
    std::fs::write(novnc.join("core/secret.pem"), "x").unwrap();
    std::fs::write(cloud.dir().join("outside.js"), "x").unwrap();
    assert_eq!(somebody.get(page).await.body, b"<html>theirs</html>");
    let script = somebody.get("/console/core/rfb.js").await;
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(script.headers["referrer-policy"], "no-referrer");
    for outside in [
        "../outside.js",
        "%2e%2e/outside.js",
        "..%2foutside.js",
        "core/secret.pem",
        "core",
    ] {
        assert_eq!(
            somebody.get(&format!("/console/{outside}")).await.status,
            404,
            "{outside}"
        );
    }
    // Not a WebSocket.
    assert_eq!(somebody.get("/console/websockify?token=x").await.status, 400);
}
