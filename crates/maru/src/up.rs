//! `maru up`: the whole cloud in one process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use control::Control;
use control::images::ImageStore;
use linux::Netns;
use model::HostId;
use model::console::ConsoleSource;
use node_sim::SimNode;
use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::host_network;
use crate::settings::{Acceleration, DnsServers, NodeKind, Settings};
use crate::state_dir::{RunRecord, StateDir};
use crate::{first_start, log, tls};

/// What is under way at the end may take so long; uploads and long polls are then cut off.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Runs the cloud in the foreground until it is told to stop.
pub fn run(settings: &Settings) -> anyhow::Result<()> {
    linux::process::give_back_large_memory();
    log::start(settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime can't be started")?;
    let outcome = runtime.block_on(serve(settings));
    // Blocking work that is left (a file being written) is not waited for: the next start puts right what it leaves.
    runtime.shutdown_background();
    outcome
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let state = StateDir::new(&settings.state_dir);
    state.make()?;
    let store = store::Store::open(state.path())?;
    // Bound first: a port that is taken is told before anything is touched.
    let listener = tokio::net::TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("the API can't listen on {}", settings.listen))?;
    let listen = listener.local_addr()?;
    let host = host_name();
    let sim = (settings.node == NodeKind::Sim).then(|| SimNode::new(node_sim::roomy_facts(host.clone())));
    let console: Arc<dyn ConsoleSource> = match &sim {
        Some(sim) => Arc::new(sim.clone()),
        None => Arc::new(control::ConsoleFiles {
            servers: state.join("servers"),
        }),
    };
    let control = start_control(settings, &state, store, host.clone(), console)?;
    let host_netns = prepare_host(settings, &state, control.cloud().domains.is_empty())?;
    let mut image_settings = control::images::Settings::new(state.join("images"));
    image_settings.max_image_bytes = settings.max_image_size.0;
    image_settings.reserve_bytes = settings.image_reserve.0;
    image_settings.web = control::images::WebSettings {
        ports: settings.web_download_ports.0.clone(),
        networks: settings.web_download_networks.0.clone(),
    };
    let images = ImageStore::open(control.clone(), image_settings).await?;
    let settings = &Settings {
        listen,
        ..settings.clone()
    };
    let tls = tls::prepare(settings, &state, listen)?;
    let ca_file = tls.as_ref().and_then(|tls| tls.ca_file.as_deref());
    first_start::prepare(&control, &images, &state, settings, ca_file).await?;
    let node = start_node(settings, &state, &control, host, sim).await?;
    state.write_run_record(&RunRecord {
        listen,
        url: settings.url(),
        certificate: tls.as_ref().map(|tls| tls.certificate.clone()),
        host_netns,
        node: if settings.node == NodeKind::Real { "real" } else { "sim" }.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })?;
    if let Some(url) = settings.reach_webhook.0.clone() {
        control.set_reach_webhook(url);
    }
    let (stop, stopping) = watch::channel(false);
    let (ending, mut told) = (control.clone(), stopping.clone());
    tokio::spawn(async move {
        // Who waits for news is answered now, so that the end need not wait for them.
        let _ = told.wait_for(|stop| *stop).await;
        ending.end_waits();
    });
    let public_url = settings.url();
    let (router, _) = api::router(api::App {
        control: control.clone(),
        endpoints: api::Endpoints {
            public_url: public_url.clone(),
            follow_host_header: listen.ip().is_unspecified() && settings.public_url.0.is_empty(),
            region: settings.region.0.clone(),
        },
        images,
        consoles: Arc::new(api::Consoles::new(&settings.novnc_dir)),
    });
    let pages = dashboard::router(dashboard::Options {
        control,
        backend: dashboard::Backend {
            router: router.clone(),
            error_of: |answer| answer.extensions().get::<api::Fault>().map(|fault| fault.0.clone()),
        },
        public_url,
        region: settings.region.0.clone(),
        host_netns: settings.host_netns().map(str::to_owned),
        live_renders: std::thread::available_parallelism().map_or(2, usize::from),
        stopping: stopping.clone(),
    });
    let router = axum::Router::new().merge(pages).fallback_service(router);
    if tls.is_none() && !listen.ip().is_loopback() {
        tracing::warn!("The API listens on {listen} without TLS: passwords and tokens can be read on the way");
    }
    tracing::info!(api.address = %listen, "Maru answers on {}", settings.url());
    // Nobody may be listening for it.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    match &tls {
        Some(tls) => answer_until_stopped(tls.listen(listener)?, router, stop, stopping).await?,
        None => answer_until_stopped(listener, router, stop, stopping).await?,
    }
    drop(node);
    tracing::info!("Stopped. Servers and their networks go on.");
    Ok(())
}

fn start_control(
    settings: &Settings,
    state: &StateDir,
    store: store::Store,
    host: HostId,
    console: Arc<dyn ConsoleSource>,
) -> anyhow::Result<Control> {
    let plan = model::plan::Settings {
        image_dir: state.join("images"),
        volume_dir: state.join("volumes"),
        external_mtu: settings.provider_mtu,
        host_netns: settings.host_netns().map(str::to_owned),
        ..model::plan::Settings::default()
    };
    let auth = control::auth::Settings {
        token_seconds: settings.token_seconds,
        hash_cost: control::password::HashCost {
            advice: linux::process::use_huge_pages,
            ..control::password::HashCost::default()
        },
        compliance: control::auth::Compliance {
            lockout_failure_attempts: settings.lockout_failure_attempts,
            lockout_duration: settings.lockout_duration,
            unique_last_password_count: settings.unique_last_password_count,
            minimum_password_age: settings.minimum_password_age,
            password_expires_days: settings.password_expires_days,
        },
    };
    Ok(Control::start(control::Options {
        store,
        clock: control::system_clock(),
        host,
        plan,
        auth,
        console,
    })?)
}

