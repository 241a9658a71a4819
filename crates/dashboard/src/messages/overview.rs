//! Words of the overview.

use super::messages;

messages! {
    overview_lead(project) = "Project {project}: what there is, and what to do next.", "프로젝트 {project}에 무엇이 있고 다음에 무엇을 할지 봅니다.";
    overview_steps_title = "First steps: from nothing to your own server", "첫걸음: 빈 프로젝트에서 내 서버까지";
    overview_steps_complete = "The first steps are done", "첫걸음을 마쳤습니다";
    overview_steps_done(done, all) = "{done} of {all} done", "{all}개 중 {done}개 마침";
    overview_step_is_done = "done", "마침";
    overview_step_network = "A network", "네트워크";
    overview_step_network_words = "A switch of your own with a subnet, which gives servers their addresses.", "나만의 스위치입니다. 서브넷이 서버에 주소를 줍니다.";
    overview_step_key = "A key pair", "키 페어";
    overview_step_key_words = "Servers let you in by your key, not by a password.", "서버에는 암호가 아니라 키로 들어갑니다.";
    overview_step_key_do = "Create key pair", "키 페어 만들기";
    overview_step_router = "A router, with a gateway and an interface", "게이트웨이와 인터페이스가 있는 라우터";
    overview_step_router_words = "It leads from your network to the outside: one leg on each.", "내 네트워크와 바깥에 다리를 하나씩 두고 둘을 이어 줍니다.";
    overview_step_router_do = "Create router", "라우터 만들기";
    overview_step_gateway_do = "Set gateway", "게이트웨이 정하기";
    overview_step_interface_do = "Add interface", "인터페이스 추가";
    overview_step_rule = "A rule that lets you in", "들어갈 수 있게 하는 규칙";
    overview_step_rule_words = "Nothing reaches a server unless a security group allows it: allow SSH, and ICMP for ping.", "보안 그룹이 허용해야 서버에 닿습니다. SSH와, ping을 위한 ICMP를 허용하세요.";
    overview_step_rule_do = "Add a rule", "규칙 추가하기";
    overview_step_server = "A server", "서버";
    overview_step_server_words = "A computer made from an image, in the size of a flavor.", "이미지로 만드는 컴퓨터입니다. 크기는 flavor가 정합니다.";
    overview_step_server_do = "Launch server", "서버 만들기";
    overview_step_floating_ip = "A floating IP for it", "서버의 유동 IP";
    overview_step_floating_ip_words = "An address outside that leads to your server.", "밖에서 내 서버로 이어지는 주소입니다.";
    overview_step_floating_ip_do = "Associate floating IP", "유동 IP 연결하기";
    overview_step_log_in = "Log in", "로그인하기";
    overview_step_log_in_words(server) = "{server} can be reached at this address; its page has the exact ssh command.", "이 주소로 {server}에 닿을 수 있습니다. 정확한 ssh 명령은 서버 페이지에 있습니다.";
    overview_step_log_in_later = "Once the steps above are done, the address to log in at is here.", "위 단계를 마치면 여기에 로그인할 주소가 나옵니다.";
    overview_quotas = "How much of the quota is used", "쿼터 사용량";
    overview_quotas_change = "Change quotas", "쿼터 바꾸기";
    overview_memory = "Memory", "메모리";
    overview_volume_storage = "Volume storage", "볼륨 용량";
    overview_servers_running = "running", "실행 중";
    overview_servers_busy = "being changed", "바뀌는 중";
    overview_servers_idle = "standing still", "멈춰 있음";
    overview_servers_failed = "error", "오류";
    overview_servers_none = "There is no server yet.", "아직 서버가 없습니다.";
    overview_attention = "Needs looking at", "살펴볼 것";
    overview_attention_more(count) = "and {count} more", "그 밖에 {count}개";
    overview_attention_network = "The host has not made it as it should be; it keeps trying.", "호스트가 아직 제대로 만들지 못했으며 계속 시도합니다.";
    overview_attention_volume(status) = "Its status is “{status}”.", "상태가 “{status}”입니다.";
    overview_recent = "Done last", "최근 작업";
    overview_recent_none = "Nothing was done to servers yet.", "아직 서버에 한 작업이 없습니다.";
    overview_usage = "Usage over time", "기간별 사용량";
    overview_usage_lead = "What servers took, day by day (UTC), those deleted since included.", "날마다(UTC) 서버가 쓴 양이며, 그 뒤 삭제된 서버도 들어 있습니다.";
    overview_usage_days_label = "Days shown", "보이는 기간";
    overview_usage_days(days) = "{days} days", "{days}일";
    overview_usage_total(figure) = "{figure} in all", "모두 {figure}";
    overview_usage_table = "As a table", "표로 보기";
    overview_usage_day = "Day", "날";
    overview_server_hours = "Server hours", "서버 시간";
    overview_vcpu_hours = "vCPU hours", "vCPU 시간";
    overview_memory_hours = "Memory, GB hours", "메모리 GB 시간";
}
