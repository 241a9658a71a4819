//! Words of security groups and their rules.

use super::messages;

// Groups.
messages! {
    sgs_lead = "Security groups say what traffic may reach a server, and what traffic it may send. Whatever no rule allows is dropped.", "보안 그룹은 서버로 들어오고 나갈 수 있는 트래픽을 정합니다. 규칙이 허용하지 않은 트래픽은 버려집니다.";
    sgs_word = "security groups", "보안 그룹";
    sgs_empty = "No security groups yet", "아직 보안 그룹이 없습니다";
    sg_new = "Create security group", "보안 그룹 만들기";
    sg_made(name) = "Security group {name} created", "보안 그룹을 만들었습니다: {name}";
    sg_edit(name) = "Edit security group “{name}”", "‘{name}’ 보안 그룹 편집";
    sg_new_hint = "A new group allows all outgoing traffic and no incoming traffic. Add rules for what may come in.", "새 그룹은 나가는 트래픽을 모두 허용하고 들어오는 트래픽은 허용하지 않습니다. 들어올 수 있는 것을 규칙으로 추가하세요.";
    sg_name_hint = "What it is for: web, ssh-from-office …", "용도를 알 수 있게 적으세요. 예: web, ssh-from-office";
    sg_name_kept = "The default group of a project can't be renamed.", "프로젝트의 기본 그룹은 이름을 바꿀 수 없습니다.";
    sg_quota = "Security groups in this project", "프로젝트의 보안 그룹";
    sg_rule_quota = "Rules in this project", "프로젝트의 보안 그룹 규칙";
    sg_default = "default", "기본";
    sg_default_group = "Default group", "기본 그룹";
    sg_default_hint = "New servers are in it unless another group is chosen.", "다른 그룹을 고르지 않으면 새 서버는 이 그룹에 속합니다.";
    sg_lets_in = "Allows in", "들어올 수 있는 트래픽";
    sg_lets_in_nothing = "nothing", "없음";
    sg_more(count) = "{count} more", "외 {count}개";
    sg_rules = "Rules", "규칙";
    sg_members = "Ports in this group", "이 그룹에 속한 포트";
    sg_members_none = "No ports in this group yet.", "아직 이 그룹에 속한 포트가 없습니다.";
    sg_members_more(count) = "… and {count} more", "… 외 {count}개";
    sg_stateful = "Stateful", "상태 추적";
    sg_stateful_yes = "On – replies to allowed traffic pass without a rule", "켜짐 – 허용된 트래픽의 응답은 규칙 없이 통과합니다";
    sg_stateful_no = "Off – replies need rules too", "꺼짐 – 응답에도 규칙이 필요합니다";
    sg_stateless = "stateless", "스테이트리스";
    sg_stateless_choice = "Stateless: replies need rules too", "스테이트리스: 응답에도 규칙이 필요합니다";
    sg_stateless_hint = "For experts: replies need rules too, including those from the metadata service. A server can't be in stateful and stateless groups at once.", "전문가용입니다. 메타데이터 서비스의 응답을 포함해 모든 응답에도 규칙이 필요합니다. 한 서버를 두 종류의 그룹에 함께 넣을 수 없습니다.";
    sg_in_use(count) = "1 port uses this group. Remove the group from it first." | "{count} ports use this group. Remove it from them first.", "포트 {count}개가 이 그룹을 사용하고 있습니다. 먼저 포트에서 이 그룹을 제거하세요.";
    sg_is_default = "the default group of the project can't be deleted", "프로젝트의 기본 그룹은 삭제할 수 없습니다.";
    sg_named_by(count) = "1 rule of another group that refers to this group is deleted too" | "{count} rules of other groups that refer to this group are deleted too", "이 그룹을 가리키는 다른 그룹의 규칙 {count}개도 삭제됩니다.";
    sg_allow_ping = "Allow ping from anywhere", "모든 곳에서 ping 허용";
    sg_allow_ssh = "Allow SSH from anywhere", "모든 곳에서 SSH 허용";
    sg_allowed(what) = "{what} from anywhere is now allowed", "이제 모든 곳에서 들어오는 {what} 트래픽이 허용됩니다";
    sg_nothing_comes_in = "No rule allows incoming traffic: nobody can connect to the servers in this group yet.", "들어오는 트래픽을 허용하는 규칙이 없어, 아직 아무도 이 그룹의 서버에 접속할 수 없습니다.";
}

// Rules in words.
messages! {
    sg_in_from(what, who) = "{what} from {who}", "{who}에서 들어오는 {what}";
    sg_in_anywhere(what) = "{what} from anywhere", "모든 곳에서 들어오는 {what}";
    sg_out_to(what, who) = "{what} to {who}", "{who}(으)로 나가는 {what}";
    sg_out_anywhere(what) = "{what} to anywhere", "모든 곳으로 나가는 {what}";
    sg_of_version(sentence, version) = "{sentence} ({version})", "{sentence}, {version}";
    sg_of_members(name) = "servers in group “{name}”", "‘{name}’ 그룹의 서버";
    sg_of_own_members = "servers in this group", "이 그룹의 서버";
    sg_of_addresses(name) = "address group “{name}”", "‘{name}’ 주소 그룹";
    sg_everything = "all traffic", "모든 트래픽";
    sg_all_icmp = "all ICMP (including ping)", "모든 ICMP(ping 포함)";
    sg_all_of(protocol) = "all {protocol}", "모든 {protocol}";
    sg_ping = "ping", "ping";
    sg_icmp_type(kind) = "ICMP type {kind}", "ICMP 유형 {kind}";
    sg_icmp_code(kind, code) = "ICMP type {kind} code {code}", "ICMP 유형 {kind} 코드 {code}";
    sg_ip_protocol(number) = "IP protocol {number}", "IP 프로토콜 {number}";
    sg_service(name, protocol, port) = "{name} ({protocol} {port})", "{name}({protocol} {port})";
}

