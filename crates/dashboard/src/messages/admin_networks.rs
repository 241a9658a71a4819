//! Words of the administrator's lists of all networks, routers and floating IPs.

use super::messages;

messages! {
    admin_routers = "All routers", "모든 라우터";
    admin_routers_lead = "The routers of every project.", "모든 프로젝트의 라우터입니다.";
    admin_routers_empty = "No routers yet", "아직 라우터가 없습니다";
    admin_floating_ips = "All floating IPs", "모든 유동 IP";
    admin_floating_ips_lead = "The floating IPs of every project.", "모든 프로젝트의 유동 IP입니다.";
    admin_floating_ips_empty = "No floating IPs yet", "아직 유동 IP가 없습니다";
    admin_networks_lead = "The networks of every project. External networks connect to the outside: routers have their gateways there, and floating IPs come from there.", "모든 프로젝트의 네트워크입니다. 외부 네트워크는 바깥과 연결되며, 라우터의 게이트웨이와 유동 IP가 여기에 있습니다.";
    admin_networks_empty = "No networks yet", "아직 네트워크가 없습니다";
    admin_network_project_hint = "The owner. Everyone can use external and shared networks.", "네트워크를 소유하는 프로젝트입니다. 외부 네트워크와 공유 네트워크는 모두가 쓸 수 있습니다.";
    admin_network_external = "External", "외부 네트워크";
    admin_network_external_hint = "Routers can have their gateway on it, and floating IPs come from it. Servers can't be attached to it.", "라우터의 게이트웨이를 두고 유동 IP를 할당하는 네트워크입니다. 서버는 연결할 수 없습니다.";
    admin_network_default = "Default external network", "기본 외부 네트워크";
    admin_network_default_hint = "Used when no external network is named. There can be only one.", "외부 네트워크를 따로 고르지 않으면 쓰입니다. 하나만 있을 수 있습니다.";
    admin_network_kind = "Network type", "네트워크 유형";
    admin_network_vxlan_hint = "An isolated network with its own number", "번호로 구분되는 독립된 네트워크";
    admin_network_flat = "Flat", "Flat";
    admin_network_flat_hint = "A physical network outside the cloud", "클라우드 밖의 물리 네트워크";
    admin_network_physical = "Physical network", "물리 네트워크";
    admin_network_physical_hint = "Its name. Each can have only one flat network.", "물리 네트워크의 이름입니다. 하나에 Flat 네트워크 하나만 둘 수 있습니다.";
    admin_network_segment = "VXLAN ID", "VXLAN ID";
    admin_network_segment_hint = "1 to 16777215. Leave empty to use a free one.", "1에서 16777215까지입니다. 비우면 자동으로 정해집니다.";
    admin_network_mtu = "MTU", "MTU";
    admin_network_mtu_hint = "Largest packet in bytes. Leave empty for the usual value (1500 external, 1450 otherwise).", "가장 큰 패킷의 바이트 수입니다. 비우면 기본값(외부 1500, 그 외 1450)을 씁니다.";
    admin_network_subnet_hint = "For an external network: its address range, gateway and a pool of addresses nobody else uses, without DHCP.", "외부 네트워크라면 외부 주소 범위와 게이트웨이, 다른 곳에서 쓰지 않는 주소 풀을 적고 DHCP는 끄세요.";
}
