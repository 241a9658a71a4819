//! Words of the administrator's lists of all networks, routers and floating IPs.

use super::messages;

messages! {
    admin_routers = "All routers", "모든 라우터";
    admin_routers_lead = "The routers of every project.", "모든 프로젝트의 라우터입니다.";
    admin_routers_empty = "There is no router yet", "아직 라우터가 없습니다";
    admin_floating_ips = "All floating IPs", "모든 유동 IP";
    admin_floating_ips_lead = "The outside addresses of every project, and where they lead.", "모든 프로젝트의 바깥 주소와 이어지는 곳입니다.";
    admin_floating_ips_empty = "There is no floating IP yet", "아직 유동 IP가 없습니다";
    admin_networks_lead = "The networks of every project. External networks lead out: routers have their gateways on them, and floating IPs come from them.", "모든 프로젝트의 네트워크입니다. 외부 네트워크는 밖으로 이어지며, 라우터의 게이트웨이와 유동 IP가 여기에 있습니다.";
    admin_networks_empty = "There is no network yet", "아직 네트워크가 없습니다";
    admin_network_project_hint = "Whose it is. External and shared ones are for everybody.", "누구의 것인지입니다. 외부 네트워크와 공유 네트워크는 모두가 씁니다.";
    admin_network_external = "External: leads out", "외부: 밖으로 이어짐";
    admin_network_external_hint = "Routers may have their gateway on it, and floating IPs come from it. Servers can't be plugged in.", "라우터의 게이트웨이를 두고 유동 IP를 가져오는 네트워크입니다. 서버는 꽂을 수 없습니다.";
    admin_network_default = "The default external network", "기본 외부 네트워크";
    admin_network_default_hint = "Taken where none is named. There is one at most.", "따로 고르지 않으면 쓰입니다. 하나만 있을 수 있습니다.";
    admin_network_kind = "Kind", "종류";
    admin_network_vxlan_hint = "A switch of its own, told apart by a number", "번호로 구별되는 독립된 스위치";
    admin_network_flat = "Flat", "플랫(flat)";
    admin_network_flat_hint = "A network of the world outside, by its name", "이름으로 가리키는 바깥 네트워크";
    admin_network_physical = "Physical network", "물리 네트워크";
    admin_network_physical_hint = "Its name; one network at most is on each.", "이름입니다. 하나에 네트워크 하나만 둘 수 있습니다.";
    admin_network_segment = "VXLAN id", "VXLAN ID";
    admin_network_segment_hint = "1 to 16777215. Empty: any free one.", "1에서 16777215까지. 비우면 남은 것 가운데 하나입니다.";
    admin_network_mtu = "MTU", "MTU";
    admin_network_mtu_hint = "Largest packet, bytes. Empty: what fits (1500 external, 1450 else).", "가장 큰 패킷(바이트). 비우면 알맞은 값(외부 1500, 그 외 1450)입니다.";
    admin_network_subnet_hint = "For an external network: the outside prefix, its gateway, and a pool of addresses that nobody else uses; no DHCP.", "외부 네트워크라면 바깥 주소 범위와 게이트웨이, 남이 쓰지 않는 주소 풀을 적고 DHCP는 끄세요.";
}
