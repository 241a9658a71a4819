//! Words of reachability: badges, the matrix, questions and their answers.

use super::{Text, messages};

// Badges, and the pages as a whole.
messages! {
    nav_reach = "Reachability", "연결 진단";
    reach_lead = "Ask why something can't be reached: the packet's way step by step, everything in its way, and what mends it. It is worked out from the cloud's settings; packets are sent only if you ask for it.", "왜 닿지 않는지 알아봅니다. 패킷이 가는 길과 막는 것, 고치는 방법을 단계별로 보여 줍니다. 클라우드 설정으로 계산하며, 패킷은 따로 요청할 때만 보냅니다.";
    reach_cell_yes = "reached", "닿음";
    reach_cell_no = "blocked", "막힘";
    reach_word = "reachable", "접속 가능";
    reach_word_not = "not reachable", "접속 불가";
    reach_column = "From outside", "외부 접속";
    reach_only_ping = "ping only", "ping만 가능";
    reach_only_ssh = "SSH only", "SSH만 가능";
    reach_outside = "reachable from outside", "외부에서 접속 가능";
    reach_outside_not = "not reachable from outside", "외부에서 접속 불가";
    reach_outside_ping = "from outside: ping only", "외부에서 ping만 가능";
    reach_outside_ssh = "from outside: SSH only", "외부에서 SSH만 가능";
    reach_both_pass = "From outside, ping and SSH get through.", "외부에서 ping과 SSH가 모두 닿습니다.";
    reach_ping_stops(cause) = "Ping from outside stops: {cause}", "외부에서 보낸 ping이 막힙니다. {cause}";
    reach_ssh_stops(cause) = "SSH from outside stops: {cause}", "외부에서 시도한 SSH가 막힙니다. {cause}";
    reach_why = "Why can't I reach it?", "왜 닿지 않나요?";
    reach_of_target = "Reachability", "연결 진단";
}

// The matrix.
messages! {
    reach_matrix = "Who reaches it", "어디에서 닿나요?";
    reach_matrix_text = "By IPv4, as things are now. Select a cell to see its way and what mends it.", "지금 상태의 IPv4 기준입니다. 칸을 누르면 가는 길과 고치는 방법이 나옵니다.";
    reach_from = "From", "출발지";
    reach_from_outside = "Outside the cloud", "클라우드 밖";
    reach_from_host = "The cloud's host", "클라우드 호스트";
    reach_from_router = "Its router", "라우터";
    reach_from_network = "The same network", "같은 네트워크";
    reach_ping_fixed = "Ping, fixed IP", "고정 IP ping";
    reach_ping_floating = "Ping, floating IP", "유동 IP ping";
    reach_ssh = "SSH", "SSH";
    reach_no_port = "This server is on no network", "네트워크에 연결되지 않은 서버입니다";
    reach_no_port_text = "It has no network interface, so nothing can reach it but its console. Attach it to a network first.", "네트워크 인터페이스가 없어 콘솔로만 접속할 수 있습니다. 먼저 네트워크에 연결하세요.";
    reach_no_floating = "It has no floating IP yet: nobody outside has an address to reach it by.", "아직 유동 IP가 없어 외부에서 쓸 수 있는 주소가 없습니다.";
}

// The question.
messages! {
    reach_question = "Question", "질문";
    reach_to = "To", "도착지";
    reach_to_hint = "A server's name or ID, a floating IP, any address, port:ID or floating-ip:ID.", "서버 이름이나 ID, 유동 IP, 아무 주소, port:ID 또는 floating-ip:ID를 넣으세요.";
    reach_from_server(name) = "Server {name}", "{name} 서버";
    reach_from_port(id) = "Port {id}", "포트 {id}";
    reach_from_router_of(name) = "Router {name}", "{name} 라우터";
    reach_from_network_of(name) = "Network {name}", "{name} 네트워크";
    reach_source = "Address outside", "밖의 주소";
    reach_source_hint = "Optional: the address of one machine.", "선택 사항: 특정 장치의 주소";
    reach_protocol = "Protocol", "방법";
    reach_by_ping = "Ping (ICMP)", "Ping(ICMP)";
    reach_by_tcp = "TCP connection", "TCP 연결";
    reach_by_udp = "UDP datagram", "UDP 데이터그램";
    reach_by_number(number) = "IP protocol {number}", "IP 프로토콜 {number}";
    reach_port = "Port", "포트 번호";
    reach_which = "Address to reach", "대상 주소";
    reach_which_usual = "Automatic", "자동";
    reach_which_fixed = "Fixed IP", "고정 IP";
    reach_which_floating = "Floating IP", "유동 IP";
    reach_version = "IP version", "IP 버전";
    reach_version_any = "Automatic", "자동";
    reach_ask = "Check", "진단하기";
    reach_begin = "What do you want to reach?", "어디에 접속하려고 하나요?";
    reach_begin_text = "Name a server, a floating IP or any address. You will see the packet's way there and back, and what is in its way.", "서버, 유동 IP 또는 주소를 입력하세요. 패킷이 가고 오는 길과 막는 것을 모두 보여 줍니다.";
    reach_to_missing = "Say what is to be reached.", "어디에 닿으려는지 넣으세요.";
    reach_port_wrong(text) = "A port is a number from 1 to 65535, not “{text}”.", "포트는 1부터 65535까지의 숫자입니다. ‘{text}’은(는) 쓸 수 없습니다.";
    reach_port_missing = "TCP and UDP need a port: 22 for SSH, 80 for HTTP.", "TCP와 UDP에는 포트 번호가 필요합니다. SSH는 22, HTTP는 80입니다.";
    reach_address_wrong(text) = "“{text}” is no IP address.", "‘{text}’은(는) IP 주소가 아닙니다.";
    reach_protocol_wrong(text) = "“{text}” is no protocol: it is icmp, tcp, udp or a number up to 255.", "‘{text}’은(는) 프로토콜이 아닙니다. icmp, tcp, udp 또는 255까지의 번호를 쓰세요.";
    reach_unknown_target(text) = "There is no “{text}” that you may see: neither a server nor a port, floating IP or address.", "‘{text}’을(를) 찾을 수 없습니다. 볼 수 있는 서버, 포트, 유동 IP, 주소 가운데 그런 것이 없습니다.";
    reach_ambiguous_target(text) = "More than one server is named “{text}”. Ask from the server's own page, or by its ID.", "이름이 ‘{text}’인 서버가 여럿입니다. 서버 페이지에서 진단하거나 ID를 쓰세요.";
}

