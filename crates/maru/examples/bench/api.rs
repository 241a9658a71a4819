//! The API against the simulated host.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::http::Client;
use crate::table::{Goal, Table};

const PORTS: usize = 1_000;
const CLIENTS: usize = 8;
const PORTS_A_CLIENT: usize = 500;
const SAMPLES: usize = 200;
const LOGINS: usize = 30;
const SUBNETS_A_NETWORK: usize = 20;

/// Start, memory, latencies and rates.
pub fn measure(maru: &Path, table: &mut Table) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    drop(Cloud::start(maru, dir.path())?);
    table.add(
        "start to first token, existing state",
        first_token(maru, dir.path())?,
        "s",
        Goal::AtMost(1.0),
    );
    let cloud = Cloud::start(maru, dir.path())?;
    std::thread::sleep(Duration::from_secs(2));
    table.add("idle memory, empty", cloud.resident_mb()?, "MB", Goal::AtMost(40.0));
    let mut admin = cloud.admin()?;
    unlimited(&mut admin)?;
    let sync = sync_seconds(dir.path())?;
    table.add(
        "a 4 KiB write and sync on this disk, median",
        sync * 1e3,
        "ms",
        Goal::Baseline,
    );
    latencies(&cloud, &mut admin, table)?;
    let network = network(&mut admin, "10.0.0.0/16", 0)?;
    for _ in 0..PORTS {
        admin.expect(
            201,
            "POST",
            "/networking/v2.0/ports",
            Some(&json!({"port": {"network_id": network}})),
        )?;
    }
    let path = format!("/networking/v2.0/ports?network_id={network}");
    let list = median(sample(20, || admin.expect(200, "GET", &path, None).map(drop))?);
    table.add("list of 1,000 ports, median", list * 1e3, "ms", Goal::AtMost(30.0));
    std::thread::sleep(Duration::from_secs(1));
    table.add(
        "memory with 1,000 ports",
        cloud.resident_mb()?,
        "MB",
        Goal::AtMost(100.0),
    );
    table.add(
        "port creations, 8 clients",
        port_rate(&mut admin)?,
        "1/s",
        Goal::AtLeast(2_000.0),
    );
    Ok(())
}

fn first_token(maru: &Path, dir: &Path) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let cloud = Cloud::start(maru, dir)?;
        cloud.admin()?;
        times.push(began.elapsed().as_secs_f64());
    }
    Ok(median(times))
}

/// Lifts the administrator's quotas: limits are not what is measured.
fn unlimited(admin: &mut Client) -> anyhow::Result<()> {
    let network = network(admin, "10.250.0.0/24", 1)?;
    let project = admin.expect(200, "GET", &format!("/networking/v2.0/networks/{network}"), None)?;
    let project = project["network"]["project_id"].as_str().unwrap_or_default().to_owned();
    let quota =
        json!({"quota": {"network": -1, "subnet": -1, "port": -1, "security_group_rule": -1, "security_group": -1}});
    admin.expect(200, "PUT", &format!("/networking/v2.0/quotas/{project}"), Some(&quota))?;
    Ok(())
}

fn network(client: &mut Client, cidr: &str, n: usize) -> anyhow::Result<String> {
    let body = json!({"network": {"name": format!("bench{n}")}});
    let network = client.expect(201, "POST", "/networking/v2.0/networks", Some(&body))?;
    let id = network["network"]["id"].as_str().unwrap_or_default().to_owned();
    let body = json!({"subnet": {"network_id": id, "ip_version": 4, "cidr": cidr}});
    client.expect(201, "POST", "/networking/v2.0/subnets", Some(&body))?;
    Ok(id)
}

