//! Words of the overview.

use super::messages;

messages! {
    overview_lead(project) = "Project “{project}” at a glance.", "‘{project}’ 프로젝트의 현황입니다.";
    overview_steps_title = "First steps: from an empty project to your own server", "시작하기: 빈 프로젝트에서 내 서버까지";
    overview_steps_complete = "You have completed the first steps", "시작하기를 모두 마쳤습니다";
    overview_steps_done(done, all) = "{done} of {all} done", "{done} / {all}";
    overview_step_is_done = "done", "완료";
    overview_step_network = "A network", "네트워크";
    overview_step_network_words = "A private network with a subnet, which gives servers their addresses.", "서버를 연결할 네트워크입니다. 서브넷이 서버에 주소를 줍니다.";
    overview_step_key = "A key pair", "키 페어";
    overview_step_key_words = "You log in to servers with a key instead of a password.", "서버에는 비밀번호 대신 키로 로그인합니다.";
    overview_step_key_do = "Create key pair", "키 페어 만들기";
    overview_step_router = "A router, with a gateway and an interface", "게이트웨이와 인터페이스가 있는 라우터";
    overview_step_router_words = "Connects your network to the outside: a gateway on the external network, an interface on yours.", "내 네트워크를 외부와 연결합니다. 게이트웨이는 외부 네트워크에, 인터페이스는 내 네트워크에 둡니다.";
    overview_step_router_do = "Create router", "라우터 만들기";
    overview_step_gateway_do = "Set gateway", "게이트웨이 설정";
    overview_step_interface_do = "Add interface", "인터페이스 추가";
    overview_step_rule = "A rule that allows SSH", "SSH를 허용하는 규칙";
    overview_step_rule_words = "A security group must allow what comes in to a server: allow SSH, and ICMP for ping.", "서버에 접속하려면 보안 그룹이 허용해야 합니다. SSH와, ping에 쓰는 ICMP를 허용하세요.";
    overview_step_rule_do = "Add rule", "규칙 추가";
    overview_step_server = "A server", "서버";
    overview_step_server_words = "A virtual machine started from an image; a flavor sets its size.", "이미지로 만드는 가상 머신입니다. 크기는 flavor로 정합니다.";
    overview_step_server_do = "Launch server", "서버 만들기";
    overview_step_floating_ip = "A floating IP", "유동 IP";
    overview_step_floating_ip_words = "An external address at which you can reach your server.", "밖에서 서버에 접속할 수 있는 외부 주소입니다.";
    overview_step_floating_ip_do = "Associate floating IP", "유동 IP 연결";
    overview_step_log_in = "Log in", "로그인";
    overview_step_log_in_words(server) = "Log in to “{server}” at this address. Its page has the exact ssh command.", "이 주소로 ‘{server}’ 서버에 로그인합니다. 정확한 ssh 명령은 서버 페이지에 있습니다.";
    overview_step_log_in_no_key = "It was launched without a key pair: log in with a password.", "키 페어 없이 만든 서버이므로 비밀번호로 로그인해야 합니다.";
    overview_step_log_in_later = "Once the steps above are done, the address to log in at appears here.", "위 단계를 마치면 로그인할 주소가 여기에 나옵니다.";
    overview_quotas = "Quota usage", "쿼터 사용량";
    overview_quotas_change = "Edit quotas", "쿼터 편집";
    overview_memory = "Memory", "메모리";
    overview_volume_storage = "Storage", "볼륨 용량";
    overview_servers_running = "running", "실행 중";
    overview_servers_busy = "in progress", "작업 중";
    overview_servers_idle = "shut off", "꺼져 있음";
    overview_servers_failed = "error", "오류";
    overview_servers_none = "No servers yet.", "아직 서버가 없습니다.";
    overview_attention = "Needs attention", "확인할 것";
    overview_attention_more(count) = "and {count} more", "외 {count}개";
    overview_attention_network = "Not yet set up correctly on the host; Maru keeps trying.", "호스트에 아직 제대로 적용되지 않았으며 계속 시도하고 있습니다.";
    overview_attention_volume(status) = "Status: {status}", "상태: {status}";
    overview_recent = "Recent activity", "최근 작업";
    overview_recent_none = "No activity yet.", "아직 작업 기록이 없습니다.";
    overview_usage = "Usage by servers", "서버 사용량";
    overview_usage_lead = "By day (UTC), including servers deleted since.", "날짜별(UTC) 사용량이며, 그 뒤 삭제된 서버도 포함합니다.";
    overview_usage_days_label = "Period", "기간";
    overview_usage_days(days) = "{days} days", "{days}일";
    overview_usage_total(figure) = "Total {figure}", "합계 {figure}";
    overview_usage_table = "As a table", "표로 보기";
    overview_usage_day = "Date", "날짜";
    overview_server_hours = "Server hours", "서버 사용 시간";
    overview_vcpu_hours = "vCPU hours", "vCPU 사용 시간";
    overview_memory_hours = "Memory (GB hours)", "메모리(GB·시간)";
}
