//! Words of routers.

use super::messages;

// The list, the object, its form.
messages! {
    router_word = "Router", "라우터";
    routers_lead = "A router joins your networks with one another and, by its gateway, with the outside.", "라우터는 내 네트워크들을 서로 잇고, 게이트웨이로 바깥과 이어 줍니다.";
    routers_word = "routers", "라우터";
    routers_empty = "You have no router yet", "아직 라우터가 없습니다";
    routers_empty_text = "Servers on different networks reach one another only through a router, and nothing outside without one. Floating IPs need one too.", "서로 다른 네트워크의 서버는 라우터를 거쳐야 만나고, 라우터가 없으면 밖으로도 나갈 수 없습니다. 유동 IP에도 라우터가 필요합니다.";
    router_new = "Create router", "라우터 만들기";
    router_made(name) = "Router {name} created", "라우터 {name}을(를) 만들었습니다";
    router_edit(name) = "Edit {name}", "{name} 편집";
    router_admin_up = "Enabled", "사용";
    router_admin_up_hint = "Without, it passes nothing on.", "끄면 아무것도 전달하지 않습니다.";
    router_subnets_hint = "Join these to it at once; servers there get the way out.", "바로 연결할 서브넷입니다. 그곳의 서버에 밖으로 가는 길이 생깁니다.";
    router_no_subnets = "The project has no subnet to join yet: create a network first, or join one later.", "아직 연결할 서브넷이 없습니다. 네트워크를 먼저 만들거나 나중에 연결하세요.";
    router_in_the_way(count) = "{count} floating IPs go through this router. Disassociate them first.", "이 라우터를 지나는 유동 IP가 {count}개 있습니다. 먼저 연결을 해제하세요.";
    router_delete_interfaces = "Also remove its interfaces", "인터페이스도 함께 제거";
    router_delete_interfaces_hint = "Servers on these networks can then no longer reach other networks through it.", "해당 네트워크의 서버는 이 라우터를 거쳐 다른 네트워크와 통신할 수 없게 됩니다.";
    router_has_floating_ips(addresses) = "Floating IPs lead through it ({addresses}): disassociate them first.", "유동 IP({addresses})가 이 라우터를 지나갑니다. 먼저 연결을 해제하세요.";
    router_quota = "Routers of the project", "프로젝트의 라우터";
    router_through = "Floating IPs through it", "이 라우터를 지나는 유동 IP";
    router_through_none = "None: servers are not reachable from outside by an address of their own.", "없습니다. 밖에서 제 주소로 닿을 수 있는 서버가 없습니다.";
    router_leads_to = "Leads to", "이어지는 곳";
}

// The gateway.
messages! {
    router_gateway = "Gateway", "게이트웨이";
    router_gateway_network = "External network", "외부 네트워크";
    router_gateway_hint = "The way out; your servers leave under the router's address there.", "밖으로 나가는 길입니다. 서버는 라우터의 주소로 나갑니다.";
    router_gateway_none = "no gateway", "게이트웨이 없음";
    router_gateway_none_text = "Without a gateway nothing gets out, and no floating IP can lead in.", "게이트웨이가 없으면 밖으로 나갈 수 없고 유동 IP도 쓸 수 없습니다.";
    router_gateway_set = "Set gateway", "게이트웨이 설정";
    router_gateway_change = "Change gateway", "게이트웨이 변경";
    router_gateway_clear = "Clear gateway", "게이트웨이 해제";
    router_gateway_clear_title(name) = "Clear the gateway of {name}?", "{name}의 게이트웨이를 해제할까요?";
    router_gateway_clear_text = "Servers behind it no longer reach the outside.", "뒤에 있는 서버가 더는 밖에 닿지 못합니다.";
    router_gateway_was_set(name) = "{name} leads out now", "{name}이(가) 밖으로 이어졌습니다";
    router_gateway_was_cleared(name) = "{name} has no gateway any more", "{name}의 게이트웨이를 해제했습니다";
    router_gateway_snat = "Translate addresses (SNAT)", "주소 변환(SNAT)";
    router_gateway_snat_hint = "Servers without a floating IP leave under the router's address. Without, only floating IPs get out.", "유동 IP가 없는 서버가 라우터의 주소로 나갑니다. 끄면 유동 IP만 나갈 수 있습니다.";
    router_gateway_address = "Address there", "그곳의 주소";
    router_gateway_address_hint = "Empty: the next free one.", "비우면 남은 주소 가운데 하나입니다.";
    router_gateway_no_networks = "There is no external network yet: the cloud's administrator makes one.", "아직 외부 네트워크가 없습니다. 클라우드 관리자가 만들어야 합니다.";
    router_gateway_which = "Choose an external network.", "외부 네트워크를 고르세요.";
}

