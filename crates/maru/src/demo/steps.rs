//! The tutorial's steps.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use linux::Netns;
use serde_json::json;

use super::before::{id, list};
use super::programs::{answers, run, ssh, wait_for_answer};
use super::{Doing, Seen, Step, Story};
use crate::client::Client;
use crate::state_dir::write_private;

/// Names of what the story makes.
pub(super) const NETWORK: &str = "demo-net";
pub(super) const ROUTER: &str = "demo-router";
pub(super) const SERVER: &str = "demo-vm";
pub(super) const KEY: &str = "demo-key";
/// Description of what has no name.
pub(super) const MARK: &str = "maru-demo";
/// The flavor: 128 MB are enough for the tiny guest.
const FLAVOR: &str = "m1.micro";

/// Without hardware acceleration, on a busy machine, a boot takes its time.
const BOOT_LIMIT: Duration = Duration::from_secs(300);
/// What the network does, it does soon.
const NETWORK_LIMIT: Duration = Duration::from_secs(30);

macro_rules! act {
    ($function:ident) => {
        |story| -> Doing<'_> { Box::pin($function(story)) }
    };
}

pub(super) const STEPS: &[Step] = &[
    Step {
        tell: |lang| (lang.step_image(), lang.step_image_why()),
        commands: &["openstack image list"],
        act: act!(image),
    },
    Step {
        tell: |lang| (lang.step_network(), lang.step_network_why()),
        commands: &[
            "openstack network create demo-net",
            "openstack subnet create demo-subnet --network demo-net --subnet-range 172.31.0.0/24 --gateway 172.31.0.1 \
             --allocation-pool start=172.31.0.20,end=172.31.0.200 --dns-nameserver 1.1.1.1",
        ],
        act: act!(network),
    },
    Step {
        tell: |lang| (lang.step_pool(), lang.step_pool_why()),
        commands: &[
            "openstack subnet set demo-subnet --no-allocation-pool --allocation-pool start=172.31.0.20,end=172.31.0.180",
        ],
        act: act!(pool),
    },
    Step {
        tell: |lang| (lang.step_key(), lang.step_key_why()),
        commands: &["openstack keypair create demo-key > demo-key.pem && chmod 600 demo-key.pem"],
        act: act!(key),
    },
    Step {
        tell: |lang| (lang.step_server(), lang.step_server_why()),
        commands: &[
            "openstack server create demo-vm --image tiny --flavor m1.micro --network demo-net --key-name demo-key --wait",
        ],
        act: act!(server),
    },
    Step {
        tell: |lang| (lang.step_router(), lang.step_router_why()),
        commands: &[
            "openstack router create demo-router",
            "openstack router set demo-router --external-gateway public",
            "openstack router add subnet demo-router demo-subnet",
        ],
        act: act!(router),
    },
    Step {
        tell: |lang| (lang.step_reboot(), lang.step_reboot_why()),
        commands: &[
            "openstack server reboot --hard --wait demo-vm",
            "openstack server show demo-vm -c addresses",
        ],
        act: act!(reboot),
    },
    Step {
        tell: |lang| (lang.step_silent(), lang.step_silent_why()),
        commands: &["ping 172.31.0.x", "ip netns", "ip netns exec qrouter-… ip addr"],
        act: act!(look_around),
    },
    Step {
        tell: |lang| (lang.step_still_silent(), lang.step_still_silent_why()),
        commands: &[
            "openstack console log show demo-vm",
            "ip netns exec qrouter-… ping 172.31.0.x",
        ],
        act: act!(still_silent),
    },
    Step {
        tell: |lang| (lang.step_rules(), lang.step_rules_why()),
        commands: &[
            "openstack security group rule create default --protocol icmp",
            "openstack security group rule create default --protocol tcp",
            "ip netns exec qrouter-… ping 172.31.0.x",
        ],
        act: act!(rules),
    },
    Step {
        tell: |lang| (lang.step_floating(), lang.step_floating_why()),
        commands: &[
            "openstack floating ip create public",
            "openstack server add floating ip demo-vm 172.24.4.x",
            "ping 172.24.4.x",
        ],
        act: act!(floating),
    },
    Step {
        tell: |lang| (lang.step_ssh(), lang.step_ssh_why()),
        commands: &[
            "ssh -i demo-key.pem cirros@172.24.4.x",
            "ip netns exec qrouter-… ssh -i demo-key.pem cirros@172.31.0.x",
        ],
        act: act!(log_in),
    },
];

