//! The program as a user meets it: exit codes, files, what stays and what goes. With the simulated host everywhere; with a
//! real one, and a second cloud beside it, as root.

// Helpers of tests stand outside of the functions that clippy takes for tests.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use linux::netlink::{Bridge, Rtnl};
use linux::{Netns, process::Process};
use serde_json::Value;
use tempfile::TempDir;

fn maru(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_maru"))
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[track_caller]
fn expect(code: i32, arguments: &[&str]) -> Output {
    let output = maru(arguments);
    assert_eq!(
        output.status.code(),
        Some(code),
        "maru {arguments:?}: {}",
        said(&output)
    );
    output
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A cloud in a directory of its own; whatever happens, nothing of it stays.
struct Cloud {
    work: TempDir,
    netns: Option<String>,
}

impl Cloud {
    fn simulated() -> Self {
        let work = TempDir::new().unwrap();
        // The servers' users pass through it.
        std::fs::set_permissions(work.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { work, netns: None }
    }

    fn real(name: &str) -> Self {
        let mut cloud = Self::simulated();
        cloud.netns = Some(format!("maru-cli-{}-{name}", std::process::id()));
        cloud
    }

    fn state(&self) -> PathBuf {
        self.work.path().join("state")
    }

    #[track_caller]
    fn expect(&self, code: i32, arguments: &[&str]) -> Output {
        let state = self.state();
        let all: Vec<&str> = arguments
            .iter()
            .copied()
            .chain(["--state-dir", state.to_str().unwrap()])
            .collect();
        expect(code, &all)
    }

    #[track_caller]
    fn up(&self) -> Output {
        let listen = format!("127.0.0.1:{}", free_port());
        let host = match &self.netns {
            Some(name) => ["--host-netns", name],
            None => ["--node", "sim"],
        };
        self.expect(0, &["up", "--background", "--listen", &listen, host[0], host[1]])
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.expect(0, arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&output)))
    }

    fn pid(&self) -> u32 {
        u32::try_from(self.json(&["status", "--json"])["pid"].as_u64().unwrap()).unwrap()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let state = self.state();
        maru(&["purge", "--yes", "--state-dir", state.to_str().unwrap()]);
    }
}

/// One that has ended may still wait for init to take note of it.
fn is_running(pid: u32) -> bool {
    Process::open(pid).is_ok_and(|process| process.is_running())
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_can_not_be_meant_ends_with_2() {
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("maru.toml");
    std::fs::write(&config, "lissten = 5").unwrap();
    let config = config.to_str().unwrap();
    for arguments in [
        &["frobnicate"][..],
        &["status", "--no-such-option"],
        &["up", "--listen", "nowhere"],
        &["status", "--config", config],
        &["status", "--config", "/nonexistent/maru.toml"],
        &["port", "attach"],
        &["restore", "/nonexistent/backup"],
    ] {
        let output = expect(2, arguments);
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [
        &["--help"][..],
        &["up", "--help"],
        &["version"],
        &["config"],
        &["completions", "bash"],
    ] {
        assert!(!expect(0, arguments).stdout.is_empty());
    }
    let version: Value = serde_json::from_slice(&expect(0, &["version", "--json"]).stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_language_is_that_of_the_environment() {
    let korean = Command::new(env!("CARGO_BIN_EXE_maru"))
        .args(["down", "--state-dir", "/nonexistent"])
        .env("LC_ALL", "ko_KR.UTF-8")
        .output()
        .unwrap();
    assert!(said(&korean).contains("클라우드가 없습니다"), "{}", said(&korean));
    assert!(said(&expect(0, &["down", "--state-dir", "/nonexistent"])).contains("No cloud runs"));
}

#[test]
fn a_clouds_life_from_the_command_line() {
    let cloud = Cloud::simulated();
    cloud.expect(1, &["status"]);
    cloud.up();
    for file in ["openrc", "clouds.yaml", "run.json", "maru.log", "maru.db"] {
        assert_eq!(mode(&cloud.state().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&cloud.state()), 0o711);

    // The passwords of a new cloud were hashed, with 19 MiB each; it does not sit on them for long. (To ask for
    // its status is another login.)
    let memory = format!("/proc/{}/smaps_rollup", cloud.pid());
    let held = || {
        let memory = std::fs::read_to_string(&memory).unwrap();
        let held = memory.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
        held.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let patience = Instant::now() + Duration::from_secs(60);
    while held() >= 19 << 10 {
        assert!(Instant::now() < patience, "{} KiB", held());
        std::thread::sleep(Duration::from_millis(200));
    }

    let status = cloud.json(&["status", "--leftovers", "--json"]);
    assert_eq!(status["running"], true);
    assert_eq!(status["leftovers"], serde_json::json!([]));
    assert!(status["objects"]["networks"].as_u64().unwrap() >= 2, "{status}");

    // A second start is a word and no second cloud; another process on the same directory is refused.
    let pid = cloud.pid();
    cloud.up();
    assert_eq!(cloud.pid(), pid);
    let refused = cloud.expect(1, &["up", "--node", "sim", "--listen", "127.0.0.1:0"]);
    assert!(said(&refused).contains(&pid.to_string()), "{}", said(&refused));

    let openrc = said(&cloud.expect(0, &["openrc", "demo"]));
    assert!(
        openrc.contains("OS_USERNAME=demo") && openrc.contains("/identity/v3"),
        "{openrc}"
    );

    let file = cloud.work.path().join("disk.raw");
    std::fs::write(&file, vec![7; 100_000]).unwrap();
    let image = cloud.json(&["image", "create", "disk", file.to_str().unwrap(), "--public", "--json"]);
    assert_eq!(
        (&image["status"], &image["size"], &image["disk_format"]),
        (&"active".into(), &100_000.into(), &"raw".into())
    );
    std::fs::write(&file, b"KDMV\x01\0\0\0").unwrap();
    cloud.expect(1, &["image", "create", "bad", file.to_str().unwrap()]);
    assert_eq!(cloud.json(&["image", "list", "--json"]).as_array().unwrap().len(), 1);

    // A stray file is a leftover, told and not touched.
    std::fs::write(cloud.state().join("images/11111111-2222-4333-8444-555555555555"), "").unwrap();
    let status = cloud.json(&["status", "--leftovers", "--json"]);
    assert_eq!(status["leftovers"].as_array().unwrap().len(), 1, "{status}");

    cloud.expect(0, &["down"]);
    assert!(!is_running(pid));
    cloud.expect(0, &["down"]);
    cloud.expect(2, &["purge"]);
    assert!(cloud.state().exists());
    cloud.expect(0, &["purge", "--yes"]);
    assert!(!cloud.state().exists());
    cloud.expect(0, &["purge", "--yes"]);
}

/// Asks with Python's own TLS, which knows nothing but the authority that the cloud names.
fn python_says(url: &str, ca_file: &Path) -> String {
    let script = "import ssl, sys, urllib.request as u\n\
                  context = ssl.create_default_context(cafile=sys.argv[2])\n\
                  print(u.urlopen(sys.argv[1], context=context, timeout=10).read().decode())";
    let output = Command::new("python3")
        .args(["-c", script, url])
        .arg(ca_file)
        .env("no_proxy", "*")
        .output()
        .unwrap();
    said(&output)
}

#[test]
fn a_cloud_speaks_https_when_it_is_told_to() {
    let cloud = Cloud::simulated();
    cloud.up();
    let yaml = || std::fs::read_to_string(cloud.state().join("clouds.yaml")).unwrap();
    assert!(!yaml().contains("https://") && !yaml().contains("cacert"));
    let password = yaml()
        .lines()
        .find(|line| line.contains("password: "))
        .unwrap()
        .to_owned();
    cloud.expect(0, &["down"]);

    let listen = format!("127.0.0.1:{}", free_port());
    cloud.expect(
        0,
        &[
            "up",
            "--background",
            "--listen",
            &listen,
            "--node",
            "sim",
            "--tls",
            "auto",
        ],
    );
    let ca_file = cloud.state().join("ca.pem");
    assert_eq!(cloud.json(&["status", "--json"])["url"], format!("https://{listen}"));
    assert!(yaml().contains(&password), "the passwords stay");
    assert!(yaml().contains(&format!("cacert: {}", ca_file.display())), "{}", yaml());
    let openrc = said(&cloud.expect(0, &["openrc"]));
    assert!(openrc.contains("OS_CACERT=") && openrc.contains("https://"), "{openrc}");
    assert_eq!(
        cloud.json(&["image", "list", "--json"]),
        serde_json::json!([]),
        "our own commands get in"
    );
    let document = python_says(&format!("https://{listen}/identity/v3"), &ca_file);
    assert!(
        document.contains(&format!("https://{listen}/identity/v3")),
        "{document}"
    );
    let refused = python_says(
        &format!("https://{listen}/identity/v3"),
        Path::new("/etc/ssl/certs/ca-certificates.crt"),
    );
    assert!(refused.contains("CERTIFICATE_VERIFY_FAILED"), "{refused}");

    // The same again with a certificate that the user brings.
    cloud.expect(0, &["down"]);
    for (option, file) in [("--tls-cert", "ca.pem"), ("--tls-key", "ca.key")] {
        let file = cloud.state().join(file);
        let said = said(&cloud.expect(
            1,
            &[
                "up",
                "--node",
                "sim",
                "--listen",
                &listen,
                option,
                file.to_str().unwrap(),
            ],
        ));
        assert!(said.contains("go together"), "{said}");
    }
    let file = |name: &str| cloud.state().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (file("ca.pem"), file("ca.key"));
    let own = ["--tls-cert", &cert, "--tls-key", &key];
    let up = ["up", "--background", "--listen", &listen, "--node", "sim"];
    cloud.expect(0, &[&up[..], &own[..]].concat());
    assert_eq!(cloud.json(&["image", "list", "--json"]), serde_json::json!([]));
    assert!(!yaml().contains("cacert") && yaml().contains("https://"), "{}", yaml());
}

#[test]
fn a_backup_brings_back_what_was() {
    let cloud = Cloud::simulated();
    cloud.up();
    let backup = cloud.work.path().join("backup.db");
    let backup = backup.to_str().unwrap();
    let before = cloud.json(&["backup", backup, "--json"]);
    assert!(before["rows"].as_u64().unwrap() > 10, "{before}");
    cloud.expect(1, &["restore", "--yes", backup]);
    cloud.expect(0, &["down"]);
    std::fs::remove_file(cloud.state().join("maru.db")).unwrap();
    cloud.expect(0, &["restore", "--yes", backup]);
    cloud.up();
    // The password in clouds.yaml still opens it: the users are those of the backup.
    assert_eq!(cloud.json(&["status", "--json"])["objects"]["projects"], 3);
}

#[test]
fn purge_ends_a_running_cloud_and_one_that_was_killed() {
    let cloud = Cloud::simulated();
    cloud.up();
    let pid = cloud.pid();
    cloud.expect(0, &["purge", "--yes"]);
    assert!(!is_running(pid) && !cloud.state().exists());

    cloud.up();
    let process = Process::open(cloud.pid()).unwrap();
    process.kill().unwrap();
    process.wait(std::time::Duration::from_secs(20)).unwrap();
    std::fs::remove_file(cloud.state().join("run.json")).unwrap();
    cloud.expect(0, &["purge", "--yes"]);
    assert!(!cloud.state().exists());
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cloud = Cloud::simulated();
    let output = cloud.expect(1, &["up", "--node", "sim", "--listen", &address]);
    assert!(said(&output).contains(&address), "{}", said(&output));
    assert!(!cloud.state().join("openrc").exists());
}

/// Names of namespaces and cgroups on this machine that a cloud could have made.
fn objects_of(owner: &str) -> Vec<String> {
    let mark = format!("maru:{owner}");
    let marked = |name: &String| {
        let alias = || Rtnl::open(&Netns::open(name)?)?.link("lo").map(|link| link.alias);
        alias().ok().flatten().as_deref() == Some(&mark)
    };
    let mut found: Vec<String> = Netns::list().unwrap().into_iter().filter(marked).collect();
    if let Some(root) = linux::cgroup::Cgroup::mount_point() {
        let group = root.join(format!("maru-{owner}"));
        found.extend(group.exists().then(|| group.display().to_string()));
    }
    found
}

fn cloud_id(cloud: &Cloud) -> String {
    std::fs::read_to_string(cloud.state().join("cloud-id"))
        .unwrap()
        .trim()
        .to_owned()
}

/// Waits until the host has made the networks of a new cloud.
fn wait_until_settled(cloud: &Cloud) {
    for _ in 0..600 {
        let host = cloud.json(&["status", "--json"])["host"].take();
        let revision = host["applied_revision"].as_u64().unwrap_or(0);
        if revision > 0 && host["applied_revision"] == host["wanted_revision"] {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!(
        "the host did not make the networks: {}",
        said(&cloud.expect(0, &["status"]))
    );
}

#[test]
fn purge_leaves_no_trace_of_one_cloud_and_all_of_another() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let (doomed, neighbour) = (Cloud::real("doomed"), Cloud::real("neighbour"));
    doomed.up();
    neighbour.up();
    wait_until_settled(&doomed);
    wait_until_settled(&neighbour);
    let (doomed_id, neighbour_id) = (cloud_id(&doomed), cloud_id(&neighbour));
    let of_neighbour = objects_of(&neighbour_id);
    assert!(objects_of(&doomed_id).len() >= 2 && of_neighbour.len() >= 2);
    let status = doomed.json(&["status", "--leftovers", "--json"]);
    assert_eq!(status["leftovers"], serde_json::json!([]), "{status}");

    let netns = doomed.netns.clone().unwrap();
    doomed.expect(0, &["purge", "--yes"]);
    assert_eq!(objects_of(&doomed_id), Vec::<String>::new());
    assert!(!Netns::exists(&netns) && !doomed.state().exists());
    assert_eq!(objects_of(&neighbour_id), of_neighbour);
    assert_eq!(neighbour.json(&["status", "--json"])["running"], true);

    // With the state directory lost, the id on the marks is enough.
    let process = Process::open(neighbour.pid()).unwrap();
    process.kill().unwrap();
    process.wait(std::time::Duration::from_secs(20)).unwrap();
    std::fs::remove_dir_all(neighbour.state()).unwrap();
    neighbour.expect(0, &["purge", "--yes", "--cloud-id", &neighbour_id]);
    assert_eq!(objects_of(&neighbour_id), Vec::<String>::new());
    Netns::delete(&neighbour.netns.clone().unwrap()).unwrap();
}

#[test]
fn a_host_namespace_that_was_there_before_stays() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let cloud = Cloud::real("kept");
    let name = cloud.netns.clone().unwrap();
    let host = Netns::create(&name).unwrap();
    let mut links = Rtnl::open(&host).unwrap();
    let own = Bridge {
        name: "mine",
        mac: None,
        mtu: None,
        multicast_snooping: false,
    };
    links.create_bridge(&own).unwrap();
    cloud.up();
    wait_until_settled(&cloud);
    assert!(links.find_link("br-ex").unwrap().is_some());
    cloud.expect(0, &["purge", "--yes"]);
    assert!(Netns::exists(&name));
    assert!(links.find_link("br-ex").unwrap().is_none());
    assert!(links.find_link("mine").unwrap().is_some());
    Netns::delete(&name).unwrap();
}

/// A request that no command makes, as `admin` or `demo`; gives the answer's document.
fn request(cloud: &Cloud, user: &str, method: &str, path: &str, body: &Value) -> Value {
    let script = r#"
import json, sys, urllib.request as u
url, name, password, method, path, body = sys.argv[1:]
def send(method, path, body, headers):
    return u.urlopen(u.Request(url + path, body.encode(), {"content-type": "application/json", **headers}, method=method), timeout=30)
user = {"name": name, "domain": {"id": "default"}, "password": password}
scope = {"project": {"name": name, "domain": {"id": "default"}}}
login = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
token = send("POST", "/identity/v3/auth/tokens", json.dumps(login), {}).headers["x-subject-token"]
print(send(method, path, body, {"x-auth-token": token}).read().decode() or "null")
"#;
    let url = text_of(&cloud.json(&["status", "--json"])["url"]);
    let openrc = said(&cloud.expect(0, &["openrc", user]));
    let mut lines = openrc.lines();
    let password = lines.find_map(|line| Some(line.split_once("OS_PASSWORD=")?.1.trim_matches(['\'', '"'])));
    let output = Command::new("python3")
        .args([
            "-c",
            script,
            &url,
            user,
            password.unwrap(),
            method,
            path,
            &body.to_string(),
        ])
        .env("no_proxy", "*")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A network of `demo` with a port on it; gives the port's id.
fn port_of_demo(cloud: &Cloud) -> String {
    let make = |kind: &str, body: Value| {
        let path = format!("/networking/v2.0/{kind}s");
        let made = request(cloud, "demo", "POST", &path, &serde_json::json!({kind: body}));
        text_of(&made[kind]["id"])
    };
    let network = make("network", serde_json::json!({"name": "watched"}));
    let subnet = serde_json::json!({"network_id": network, "ip_version": 4, "cidr": "10.77.0.0/24"});
    make("subnet", subnet);
    make("port", serde_json::json!({"network_id": network}))
}

/// Plugs a port into a namespace, which the simulated host has whatever its name.
fn plug(cloud: &Cloud, port: &str) {
    let body = serde_json::json!({"attachment": {"netns": "web", "ifname": "eth0"}});
    request(
        cloud,
        "admin",
        "PUT",
        &format!("/maru/v1/ports/{port}/attachment"),
        &body,
    );
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// A command that runs on; it ends with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_path_is_watched_from_the_command_line() {
    use std::io::{BufRead, BufReader};
    let cloud = Cloud::simulated();
    cloud.up();
    let port = port_of_demo(&cloud);
    let target = format!("port:{port}");
    let asked = ["reach", "--user", "demo", "--to", &target, "--from", "network"];
    let state = cloud.state();
    let watching = Command::new(env!("CARGO_BIN_EXE_maru"))
        .args(asked)
        .args(["--watch", "--json", "--state-dir", state.to_str().unwrap()])
        .env_clear()
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut watching = Running(watching.unwrap());
    let mut lines = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let watch = next();
    assert_eq!(
        (text_of(&watch["verdict"]), text_of(&watch["causes"][0]["code"])),
        ("blocked".to_owned(), "PORT_UNBOUND".to_owned())
    );
    let expect = |transition: &Value, to: &str, code: Option<&str>, who: &str| {
        let cause = transition["to"]["causes"][0]["code"].as_str();
        let done_by = &transition["changes"][0]["who"];
        let done_by = done_by["user_name"].as_str().or(done_by["kind"].as_str());
        assert_eq!(
            (text_of(&transition["to"]["verdict"]).as_str(), cause, done_by),
            (to, code, Some(who)),
            "{transition:#}"
        );
    };
    // The administrator plugs it in: demo learns that an administrator did.
    plug(&cloud, &port);
    expect(&next(), "reachable", None, "administrator");
    let down = serde_json::json!({"port": {"admin_state_up": false}});
    request(&cloud, "demo", "PUT", &format!("/networking/v2.0/ports/{port}"), &down);
    expect(&next(), "blocked", Some("PORT_ADMIN_DOWN"), "demo");
    // A fix is somebody's change like any other.
    cloud.expect(0, &[&asked[..], &["--fix"]].concat());
    expect(&next(), "reachable", None, "demo");
    let list = |more: &[&str]| cloud.json(&[&["reach", "--list", "--json"], more].concat());
    assert_eq!(list(&["--user", "demo"]).as_array().unwrap().len(), 1);
    // It is watched for as long as this runs.
    let process = Process::open(watching.0.id()).unwrap();
    assert!(process.signal(rustix::process::Signal::INT).unwrap());
    assert!(watching.0.wait().unwrap().success());
    assert_eq!(list(&["--user", "demo"]), serde_json::json!([]));

    let pinned = said(&cloud.expect(0, &[&asked[..], &["--pin", "plug"]].concat()));
    assert!(pinned.contains("plug: reachable since"), "{pinned}");
    cloud.expect(1, &[&asked[..], &["--pin", "plug"]].concat());
    cloud.expect(0, &["port", "detach", &port]);
    let patience = Instant::now() + Duration::from_secs(30);
    let told = loop {
        let told = said(&cloud.expect(0, &["reach", "--history", "plug", "--user", "demo"]));
        if told.contains("reachable → blocked") {
            break told;
        }
        assert!(Instant::now() < patience, "{told}");
    };
    assert!(
        told.contains("PORT_UNBOUND") && told.contains("An administrator of the cloud changed port"),
        "{told}"
    );
    let listed = said(&cloud.expect(0, &["reach", "--list", "--user", "demo"]));
    assert!(listed.contains("plug") && listed.contains("PORT_UNBOUND"), "{listed}");
    // Another project has no such path.
    assert_eq!(list(&[]), serde_json::json!([]));
    cloud.expect(1, &["reach", "--unpin", "plug"]);
    cloud.expect(0, &["reach", "--unpin", "plug", "--user", "demo"]);
    cloud.expect(1, &["reach", "--history", "plug", "--user", "demo"]);
    for wrong in [
        &["reach"][..],
        &["reach", "--watch"],
        &["reach", "--list", "--to", "x"],
        &["reach", "--to", "x", "--watch", "--fix"],
        &["up", "--node", "sim", "--reach-webhook", "ftp://somewhere/"],
    ] {
        cloud.expect(2, wrong);
    }
}
