//! How much of traffic passes.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use linux::Netns;
use model::host::BandwidthLimit;

use super::probe::{PATIENCE, connect, listen};

/// How long traffic is watched.
pub const WINDOW: Duration = Duration::from_millis(1500);

/// Bytes a second from one namespace to an address of another by TCP, after the first burst.
pub fn rate(from: &Netns, to: &Netns, address: IpAddr, port: u16) -> u64 {
    rate_by(from, to, SocketAddr::new(address, port), SocketAddr::new(address, port))
}

/// The same to an address that is translated on the way: `outside` leads to `inside`.
pub fn rate_by(from: &Netns, to: &Netns, outside: SocketAddr, inside: SocketAddr) -> u64 {
    let listener = listen(to, &inside.to_string());
    let mut client = connect(from, &outside.to_string(), true).expect("the connection is allowed");
    let (mut server, _) = listener.accept().unwrap();
    client.set_write_timeout(Some(WINDOW)).unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let end = Instant::now() + WINDOW * 2;
    let sender = std::thread::spawn(move || {
        let block = [0; 16 * 1024];
        while Instant::now() < end && client.write_all(&block).is_ok() {}
    });
    let mut buffer = vec![0; 64 * 1024];
    let mut read_until = |end: Instant| {
        let mut bytes = 0;
        while Instant::now() < end {
            match server.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => bytes += count as u64,
            }
        }
        bytes
    };
    read_until(Instant::now() + WINDOW / 3);
    let start = Instant::now();
    let bytes = read_until(start + WINDOW);
    let rate = bytes * 1000 / u64::try_from(start.elapsed().as_millis().max(1)).unwrap();
    drop(server);
    sender.join().unwrap();
    rate
}

/// A limit with the burst that suits it.
pub fn bandwidth(kbps: u32) -> Option<BandwidthLimit> {
    Some(BandwidthLimit { kbps, burst_kbits: 0 })
}

/// Whether a rate is near a limit, within what a busy machine makes of it.
pub fn is_near(rate: u64, limit: u64) -> bool {
    println!("{rate} of {limit}");
    rate > limit / 4 && rate < limit * 3 / 2
}
