//! Maru dies at any moment; what it finds when it starts again is finished or removed.

use std::time::Duration;

use model::host::{DesiredPower, ServerPhase};

use std::os::fd::AsFd;

use linux::tap::{self, TapOptions};
use model::ServerId;
use qemu::qmp::Qmp;
use serde_json::{Value, json};

use super::bench::{Host, eventually, nic};

/// A server's monitor, while Maru is away.
async fn monitor(host: &Host, id: ServerId) -> Qmp {
    let path = host.server_dir(id).join("run/monitor.sock");
    Qmp::connect(&path, Duration::from_secs(10)).await.unwrap().0
}

#[tokio::test]
async fn running_servers_are_found_again_and_not_disturbed() {
    let mut host = Host::new();
    let id = host.create(1, |server| server.nics = vec![nic(1)]);
    let gone = host.create(2, |_| {});
    let pid = host.until_running(id).await;
    host.until_running(gone).await;
    host.until_greeted(id, 1).await;
    host.close().await;
    assert_eq!(host.processes().len(), 2);
    host.open();
    // What was deleted meanwhile goes, what runs goes on.
    host.delete(gone);
    assert_eq!(host.until_running(id).await, pid);
    eventually("the other is gone", || host.processes() == [pid]).await;
    assert_eq!(host.report(id).unwrap().nics.len(), 1);
    assert_eq!(host.greetings(id), 1);
    // It is under control as before.
    host.want(id, |server| server.power = DesiredPower::Off);
    host.until_phase(id, ServerPhase::Off { by_guest: false }).await;
    host.delete(id);
    host.assert_empty().await;
}

/// Maru is ended at many moments of a creation; each time exactly one QEMU comes of it.
#[tokio::test]
async fn a_creation_cut_off_anywhere_is_finished() {
    let mut host = Host::new();
    for round in 0..8u64 {
        let id = host.create(u128::from(round), |server| {
            server.config_drive = true;
            server.nics = vec![nic(u128::from(round) + 1)];
        });
        // From before the first file to after QEMU has answered.
        tokio::time::sleep(Duration::from_millis(round * round * 9)).await;
        host.close().await;
        host.open();
        host.apply();
        let pid = host.until_running(id).await;
        assert_eq!(host.processes(), [pid], "round {round}");
        host.until_greeted(id, 1).await;
        host.delete(id);
        host.assert_empty().await;
    }
}

/// The same with deletions: nothing is left of any.
#[tokio::test]
async fn a_deletion_at_any_moment_leaves_nothing() {
    let mut host = Host::new();
    for round in 0..6u64 {
        let id = host.create(u128::from(round), |server| server.swap_mib = 1);
        tokio::time::sleep(Duration::from_millis(round * round * 12)).await;
        host.delete(id);
        if round % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(round)).await;
            host.close().await;
            host.open();
            host.apply();
        }
        host.assert_empty().await;
    }
}

/// The host was booted: no process is left, and the files are as they were.
#[tokio::test]
async fn after_a_boot_of_the_host_each_is_as_it_was() {
    let mut host = Host::new();
    let on = host.create(1, |_| {});
    let off = host.create(2, |server| server.power = DesiredPower::Off);
    host.until_running(on).await;
    host.until_greeted(on, 1).await;
    host.until_phase(off, ServerPhase::Off { by_guest: false }).await;
    host.close().await;
    host.processes().into_iter().for_each(super::bench::kill);
    eventually("all processes are gone", || host.processes().is_empty()).await;
    let record = host.server_dir(on).join("process");
    let text = std::fs::read_to_string(&record).unwrap();
    let (_, stat) = text.split_once('\n').unwrap();
    std::fs::write(&record, format!("00000000-0000-0000-0000-000000000000\n{stat}")).unwrap();
    // Half of a disk, and a socket, from before.
    std::fs::write(host.server_dir(on).join("swap.partial"), "half").unwrap();
    host.open();
    host.apply();
    host.until_running(on).await;
    host.until_greeted(on, 2).await;
    host.until_phase(off, ServerPhase::Off { by_guest: false }).await;
    assert_eq!(host.processes().len(), 1);
    assert!(!host.server_dir(on).join("swap.partial").exists());
}

/// QEMU had a tap already, as a backend or only as a descriptor, and its card was still to come: nobody else could open it.
#[tokio::test]
async fn a_nic_that_was_half_plugged_in_comes() {
    let mut host = Host::new();
    let id = host.create(1, |_| {});
    host.until_running(id).await;
    host.close().await;
    let qmp = monitor(&host, id).await;
    for number in [1, 2] {
        let name = format!("tap{}", nic(number).port_id.short());
        let tap = tap::open(&host.taps.netns, &name, TapOptions::default()).unwrap();
        let backend = format!("net-nic-{}", nic(number).port_id);
        qmp.pass_fd(&backend, tap.as_fd()).await.unwrap();
        if number == 1 {
            let netdev = json!({ "type": "tap", "id": backend, "fd": backend });
            qmp.execute::<Value>("netdev_add", netdev).await.unwrap();
        }
    }
    drop(qmp);
    host.open();
    host.want(id, |server| server.nics = vec![nic(1), nic(2)]);
    host.until(id, "with two NICs", |report| report.nics.len() == 2).await;
}

/// The memory was written, but its file had no name yet: QEMU refuses to save the same state twice.
#[tokio::test]
async fn a_suspension_cut_off_after_the_saving_is_finished() {
    let mut host = Host::new();
    let id = host.create(1, |_| {});
    host.until_running(id).await;
    host.until_greeted(id, 1).await;
    host.close().await;
    let qmp = monitor(&host, id).await;
    qmp.stop().await.unwrap();
    let partial = std::fs::File::create(host.server_dir(id).join("memory.partial")).unwrap();
    qmp.save_memory(partial.as_fd(), Duration::from_secs(60)).await.unwrap();
    drop(qmp);
    host.open();
    host.want(id, |server| server.power = DesiredPower::Suspended);
    host.until_phase(id, ServerPhase::Suspended).await;
    host.want(id, |server| server.power = DesiredPower::On);
    host.until_running(id).await;
    assert_eq!(host.greetings(id), 1, "it went on where it was");
    assert!(!host.server_dir(id).join("memory.partial").exists());
}
