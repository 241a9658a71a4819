//! On, off, paused, suspended, rebooted.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;

use model::host::{DesiredPower, ServerPhase};

use super::bench::{Host, eventually, nic};

const OFF: ServerPhase = ServerPhase::Off { by_guest: false };

#[tokio::test]
async fn a_server_from_creation_to_deletion() {
    let mut host = Host::new();
    let id = host.create(1, |server| {
        server.nics = vec![nic(1), nic(2)];
        server.config_drive = true;
        server.ephemeral_gib = 1;
        server.swap_mib = 8;
    });
    let pid = host.until_running(id).await;
    host.until_greeted(id, 1).await;
    assert_eq!(
        host.report(id).unwrap().nics,
        BTreeSet::from([nic(1).port_id, nic(2).port_id])
    );
    let uid = host.settings.first_uid + 1;
    for file in ["root.qcow2", "ephemeral.qcow2", "swap", "config.iso", "console.log"] {
        let metadata = std::fs::metadata(host.server_dir(id).join(file)).unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (uid, 0o600), "{file}");
    }
    let directory = std::fs::metadata(host.server_dir(id)).unwrap();
    assert_eq!(
        (directory.uid(), directory.gid(), directory.mode() & 0o777),
        (0, uid, 0o710)
    );
    assert_eq!(host.processes(), [pid]);

    host.want(id, |server| server.power = DesiredPower::Paused);
    host.until_phase(id, ServerPhase::Paused).await;
    host.want(id, |server| server.power = DesiredPower::On);
    host.until_phase(id, ServerPhase::Running).await;
    assert_eq!(host.servers().process_id(id), Some(pid));

    host.want(id, |server| server.power = DesiredPower::Off);
    host.until_phase(id, OFF).await;
    assert_eq!(host.processes(), [0; 0]);
    assert_eq!(host.report(id).unwrap().nics, BTreeSet::new());
    host.want(id, |server| server.power = DesiredPower::On);
    host.until_running(id).await;
    host.until_greeted(id, 2).await;

    host.delete(id);
    host.assert_empty().await;
    // Its number is free again.
    let next = host.create(2, |_| {});
    host.until_running(next).await;
    assert_eq!(
        std::fs::metadata(host.server_dir(next).join("root.qcow2"))
            .unwrap()
            .uid(),
        uid
    );
}

#[tokio::test]
async fn reboots_are_done_once_each() {
    let mut host = Host::new();
    let id = host.create(1, |_| {});
    let first = host.until_running(id).await;
    host.until_greeted(id, 1).await;
    host.want(id, |server| server.soft_reboots = 1);
    host.until(id, "softly rebooted", |report| {
        report.soft_reboots == 1 && report.phase == ServerPhase::Running
    })
    .await;
    host.until_greeted(id, 2).await;
    assert_eq!(
        host.servers().process_id(id),
        Some(first),
        "a soft reboot keeps the machine"
    );
    host.want(id, |server| server.hard_reboots = 1);
    host.until(id, "rebooted", |report| {
        report.hard_reboots == 1 && report.phase == ServerPhase::Running
    })
    .await;
    host.until_greeted(id, 3).await;
    assert_ne!(host.servers().process_id(id), Some(first));
    // The same configuration again asks for nothing.
    host.apply();
    host.want(id, |server| server.name = "renamed".into());
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(host.greetings(id), 3);
}

#[tokio::test]
async fn a_guest_that_does_not_listen_is_stopped_by_force() {
    let mut host = Host::with(|settings| settings.shutdown_limit = std::time::Duration::from_millis(300));
    // It never arms its power button: `hlt` with interrupts off, right after the greeting.
    let image = host.image(2, |sector| {
        sector[0x27..0x2b].copy_from_slice(&[0xfa, 0xf4, 0xeb, 0xfc])
    });
    let id = host.create(1, |server| server.disk.image = Some(image));
    host.until_running(id).await;
    host.until_greeted(id, 1).await;
    host.want(id, |server| server.soft_reboots = 1);
    host.until(id, "rebooted by force", |r| {
        r.soft_reboots == 1 && r.phase == ServerPhase::Running
    })
    .await;
    host.until_greeted(id, 2).await;
    host.want(id, |server| server.power = DesiredPower::Off);
    host.until_phase(id, OFF).await;
    assert_eq!(host.processes(), [0; 0]);
}

#[tokio::test]
async fn a_guest_that_shuts_itself_down_stays_off_until_asked() {
    let mut host = Host::new();
    // After the greeting it turns the machine off.
    let image = host.image(2, |sector| sector[0x2e..0x30].copy_from_slice(&[0xeb, 0x09]));
    let id = host.create(1, |server| server.disk.image = Some(image));
    let by_guest = ServerPhase::Off { by_guest: true };
    host.until_phase(id, by_guest.clone()).await;
    eventually("QEMU is gone", || host.processes().is_empty()).await;
    // Neither a restart of Maru nor news of other things starts it.
    host.close().await;
    host.open();
    host.apply();
    host.until_phase(id, by_guest.clone()).await;
    assert_eq!(host.greetings(id), 1);
    // The cloud takes note of it, and then a user starts it.
    host.want(id, |server| server.power = DesiredPower::Off);
    host.until_phase(id, OFF).await;
    host.want(id, |server| server.power = DesiredPower::On);
    host.until_greeted(id, 2).await;
    host.until_phase(id, by_guest.clone()).await;
    // A reboot is a start too.
    host.want(id, |server| server.hard_reboots = 1);
    host.until_greeted(id, 3).await;
}

#[tokio::test]
async fn suspended_memory_goes_on_where_it_was() {
    let mut host = Host::new();
    let id = host.create(1, |server| server.nics = vec![nic(1)]);
    host.until_running(id).await;
    host.until_greeted(id, 1).await;
    host.want(id, |server| server.power = DesiredPower::Suspended);
    host.until_phase(id, ServerPhase::Suspended).await;
    assert_eq!(host.processes(), [0; 0]);
    host.close().await;
    host.open();
    host.want(id, |server| server.power = DesiredPower::On);
    host.until_running(id).await;
    assert!(!host.server_dir(id).join("memory.saved").exists());
    assert_eq!(host.greetings(id), 1, "it did not boot again");
    // It still obeys.
    host.want(id, |server| server.power = DesiredPower::Off);
    host.until_phase(id, OFF).await;

    // Memory that cannot be loaded is given up; the disk is whole.
    std::fs::write(host.server_dir(id).join("memory.saved"), "nonsense").unwrap();
    host.want(id, |server| server.power = DesiredPower::On);
    host.until_running(id).await;
    host.until_greeted(id, 2).await;
}

#[tokio::test]
async fn nics_are_plugged_in_while_it_runs() {
    let mut host = Host::new();
    let id = host.create(1, |server| server.nics = vec![nic(1)]);
    let pid = host.until_running(id).await;
    host.until_greeted(id, 1).await;
    host.want(id, |server| server.nics = vec![nic(1), nic(2)]);
    host.until(id, "with two NICs", |report| report.nics.len() == 2).await;
    assert_eq!(host.servers().process_id(id), Some(pid));
    // This guest lets no card go; a reboot does. The server is never called broken for it.
    host.want(id, |server| server.nics = vec![nic(2)]);
    host.want(id, |server| server.hard_reboots = 1);
    let report = host
        .until(id, "with the second NIC", |r| r.hard_reboots == 1 && r.nics.len() == 1)
        .await;
    assert_eq!(report.nics, BTreeSet::from([nic(2).port_id]));
}