/// Where the private key is kept.
pub(super) fn key_path(story: &Story<'_>) -> PathBuf {
    story.state.join("demo-key.pem")
}

fn namespace(story: &Story<'_>) -> String {
    format!("qrouter-{}", story.router)
}

async fn image(story: &mut Story<'_>) -> Seen {
    let images = list(&story.client, "/image/v2/images?name=tiny&status=active", "images").await?;
    let image = match images.first() {
        Some(image) => image.clone(),
        None => {
            ensure!(!story.settings.image.0.is_empty(), story.output.lang.demo_no_image());
            let file = PathBuf::from(&story.settings.image.0);
            crate::image::create(&story.state, "tiny", &file, true, story.output).await?;
            let images = list(&story.client, "/image/v2/images?name=tiny&status=active", "images").await?;
            images
                .into_iter()
                .next()
                .context("the image was made and is not listed")?
        }
    };
    story.image = id(&image);
    Ok(vec![format!("tiny  {}  {} bytes", story.image, image["size"])])
}

async fn network(story: &mut Story<'_>) -> Seen {
    let body = json!({"network": {"name": NETWORK}});
    let network = story.client.post("/networking/v2.0/networks", body).await?["network"].take();
    story.network = id(&network);
    let body = json!({"subnet": {
        "network_id": story.network, "name": "demo-subnet", "ip_version": 4, "cidr": "172.31.0.0/24",
        "gateway_ip": "172.31.0.1", "dns_nameservers": ["1.1.1.1"],
        "allocation_pools": [{"start": "172.31.0.20", "end": "172.31.0.200"}],
    }});
    let subnet = story.client.post("/networking/v2.0/subnets", body).await?["subnet"].take();
    story.subnet = id(&subnet);
    Ok(vec![
        format!("network {}", story.network),
        format!("subnet  {}  172.31.0.0/24", story.subnet),
    ])
}

async fn pool(story: &mut Story<'_>) -> Seen {
    let pools = json!([{"start": "172.31.0.20", "end": "172.31.0.180"}]);
    let path = format!("/networking/v2.0/subnets/{}", story.subnet);
    let subnet = story
        .client
        .put(&path, json!({"subnet": {"allocation_pools": pools}}))
        .await?;
    ensure!(
        subnet["subnet"]["allocation_pools"] == pools,
        "the pool is {}",
        subnet["subnet"]["allocation_pools"]
    );
    Ok(vec![format!("allocation_pools {pools}")])
}

async fn key(story: &mut Story<'_>) -> Seen {
    let body = json!({"keypair": {"name": KEY}});
    let answer = story.client.post("/compute/v2.1/os-keypairs", body).await?;
    let private = answer["keypair"]["private_key"]
        .as_str()
        .context("Nova gave no private key")?;
    let path = key_path(story);
    write_private(&path, private)?;
    let first = private.lines().next().unwrap_or_default();
    Ok(vec![format!("{first} …"), format!("{} (0600)", path.display())])
}

async fn server(story: &mut Story<'_>) -> Seen {
    let flavors = list(&story.client, "/compute/v2.1/flavors", "flavors").await?;
    let flavor = flavors
        .iter()
        .find(|flavor| flavor["name"] == FLAVOR)
        .map(id)
        .with_context(|| format!("there is no flavor {FLAVOR}"))?;
    let body = json!({"server": {
        "name": SERVER, "imageRef": story.image, "flavorRef": flavor, "key_name": KEY,
        "networks": [{"uuid": story.network}], "min_count": 1, "max_count": 1,
    }});
    let server = story.client.post("/compute/v2.1/servers", body).await?["server"].take();
    story.server = id(&server);
    let took = wait_until_active(story).await?;
    Ok(vec![format!(
        "server {}  ACTIVE after {:.1} s",
        story.server,
        took.as_secs_f32()
    )])
}

