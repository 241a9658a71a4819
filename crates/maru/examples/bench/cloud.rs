//! A Maru process of our own: simulated host, state in a directory that goes with it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::http::Client;

/// A running cloud; dropped, its process is killed.
pub struct Cloud {
    child: Child,
    address: SocketAddr,
    state_dir: PathBuf,
}

impl Cloud {
    /// Starts one and waits until it answers.
    pub fn start(maru: &Path, state_dir: &Path) -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let child = Command::new(maru)
            .args(["up", "--node", "sim", "--listen", &address.to_string(), "--state-dir"])
            .arg(state_dir)
            .env("MARU_LOG", "warn")
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} can't be started", maru.display()))?;
        let mut cloud = Self {
            child,
            address,
            state_dir: state_dir.to_owned(),
        };
        cloud.wait()?;
        Ok(cloud)
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("maru ended: {status}");
            }
            if Client::connect(self.address)
                .and_then(|mut c| c.send("GET", "/healthz", None))
                .is_ok()
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("maru does not answer within 60 s")
    }

    /// The body of a login as the administrator.
    pub fn login_body(&self) -> anyhow::Result<Value> {
        let openrc = std::fs::read_to_string(self.state_dir.join("openrc"))?;
        let line = openrc.lines().find_map(|line| line.strip_prefix("export OS_PASSWORD="));
        let password = line.context("openrc holds no password")?.trim_matches(['\'', '"']);
        let user = json!({"name": "admin", "domain": {"id": "default"}, "password": password});
        let project = json!({"name": "admin", "domain": {"id": "default"}});
        Ok(json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": project},
        }}))
    }

    /// A client that is the administrator.
    pub fn admin(&self) -> anyhow::Result<Client> {
        let mut client = Client::connect(self.address)?;
        let answer = client.send("POST", "/identity/v3/auth/tokens", Some(&self.login_body()?))?;
        let token = answer.token.with_context(|| format!("no token: {}", answer.status))?;
        Ok(client.with_token(token))
    }

    /// Resident memory, MB.
    pub fn resident_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