// Rules in technical terms.
messages! {
    sg_rules_word = "rules", "규칙";
    sg_rule = "Rule", "규칙";
    sg_direction = "Direction", "방향";
    sg_in = "Ingress", "들어옴";
    sg_out = "Egress", "나감";
    sg_version = "IP version", "IP 버전";
    sg_protocol = "Protocol", "프로토콜";
    sg_ports = "Port range", "포트 범위";
    sg_remote = "Remote", "상대";
    sg_any = "Any", "모두";
    sg_type(kind) = "Type {kind}", "유형 {kind}";
    sg_type_code(kind, code) = "Type {kind}, code {code}", "유형 {kind}, 코드 {code}";
    sg_rules_none = "No rules: servers in this group can neither receive nor send anything.", "규칙이 없어 이 그룹의 서버는 아무것도 받거나 보낼 수 없습니다.";
}

// The form of a rule.
messages! {
    sg_rule_new = "Add rule", "규칙 추가";
    sg_rule_new_in(name) = "Add a rule to security group “{name}”", "‘{name}’ 보안 그룹에 규칙 추가";
    sg_rule_added = "Rule added", "규칙을 추가했습니다";
    sg_rule_what = "Rule", "규칙";
    sg_rule_what_hint = "A template fills in the protocol and ports.", "템플릿을 고르면 프로토콜과 포트가 채워집니다.";
    sg_template_all_icmp = "All ICMP (ping)", "모든 ICMP(ping)";
    sg_template_all_tcp = "All TCP", "모든 TCP";
    sg_template_all_udp = "All UDP", "모든 UDP";
    sg_template_any = "All traffic", "모든 트래픽";
    sg_template_tcp = "Other TCP ports …", "다른 TCP 포트 …";
    sg_template_udp = "Other UDP ports …", "다른 UDP 포트 …";
    sg_template_icmp = "An ICMP type …", "ICMP 유형 …";
    sg_template_other = "Another protocol …", "다른 프로토콜 …";
    sg_rule_ports_hint = "One port (8080) or a range (8000-8010). Leave empty for protocols without ports.", "하나(8080) 또는 범위(8000-8010)를 적습니다. 포트가 없는 프로토콜은 비워 두세요.";
    sg_rule_ports_wrong = "Enter one port or a range, such as 8080 or 8000-8010.", "8080이나 8000-8010처럼 포트 하나 또는 범위를 적으세요.";
    sg_rule_icmp_type = "ICMP type", "ICMP 유형";
    sg_rule_icmp_type_hint = "8 is ping (128 with IPv6). Leave empty for all types.", "8은 ping입니다(IPv6에서는 128). 비우면 모든 유형입니다.";
    sg_rule_icmp_code = "ICMP code", "ICMP 코드";
    sg_rule_protocol_hint = "A name (gre, esp, vrrp, sctp …) or a number from 0 to 255.", "이름(gre, esp, vrrp, sctp 등) 또는 0에서 255까지의 번호입니다.";
    sg_rule_protocol_wrong = "Enter a protocol: gre, esp, vrrp, sctp … or a number from 0 to 255.", "프로토콜을 gre, esp, vrrp, sctp 같은 이름이나 0에서 255까지의 번호로 적으세요.";
    sg_rule_template_wrong = "Choose a rule.", "규칙을 고르세요.";
    sg_rule_in_hint = "Traffic coming in to the servers", "서버로 들어오는 트래픽";
    sg_rule_out_hint = "Traffic going out from the servers", "서버에서 나가는 트래픽";
    sg_rule_who = "Remote: where traffic comes from or goes to", "상대";
    sg_rule_anywhere = "Anywhere", "모든 곳";
    sg_rule_anywhere_hint = "Every address", "모든 주소";
    sg_rule_cidr = "CIDR", "CIDR";
    sg_rule_cidr_hint = "One address or a range", "주소 하나 또는 범위";
    sg_rule_cidr_example = "203.0.113.7 is one address; 10.0.0.0/8 is every address that begins with 10.", "203.0.113.7은 주소 하나이고, 10.0.0.0/8은 10으로 시작하는 모든 주소입니다.";
    sg_rule_cidr_wrong = "Enter an address or a CIDR, such as 10.0.0.0/8.", "10.0.0.0/8처럼 주소나 CIDR을 적으세요.";
    sg_rule_group = "Security group", "보안 그룹";
    sg_rule_group_hint = "Servers in a group, whatever their addresses", "그룹에 속한 서버(주소와 관계없음)";
    sg_rule_group_wrong = "Choose a group.", "그룹을 고르세요.";
    sg_rule_own_group = "this group", "이 그룹";
    sg_rule_addresses = "Address group", "주소 그룹";
    sg_rule_addresses_hint = "A named list of addresses", "이름 붙인 주소 목록";
    sg_rule_means = "This allows:", "이 규칙이 허용하는 것:";
    sg_rule_both = "IPv4 and IPv6", "IPv4와 IPv6";
}