// The answer.
messages! {
    reach_gets_there(address) = "{address} is reached", "{address}에 닿습니다";
    reach_gets_there_text = "The packets get there, and the answers come back.", "패킷이 도착하고 응답도 돌아옵니다.";
    reach_stops = "It is not reached", "닿지 않습니다";
    reach_stops_at(address) = "{address} is not reached", "{address}에 닿지 않습니다";
    reach_in_the_way(count) = "One thing is in the way" | "{count} things are in the way, in this order", "막는 요인 {count}개";
    reach_on_the_reply = "on the way back", "돌아오는 길";
    reach_owner_you = "you can fix it", "직접 고칠 수 있음";
    reach_owner_project = "a member of its project can fix it", "프로젝트 구성원이 고칠 수 있음";
    reach_owner_operator = "the cloud's operator can fix it", "클라우드 운영자가 고칠 수 있음";
    reach_fix = "Fix", "해결";
    reach_fix_spare = "Not needed once the others are made", "다른 것을 고치면 필요 없음";
    reach_fix_do = "Fix this", "고치기";
    reach_fix_all(count) = "Fix all of it ({count})", "모두 고치기({count}개)";
    reach_opens = "Together these changes open the way: that was tried on a copy of the cloud.", "이것을 모두 고치면 길이 열립니다. 클라우드의 사본에서 미리 확인했습니다.";
    reach_opens_one = "This change opens the way: that was tried on a copy of the cloud.", "이것을 고치면 길이 열립니다. 클라우드의 사본에서 미리 확인했습니다.";
    reach_stays_shut = "These changes alone don't open this way.", "이것만 고쳐서는 이 길이 열리지 않습니다.";
    reach_step_floating = "Ask by the floating IP instead", "유동 IP로 진단하기";
    reach_step_associate = "Associate it with a server", "서버에 연결하기";
    reach_readers_ask = "Your role may only look. Ask a member of the project to make these changes.", "보기만 할 수 있는 역할입니다. 프로젝트 구성원에게 변경을 요청하세요.";
    reach_fixed_open(done) = "Done: {done} Now it is reached.", "적용함: {done} 이제 닿습니다.";
    reach_fixed_next(done, cause) = "Done: {done} Still in the way: {cause}", "적용함: {done} 아직 막는 것: {cause}";
    reach_fixed_all(count) = "1 change." | "{count} changes.", "{count}개 변경.";
    reach_fix_gone = "That is not in the way any more. The page shows how it is now.", "그것은 더 이상 막고 있지 않습니다. 지금 상태는 페이지에서 볼 수 있습니다.";
    reach_unsure(address) = "It is not certain that {address} is reached", "{address}에 닿는지 확실하지 않습니다";
    reach_look = "Look at the host", "호스트 확인";
    reach_look_text = "So far this is worked out from the cloud's settings. The host itself can be looked at, too.", "여기까지는 클라우드 설정으로 계산한 결과입니다. 호스트를 직접 확인할 수도 있습니다.";
    reach_looked_text = "This includes what the host really holds and what was seen on it.", "호스트의 실제 상태와 관찰 결과를 함께 표시합니다.";
    reach_looked_nothing = "The host was looked at: this packet doesn't get as far as anything on it.", "호스트를 확인했지만, 이 패킷은 호스트에 있는 것까지 가지 못합니다.";
    reach_look_not = "Without a look at the host", "호스트 확인 없이 보기";
    reach_probe = "Send packets", "패킷 보내기";
    reach_probe_text = "A few packets can be sent inside the cloud, to see what becomes of them.", "클라우드 안에서 패킷 몇 개를 보내 결과를 볼 수 있습니다.";
    reach_probe_title = "What became of the packets", "보낸 패킷의 결과";
    reach_probe_answered = "They were answered.", "응답이 왔습니다.";
    reach_probe_silent = "They were not answered.", "응답이 오지 않았습니다.";
    reach_probe_sent(count) = "Packets sent: {count}. They stay inside the cloud.", "보낸 패킷: {count}개. 클라우드 밖으로는 나가지 않습니다.";
    reach_differences = "Beside the way", "이 길과 관계없는 차이";
    reach_source_host = "on the host", "호스트";
    reach_source_seen = "seen", "관찰";
    reach_source_probe = "by packets sent", "보낸 패킷";
    reach_layer_programmed = "Host", "호스트";
    reach_layer_observed = "Seen", "관찰";
    reach_layer_agrees = "as declared", "설정과 같음";
    reach_layer_differs = "not as declared", "설정과 다름";
    reach_way_there = "The way there", "가는 길";
    reach_way_back = "The way back", "돌아오는 길";
    reach_no_way_there = "No packet leaves: what it needs first is missing.", "먼저 필요한 것이 없어 패킷이 출발하지 못합니다.";
    reach_no_way_back = "Nothing comes back, since nothing arrives.", "도착하지 못해 돌아오는 것도 없습니다.";
    reach_passed = "passed", "통과";
    reach_assumed = "taken as mended", "고쳐졌다고 가정";
    reach_stopped = "stopped here", "여기서 멈춤";
    reach_translated = "Address translation", "주소 변환";
    reach_place_outside = "Outside", "밖";
    reach_place_outside_at(address) = "Outside, {address}", "밖의 {address}";
    reach_place_host = "The cloud's host", "클라우드 호스트";
    reach_place_other(kind) = "{kind} of another project", "다른 프로젝트의 {kind}";
    reach_on_topology = "Show on the topology", "토폴로지에서 보기";
    reach_kind_server = "Server", "서버";
    reach_kind_port = "Port", "포트";
    reach_kind_network = "Network", "네트워크";
    reach_kind_subnet = "Subnet", "서브넷";
    reach_kind_router = "Router", "라우터";
    reach_kind_floating_ip = "Floating IP", "유동 IP";
    reach_kind_security_group = "Security group", "보안 그룹";
}

