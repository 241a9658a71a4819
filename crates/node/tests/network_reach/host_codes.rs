//! The codes that lie on the host, in the guest, or with a probe, each with the test that makes it on the real kernel.

use model::reach::Code;

use crate::scenes::Made;

/// All of them, beside what [`crate::scenes::all`] makes of declared state.
pub fn on_the_host() -> Vec<(Code, Made)> {
    use Made::{Breakage, By};
    vec![
        (Code::NsMissing, By("namespaces")),
        (Code::DeviceMissing, Breakage("a port's pair is gone")),
        (Code::TapMissing, Breakage("a server's tap is gone")),
        (Code::TapNotHeld, By("a_servers_process_and_its_nic")),
        (Code::DeviceDown, Breakage("a port's device is down")),
        (Code::UplinkDown, Breakage("the provider bridge is down")),
        (Code::DeviceUnplugged, Breakage("a port is on no bridge")),
        (Code::BridgePortBlocked, Breakage("a bridge's port is isolated")),
        (Code::StrangeDevice, Breakage("a stranger is on the bridge")),
        (Code::MacWrong, Breakage("a guest has another MAC")),
        (Code::MtuTooSmall, Breakage("a port has another MTU")),
        (Code::BrExNoAddress, Breakage("the host's address is gone")),
        (Code::AddressMissing, Breakage("a leg's address is gone")),
        (Code::FipAddressMissing, Breakage("a floating IP's address is gone")),
        (Code::AddressTaken, By("somebody_else_answers_for_an_address")),
        (Code::DnatRuleMissing, Breakage("a floating IP")),
        (Code::DnatRuleWrong, Breakage("a floating IP leads elsewhere")),
        (
            Code::SnatRuleMissing,
            Breakage("the translation to the router's address"),
        ),
        (Code::RuleMissing, Breakage("a security group's rule")),
        (Code::RuleUnwanted, Breakage("a rule that nobody asked for")),
        (Code::RulesMissing, Breakage("a table")),
        (Code::ForeignRules, Breakage("a table of somebody's that translates")),
        (
            Code::HostFirewall,
            Breakage("a table of somebody's that drops packets in the router"),
        ),
        (Code::RouteMissing, Breakage("the default route is gone")),
        (Code::RouteAstray, Breakage("packets are routed by another table")),
        (Code::RouteBlackhole, Breakage("a route swallows an address")),
        (Code::OverlapWithHostNetwork, Breakage("a network of the host overlaps")),
        (Code::NsForwardOff, Breakage("nothing is forwarded")),
        (Code::RpfilterDrop, Breakage("sources are checked")),
        (Code::Ipv6Off, Breakage("the bridge has no IPv6")),
        (Code::NeighbourWrong, Breakage("a neighbour is set to a lie")),
        (Code::NeighbourFailed, By("a_router_that_does_not_have_its_address")),
        (Code::ArpUnanswered, By("a_guest_that_does_not_have_its_address")),
        (
            Code::BridgeFdbWrong,
            Breakage("a port's address is told to be elsewhere"),
        ),
        (Code::NeighTableFull, By("a_machine_without_room_for_neighbours")),
        (Code::ConntrackFull, By("a_router_without_room_for_flows")),
        (Code::ConntrackNearlyFull, By("connections_that_fill_their_table")),
        (Code::VmProcessGone, By("a_servers_process_and_its_nic")),
        (Code::DhcpServiceDown, By("sockets_that_are_gone")),
        (Code::DnsServiceDown, By("sockets_that_are_gone")),
        (Code::MetadataServiceDown, By("sockets_that_are_gone")),
        (Code::RaServiceDown, By("sockets_that_are_gone")),
        (Code::DhcpNoLease, By("what_guests_do_is_told")),
        (Code::WrongAddressInGuest, By("what_a_guest_asked_of_dhcp")),
        (Code::MetadataNotFetched, By("what_guests_do_is_told")),
        (Code::KeyNotDelivered, By("what_guests_do_is_told")),
        (Code::KernelPanic, By("what_guests_do_is_told")),
        (Code::NoBootDisk, By("what_guests_do_is_told")),
        (Code::GuestStillBooting, By("what_guests_do_is_told")),
        (Code::GuestSilent, By("what_guests_do_is_told")),
        (Code::GuestFirewall, By("what_guests_do_is_told")),
        (Code::PortClosed, By("what_guests_do_is_told")),
        (Code::UnreachableOnWay, By("what_the_host_does_with_a_probe")),
        (Code::LostOnHost, By("what_the_host_does_with_a_probe")),
        (Code::QosPolicing, Breakage("what goes to a port is not held")),
        (Code::ForeignQueue, Breakage("packets wait in somebody's queue")),
        (Code::TrunkBroken, Breakage("a trunk's tap untags nothing")),
        (Code::Drift, Breakage("a bridge's port learns nothing")),
    ]
}
