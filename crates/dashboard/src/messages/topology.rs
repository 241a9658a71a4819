//! Words of the network topology.

use super::messages;

messages! {
    topology_lead = "How networks, routers and servers are connected. Select one for details.", "네트워크, 라우터, 서버의 현재 연결 상태입니다. 누르면 자세히 볼 수 있습니다.";
    topology_empty = "Nothing to show yet", "아직 표시할 것이 없습니다";
    topology_empty_text = "Your networks, routers and servers will appear here. Start by creating a network.", "네트워크, 라우터, 서버가 여기에 표시됩니다. 먼저 네트워크를 만드세요.";
    topology_view = "View", "보기 방식";
    topology_graph = "Graph", "그래프";
    topology_columns = "Columns", "열";
    topology_normal = "Normal", "보통";
    topology_small = "Small", "작게";
    topology_fold = "Group servers", "서버 다시 묶기";
    topology_zoom_in = "Zoom in", "확대";
    topology_zoom_out = "Zoom out", "축소";
    topology_zoom_fit = "Fit to window", "전체 보기";
    topology_keys = "Network topology. Arrow keys move it, plus and minus zoom, 0 fits it to the window.", "네트워크 토폴로지. 화살표 키로 옮기고 +와 -로 확대·축소하며 0으로 전체를 봅니다.";
    topology_legend = "Legend", "범례";
    topology_legend_good = "Active", "정상";
    topology_legend_busy = "In progress", "진행 중";
    topology_legend_idle = "Off or unused", "꺼짐 또는 미사용";
    topology_legend_warn = "Needs attention", "확인 필요";
    topology_legend_bad = "Error", "오류";
    topology_external_network = "External network", "외부 네트워크";
    topology_router = "Router", "라우터";
    topology_server = "Server", "서버";
    topology_floating_ip = "Floating IP", "유동 IP";
    topology_servers(count) = "1 server" | "{count} servers", "서버 {count}대";
    topology_addresses(count) = "1 floating IP" | "{count} floating IPs", "유동 IP {count}개";
    topology_no_subnet = "no subnet", "서브넷 없음";
    topology_no_gateway = "no gateway", "게이트웨이 없음";
    topology_no_gateway_text = "None: servers behind it can't reach the outside", "없음: 외부와 통신할 수 없습니다";
    topology_no_interface = "None: no network is connected to it", "없음: 연결된 네트워크가 없습니다";
    topology_no_network = "None: not connected to any network", "없음: 연결된 네트워크가 없습니다";
    topology_address_loose = "not in use", "사용 안 함";
    topology_address_loose_text = "Not associated", "연결되지 않음";
    topology_leads_to = "Associated with", "연결 대상";
    topology_gateway = "Gateway", "게이트웨이";
    topology_interfaces = "Interfaces", "인터페이스";
    topology_open_page = "View details", "자세히 보기";
    topology_router_new = "Create router", "라우터 만들기";
    topology_server_new = "Launch server", "서버 만들기";
    topology_server_here = "Launch server here", "여기에 서버 만들기";
    topology_interface_add = "Add interface", "인터페이스 추가";
    topology_gateway_set = "Set gateway", "게이트웨이 설정";
    topology_associate = "Associate floating IP", "유동 IP 연결";
    topology_console = "Open console", "콘솔 열기";
    topology_server_actions = "Reboot, shut off and more", "재부팅, 끄기 등";
    topology_hint_network = "Servers need a network to connect to. Create one first.", "서버를 연결할 네트워크가 필요합니다. 먼저 네트워크를 만드세요.";
    topology_hint_subnet(name) = "Network “{name}” has no subnet: servers on it get no address.", "‘{name}’ 네트워크에 서브넷이 없어 서버가 주소를 받지 못합니다.";
    topology_hint_router(names) = "Not connected to a router: {names}. A router connects them to each other and to the outside.", "라우터에 연결되지 않은 네트워크: {names}. 라우터를 만들면 외부와 통신할 수 있습니다.";
    topology_hint_interface(names, router) = "Not connected to a router: {names}. Add an interface to router “{router}”.", "라우터에 연결되지 않은 네트워크: {names}. ‘{router}’ 라우터에 인터페이스를 추가하세요.";
    topology_hint_gateway(name) = "Router “{name}” has no gateway: servers behind it can't reach the outside.", "‘{name}’ 라우터에 게이트웨이가 없어 외부와 통신할 수 없습니다.";
    topology_hint_server = "The network is ready. Launch a server on it.", "네트워크가 준비되었습니다. 이제 서버를 만드세요.";
    topology_hint_floating_ip(name) = "Server “{name}” can reach the outside, but can't be reached from there without a floating IP.", "‘{name}’ 서버는 외부로 나갈 수 있지만, 밖에서 접속하려면 유동 IP가 필요합니다.";
}