/// Waits until the server runs and nothing is being done to it.
async fn wait_until_active(story: &Story<'_>) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let mut progress = story.output.progress(format!("    {SERVER}"));
    loop {
        let path = format!("/compute/v2.1/servers/{}", story.server);
        let server = story.client.get(&path).await?["server"].take();
        let (status, task) = (
            server["status"].as_str().unwrap_or("?"),
            &server["OS-EXT-STS:task_state"],
        );
        if status == "ACTIVE" && task.is_null() {
            return Ok(started.elapsed());
        }
        if status == "ERROR" {
            bail!(
                "the server failed: {}",
                server["fault"]["message"].as_str().unwrap_or("no reason was given")
            );
        }
        if started.elapsed() > BOOT_LIMIT {
            bail!("the server is {status} ({task}) after {} s", BOOT_LIMIT.as_secs());
        }
        progress.show(&format!("{status} {} s", started.elapsed().as_secs()));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn router(story: &mut Story<'_>) -> Seen {
    let client = &story.client;
    let body = json!({"router": {"name": ROUTER}});
    let router = client.post("/networking/v2.0/routers", body).await?["router"].take();
    story.router = id(&router);
    let public = public_network(client).await?;
    let path = format!("/networking/v2.0/routers/{}", story.router);
    let body = json!({"router": {"external_gateway_info": {"network_id": public}}});
    let router = client.put(&path, body).await?["router"].take();
    let path = format!("{path}/add_router_interface");
    client.put(&path, json!({"subnet_id": story.subnet})).await?;
    let outside = router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"]
        .as_str()
        .context("the router got no address on 'public'")?;
    Ok(vec![format!("router {}  gateway {outside}", story.router)])
}

async fn public_network(client: &Client) -> anyhow::Result<String> {
    let networks = list(
        client,
        "/networking/v2.0/networks?router:external=true&name=public",
        "networks",
    )
    .await?;
    networks
        .first()
        .map(id)
        .context("there is no external network 'public'")
}

async fn reboot(story: &mut Story<'_>) -> Seen {
    let path = format!("/compute/v2.1/servers/{}/action", story.server);
    story.client.post(&path, json!({"reboot": {"type": "HARD"}})).await?;
    let took = wait_until_active(story).await?;
    let ports = list(
        &story.client,
        &format!("/networking/v2.0/ports?device_id={}", story.server),
        "ports",
    )
    .await?;
    let port = ports.first().context("the server has no port")?;
    story.port = id(port);
    story.fixed_ip = port["fixed_ips"][0]["ip_address"]
        .as_str()
        .context("the server's port has no address")?
        .to_owned();
    Ok(vec![
        format!("rebooted in {:.1} s", took.as_secs_f32()),
        format!("addresses: {NETWORK}={}", story.fixed_ip),
    ])
}

async fn look_around(story: &mut Story<'_>) -> Seen {
    let lang = story.output.lang;
    ensure!(
        !answers(&story.host, &story.fixed_ip).await?,
        lang.demo_not_silent(&story.fixed_ip)
    );
    let mut seen = vec![lang.demo_silent(&story.fixed_ip)];
    let network = format!("qdhcp-{}", story.network);
    for name in [&network, &namespace(story)] {
        ensure!(Netns::exists(name), lang.no_netns(name));
        seen.push(name.clone());
    }
    let router = Netns::open(&namespace(story))?;
    let addresses = run(&router, "ip", &["-brief", "-4", "addr"]).await?;
    let legs = addresses
        .stdout
        .lines()
        .filter(|line| line.starts_with("qg-") || line.starts_with("qr-"));
    let legs: Vec<String> = legs.map(str::to_owned).collect();
    ensure!(legs.len() == 2, "the router's namespace shows {}", addresses.stdout);
    seen.extend(legs);
    Ok(seen)
}

/// Waits until the server asks for a login on its console: silence then is the security group's, not that of a machine
/// which is still starting.
async fn wait_for_login_prompt(story: &Story<'_>) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let mut progress = story.output.progress(format!("    {SERVER}"));
    let path = format!("/compute/v2.1/servers/{}/action", story.server);
    while started.elapsed() < BOOT_LIMIT {
        let answer = story.client.post(&path, json!({"os-getConsoleOutput": {}})).await?;
        if answer["output"].as_str().unwrap_or_default().contains("login:") {
            return Ok(started.elapsed());
        }
        progress.show(&format!("{} s", started.elapsed().as_secs()));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    bail!(
        "the server shows no login prompt after {} s ('openstack console log show {SERVER}')",
        BOOT_LIMIT.as_secs()
    )
}

async fn still_silent(story: &mut Story<'_>) -> Seen {
    let lang = story.output.lang;
    let took = wait_for_login_prompt(story).await?;
    let router = Netns::open(&namespace(story))?;
    ensure!(
        !answers(&router, &story.fixed_ip).await?,
        lang.demo_not_silent(&story.fixed_ip)
    );
    Ok(vec![
        lang.demo_booted(SERVER, format!("{:.1}", took.as_secs_f32())),
        lang.demo_silent(&story.fixed_ip),
    ])
}

async fn rules(story: &mut Story<'_>) -> Seen {
    let client = &story.client;
    let groups = list(
        client,
        "/networking/v2.0/security-groups?name=default",
        "security_groups",
    )
    .await?;
    let group = groups
        .first()
        .map(id)
        .context("the project has no security group 'default'")?;
    for protocol in ["icmp", "tcp"] {
        let body = json!({"security_group_rule": {
            "security_group_id": group, "direction": "ingress", "ethertype": "IPv4", "protocol": protocol,
            "remote_ip_prefix": "0.0.0.0/0", "description": MARK,
        }});
        client.post("/networking/v2.0/security-group-rules", body).await?;
    }
    let router = Netns::open(&namespace(story))?;
    let took = wait_for_answer(&router, &story.fixed_ip, BOOT_LIMIT, story.output).await?;
    Ok(vec![
        story
            .output
            .lang
            .demo_answers(&story.fixed_ip, format!("{:.1}", took.as_secs_f32())),
    ])
}

async fn floating(story: &mut Story<'_>) -> Seen {
    let public = public_network(&story.client).await?;
    let body = json!({"floatingip": {
        "floating_network_id": public, "port_id": story.port, "description": MARK,
    }});
    let address = story.client.post("/networking/v2.0/floatingips", body).await?["floatingip"].take();
    story.floating_ip = address["floating_ip_address"]
        .as_str()
        .context("the floating IP has no address")?
        .to_owned();
    let took = wait_for_answer(&story.host, &story.floating_ip, NETWORK_LIMIT, story.output).await?;
    Ok(vec![
        format!("{} -> {}", story.floating_ip, story.fixed_ip),
        story
            .output
            .lang
            .demo_answers(&story.floating_ip, format!("{:.1}", took.as_secs_f32())),
    ])
}

async fn log_in(story: &mut Story<'_>) -> Seen {
    let key = key_path(story);
    let command = "hostname; uptime; ip -4 -o addr show eth0";
    let inside = ssh(&story.host, &key, &story.floating_ip, command, BOOT_LIMIT, story.output).await?;
    ensure!(
        inside.lines().next() == Some(SERVER),
        "the server calls itself {inside}"
    );
    let mut seen: Vec<String> = inside.lines().map(str::to_owned).collect();
    let router = Netns::open(&namespace(story))?;
    let again = ssh(&router, &key, &story.fixed_ip, "whoami", NETWORK_LIMIT, story.output).await?;
    ensure!(again == "cirros", "the login by the fixed IP is {again}");
    seen.push(story.output.lang.demo_both_ways(&story.floating_ip, &story.fixed_ip));
    Ok(seen)
}