fn latencies(cloud: &Cloud, admin: &mut Client, table: &mut Table) -> anyhow::Result<()> {
    logins(cloud, admin, table)?;
    let parent = network(admin, "10.9.0.0/16", 2)?;
    let group = admin.expect(
        201,
        "POST",
        "/networking/v2.0/security-groups",
        Some(&json!({"security_group": {"name": "b"}})),
    )?;
    let group = group["security_group"]["id"].as_str().unwrap_or_default().to_owned();
    // A network's own port holds one address of each subnet, 32 at most.
    let mut parents = Vec::new();
    for n in 0..SAMPLES.div_ceil(SUBNETS_A_NETWORK) {
        parents.push(network(admin, &format!("10.200.{n}.0/24"), n)?);
    }
    let mut subnets = 0;
    let mut port = 0_u32;
    type Make<'a> = Box<dyn FnMut() -> Value + 'a>;
    let kinds: [(&str, &str, Make<'_>); 4] = [
        (
            "network",
            "/networking/v2.0/networks",
            Box::new(|| json!({"network": {"name": "n"}})),
        ),
        (
            "subnet",
            "/networking/v2.0/subnets",
            Box::new(|| {
                let parent = &parents[subnets / SUBNETS_A_NETWORK];
                let cidr = format!("10.{}.{}.0/24", 10 + subnets / 256, subnets % 256);
                subnets += 1;
                json!({"subnet": {"network_id": parent, "ip_version": 4, "cidr": cidr}})
            }),
        ),
        (
            "port",
            "/networking/v2.0/ports",
            Box::new(|| json!({"port": {"network_id": parent}})),
        ),
        (
            "security group rule",
            "/networking/v2.0/security-group-rules",
            Box::new(|| {
                port += 1;
                json!({"security_group_rule": {
                    "security_group_id": group, "direction": "ingress", "protocol": "tcp",
                    "port_range_min": port, "port_range_max": port,
                }})
            }),
        ),
    ];
    for (name, path, mut body) in kinds {
        let times = sample(SAMPLES, || admin.expect(201, "POST", path, Some(&body())).map(drop))?;
        table.add(
            format!("create {name}, p99"),
            percentile(times, 0.99) * 1e3,
            "ms",
            Goal::AtMost(5.0),
        );
    }
    Ok(())
}

/// Logins and the bare hash by turns: the difference is what Maru adds.
fn logins(cloud: &Cloud, admin: &mut Client, table: &mut Table) -> anyhow::Result<()> {
    let login = cloud.login_body()?;
    let cost = control::password::HashCost::default();
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| anyhow::anyhow!("{error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (mut hashes, mut tokens) = (Vec::new(), Vec::new());
    for _ in 0..LOGINS {
        hashes.extend(sample(1, || {
            let hashed = argon2.hash_password_into(b"a password", b"salt of 16 bytes", &mut [0; 32]);
            hashed.map_err(|error| anyhow::anyhow!("{error}"))
        })?);
        tokens.extend(sample(1, || {
            admin
                .expect(201, "POST", "/identity/v3/auth/tokens", Some(&login))
                .map(drop)
        })?);
    }
    // The fastest of each: a busy machine only ever adds.
    let (hash, token) = (percentile(hashes, 0.0), percentile(tokens, 0.0));
    table.add("the hash of a password, fastest", hash * 1e3, "ms", Goal::Baseline);
    table.add(
        "token by password, beyond the hash, fastest",
        (token - hash) * 1e3,
        "ms",
        Goal::AtMost(2.0),
    );
    Ok(())
}

fn port_rate(admin: &mut Client) -> anyhow::Result<f64> {
    let network = network(admin, "10.64.0.0/12", 3)?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(admin.again()?);
    }
    let body = json!({"port": {"network_id": network}});
    let began = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let body = &body;
                scope.spawn(move || -> anyhow::Result<()> {
                    for _ in 0..PORTS_A_CLIENT {
                        client.expect(201, "POST", "/networking/v2.0/ports", Some(body))?;
                    }
                    Ok(())
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("a client panicked"))?)
    })?;
    Ok((CLIENTS * PORTS_A_CLIENT) as f64 / began.elapsed().as_secs_f64())
}

/// What one durable write costs here.
fn sync_seconds(dir: &Path) -> anyhow::Result<f64> {
    let mut file = File::create(dir.join("sync-baseline"))?;
    file.write_all(&[0; 4096])?;
    file.sync_all()?;
    let times = sample(SAMPLES, || {
        file.write_all_at(&[1; 4096], 0)?;
        Ok(file.sync_data()?)
    })?;
    Ok(median(times))
}

fn sample(count: usize, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Vec<f64>> {
    (0..count)
        .map(|_| {
            let began = Instant::now();
            work()?;
            Ok(began.elapsed().as_secs_f64())
        })
        .collect()
}

fn median(times: Vec<f64>) -> f64 {
    percentile(times, 0.5)
}

fn percentile(mut times: Vec<f64>, part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let index = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
    times.get(index).copied().unwrap_or(f64::NAN)
}