// The way on the topology.
messages! {
    trace_title = "The way of the packet", "패킷이 가는 길";
    trace_to(from, to, by) = "{from} → {to}, {by}", "{from} → {to}, {by}";
    trace_step(number) = "step {number} of the way", "경로의 {number}번째";
    trace_stop = "the way stops here", "경로가 여기서 끊깁니다";
    trace_open = "Why, and what mends it", "이유와 해결 방법";
    trace_hide = "Hide the way", "경로 숨기기";
}

impl Text {
    /// A cause in two words, for a cell; `None`: it has no short form.
    pub(crate) fn reach_short(self, code: &str) -> Option<&'static str> {
        let (en, ko) = match code {
            "FIP_MISSING" | "FIP_UNASSOCIATED" => ("no floating IP", "유동 IP 없음"),
            "FIXED_IP_FROM_OUTSIDE" => ("inside address", "안쪽 주소"),
            "SERVER_WITHOUT_PORT" => ("no network", "네트워크 없음"),
            "PORT_WITHOUT_ADDRESS" | "NO_ADDRESS" => ("no address", "주소 없음"),
            "ROUTER_NO_INTERFACE_ON_SUBNET" => ("no router", "라우터 없음"),
            "ROUTER_NO_GATEWAY" | "SUBNET_WITHOUT_GATEWAY" => ("no gateway", "게이트웨이 없음"),
            "ROUTER_ADMIN_DOWN" | "PORT_ADMIN_DOWN" | "NETWORK_ADMIN_DOWN" => ("switched off", "관리 상태 꺼짐"),
            "NO_ROUTE" | "NEXT_HOP_UNANSWERED" | "NEXT_HOP_IS_DHCP" | "ROUTING_LOOP" => ("routes", "경로 문제"),
            "NO_WAY_BACK" | "ASYMMETRIC_RETURN" => ("no way back", "돌아올 길 없음"),
            "NO_EXTERNAL_NETWORK" => ("no external network", "외부 네트워크 없음"),
            "VM_BUILDING" => ("being made", "만드는 중"),
            "VM_ERROR" => ("server error", "서버 오류"),
            code if code.starts_with("VM_") || code == "NOT_ON_HOST" => ("server not running", "서버가 안 켜짐"),
            code if code.starts_with("SG_") => ("security group", "보안 그룹"),
            "PORT_SECURITY_SPOOF" => ("port security", "포트 보안"),
            "HOST_FORWARD_OFF" => ("host forwarding", "호스트 설정"),
            _ => return None,
        };
        Some(self.pick(en, ko))
    }
}