/// What makes a host forward packets between its links.
const FORWARDING: &[(&str, &str)] = &[("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1")];

/// Makes the host's namespace if one is asked for, and looks whether the provider ranges are free there.
fn prepare_host(settings: &Settings, state: &StateDir, is_new: bool) -> anyhow::Result<Option<String>> {
    if settings.node == NodeKind::Sim {
        return Ok(None);
    }
    if let Some(name) = settings.host_netns() {
        if !Netns::exists(name) {
            state.write_made_netns(name)?;
        }
        let (host, _) = Netns::ensure(name).context("the host's network namespace can't be made")?;
        // A namespace of the cloud's own is a host that forwards, as one with guests does; a person's is left as it is.
        if state.made_netns().as_deref() == Some(name) {
            linux::sysctl::write(&host, FORWARDING).context("the host's network namespace can't be made to forward")?;
        }
        return Ok(Some(name.to_owned()));
    }
    let owner = state.cloud_id().unwrap_or_default();
    let overlaps = host_network::overlaps(&Netns::current()?, &owner, &host_network::provider_ranges(settings))?;
    for overlap in &overlaps {
        tracing::warn!("{overlap}");
    }
    if is_new && !overlaps.is_empty() {
        bail!(
            "the provider range overlaps a network of this host: {}. Choose another with provider_cidr and \
             provider_gateway, or give the cloud a host of its own with --host-netns",
            overlaps.join("; ")
        );
    }
    Ok(None)
}

/// Keeps the host going until dropped.
enum RunningNode {
    Real(#[expect(dead_code, reason = "held, not looked at")] node::Node),
    Sim(#[expect(dead_code, reason = "held, not looked at")] SimNode),
}

async fn start_node(
    settings: &Settings,
    state: &StateDir,
    control: &Control,
    host: HostId,
    sim: Option<SimNode>,
) -> anyhow::Result<RunningNode> {
    let link = control.host_link();
    if let Some(sim) = sim {
        sim.run(link.config, link.report);
        control.set_diagnostics(Arc::new(sim.clone()));
        control.set_meters(Arc::new(sim.clone()));
        control.set_inspector(Arc::new(sim.clone()));
        control.set_prober(Arc::new(sim.clone()));
        return Ok(RunningNode::Sim(sim));
    }
    let options = node::Options {
        host,
        state_dir: std::path::absolute(state.path())?,
        host_netns: settings.host_netns().map(str::to_owned),
        upstream_dns: upstream_dns(settings),
        acceleration: match settings.acceleration {
            Acceleration::Auto => node::servers::Wish::Auto,
            Acceleration::Kvm => node::servers::Wish::Kvm,
            Acceleration::Tcg => node::servers::Wish::Tcg,
        },
        owner: state.ensure_cloud_id()?,
    };
    let started = node::Node::start(options, link.config, link.report).await;
    let node =
        started.context("this host can't run servers; 'maru doctor' looks for the cause, '--node sim' does without")?;
    control.set_diagnostics(node.diagnostics());
    control.set_meters(node.meters());
    control.set_inspector(node.inspector());
    control.set_prober(node.prober());
    Ok(RunningNode::Real(node))
}

/// The resolvers for names outside the cloud.
fn upstream_dns(settings: &Settings) -> Vec<SocketAddr> {
    let addresses = match &settings.dns {
        DnsServers::These(addresses) => addresses.clone(),
        DnsServers::Auto if settings.host_netns().is_some() => Vec::new(),
        DnsServers::Auto => {
            let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
            let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver "));
            lines.filter_map(|address| address.trim().parse().ok()).collect()
        }
    };
    addresses
        .into_iter()
        .map(|address| SocketAddr::new(address, 53))
        .collect()
}

fn host_name() -> HostId {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    HostId::from(if name.is_empty() { "localhost".to_owned() } else { name })
}

async fn answer_until_stopped<L>(
    listener: L,
    router: axum::Router,
    stop: watch::Sender<bool>,
    mut stopping: watch::Receiver<bool>,
) -> anyhow::Result<()>
where
    L: axum::serve::Listener<Addr = SocketAddr>,
{
    tokio::spawn(async move {
        stop_signal().await;
        // The systemd manager shows it; nobody else needs to listen.
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        let _ = stop.send(true);
    });
    let mut told = stopping.clone();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = told.wait_for(|stop| *stop).await;
    });
    tokio::select! {
        outcome = server.into_future() => Ok(outcome?),
        () = async {
            let _ = stopping.wait_for(|stop| *stop).await;
            tokio::time::sleep(DRAIN_LIMIT).await;
        } => Ok(()),
    }
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler can be installed at start");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// The program itself, to be started again.
pub fn program() -> anyhow::Result<std::path::PathBuf> {
    let path = std::env::current_exe().context("the path of this program can't be found")?;
    // A program that was replaced while it ran bears this mark.
    let text = path.to_string_lossy();
    Ok(Path::new(text.trim_end_matches(" (deleted)")).to_owned())
}
