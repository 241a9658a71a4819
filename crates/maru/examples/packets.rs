//! What a packet costs on its way from one network namespace to another: a bounded load of one kind, and the CPU time
//! that it took, by the byte, packet or connection. `make bench` runs it on a bare veth pair and on networks of the cloud.
//!
//! Where interrupt time is not accounted for by itself, the kernel charges the whole path of a packet (bridges, rules,
//! the router, up to the receiving socket's queue) to the thread that sends it. Its CPU time and that of the soft interrupt
//! threads is therefore the cost of the path, and stays so on a busy machine, unlike any rate.
//!
//! ```sh
//! packets --kind small --from NAMESPACE --to NAMESPACE --address 10.0.0.5:5001 --seconds 0.7
//! ```

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use linux::Netns;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sockopt};
use rustix::thread::CpuSet;
use serde_json::json;

/// Bytes of a small packet's content.
const SMALL: usize = 64;
/// Packets handed to the kernel at once.
const BATCH: usize = 32;
/// No run sends more, however fast the machine.
const MOST_PACKETS: u64 = 5_000_000;
/// No run makes more connections: each leaves an entry in the tables for a while.
const MOST_CONNECTIONS: u64 = 5_000;
/// A receiver that hears nothing for so long looks whether the sender has ended.
const PATIENCE: Duration = Duration::from_millis(200);
/// What a TCP thread waits for its partner.
const TCP_LIMIT: Duration = Duration::from_secs(5);

/// Sends one kind of load and tells its cost.
#[derive(Parser)]
struct Arguments {
    /// What is sent.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The sender's namespace.
    #[arg(long)]
    from: String,
    /// The receiver's namespace.
    #[arg(long)]
    to: String,
    /// Where the sender sends: the receiver's address, or a floating IP that leads there.
    #[arg(long)]
    address: SocketAddrV4,
    /// For how long.
    #[arg(long, default_value_t = 0.7)]
    seconds: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// UDP of a flow that was answered once: nanoseconds a packet.
    Small,
    /// UDP of a flow that is never answered, so that each packet is judged anew: nanoseconds a packet.
    New,
    /// One TCP stream: nanoseconds a byte.
    Bytes,
    /// TCP connections with one byte each way: nanoseconds a connection.
    Connections,
}

/// What a run sent and what it cost.
struct Outcome {
    units: u64,
    arrived: u64,
    cpu: Duration,
}

/// Whereto, and for how long.
struct Run {
    to: Netns,
    address: SocketAddr,
    time: Duration,
    soft_interrupts: SoftInterrupts,
}

#[allow(clippy::print_stdout)]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if !(0.0..=60.0).contains(&arguments.seconds) {
        bail!("--seconds is from 0 to 60");
    }
    let run = Run {
        to: Netns::open(&arguments.to)?,
        address: arguments.address.into(),
        time: Duration::from_secs_f64(arguments.seconds),
        soft_interrupts: SoftInterrupts::find()?,
    };
    let from = Netns::open(&arguments.from)?;
    // The sending thread is inside its namespace: all that it opens is there.
    let outcome = from.run(|| match arguments.kind {
        Kind::Small => datagrams(&run, true),
        Kind::New => datagrams(&run, false),
        Kind::Bytes => stream(&run),
        Kind::Connections => connections(&run),
    })??;
    if outcome.units == 0 {
        bail!("nothing went through");
    }
    println!(
        "{}",
        json!({
            "units": outcome.units,
            "arrived": outcome.arrived,
            "nanoseconds": outcome.cpu.as_nanos() as f64 / outcome.units as f64,
        })
    );
    Ok(())
}

/// UDP; `answered`: the receiver answers the first packet, and the sender waits for that.
fn datagrams(run: &Run, answered: bool) -> anyhow::Result<Outcome> {
    let receiver = run.to.run(|| UdpSocket::bind(anywhere(run.address.port())))??;
    // Full buffers would drop at different points of the path.
    sockopt::set_socket_recv_buffer_size_force(&receiver, 4 << 20)?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let sender = UdpSocket::bind(anywhere(0))?;
    sender.connect(run.address)?;
    let (ended, arrived) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| receive(&receiver, answered, &ended, &arrived));
        let sent = send(run, &sender, answered);
        ended.store(true, Ordering::Release);
        sent
    })
    .map(|(units, cpu)| Outcome {
        units,
        arrived: arrived.load(Ordering::Acquire),
        cpu,
    })
}

fn receive(socket: &UdpSocket, answer: bool, ended: &AtomicBool, arrived: &AtomicU64) {
    pin(1);
    let mut answer = answer;
    let mut buffer = [0; 2048];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((_, sender)) => {
                arrived.fetch_add(1, Ordering::Release);
                if answer {
                    // The sender asks again if the answer is lost.
                    answer = socket.send_to(b"!", sender).is_err();
                }
            }
            Err(_) if ended.load(Ordering::Acquire) => return,
            Err(_) => {}
        }
    }
}

