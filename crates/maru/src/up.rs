//! `maru up`: the whole cloud in one process, in the foreground.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use control::Control;
use control::images::ImageStore;
use model::HostId;

use crate::first_start;

/// Which host the servers run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NodeKind {
    /// This machine's kernel and QEMU.
    Real,
    /// A simulated host: the whole API without root.
    Sim,
}

/// Arguments of `maru up`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where everything is kept.
    #[arg(long, env = "MARU_STATE_DIR", default_value = "/var/lib/maru")]
    state_dir: PathBuf,
    /// Where the API listens.
    #[arg(long, env = "MARU_LISTEN", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// A network namespace (made if missing) that is the host: br-ex and the floating IPs live there.
    #[arg(long, env = "MARU_HOST_NETNS")]
    host_netns: Option<String>,
    /// Which host the servers run on.
    #[arg(long, env = "MARU_NODE", value_enum, default_value = "real")]
    node: NodeKind,
}

/// Runs the cloud until it is told to stop.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime can't be started")?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let store = store::Store::open(&arguments.state_dir)?;
    let host = host_name();
    let image_dir = arguments.state_dir.join("images");
    let plan = model::plan::Settings {
        image_dir: image_dir.clone(),
        ..model::plan::Settings::default()
    };
    let control = Control::start(control::Options {
        store,
        clock: control::system_clock(),
        host: host.clone(),
        plan,
        auth: control::auth::Settings::default(),
        console: Arc::new(control::ConsoleFiles {
            servers: arguments.state_dir.join("servers"),
        }),
    })?;
    let public_url = format!("http://{}", arguments.listen);
    first_start::prepare(&control, &arguments.state_dir, &public_url).await?;
    let images = ImageStore::open(control.clone(), control::images::Settings::new(image_dir)).await?;
    let node = start_node(&arguments, &control, host).await?;
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("the API can't listen on {}", arguments.listen))?;
    let endpoints = api::Endpoints {
        public_url,
        follow_host_header: arguments.listen.ip().is_unspecified(),
        region: "RegionOne".to_owned(),
    };
    let (router, _) = api::router(api::App {
        control,
        endpoints,
        images,
    });
    tracing::info!(api.address = %arguments.listen, "Maru answers on http://{}", arguments.listen);
    axum::serve(listener, router)
        .with_graceful_shutdown(stop_signal())
        .await?;
    tracing::info!("Stopped. Servers and the data plane go on.");
    drop(node);
    Ok(())
}

/// Keeps the host going until dropped.
enum RunningNode {
    Real(node::Node),
    Sim(node_sim::SimNode),
}

async fn start_node(arguments: &Arguments, control: &Control, host: HostId) -> anyhow::Result<RunningNode> {
    let link = control.host_link();
    match arguments.node {
        NodeKind::Sim => {
            let sim = node_sim::SimNode::new(node_sim::plausible_facts(host));
            sim.run(link.config, link.report);
            Ok(RunningNode::Sim(sim))
        }
        NodeKind::Real => {
            let options = node::Options {
                host,
                state_dir: arguments.state_dir.clone(),
                host_netns: arguments.host_netns.clone(),
                upstream_dns: Vec::new(),
                acceleration: node::servers::Wish::Auto,
                owner: first_start::cloud_id(&arguments.state_dir)?,
            };
            Ok(RunningNode::Real(node::Node::start(options, link.config, link.report).await?))
        }
    }
}

fn host_name() -> HostId {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    HostId::from(if name.is_empty() { "localhost".to_owned() } else { name })
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler can be installed at start");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
