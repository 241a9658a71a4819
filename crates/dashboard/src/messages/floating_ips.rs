//! Words of floating IPs and their port forwardings.

use super::messages;

// The list, the object.
messages! {
    fip_word = "Floating IP", "유동 IP";
    fips_lead = "A floating IP is an external address that you associate with one of your servers, and can move to another.", "유동 IP는 서버에 연결하는 외부 주소이며, 다른 서버로 옮길 수 있습니다.";
    fips_word = "floating IPs", "유동 IP";
    fips_empty = "No floating IPs yet", "아직 유동 IP가 없습니다";
    fips_empty_text = "Servers have internal addresses that can't be reached from the outside. Allocate a floating IP and associate it with a server.", "서버의 내부 주소로는 밖에서 접속할 수 없습니다. 유동 IP를 할당해 서버에 연결하세요.";
    fip_new = "Allocate floating IP", "유동 IP 할당";
    fip_associate = "Associate floating IP", "유동 IP 연결";
    fip_move = "Associate with another server", "다른 서버에 연결";
    fip_move_title(address) = "Associate floating IP “{address}” with another server", "‘{address}’ 유동 IP를 다른 서버에 연결";
    fip_move_text(target) = "It leads to {target} now, which can no longer be reached at this address after the move.", "지금은 {target}에 연결되어 있으며, 옮기면 이 주소로는 더 이상 접속할 수 없습니다.";
    fip_move_do = "Move floating IP", "유동 IP 옮기기";
    fip_disassociate = "Disassociate", "연결 해제";
    fip_release = "Release floating IP", "유동 IP 반환";
    fip_address = "Address", "주소";
    fip_leads_to = "Associated with", "연결 대상";
    fip_nowhere = "–", "–";
    fip_free = "not associated", "연결 안 됨";
    fip_forwards(count) = "1 port forwarding" | "{count} port forwardings", "포트 포워딩 {count}개";
    fip_router = "Router", "라우터";
    fip_edit(address) = "Edit floating IP “{address}”", "‘{address}’ 유동 IP 편집";
    fip_release_note(target) = "Associated with {target}: connections to it end.", "{target}에 연결되어 있으며, 이 주소로 들어오는 연결이 끊깁니다.";
    fip_has_forwardings(count) = "It has 1 port forwarding: delete it first." | "It has {count} port forwardings: delete them first.", "포트 포워딩 {count}개가 있습니다. 먼저 삭제하세요.";
    fip_way = "Traffic path", "트래픽 경로";
    fip_outside = "External network", "외부 네트워크";
    fip_host_translation = "Address translation (NAT)", "주소 변환(NAT)";
    fip_host_translation_hint = "DNAT for incoming and SNAT for outgoing traffic, in the router's namespace", "라우터의 네임스페이스에서 들어올 때 DNAT, 나갈 때 SNAT";
}

// The form that takes an address and lets it lead somewhere.
messages! {
    fip_which = "Floating IP", "유동 IP";
    fip_which_hint = "One you already have, or a new one.", "이미 할당받은 주소나 새 주소를 고릅니다.";
    fip_take_new = "Allocate a new one", "새로 할당";
    fip_quota = "Floating IPs in this project", "프로젝트의 유동 IP";
    fip_quota_full = "quota used up", "쿼터를 모두 사용함";
    fip_pool = "External network", "외부 네트워크";
    fip_pool_hint = "The network the address comes from.", "주소를 할당할 네트워크입니다.";
    fip_wanted = "Specific address", "특정 주소";
    fip_wanted_hint = "Leave empty to use the next free address.", "비우면 사용 가능한 주소가 할당됩니다.";
    fip_target = "Associate with", "연결할 대상";
    fip_target_hint = "A server's internal address, on a subnet that a router connects to the external network.", "서버의 내부 주소입니다. 라우터로 외부 네트워크에 연결된 서브넷에 있어야 합니다.";
    fip_target_later = "Associate later", "나중에 연결";
    fip_target_none = "No server in this project has an address yet.", "아직 주소가 있는 서버가 없습니다.";
    fip_target_which = "Choose what to associate it with.", "연결할 대상을 고르세요.";
    fip_target_no_ipv4 = "no IPv4 address", "IPv4 주소 없음";
    fip_target_has(address) = "already has {address}", "이미 {address} 있음";
    fip_target_no_router(network) = "no router connects its subnet to {network}", "서브넷이 {network} 네트워크에 라우터로 연결되지 않음";
    fip_no_pool = "No external network yet. The cloud's administrator can create one.", "아직 외부 네트워크가 없습니다. 클라우드 관리자가 만들 수 있습니다.";
    fip_none_reachable = "No server can use a floating IP yet. A router needs a gateway on the external network and an interface on the servers' subnet.", "아직 유동 IP를 쓸 수 있는 서버가 없습니다. 라우터에 외부 네트워크 게이트웨이와 서버 서브넷의 인터페이스가 필요합니다.";
    fip_to_routers = "Go to routers", "라우터 보기";
    fip_allocated(address) = "Floating IP {address} allocated", "유동 IP {address} 주소를 할당했습니다";
    fip_associated(address, target) = "{address} associated with {target}", "유동 IP {address} 주소를 연결했습니다: {target}";
    fip_disassociate_title(address) = "Disassociate floating IP “{address}”", "‘{address}’ 유동 IP 연결 해제";
    fip_disassociate_text(target) = "{target} can then no longer be reached at this address. The project keeps the address.", "이 주소로는 더 이상 {target}에 접속할 수 없습니다. 주소는 프로젝트에 남습니다.";
    fip_disassociated(address) = "{address} disassociated", "유동 IP {address} 연결을 해제했습니다";
}

// Port forwardings.
messages! {
    fwd_title = "Port forwardings", "포트 포워딩";
    fwd_lead = "Forward single ports of this address to servers, so that several servers share it.", "이 주소의 포트를 하나씩 서버로 전달해, 여러 서버가 주소 하나를 함께 씁니다.";
    fwd_not_now = "This address is associated with a server as a whole. Disassociate it to forward single ports.", "주소 전체가 서버 하나에 연결되어 있습니다. 포트별로 전달하려면 연결을 해제하세요.";
    fwd_new = "Add port forwarding", "포트 포워딩 추가";
    fwd_protocol = "Protocol", "프로토콜";
    fwd_outside = "External port", "외부 포트";
    fwd_outside_hint = "One port (8080) or a range (8000-8010).", "하나(8080) 또는 범위(8000-8010)를 적습니다.";
    fwd_inside = "Server port", "서버 포트";
    fwd_inside_hint = "Leave empty to use the same as the external port.", "비우면 외부 포트와 같습니다.";
    fwd_wrong_ports(text) = "“{text}” is neither a port number nor a range, such as 8080 or 8000-8010.", "“{text}”: 8080이나 8000-8010처럼 포트 번호 또는 범위를 적으세요.";
    fwd_target = "Server", "서버";
    fwd_target_which = "Choose a server.", "서버를 고르세요.";
    fwd_added = "Port forwarding added", "포트 포워딩을 추가했습니다";
}