/// Packets sent and CPU time.
fn send(run: &Run, socket: &UdpSocket, answered: bool) -> anyhow::Result<(u64, Duration)> {
    pin(0);
    let content = [0; SMALL];
    // Also when nobody answers: neighbours are found now, not in the time that counts.
    socket.send(&content)?;
    if answered {
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        socket.recv(&mut [0; 64]).context("the receiver does not answer")?;
    }
    std::thread::sleep(Duration::from_millis(30));
    let slices = [IoSlice::new(&content)];
    let mut controls: Vec<SendAncillaryBuffer<'_, '_, '_>> =
        (0..BATCH).map(|_| SendAncillaryBuffer::default()).collect();
    let mut batch: Vec<MMsgHdr<'_>> = controls
        .iter_mut()
        .map(|control| MMsgHdr::new(&slices, control))
        .collect();
    let (mut sent, begun) = (0, Instant::now());
    let (own, soft) = (own_cpu()?, run.soft_interrupts.cpu());
    while begun.elapsed() < run.time && sent < MOST_PACKETS {
        match rustix::net::sendmmsg(socket, &mut batch, SendFlags::empty()) {
            Ok(count) => sent += count as u64,
            // A rejection on the way comes back as an error of the next call.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error).context("the sender can't send"),
        }
    }
    let own = own_cpu()? - own;
    // What is still queued is part of the cost.
    std::thread::sleep(Duration::from_millis(50));
    Ok((sent, own + (run.soft_interrupts.cpu() - soft)))
}

/// One TCP stream; a unit is a byte that arrived.
fn stream(run: &Run) -> anyhow::Result<Outcome> {
    let listener = run.to.run(|| TcpListener::bind(anywhere(run.address.port())))??;
    let soft = run.soft_interrupts.cpu();
    std::thread::scope(|scope| {
        let receiver = scope.spawn(move || -> anyhow::Result<(u64, Duration)> {
            pin(1);
            let (mut stream, _) = listener.accept()?;
            stream.set_read_timeout(Some(TCP_LIMIT))?;
            let (mut bytes, before) = (0, own_cpu()?);
            let mut buffer = vec![0; 256 << 10];
            loop {
                match stream.read(&mut buffer)? {
                    0 => return Ok((bytes, own_cpu()? - before)),
                    count => bytes += count as u64,
                }
            }
        });
        pin(0);
        let mut stream = connect(run)?;
        let (content, begun, before) = (vec![0; 128 << 10], Instant::now(), own_cpu()?);
        while begun.elapsed() < run.time {
            stream.write_all(&content)?;
        }
        let own = own_cpu()? - before;
        drop(stream);
        let (bytes, theirs) = joined(receiver)?;
        let cpu = own + theirs + (run.soft_interrupts.cpu() - soft);
        Ok(Outcome {
            units: bytes,
            arrived: bytes,
            cpu,
        })
    })
}

/// TCP connections, one after another: connect, a byte there, a byte back, close. The last one says so.
fn connections(run: &Run) -> anyhow::Result<Outcome> {
    const MORE: u8 = b'+';
    const LAST: u8 = b'.';
    let listener = run.to.run(|| TcpListener::bind(anywhere(run.address.port())))??;
    let soft = run.soft_interrupts.cpu();
    std::thread::scope(|scope| {
        let receiver = scope.spawn(move || -> anyhow::Result<(u64, Duration)> {
            pin(1);
            let (mut count, before, mut byte) = (0, own_cpu()?, [0]);
            loop {
                let (mut stream, _) = listener.accept()?;
                stream.set_read_timeout(Some(TCP_LIMIT))?;
                stream.read_exact(&mut byte)?;
                stream.write_all(&byte)?;
                count += 1;
                // The side that closes first keeps the connection in its tables for a while: the client.
                stream.read_to_end(&mut Vec::new())?;
                if byte == [LAST] {
                    return Ok((count, own_cpu()? - before));
                }
            }
        });
        pin(0);
        let (begun, before) = (Instant::now(), own_cpu()?);
        let (mut made, mut kind) = (0, MORE);
        while kind == MORE {
            if begun.elapsed() >= run.time || made >= MOST_CONNECTIONS {
                kind = LAST;
            }
            let mut stream = connect(run)?;
            stream.write_all(&[kind])?;
            stream.read_exact(&mut [0])?;
            made += 1;
        }
        let own = own_cpu()? - before;
        let (arrived, theirs) = joined(receiver)?;
        let cpu = own + theirs + (run.soft_interrupts.cpu() - soft);
        Ok(Outcome {
            units: made,
            arrived,
            cpu,
        })
    })
}

/// A connection from here to there.
fn connect(run: &Run) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&run.address, TCP_LIMIT).context("no connection")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TCP_LIMIT))?;
    stream.set_write_timeout(Some(TCP_LIMIT))?;
    Ok(stream)
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    thread.join().map_err(|_| anyhow::anyhow!("the receiver panicked"))?
}

fn anywhere(port: u16) -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], port))
}

/// Keeps the calling thread on one core, if there are as many: sender and receiver apart.
fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    // A machine with one core has no choice.
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}

/// CPU time of the calling thread.
fn own_cpu() -> anyhow::Result<Duration> {
    scheduled("/proc/thread-self/schedstat").context("no scheduler statistics")
}

/// The kernel's threads for network work that did not fit into the sender's system call.
struct SoftInterrupts(Vec<String>);

impl SoftInterrupts {
    fn find() -> anyhow::Result<Self> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            if name.starts_with("ksoftirqd/") {
                paths.push(path.join("schedstat").to_string_lossy().into_owned());
            }
        }
        Ok(Self(paths))
    }

    fn cpu(&self) -> Duration {
        self.0.iter().filter_map(|path| scheduled(path)).sum()
    }
}

/// The first number of a `schedstat` file: nanoseconds on a core.
fn scheduled(path: &str) -> Option<Duration> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}
