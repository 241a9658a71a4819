//! Causes that lie in the guest, each made by a whole one in QEMU: what it prints, what it asks of DHCP and metadata, what it
//! answers, and what becomes of its process.
//!
//! They need the project's own small guest (`image/build.sh`), which `make test` builds.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "../network_common/mod.rs"]
mod network_common;
#[path = "../reach_common/mod.rs"]
mod reach_common;

mod town;

use model::reach::look::Source;
use model::reach::names::Object;
use model::reach::{Protocol, SignKind};
use network_common::probe::ping;
use town::Town;

const SSH: Protocol = Protocol::Tcp(22);

/// All guests are started at once, and each is looked at when it has come far enough.
#[test]
fn what_guests_do_is_told() {
    let Some(mut town) = Town::start() else {
        eprintln!("skipped: there is no guest image; build it with image/build.sh");
        return;
    };
    let [web, silent, blank, panics, unserved] = town.guests();
    let (server, port) = (
        |guest: &town::Guest| Some(Object::Server(guest.server)),
        |guest: &town::Guest| Some(Object::Port(guest.port)),
    );

    // The kernel's first line has come, and nothing behind it.
    town.until_signs(&web, "began to boot", |signs| signs == [SignKind::KernelStarted]);
    town.look(&web, SSH)
        .expect_only("GUEST_STILL_BOOTING", Source::Observed, server(&web));

    // A program that is alone on its machine, and knows nothing of networks.
    town.until_said(&silent, town::GREETING);
    assert!(!ping(&town.router_ns(), silent.ip, false));
    town.look(&silent, Protocol::Icmp)
        .expect("GUEST_SILENT", Source::Observed, port(&silent));
    town.probe(&silent, Protocol::Icmp)
        .expect("ARP_UNANSWERED", Source::Probed, port(&silent));

    // A disk with nothing on it.
    town.until_signs(&blank, "looked for its disk", |signs| {
        signs.contains(&SignKind::NoBootDisk)
    });
    town.look(&blank, SSH)
        .expect_only("NO_BOOT_DISK", Source::Observed, server(&blank));

    // A kernel that finds no root.
    town.until_signs(&panics, "gave up", |signs| signs.contains(&SignKind::KernelPanic));
    town.look(&panics, SSH)
        .expect_only("KERNEL_PANIC", Source::Observed, server(&panics));

    // One that has everything but a key; its user data turns its answers to pings off.
    town.until_said(&web, "user data: script ended with 0");
    let told = town.probe(&web, SSH);
    told.expect("KEY_NOT_DELIVERED", Source::Observed, server(&web));
    assert_eq!(told.codes(), ["KEY_NOT_DELIVERED"], "its port answers: {told:#?}");
    town.probe(&web, Protocol::Tcp(23))
        .expect_only("PORT_CLOSED", Source::Probed, port(&web));
    town.probe(&web, Protocol::Icmp)
        .expect_only("GUEST_FIREWALL", Source::Probed, port(&web));

    // One whose network has neither DHCP nor metadata.
    town.until_said(&unserved, "login:");
    let told = town.look(&unserved, SSH);
    told.expect("DHCP_NO_LEASE", Source::Observed, port(&unserved));
    told.expect("METADATA_NOT_FETCHED", Source::Observed, server(&unserved));
    let network = Some(Object::Network(unserved.network));
    told.expect("DHCP_SERVICE_DOWN", Source::Programmed, network);

    // QEMU is killed, and nobody may start it again.
    town.look(&web, Protocol::Tcp(23)).expect_nothing();
    town.kill(&web);
    town.look(&web, Protocol::Tcp(23))
        .expect("VM_PROCESS_GONE", Source::Programmed, server(&web));
}
