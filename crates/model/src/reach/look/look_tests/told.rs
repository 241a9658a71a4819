//! Words, owners and fixes, and who is told what.

use super::*;

/// Every code that lies on the host or in the guest has sentences of its own, in both languages, and something that mends it.
#[test]
fn every_code_has_its_words() {
    use Code as C;
    let all = [
        C::NsMissing,
        C::DeviceMissing,
        C::TapMissing,
        C::TapNotHeld,
        C::DeviceDown,
        C::UplinkDown,
        C::DeviceUnplugged,
        C::BridgePortBlocked,
        C::StrangeDevice,
        C::MacWrong,
        C::MtuTooSmall,
        C::BrExNoAddress,
        C::AddressMissing,
        C::FipAddressMissing,
        C::AddressTaken,
        C::DnatRuleMissing,
        C::DnatRuleWrong,
        C::SnatRuleMissing,
        C::RuleMissing,
        C::RuleUnwanted,
        C::RulesMissing,
        C::ForeignRules,
        C::HostFirewall,
        C::RouteMissing,
        C::RouteAstray,
        C::RouteBlackhole,
        C::OverlapWithHostNetwork,
        C::NsForwardOff,
        C::RpfilterDrop,
        C::Ipv6Off,
        C::NeighbourWrong,
        C::NeighbourFailed,
        C::ArpUnanswered,
        C::BridgeFdbWrong,
        C::NeighTableFull,
        C::ConntrackFull,
        C::ConntrackNearlyFull,
        C::VmProcessGone,
        C::DhcpServiceDown,
        C::DnsServiceDown,
        C::MetadataServiceDown,
        C::RaServiceDown,
        C::DhcpNoLease,
        C::WrongAddressInGuest,
        C::MetadataNotFetched,
        C::KeyNotDelivered,
        C::KernelPanic,
        C::NoBootDisk,
        C::GuestStillBooting,
        C::GuestSilent,
        C::GuestFirewall,
        C::PortClosed,
        C::UnreachableOnWay,
        C::LostOnHost,
        C::QosPolicing,
        C::ForeignQueue,
        C::TrunkBroken,
        C::Drift,
    ];
    let story = Story::new();
    let cloud = &story.rules.cloud;
    let object = Some(Object::Port(story.port));
    let mut sentences = std::collections::BTreeSet::new();
    for code in all {
        let text = words::host::about(cloud, &admin(), code, object);
        assert!(
            text.en.ends_with('.') && text.ko.contains("니다") && text.ko.ends_with('.'),
            "{code:?}: {text:?}"
        );
        assert!(
            sentences.insert(text.en.clone()) && sentences.insert(text.ko),
            "{code:?}: {}",
            text.en
        );
        let mender = Mender {
            cloud,
            config: &story.config(),
            actor: &admin(),
            host_netns: None,
        };
        let mend = fix(&mender, (code, object), &[]);
        assert!(!mend.message.en.is_empty() && !mend.message.ko.is_empty());
    }
}

#[test]
fn each_is_told_what_they_may_know() {
    let it = Reached::new();
    let cloud = &it.story.rules.cloud;
    let looked = it.found(HostObject::Device(it.tap()), State::Missing);
    let blocker = &looked.blockers[0];
    let told = |actor: &Actor| {
        let mender = Mender {
            cloud,
            config: &it.config,
            actor,
            host_netns: None,
        };
        let mend = fix(&mender, (blocker.code, blocker.object), &blocker.evidence);
        (words::host::cause(cloud, actor, blocker), mend)
    };
    let (own, mend) = told(&member("demo"));
    assert!(!own.en.contains("dev0") && own.en.contains("10.0.0."), "{own:?}");
    assert!(
        mend.commands.is_empty() && mend.message.en.contains("runs the cloud"),
        "{mend:?}"
    );
    let (other, _) = told(&member("other"));
    assert!(
        other.en.contains("another project's port") && !other.en.contains("10.0.0."),
        "{other:?}"
    );
    assert!(!told(&admin()).1.commands.is_empty());
    let of = |actor: &Actor, code| owner(cloud, actor, code, blocker.object);
    assert_eq!(of(&member("demo"), Code::TapMissing), Owner::Operator);
    assert_eq!(of(&member("demo"), Code::PortClosed), Owner::You);
    assert_eq!(of(&member("other"), Code::PortClosed), Owner::Project);
}