// Interfaces.
messages! {
    router_interfaces = "Interfaces", "인터페이스";
    router_interface_new = "Add interface", "인터페이스 추가";
    router_interface_remove = "Remove interface", "인터페이스 제거";
    router_interface_none = "No interface: nothing is joined to it yet.", "인터페이스가 없어 아직 아무것도 이어져 있지 않습니다.";
    router_interface_subnet_hint = "The subnet to join; its servers reach the others through the router.", "연결할 서브넷입니다. 그곳의 서버가 라우터를 거쳐 다른 곳에 닿습니다.";
    router_interface_address = "Address of the router there", "그곳에서 라우터의 주소";
    router_interface_address_hint = "Empty: the subnet's gateway address, where its servers send what is for elsewhere.", "비우면 서브넷의 게이트웨이 주소입니다. 서버는 밖으로 가는 것을 그곳으로 보냅니다.";
    router_interface_is_joined = "already joined", "이미 연결됨";
    router_interface_overlaps(cidr) = "overlaps {cidr}", "{cidr}과(와) 겹침";
    router_interface_gateway_taken(address) = "its gateway address {address} is in use", "게이트웨이 주소 {address}이(가) 사용 중";
    router_interface_no_gateway = "it has no gateway", "게이트웨이가 없음";
    router_interface_needs_address(reason) = "{reason}: give an address below", "{reason}, 아래에 주소를 적으세요";
    router_interface_no_subnets = "The project has no subnet that could be joined.", "연결할 수 있는 서브넷이 없습니다.";
    router_interface_which_router = "Choose a router.", "라우터를 고르세요.";
    router_interface_which_subnet = "Choose a subnet.", "서브넷을 고르세요.";
    router_interface_added(subnet) = "{subnet} joined", "{subnet}을(를) 연결했습니다";
    router_interface_remove_title(subnet) = "Remove the interface on {subnet}?", "{subnet}의 인터페이스를 제거할까요?";
    router_interface_remove_text = "Servers there can then no longer reach other networks through this router.", "그곳의 서버는 더는 이 라우터를 거쳐 다른 네트워크에 닿지 못합니다.";
    router_interface_removed(subnet) = "Interface on {subnet} removed", "{subnet}의 인터페이스를 제거했습니다";
    router_interface_is_gateway = "the subnet's gateway", "서브넷의 게이트웨이";
}

// Static routes.
messages! {
    router_routes = "Static routes", "정적 경로";
    router_route_new = "Add route", "경로 추가";
    router_route_none = "None: the router knows the networks it is joined to, and the gateway for the rest.", "없습니다. 라우터는 연결된 네트워크를 알고, 나머지는 게이트웨이로 보냅니다.";
    router_route_destination = "Destination (CIDR)", "목적지(CIDR)";
    router_route_destination_hint = "Packets for these addresses …", "이 주소로 가는 패킷을 …";
    router_route_destination_wrong = "The destination is not a network address, such as 192.168.10.0/24.", "목적지가 192.168.10.0/24 같은 네트워크 주소가 아닙니다.";
    router_route_next_hop = "Next hop", "다음 홉";
    router_route_next_hop_hint(nets) = "… go to this neighbour: an address in {nets}.", "… 이 이웃에게 보냅니다. {nets} 안의 주소여야 합니다.";
    router_route_next_hop_wrong = "The next hop is not an address.", "다음 홉이 주소가 아닙니다.";
    router_route_needs_interface = "Add an interface first: a route leads to a neighbour on a network that the router is joined to.", "인터페이스를 먼저 추가하세요. 경로는 라우터가 연결된 네트워크의 이웃으로 이어집니다.";
    router_route_added(destination) = "Route to {destination} added", "{destination}(으)로 가는 경로를 추가했습니다";
    router_route_removed(destination) = "Route to {destination} removed", "{destination}(으)로 가는 경로를 제거했습니다";
    router_route_remove(destination) = "Remove the route to {destination}", "{destination}(으)로 가는 경로 제거";
}
