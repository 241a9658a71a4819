//! Words of routers.

use super::messages;

// The list, the object, its form.
messages! {
    router_word = "Router", "라우터";
    routers_lead = "A router connects your networks to each other and, through its gateway, to the outside.", "라우터는 네트워크를 서로 연결하고, 게이트웨이를 통해 외부와 연결합니다.";
    routers_word = "routers", "라우터";
    routers_empty = "No routers yet", "아직 라우터가 없습니다";
    routers_empty_text = "Servers on different networks need a router to reach each other and the outside. Floating IPs need one too.", "서로 다른 네트워크의 서버가 통신하거나 외부와 통신하려면 라우터가 필요합니다. 유동 IP에도 라우터가 필요합니다.";
    router_new = "Create router", "라우터 만들기";
    router_made(name) = "Router {name} created", "라우터를 만들었습니다: {name}";
    router_edit(name) = "Edit router “{name}”", "‘{name}’ 라우터 편집";
    router_admin_up = "Enabled", "활성화";
    router_admin_up_hint = "If off, no traffic passes.", "끄면 트래픽이 통과하지 않습니다.";
    router_subnets_hint = "Subnets to connect now. Servers on them can then reach the outside.", "지금 연결할 서브넷입니다. 이 서브넷의 서버가 외부와 통신할 수 있게 됩니다.";
    router_no_subnets = "No subnets to connect yet. Create a network first, or connect one later.", "아직 연결할 서브넷이 없습니다. 네트워크를 먼저 만들거나 나중에 연결하세요.";
    router_in_the_way(count) = "1 floating IP goes through this router. Disassociate it first." | "{count} floating IPs go through this router. Disassociate them first.", "이 라우터를 지나는 유동 IP가 {count}개 있습니다. 먼저 연결을 해제하세요.";
    router_subnet_in_the_way(count) = "1 floating IP leads to a server on this subnet. Disassociate it first." | "{count} floating IPs lead to servers on this subnet. Disassociate them first.", "이 서브넷의 서버에 연결된 유동 IP가 {count}개 있습니다. 먼저 연결을 해제하세요.";
    router_delete_interfaces = "Remove its interfaces too", "인터페이스도 함께 제거";
    router_delete_interfaces_hint = "A router with interfaces can't be deleted. Servers on these networks can then no longer reach the outside.", "인터페이스가 있는 라우터는 삭제할 수 없습니다. 제거하면 그 네트워크의 서버는 외부와 통신할 수 없습니다.";
    router_has_floating_ips(addresses) = "Floating IPs lead through it ({addresses}): disassociate them first.", "유동 IP({addresses})가 이 라우터를 지나갑니다. 먼저 연결을 해제하세요.";
    router_quota = "Routers in this project", "프로젝트의 라우터";
    router_through = "Floating IPs using this router", "이 라우터를 사용하는 유동 IP";
    router_through_none = "None yet: no server behind this router can be reached from the outside.", "아직 없습니다. 이 라우터 뒤의 서버에는 밖에서 접속할 수 없습니다.";
    router_leads_to = "Associated with", "연결 대상";
}

// The gateway.
messages! {
    router_gateway = "Gateway", "게이트웨이";
    router_gateway_network = "External network", "외부 네트워크";
    router_gateway_hint = "The way to the outside. Servers use the router's address there.", "외부로 나가는 네트워크입니다. 서버는 라우터의 주소로 나갑니다.";
    router_gateway_none = "No gateway", "게이트웨이 없음";
    router_gateway_none_text = "Without a gateway, servers can't reach the outside and floating IPs don't work.", "게이트웨이가 없으면 외부와 통신할 수 없고 유동 IP도 쓸 수 없습니다.";
    router_gateway_set = "Set gateway", "게이트웨이 설정";
    router_gateway_change = "Change gateway", "게이트웨이 변경";
    router_gateway_set_title(name) = "Set the gateway of router “{name}”", "‘{name}’ 라우터의 게이트웨이 설정";
    router_gateway_change_title(name) = "Change the gateway of router “{name}”", "‘{name}’ 라우터의 게이트웨이 변경";
    router_gateway_change_short = "Change", "변경";
    router_gateway_clear_short = "Clear", "해제";
    router_gateway_clear = "Clear gateway", "게이트웨이 해제";
    router_gateway_clear_title(name) = "Clear the gateway of router “{name}”?", "‘{name}’ 라우터의 게이트웨이를 해제할까요?";
    router_gateway_clear_text = "Servers behind it can no longer reach the outside.", "이 라우터 뒤의 서버는 더 이상 외부와 통신할 수 없습니다.";
    router_gateway_was_set(name) = "Gateway of router “{name}” set", "‘{name}’ 라우터의 게이트웨이를 설정했습니다";
    router_gateway_was_cleared(name) = "Gateway of router “{name}” cleared", "‘{name}’ 라우터의 게이트웨이를 해제했습니다";
    router_gateway_snat = "Enable SNAT", "SNAT 사용";
    router_gateway_snat_hint = "Servers without a floating IP use the router's address. If off, only servers with a floating IP can reach the outside.", "유동 IP가 없는 서버는 라우터의 주소로 나갑니다. 끄면 유동 IP가 있는 서버만 외부와 통신할 수 있습니다.";
    router_gateway_address = "Router's external IP", "외부 네트워크에서 쓸 주소";
    router_gateway_address_kept(addresses) = "Leave empty to keep {addresses}; on another network, to use the next free address.", "비우면 {addresses} 주소를 유지합니다. 다른 네트워크로 바꾸면 사용 가능한 주소가 할당됩니다.";
    router_gateway_address_hint = "Leave empty to use the next free address.", "비우면 사용 가능한 주소가 할당됩니다.";
    router_gateway_no_networks = "No external network yet. The cloud's administrator can create one.", "아직 외부 네트워크가 없습니다. 클라우드 관리자가 만들 수 있습니다.";
    router_gateway_which = "Choose an external network.", "외부 네트워크를 고르세요.";
}

