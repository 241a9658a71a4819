//! What each breakage is called in the catalogue of causes.

/// The code of a mutation that is known by its name; for those that are made for every set, chain and table, by what was found.
pub fn expected(name: &str, found: &[String]) -> &'static str {
    let has = |word: &str| found.iter().any(|each| each.contains(word));
    match name {
        "a port's pair is gone"
        | "the device where it waits is gone"
        | "a subport is gone"
        | "the bridge is gone"
        | "a leg is gone"
        | "the end of a leg is gone"
        | "the gateway is gone" => "DEVICE_MISSING",
        "a server's tap is gone" => "TAP_MISSING",
        "a port's device is down"
        | "the bridge is down"
        | "loopback is down"
        | "the device where it waits is down"
        | "a subport's end is down"
        | "a leg is down"
        | "the gateway is down"
        | "the gateway's end is down" => "DEVICE_DOWN",
        "the provider bridge is gone" | "the provider bridge is down" => "UPLINK_DOWN",
        "a port has another MTU"
        | "the bridge has another MTU"
        | "a leg has another MTU"
        | "the provider bridge has another MTU" => "MTU_TOO_SMALL",
        "a port is on no bridge"
        | "a port is on another bridge"
        | "a leg's end is on no bridge"
        | "the gateway's end is on no bridge" => "DEVICE_UNPLUGGED",
        "a guest has another MAC"
        | "the bridge has another MAC"
        | "a leg has another MAC"
        | "the gateway has another MAC"
        | "the provider bridge has another MAC" => "MAC_WRONG",
        "a bridge's port is isolated" | "a bridge's port is not flooded" | "a bridge's port is disabled" => {
            "BRIDGE_PORT_BLOCKED"
        }
        "a bridge's port learns nothing"
        | "new devices get no IPv6 taken"
        | "bridged packets are not filtered"
        | "any leg answers for any address"
        | "nobody is answered for"
        | "an address is not answered for"
        | "one more address is answered for"
        | "the order of rules" => "DRIFT",
        "the service address is gone" | "the metadata address is gone" | "a leg's address is gone" => "ADDRESS_MISSING",
        "the bridge has one more address" | "a leg has one more address" | "the host's bridge has one more address" => {
            "ADDRESS_TAKEN"
        }
        "the host's address is gone" => "BR_EX_NO_ADDRESS",
        "a floating IP's address is gone" | "a forwarded floating IP's address is gone" => "FIP_ADDRESS_MISSING",
        "the bridge's prefix leads nowhere"
        | "the default route is gone"
        | "IPv6's default route is gone"
        | "an extra route is gone"
        | "an extra route leads elsewhere"
        | "a leg's prefix leads nowhere"
        | "the host's route is gone" => "ROUTE_MISSING",
        "a route swallows an address" | "a route forbids an address" | "a route of the host swallows a floating IP" => {
            "ROUTE_BLACKHOLE"
        }
        "packets are routed by another table" => "ROUTE_ASTRAY",
        "a network of the host overlaps" => "OVERLAP_WITH_HOST_NETWORK",
        "the bridge has no IPv6" => "IPV6_OFF",
        "a stranger is on the bridge" | "a stranger is in the router" => "STRANGE_DEVICE",
        "a port's address is told to be elsewhere" => "BRIDGE_FDB_WRONG",
        "a neighbour is set to a lie"
        | "a server is believed elsewhere"
        | "the next hop is believed elsewhere"
        | "a floating IP is believed elsewhere" => "NEIGHBOUR_WRONG",
        "what goes to a port is not held"
        | "what goes to a port is held to too little"
        | "what comes from a port is not held" => "QOS_POLICING",
        "packets wait in somebody's queue"
        | "a filter of somebody's drops all"
        | "packets of the gateway wait in somebody's queue" => "FOREIGN_QUEUE",
        "a trunk's tap untags nothing" | "a subport tags nothing" => "TRUNK_BROKEN",
        "nothing is forwarded" | "no IPv6 is forwarded" | "a leg forwards nothing" => "NS_FORWARD_OFF",
        "sources are checked" | "sources are checked on a leg" => "RPFILTER_DROP",
        "a floating IP" | "a forwarding" => "DNAT_RULE_MISSING",
        "a floating IP leads elsewhere" => "DNAT_RULE_WRONG",
        "the translation to the router's address" => "SNAT_RULE_MISSING",
        "a security group's rule" | "everything of a port" | "a counter and its chain" | "a member of a group" => {
            "RULE_MISSING"
        }
        "one more floating IP"
        | "a rule that nobody asked for"
        | "a rule in front of all others"
        | "a chain of somebody's in our table"
        | "a set of somebody's in our table"
        | "an element that nobody asked for"
        | "a port that is trusted all at once" => "RULE_UNWANTED",
        "a table" | "a sleeping table" => "RULES_MISSING",
        "a table of somebody's that translates" => "FOREIGN_RULES",
        "a chain's policy" => "DRIFT",
        "an element" if has("\"fip\"") || has("\"pf\"") => "DNAT_RULE_MISSING",
        "an element" if has("\"fix\"") => "SNAT_RULE_MISSING",
        "an element" if has("\"inside\"") => "RULE_MISSING",
        "an element" => "RULE_MISSING",
        "a rule" if has("snat to ") && !has("@fix") => "SNAT_RULE_MISSING",
        "a rule" => "RULE_MISSING",
        _ if name.starts_with("a table of somebody's that drops") => "HOST_FIREWALL",
        _ => panic!("'{name}' has no code: say what it is called"),
    }
}
