//! Words of networks, subnets and ports.

use super::{Text, messages};

messages! {
    networks_lead = "A network is a private switch: servers on it see only each other.", "네트워크는 독립된 가상 스위치입니다. 같은 네트워크에 연결된 서버끼리 통신합니다.";
    networks_word = "networks", "네트워크";
    networks_empty = "No networks yet", "아직 네트워크가 없습니다";
    networks_empty_text = "Servers connect to a network. Its subnet gives them addresses by DHCP, and a router connects it to the outside.", "서버는 네트워크에 연결됩니다. 서브넷이 DHCP로 주소를 주고, 라우터가 외부와 이어 줍니다.";
    network = "Network", "네트워크";
    network_new = "Create network", "네트워크 만들기";
    network_made(name) = "Network {name} created", "네트워크를 만들었습니다: {name}";
    edit_title(kind, name) = "Edit {kind} “{name}”", "‘{name}’ {kind} 편집";
    network_name_hint = "The name shown in lists.", "목록에서 찾을 이름입니다.";
    network_admin_up = "Enabled", "활성화";
    network_admin_up_hint = "If off, no traffic passes.", "끄면 트래픽이 통과하지 않습니다.";
    network_shared = "Shared with every project", "모든 프로젝트와 공유";
    network_with_subnet = "Create a subnet too", "서브넷도 만들기";
    network_with_subnet_hint = "Without a subnet, servers on this network get no address.", "서브넷이 없으면 서버가 주소를 받지 못합니다.";
    step_network_title = "Network", "네트워크";
    step_subnet_title = "Subnet", "서브넷";
    step_details_title = "Subnet details", "서브넷 세부 정보";
    subnet = "Subnet", "서브넷";
    subnets = "Subnets", "서브넷";
    subnet_name = "Subnet name", "서브넷 이름";
    subnet_cidr = "Network address (CIDR)", "네트워크 주소(CIDR)";
    subnet_cidr_hint = "Private ranges: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16. A /24 has 253 addresses besides the gateway.", "사설 대역: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16. /24에는 게이트웨이 외에 주소가 253개 있습니다.";
    subnet_gateway = "Gateway", "게이트웨이";
    subnet_gateway_hint = "Where servers send traffic for other networks. Leave empty to use the first address.", "서버가 다른 네트워크로 가는 트래픽을 보내는 주소입니다. 비우면 첫 번째 주소를 씁니다.";
    subnet_gateway_hint_kept = "Where servers send traffic for other networks.", "서버가 다른 네트워크로 가는 트래픽을 보내는 주소입니다.";
    subnet_gateway_missing = "Give the gateway's address, or tick “No gateway”.", "게이트웨이 주소를 입력하거나 ‘게이트웨이 없음’을 선택하세요.";
    subnet_pools_missing = "Give at least one pool: an empty field changes nothing.", "풀을 하나 이상 입력하세요. 비워 두면 바뀌지 않습니다.";
    subnet_no_gateway = "No gateway", "게이트웨이 없음";
    subnet_dhcp = "Enable DHCP", "DHCP 사용";
    subnet_pools = "Allocation pools", "할당 풀";
    subnet_pools_hint = "One per line: first,last. Leave empty to use every address except the gateway.", "한 줄에 하나씩 ‘처음,끝’으로 적습니다. 비우면 게이트웨이를 뺀 모든 주소를 씁니다.";
    subnet_pools_hint_kept = "One per line: first,last.", "한 줄에 하나씩 ‘처음,끝’으로 적습니다.";
    subnet_dns = "DNS servers", "DNS 서버";
    subnet_dns_hint = "One per line. Leave empty to use the cloud's DNS, which also knows your servers by name.", "한 줄에 하나씩 적습니다. 비우면 클라우드 DNS를 쓰며, 서버 이름으로도 찾을 수 있습니다.";
    subnet_routes = "Host routes", "호스트 경로";
    subnet_routes_hint = "One per line: destination CIDR,next hop", "한 줄에 하나씩 ‘목적지 CIDR,다음 홉’으로 적습니다.";
    subnet_ipv6_mode = "IPv6 addresses", "IPv6 주소 방식";
    cidr_private(hosts) = "A private range with {hosts} usable addresses.", "쓸 수 있는 주소가 {hosts}개인 사설 대역입니다.";
    cidr_public = "Not a private range: computers that really have these addresses can't be reached from this network.", "사설 대역이 아닙니다. 이 주소를 실제로 쓰는 컴퓨터와는 이 네트워크에서 통신할 수 없습니다.";
    cidr_overlaps(name, cidr) = "Overlaps “{name}” ({cidr}): one router can't connect both.", "‘{name}’({cidr}) 서브넷과 겹칩니다. 한 라우터에 둘 다 연결할 수 없습니다.";
    cidr_overlaps_host(name, cidr) = "Overlaps {name} ({cidr}), which the host itself uses: floating IPs will work, but servers can't reach that range.", "호스트가 쓰는 {name}({cidr}) 대역과 겹칩니다. 유동 IP는 쓸 수 있지만 서버에서 그 대역으로는 통신할 수 없습니다.";
    cidr_wrong = "Enter a network address, such as 172.31.0.0/24.", "172.31.0.0/24 같은 네트워크 주소를 적으세요.";
    cidr_host_bits(cidr) = "Did you mean {cidr}?", "{cidr} 대역을 뜻하셨나요?";
    external = "External", "외부";
    shared = "Shared", "공유";
    mtu = "MTU", "MTU";
    ports = "Ports", "포트";
    segment = "Segment", "세그먼트";
    free_addresses(free) = "{free} free", "{free}개 사용 가능";
    subnet_new = "Add subnet", "서브넷 추가";
    subnet_new_in(name) = "Add a subnet to network “{name}”", "‘{name}’ 네트워크에 서브넷 추가";
    subnet_made = "Subnet created", "서브넷을 만들었습니다";
    subnet_none = "No subnets: servers on this network get no address.", "서브넷이 없어 이 네트워크의 서버는 주소를 받지 못합니다.";
    subnet_dns_own = "Cloud DNS", "클라우드 DNS";
    subnet_ipv6_hint = "Only for IPv6 networks.", "IPv6 네트워크에만 쓰입니다.";
    subnet_ipv6_none = "Not advertised", "알리지 않음";
    network_in_use(count) = "1 port on this network is in use. Delete the server, or detach the interface, first." | "{count} ports on this network are in use. Delete the servers, or detach the interfaces, first.", "이 네트워크의 포트 {count}개가 사용 중입니다. 먼저 서버를 삭제하거나 인터페이스의 연결을 해제하세요.";
    switched_off = "disabled", "비활성화됨";
    host_namespace = "Network namespace", "네트워크 네임스페이스";
    host_bridge = "Bridge", "브리지";
    host_bridge_inside = "inside the namespace", "네임스페이스 안";
    host_device = "Device", "장치";
    port = "Port", "포트";
    port_title(address) = "Port {address}", "포트 {address}";
    port_title_of(address, server) = "Port {address} of {server}", "{server}의 포트 {address}";
    port_none = "No ports yet.", "아직 포트가 없습니다.";
    port_addresses = "Addresses", "IP 주소";
    port_of = "Used by", "사용하는 곳";
    port_of_dhcp = "DHCP, DNS and metadata", "DHCP, DNS, 메타데이터";
    port_of_router = "Router", "라우터";
    port_of_gateway = "Gateway of router", "라우터 게이트웨이";
    port_of_floating_ip = "Floating IP", "유동 IP";
    port_of_trunk = "Subport of a trunk", "트렁크의 서브포트";
    port_of_namespace = "Namespace", "네임스페이스";
    port_new = "Add port", "포트 추가";
    port_new_lead = "A port reserves an address. Attach it when you launch a server, or later.", "포트는 주소를 미리 확보해 둡니다. 서버를 만들 때나 나중에 연결할 수 있습니다.";
    port_edit(name) = "Edit port “{name}”", "‘{name}’ 포트 편집";
    port_made = "Port created", "포트를 만들었습니다";
    port_quota = "Ports in this project", "프로젝트의 포트";
    port_any_subnet = "Any", "자동";
    port_subnet_hint = "The subnet its address comes from.", "주소를 받을 서브넷입니다.";
    port_address = "Fixed address", "고정 IP";
    port_address_hint = "Leave empty to use the next free address.", "비우면 사용 가능한 주소가 할당됩니다.";
    port_mac_hint = "Leave empty to generate one.", "비우면 자동으로 생성됩니다.";
    port_security = "Port security", "포트 보안";
    port_security_hint = "If off, the port has no security groups and may send from any address (for servers that are routers or firewalls).", "끄면 보안 그룹이 적용되지 않고 아무 주소로나 보낼 수 있습니다(라우터나 방화벽 역할을 하는 서버에 씁니다).";
    port_groups_hint = "What traffic is allowed. Without any group, nothing can come in.", "허용할 트래픽을 정합니다. 하나도 없으면 아무것도 들어올 수 없습니다.";
    port_pairs_hint = "One per line: IP address or CIDR, optionally with “,MAC address”. For addresses that servers take over from each other.", "한 줄에 하나씩 IP 주소나 CIDR을 적고, MAC 주소가 다르면 쉼표 뒤에 적습니다. 여러 서버가 번갈아 쓰는 주소에 필요합니다.";
    port_in_use(name) = "Server “{name}” loses this interface.", "‘{name}’ 서버의 이 인터페이스가 제거됩니다.";
    port_free = "Unused", "사용 안 함";
    port_unprotected = "Port security is off: all traffic is allowed.", "포트 보안이 꺼져 있어 모든 트래픽이 허용됩니다.";
    port_pairs = "Allowed address pairs", "허용된 주소 쌍";
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
