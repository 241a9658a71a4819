//! Words of the network topology.

use super::messages;

messages! {
    topology_lead = "Who is joined with whom in this project, as it is right now. Click anything to see its card.", "이 프로젝트에서 무엇이 무엇과 이어져 있는지 지금 그대로 보여 줍니다. 누르면 카드가 열립니다.";
    topology_empty = "Nothing of yours is here yet", "아직 이 프로젝트에서 만든 것이 없습니다";
    topology_empty_text = "This picture will show your networks, the routers that lead out of them, and the servers plugged into them. It begins with a network.", "네트워크, 네트워크를 밖으로 이어 주는 라우터, 네트워크에 꽂힌 서버를 그림으로 보여 줍니다. 네트워크를 만드는 것부터 시작하세요.";
    topology_view = "View", "보기 방식";
    topology_graph = "Graph", "그래프";
    topology_columns = "Columns", "열";
    topology_normal = "Normal", "보통";
    topology_small = "Small", "작게";
    topology_fold = "Group servers again", "서버 다시 묶기";
    topology_zoom_in = "Zoom in", "확대";
    topology_zoom_out = "Zoom out", "축소";
    topology_zoom_fit = "Show everything", "전체 보기";
    topology_keys = "Picture of the network. Arrow keys move it, plus and minus zoom, 0 shows everything.", "네트워크 그림. 화살표 키로 옮기고 +와 -로 확대·축소하며 0으로 전체를 봅니다.";
    topology_legend = "Legend", "범례";
    topology_legend_good = "works", "정상";
    topology_legend_busy = "being made or changed", "만들거나 바꾸는 중";
    topology_legend_idle = "switched off, not plugged in", "꺼짐, 연결 안 됨";
    topology_legend_warn = "needs a look", "확인 필요";
    topology_legend_bad = "error", "오류";
    topology_external_network = "External network", "외부 네트워크";
    topology_router = "Router", "라우터";
    topology_server = "Server", "서버";
    topology_floating_ip = "Floating IP", "유동 IP";
    topology_servers(count) = "{count} servers", "서버 {count}대";
    topology_addresses(count) = "{count} floating IPs", "유동 IP {count}개";
    topology_no_subnet = "no subnet", "서브넷 없음";
    topology_no_gateway = "no gateway", "게이트웨이 없음";
    topology_no_gateway_text = "none: nothing gets out through it", "없음: 밖으로 나갈 수 없습니다";
    topology_no_interface = "none: no network is joined to it", "없음: 이어진 네트워크가 없습니다";
    topology_no_network = "none: it is plugged in nowhere", "없음: 어디에도 꽂혀 있지 않습니다";
    topology_address_loose = "not in use", "쓰지 않음";
    topology_address_loose_text = "nowhere yet", "아직 없음";
    topology_leads_to = "Leads to", "이어지는 곳";
    topology_gateway = "Gateway", "게이트웨이";
    topology_interfaces = "Interfaces", "인터페이스";
    topology_open_page = "Open its page", "페이지 열기";
    topology_router_new = "Create router", "라우터 만들기";
    topology_server_new = "Launch server", "서버 만들기";
    topology_server_here = "Launch a server here", "여기에 서버 만들기";
    topology_interface_add = "Add interface", "인터페이스 추가";
    topology_gateway_set = "Set gateway", "게이트웨이 설정";
    topology_associate = "Associate floating IP", "유동 IP 연결";
    topology_console = "Open console", "콘솔 열기";
    topology_server_actions = "Reboot, stop and more", "재부팅, 끄기 등";
    topology_hint_network = "Servers need a network of your own to be plugged into.", "서버를 꽂을 나만의 네트워크가 필요합니다.";
    topology_hint_subnet(name) = "{name} has no subnet yet: servers on it get no address.", "{name}에 아직 서브넷이 없어 서버가 주소를 받지 못합니다.";
    topology_hint_router(name) = "{name} is on its own: a router leads out of it.", "{name}은(는) 아직 혼자입니다. 라우터가 밖으로 이어 줍니다.";
    topology_hint_interface(network, router) = "{network} is on its own: give router {router} an interface on it.", "{network}은(는) 아직 혼자입니다. 라우터 {router}에 인터페이스를 추가하세요.";
    topology_hint_gateway(name) = "Router {name} has no gateway: nothing behind it gets out.", "라우터 {name}에 게이트웨이가 없어 밖으로 나갈 수 없습니다.";
    topology_hint_server = "The way out is ready. What is missing is a server.", "밖으로 나가는 길이 준비되었습니다. 이제 서버를 만드세요.";
    topology_hint_floating_ip(name) = "{name} can get out, but can't be reached from outside: it needs a floating IP.", "{name}은(는) 밖으로 나갈 수 있지만 밖에서 닿으려면 유동 IP가 필요합니다.";
}