// Interfaces.
messages! {
    router_interfaces = "Interfaces", "인터페이스";
    router_interface_new = "Add interface", "인터페이스 추가";
    router_interface_new_title(name) = "Add an interface to router “{name}”", "‘{name}’ 라우터에 인터페이스 추가";
    router_interface_remove = "Remove interface", "인터페이스 제거";
    router_interface_none = "No interfaces: no network is connected to this router yet.", "인터페이스가 없습니다. 아직 연결된 네트워크가 없습니다.";
    router_interface_subnet_hint = "The subnet to connect. Its servers can then reach the router's other networks.", "연결할 서브넷입니다. 이 서브넷의 서버는 라우터를 통해 다른 네트워크와 통신할 수 있습니다.";
    router_interface_address = "Router's address on this subnet", "이 서브넷에서 라우터가 쓸 주소";
    router_interface_address_hint = "Leave empty to use the subnet's gateway address.", "비우면 서브넷의 게이트웨이 주소를 씁니다.";
    router_interface_is_joined = "already connected", "이미 연결됨";
    router_interface_overlaps(cidr) = "overlaps {cidr}", "{cidr} 대역과 겹침";
    router_interface_gateway_taken(address) = "gateway address {address} is in use", "게이트웨이 주소 {address} 사용 중";
    router_interface_no_gateway = "no gateway address", "게이트웨이 주소 없음";
    router_interface_needs_address(reason) = "{reason}: enter an address below", "{reason}: 아래에 주소를 적으세요";
    router_interface_no_subnets = "No subnet in this project can be connected.", "이 프로젝트에 연결할 수 있는 서브넷이 없습니다.";
    router_interface_which_router = "Choose a router.", "라우터를 고르세요.";
    router_interface_which_subnet = "Choose a subnet.", "서브넷을 고르세요.";
    router_interface_added(subnet) = "Subnet {subnet} connected", "{subnet} 서브넷을 연결했습니다";
    router_interface_remove_title(subnet) = "Remove the interface on subnet {subnet}?", "{subnet} 서브넷의 인터페이스를 제거할까요?";
    router_interface_remove_text = "Servers on it can then no longer reach other networks through this router.", "이 서브넷의 서버는 더 이상 이 라우터를 통해 다른 네트워크와 통신할 수 없습니다.";
    router_interface_removed(subnet) = "Interface on subnet {subnet} removed", "{subnet} 서브넷의 인터페이스를 제거했습니다";
    router_interface_is_gateway = "subnet gateway", "서브넷 게이트웨이";
}

// Static routes.
messages! {
    router_routes = "Static routes", "정적 경로";
    router_route_new = "Add route", "경로 추가";
    router_route_new_title(name) = "Add a route to router “{name}”", "‘{name}’ 라우터에 경로 추가";
    router_route_none = "None yet. The router knows the networks it is connected to and sends everything else to its gateway.", "아직 없습니다. 라우터는 연결된 네트워크의 경로를 알고, 나머지는 게이트웨이로 보냅니다.";
    router_route_destination = "Destination (CIDR)", "목적지(CIDR)";
    router_route_destination_hint = "The addresses this route is for.", "이 경로를 쓸 목적지 주소 범위입니다.";
    router_route_destination_wrong = "Enter a network address as the destination, such as 192.168.10.0/24.", "목적지를 192.168.10.0/24 같은 네트워크 주소로 적으세요.";
    router_route_next_hop = "Next hop", "다음 홉";
    router_route_next_hop_hint(nets) = "Where the router sends this traffic: an address in {nets}.", "이 트래픽을 전달할 이웃 라우터의 주소이며, {nets} 안에 있어야 합니다.";
    router_route_next_hop_wrong = "Enter an IP address as the next hop.", "다음 홉을 IP 주소로 적으세요.";
    router_route_needs_interface = "Add an interface first: the next hop must be on a network that the router is connected to.", "인터페이스를 먼저 추가하세요. 다음 홉은 라우터가 연결된 네트워크에 있어야 합니다.";
    router_route_added(destination) = "Route to {destination} added", "{destination} 경로를 추가했습니다";
    router_route_removed(destination) = "Route to {destination} removed", "{destination} 경로를 제거했습니다";
    router_route_remove(destination) = "Remove the route to {destination}", "{destination} 경로 제거";
}
