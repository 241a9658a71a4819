//! Words of floating IPs and their port forwardings.

use super::messages;

// The list, the object.
messages! {
    fip_word = "Floating IP", "유동 IP";
    fips_lead = "A floating IP is an outside address that leads to one of your servers, and can be moved to another.", "유동 IP는 서버 하나로 이어지는 바깥 주소이며, 다른 서버로 옮길 수 있습니다.";
    fips_word = "floating IPs", "유동 IP";
    fips_empty = "You have no floating IP yet", "아직 유동 IP가 없습니다";
    fips_empty_text = "Servers have inside addresses that nobody outside can reach. Take an outside address and let it lead to a server.", "서버의 내부 주소에는 밖에서 닿을 수 없습니다. 바깥 주소를 하나 받아 서버로 이어 주세요.";
    fip_new = "Allocate floating IP", "유동 IP 할당";
    fip_associate = "Associate floating IP", "유동 IP 연결";
    fip_move = "Lead elsewhere", "다른 곳으로 연결";
    fip_disassociate = "Disassociate", "연결 해제";
    fip_release = "Release", "반환";
    fip_address = "Address", "주소";
    fip_leads_to = "Leads to", "이어지는 곳";
    fip_nowhere = "nowhere", "없음";
    fip_free = "free", "비어 있음";
    fip_forwards(count) = "port forwardings: {count}", "포트 포워딩 {count}개";
    fip_router = "Through router", "거치는 라우터";
    fip_edit(address) = "Edit {address}", "{address} 편집";
    fip_release_note(target) = "Associated with {target}: connections to it end.", "{target}에 연결되어 있으며, 이 주소로 들어오는 연결이 끊깁니다.";
    fip_has_forwardings(count) = "It has {count} port forwardings: delete them first.", "포트 포워딩 {count}개가 있습니다. 먼저 삭제하세요.";
    fip_way = "The way in", "들어오는 길";
    fip_outside = "Outside", "바깥";
    fip_host_translation = "Address translation", "주소 변환";
    fip_host_translation_hint = "DNAT on the way in, SNAT on the way out, by maps in the router's namespace", "라우터의 네임스페이스에서 들어올 때 DNAT, 나갈 때 SNAT합니다";
}

// The form that takes an address and lets it lead somewhere.
messages! {
    fip_which = "Which address", "어떤 주소";
    fip_which_hint = "One that you have already, or a new one.", "이미 가진 주소나 새 주소입니다.";
    fip_take_new = "Allocate a new one", "새로 할당";
    fip_quota = "Floating IPs of the project", "프로젝트의 유동 IP";
    fip_quota_full = "the quota is used up", "쿼터를 다 썼습니다";
    fip_pool = "External network", "외부 네트워크";
    fip_pool_hint = "Where the address is from", "주소를 가져올 곳입니다";
    fip_wanted = "A certain address", "특정 주소";
    fip_wanted_hint = "Empty: the next free one.", "비우면 남은 주소 가운데 하나입니다.";
    fip_target = "Where it leads", "어디로 이을까요";
    fip_target_hint = "A server's inside address. It must be on a subnet that a router joins to the external network.", "서버의 내부 주소입니다. 라우터가 외부 네트워크와 이어 주는 서브넷에 있어야 합니다.";
    fip_target_later = "Nowhere yet", "나중에";
    fip_target_none = "The project has no server with an address yet.", "아직 주소가 있는 서버가 없습니다.";
    fip_target_which = "Choose where it leads.", "어디로 이을지 고르세요.";
    fip_target_no_ipv4 = "has no IPv4 address", "IPv4 주소가 없음";
    fip_target_has(address) = "has {address} already", "이미 {address}이(가) 있음";
    fip_target_no_router(network) = "no router joins its subnet to {network}", "서브넷을 {network}에 이어 주는 라우터가 없음";
    fip_no_pool = "There is no external network yet: the cloud's administrator makes one.", "아직 외부 네트워크가 없습니다. 클라우드 관리자가 만들어야 합니다.";
    fip_none_reachable = "None of the servers can be reached yet. Give a router its gateway on the external network and an interface on the servers' subnet.", "아직 닿을 수 있는 서버가 없습니다. 라우터에 외부 네트워크 게이트웨이와 서버 서브넷의 인터페이스를 만드세요.";
    fip_to_routers = "Go to the routers", "라우터로 가기";
    fip_allocated(address) = "{address} allocated", "{address}을(를) 할당했습니다";
    fip_associated(address, target) = "{address} leads to {target} now", "{address}이(가) {target}(으)로 이어졌습니다";
    fip_disassociate_title(address) = "Disassociate {address}?", "{address}의 연결을 해제할까요?";
    fip_disassociate_text(target) = "{target} can then no longer be reached by this address; the address stays yours.", "{target}에 더는 이 주소로 닿을 수 없습니다. 주소는 그대로 남습니다.";
    fip_disassociated(address) = "{address} leads nowhere now", "{address}의 연결을 해제했습니다";
}

// Port forwardings.
messages! {
    fwd_title = "Port forwardings", "포트 포워딩";
    fwd_lead = "Single ports of this address lead to servers, so that several share it.", "이 주소의 포트를 하나씩 서버로 이어, 여러 서버가 주소를 함께 씁니다.";
    fwd_not_now = "The address leads to a server as a whole. Disassociate it to forward single ports instead.", "주소 전체가 서버 하나로 이어져 있습니다. 포트별로 나누려면 연결을 해제하세요.";
    fwd_new = "Add port forwarding", "포트 포워딩 추가";
    fwd_protocol = "Protocol", "프로토콜";
    fwd_outside = "Port outside", "바깥 포트";
    fwd_outside_hint = "One (8080) or several (8000-8010)", "하나(8080) 또는 여럿(8000-8010)";
    fwd_inside = "Port of the server", "서버의 포트";
    fwd_inside_hint = "Empty: the same as outside", "비우면 바깥 포트와 같습니다";
    fwd_wrong_ports(text) = "'{text}' is neither a port number nor a range, such as 8080 or 8000-8010.", "'{text}'은(는) 8080이나 8000-8010 같은 포트 번호 또는 범위가 아닙니다.";
    fwd_target = "Server", "서버";
    fwd_added = "Port forwarding added", "포트 포워딩을 추가했습니다";
}
