//! Words of networks, subnets and ports.

use super::{Text, messages};

messages! {
    networks_lead = "A network is a switch of your own: what you plug in sees only what else is plugged in.", "네트워크는 나만의 스위치입니다. 꽂은 것끼리만 서로 보입니다.";
    networks_word = "networks", "네트워크";
    networks_empty = "You have no network yet", "아직 네트워크가 없습니다";
    networks_empty_text = "Servers need one to be plugged into. A network with a subnet gives them addresses by DHCP; a router then leads out.", "서버를 꽂으려면 네트워크가 필요합니다. 서브넷이 있는 네트워크는 DHCP로 주소를 주고, 라우터가 밖으로 이어 줍니다.";
    network = "Network", "네트워크";
    network_new = "Create network", "네트워크 만들기";
    network_made(name) = "Network {name} created", "네트워크 {name}을(를) 만들었습니다";
    network_edit(name) = "Edit {name}", "{name} 편집";
    network_name_hint = "What you will look for in lists", "목록에서 찾을 이름입니다";
    network_admin_up = "Enabled", "사용";
    network_admin_up_hint = "Without, no packet passes.", "끄면 패킷이 지나가지 않습니다.";
    network_shared = "Shared with every project", "모든 프로젝트와 공유";
    network_with_subnet = "Create a subnet too", "서브넷도 만들기";
    network_with_subnet_hint = "Without a subnet, servers on it get no address.", "서브넷이 없으면 서버가 주소를 받지 못합니다.";
    step_network_title = "Network", "네트워크";
    step_subnet_title = "Subnet", "서브넷";
    step_details_title = "Subnet details", "서브넷 세부 정보";
    subnet = "Subnet", "서브넷";
    subnets = "Subnets", "서브넷";
    subnet_name = "Subnet name", "서브넷 이름";
    subnet_cidr = "Network address (CIDR)", "네트워크 주소(CIDR)";
    subnet_cidr_hint = "Private ranges: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16. A /24 has room for 253 addresses besides the gateway.", "사설 범위: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16. /24에는 게이트웨이 외에 253개 주소가 들어갑니다.";
    subnet_gateway = "Gateway", "게이트웨이";
    subnet_gateway_hint = "Where servers send what is for elsewhere; empty: the first address.", "밖으로 가는 것을 보낼 곳입니다. 비우면 첫 주소입니다.";
    subnet_no_gateway = "No gateway", "게이트웨이 없음";
    subnet_dhcp = "Give out addresses by DHCP", "DHCP로 주소 나눠 주기";
    subnet_pools = "Allocation pools", "할당 풀";
    subnet_pools_hint = "One per line: first,last. Empty: all but the gateway.", "한 줄에 하나씩: 처음,끝. 비우면 게이트웨이를 뺀 전부입니다.";
    subnet_dns = "DNS servers", "DNS 서버";
    subnet_dns_hint = "One per line. Empty: the cloud's own, which knows your servers by name.", "한 줄에 하나씩. 비우면 클라우드의 DNS이며, 서버를 이름으로 압니다.";
    subnet_routes = "Host routes", "호스트 경로";
    subnet_routes_hint = "One per line: destination CIDR,next hop", "한 줄에 하나씩: 목적지 CIDR,다음 홉";
    subnet_ipv6_mode = "IPv6 addresses", "IPv6 주소 방식";
    cidr_private(hosts) = "A private range with {hosts} addresses for use.", "쓸 수 있는 주소가 {hosts}개인 사설 범위입니다.";
    cidr_public = "Not a private range: machines that really have these addresses can't be reached from this network.", "사설 범위가 아닙니다. 이 주소를 실제로 쓰는 컴퓨터에는 이 네트워크에서 닿을 수 없습니다.";
    cidr_overlaps(name, cidr) = "Overlaps {name} ({cidr}): one router can't join both.", "{name}({cidr})과(와) 겹칩니다. 한 라우터로 둘을 이을 수 없습니다.";
    cidr_overlaps_host(name, cidr) = "Overlaps {name} ({cidr}), which the host itself uses: floating IPs would work, the way from servers to there not.", "호스트가 쓰는 {name}({cidr})과(와) 겹칩니다. 서버에서 그쪽으로 갈 수 없게 됩니다.";
    cidr_wrong = "Not a network address, such as 172.31.0.0/24.", "172.31.0.0/24 같은 네트워크 주소가 아닙니다.";
    cidr_host_bits(cidr) = "Did you mean {cidr}?", "{cidr}을(를) 뜻하셨나요?";
    external = "External", "외부";
    shared = "Shared", "공유";
    mtu = "MTU", "MTU";
    ports = "Ports", "포트";
    segment = "Segment", "세그먼트";
    free_addresses(free) = "{free} free", "{free}개 남음";
    subnet_new = "Add subnet", "서브넷 추가";
    subnet_made = "Subnet created", "서브넷을 만들었습니다";
    subnet_none = "No subnet: servers on this network get no address.", "서브넷이 없어 이 네트워크의 서버는 주소를 받지 못합니다.";
    subnet_dns_own = "the cloud's own", "클라우드의 DNS";
    subnet_ipv6_hint = "Only for IPv6 networks", "IPv6 네트워크에만 쓰입니다";
    subnet_ipv6_none = "Nobody of ours advertises it", "광고하지 않음";
    network_in_use(count) = "{count} ports on this network are in use. Delete the servers, or detach the interfaces, first.", "이 네트워크의 포트 {count}개가 사용 중입니다. 먼저 서버를 삭제하거나 인터페이스를 분리하세요.";
    switched_off = "switched off", "꺼짐";
    host_namespace = "Network namespace", "네트워크 네임스페이스";
    host_bridge = "Bridge", "브리지";
    host_bridge_inside = "inside the namespace", "네임스페이스 안에 있습니다";
    host_device = "Device", "장치";
    port = "Port", "포트";
    port_none = "Nothing is plugged in yet.", "아직 꽂힌 것이 없습니다.";
    port_addresses = "Addresses", "주소";
    port_of = "Used by", "쓰는 곳";
    port_of_dhcp = "DHCP, DNS and metadata", "DHCP, DNS, 메타데이터";
    port_of_router = "Router", "라우터";
    port_of_gateway = "Gateway of router", "라우터 게이트웨이";
    port_of_floating_ip = "Floating IP", "유동 IP";
    port_of_trunk = "Subport of a trunk", "트렁크의 서브포트";
    port_of_namespace = "Namespace", "네임스페이스";
    port_new = "Add port", "포트 추가";
    port_new_lead = "A port keeps an address for later: a server is plugged into it when it is launched, or afterwards.", "포트는 주소를 미리 맡아 둡니다. 서버를 만들 때나 나중에 이 포트에 꽂을 수 있습니다.";
    port_edit(name) = "Edit port {name}", "포트 {name} 편집";
    port_made = "Port created", "포트를 만들었습니다";
    port_quota = "Ports of the project", "프로젝트의 포트";
    port_any_subnet = "Any", "아무 서브넷";
    port_subnet_hint = "Where its address is from", "주소를 받을 서브넷입니다";
    port_address = "Fixed address", "고정 IP";
    port_address_hint = "Empty: one that is free", "비우면 남은 주소 가운데 하나입니다";
    port_mac_hint = "Empty: one is made", "비우면 새로 만듭니다";
    port_security = "Port security", "포트 보안";
    port_security_hint = "Off: no security groups, and it may send from any address (routers and firewalls in servers).", "끄면 보안 그룹 없이 아무 주소로나 보낼 수 있습니다(서버 안의 라우터나 방화벽).";
    port_groups_hint = "Who may reach it. Without any, nobody.", "들어올 수 있는 것을 정합니다. 하나도 없으면 아무도 들어올 수 없습니다.";
    port_pairs_hint = "One per line, with a MAC address behind a comma if it is another: for addresses that servers hand over to each other.", "한 줄에 하나씩, MAC 주소가 다르면 쉼표 뒤에 적습니다. 서버끼리 넘겨받는 주소에 씁니다.";
    port_in_use(name) = "Server “{name}” loses this interface.", "‘{name}’ 서버의 이 인터페이스가 제거됩니다.";
    port_free = "free", "비어 있음";
    port_unprotected = "Port security is off: anything may pass.", "포트 보안이 꺼져 있어 무엇이든 지나갈 수 있습니다.";
    port_pairs = "May also speak as", "추가로 허용된 주소";
}

impl Text {
    /// Neutron's status in a word.
    pub(crate) fn network_status(self, status: &str) -> &'static str {
        match status {
            "ACTIVE" => self.pick("active", "동작 중"),
            "BUILD" => self.pick("being made", "만드는 중"),
            "DEGRADED" => self.pick("degraded", "일부 동작"),
            "ERROR" => self.pick("error", "오류"),
            _ => self.pick("down", "꺼져 있음"),
        }
    }

    /// Yes or no.
    pub(crate) fn yes_no(self, is: bool) -> &'static str {
        if is { self.yes() } else { self.no() }
    }

    /// On or off.
    pub(crate) fn on_off(self, is: bool) -> &'static str {
        if is { self.on() } else { self.off() }
    }
}
