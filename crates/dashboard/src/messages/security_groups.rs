//! Words of security groups and their rules.

use super::messages;

// Groups.
messages! {
    sgs_lead = "A security group is a list of what may reach a server, and what the server may reach. What no rule allows is dropped.", "보안 그룹은 서버에 들어오고 나갈 수 있는 것의 목록입니다. 규칙이 허용하지 않은 것은 버려집니다.";
    sgs_word = "security groups", "보안 그룹";
    sgs_empty = "You have no security group yet", "아직 보안 그룹이 없습니다";
    sg_new = "Create security group", "보안 그룹 만들기";
    sg_made(name) = "Security group {name} created", "보안 그룹 {name}을(를) 만들었습니다";
    sg_edit(name) = "Edit {name}", "{name} 편집";
    sg_new_hint = "A new group lets everything out and nothing in; add rules for what may come in.", "새 그룹은 나가는 것은 모두, 들어오는 것은 아무것도 허용하지 않습니다. 들어올 것의 규칙을 추가하세요.";
    sg_name_hint = "Say what it is for: web, ssh-from-office …", "용도를 적으세요: web, ssh-from-office …";
    sg_name_kept = "The project's default group keeps its name.", "프로젝트의 기본 그룹은 이름이 바뀌지 않습니다.";
    sg_quota = "Groups of the project", "프로젝트의 보안 그룹";
    sg_rule_quota = "Rules of the project", "프로젝트의 규칙";
    sg_default = "default", "기본";
    sg_default_hint = "New servers are in it unless another group is chosen.", "다른 그룹을 고르지 않으면 새 서버가 여기에 들어갑니다.";
    sg_lets_in = "Lets in", "들어올 수 있는 것";
    sg_lets_in_nothing = "nothing", "없음";
    sg_more(count) = "{count} more", "외 {count}개";
    sg_rules = "Rules", "규칙";
    sg_members = "Ports in it", "속한 포트";
    sg_members_none = "No port is in this group yet.", "아직 이 그룹에 속한 포트가 없습니다.";
    sg_members_more(count) = "… and {count} more", "… 외 {count}개";
    sg_stateful = "Stateful", "상태 추적";
    sg_stateful_yes = "Yes: answers to what was allowed pass without a rule", "예: 허용된 것에 대한 응답은 규칙 없이 지나갑니다";
    sg_stateful_no = "No: answers need rules of their own", "아니요: 응답에도 규칙이 필요합니다";
    sg_stateless = "stateless", "상태 추적 없음";
    sg_stateless_choice = "Stateless: every packet needs a rule", "상태 추적 없음: 모든 패킷에 규칙이 필요합니다";
    sg_stateless_hint = "For experts: also answers need rules, those of the metadata service, too. A server can't be in groups of both kinds.", "전문가용: 메타데이터 서비스를 포함한 모든 응답에도 규칙이 필요합니다. 한 서버를 두 종류의 그룹에 함께 넣을 수 없습니다.";
    sg_in_use(count) = "{count} ports use this group. Remove it from them first.", "포트 {count}개가 이 그룹을 사용하고 있습니다. 먼저 포트에서 이 그룹을 제거하세요.";
    sg_is_default = "The project's default group can't be deleted.", "프로젝트의 기본 그룹은 삭제할 수 없습니다.";
    sg_named_by(count) = "{count} rules of other groups refer to it, and are deleted, too.", "이 그룹을 참조하는 다른 그룹의 규칙 {count}개도 함께 삭제됩니다.";
    sg_allow_ping = "Allow ping", "ping 허용";
    sg_allow_ssh = "Allow SSH", "SSH 허용";
    sg_allowed(what) = "{what} may come in now", "이제 {what}이(가) 들어올 수 있습니다";
    sg_nothing_comes_in = "No rule lets anything in: nobody can reach the servers of this group yet.", "들어오는 것을 허용하는 규칙이 없어, 아직 아무도 이 그룹의 서버에 닿을 수 없습니다.";
}

// Rules in words.
messages! {
    sg_in_from(what, who) = "{what} from {who}", "{who}에서 들어오는 {what}";
    sg_in_anywhere(what) = "{what} from anywhere", "어디서든 들어오는 {what}";
    sg_out_to(what, who) = "{what} to {who}", "{who}(으)로 나가는 {what}";
    sg_out_anywhere(what) = "{what} to anywhere", "어디로든 나가는 {what}";
    sg_of_members(name) = "members of {name}", "{name} 그룹";
    sg_of_own_members = "members of this group", "이 그룹";
    sg_of_addresses(name) = "the addresses in {name}", "주소 그룹 {name}";
    sg_everything = "everything", "모든 것";
    sg_all_icmp = "ping and all other ICMP", "ping을 비롯한 모든 ICMP";
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
    sg_in = "in", "들어옴";
    sg_out = "out", "나감";
    sg_version = "IP version", "IP 버전";
    sg_protocol = "Protocol", "프로토콜";
    sg_ports = "Ports", "포트 번호";
    sg_remote = "Other end", "상대";
    sg_any = "any", "모두";
    sg_type(kind) = "type {kind}", "유형 {kind}";
    sg_type_code(kind, code) = "type {kind}, code {code}", "유형 {kind}, 코드 {code}";
    sg_rules_none = "It has no rule: its members neither receive nor send anything.", "규칙이 없어 속한 포트는 아무것도 받거나 보내지 못합니다.";
}

// The form of a rule.
messages! {
    sg_rule_new = "Add rule", "규칙 추가";
    sg_rule_added = "Rule added", "규칙을 추가했습니다";
    sg_rule_what = "What may pass", "무엇을 허용할까요";
    sg_rule_what_hint = "A template fills in protocol and ports.", "템플릿이 프로토콜과 포트를 채워 줍니다.";
    sg_template_all_icmp = "All ICMP (ping)", "모든 ICMP(ping)";
    sg_template_all_tcp = "All TCP", "모든 TCP";
    sg_template_all_udp = "All UDP", "모든 UDP";
    sg_template_any = "Everything", "모든 것";
    sg_template_tcp = "Other TCP ports …", "다른 TCP 포트 …";
    sg_template_udp = "Other UDP ports …", "다른 UDP 포트 …";
    sg_template_icmp = "An ICMP type …", "ICMP 유형 …";
    sg_template_other = "Another protocol …", "다른 프로토콜 …";
    sg_rule_ports_hint = "One (8080) or several (8000-8010); protocols without ports need none", "하나(8080) 또는 여럿(8000-8010). 포트가 없는 프로토콜은 비워 두세요";
    sg_rule_ports_wrong = "The ports are neither one number nor a range, such as 8080 or 8000-8010.", "포트가 8080이나 8000-8010 같은 번호 또는 범위가 아닙니다.";
    sg_rule_icmp_type = "ICMP type", "ICMP 유형";
    sg_rule_icmp_type_hint = "8 is ping (128 in IPv6). Empty: all", "8은 ping입니다(IPv6에서는 128). 비우면 전부입니다";
    sg_rule_icmp_code = "ICMP code", "ICMP 코드";
    sg_rule_protocol_hint = "A name (gre, esp, vrrp, sctp …) or a number from 0 to 255", "이름(gre, esp, vrrp, sctp …) 또는 0에서 255까지의 번호";
    sg_rule_protocol_wrong = "Name the protocol: gre, esp, vrrp, sctp … or a number from 0 to 255.", "프로토콜을 적으세요: gre, esp, vrrp, sctp … 또는 0에서 255까지의 번호.";
    sg_rule_template_wrong = "Choose what may pass.", "무엇을 허용할지 고르세요.";
    sg_rule_in_hint = "What may reach the servers", "서버에 들어올 수 있는 것";
    sg_rule_out_hint = "What the servers may reach", "서버가 보낼 수 있는 것";
    sg_rule_who = "Who is at the other end", "상대는 누구인가요";
    sg_rule_anywhere = "Anywhere", "어디든";
    sg_rule_anywhere_hint = "Every address", "모든 주소";
    sg_rule_cidr = "Addresses (CIDR)", "주소(CIDR)";
    sg_rule_cidr_hint = "One address or a range of them", "주소 하나 또는 범위";
    sg_rule_cidr_example = "203.0.113.7 is one address, 10.0.0.0/8 all that begin with 10.", "203.0.113.7은 주소 하나, 10.0.0.0/8은 10으로 시작하는 전부입니다.";
    sg_rule_cidr_wrong = "The other end is not an address or a CIDR, such as 10.0.0.0/8.", "상대가 10.0.0.0/8 같은 주소나 CIDR이 아닙니다.";
    sg_rule_group = "Security group", "보안 그룹";
    sg_rule_group_hint = "Servers in a group, whatever their addresses", "주소와 관계없이 그룹에 속한 서버";
    sg_rule_group_wrong = "Choose a group.", "그룹을 고르세요.";
    sg_rule_own_group = "this group itself", "이 그룹 자신";
    sg_rule_addresses = "Address group", "주소 그룹";
    sg_rule_addresses_hint = "A named list of addresses", "이름 붙은 주소 목록";
    sg_rule_means = "This allows:", "허용되는 것:";
    sg_rule_both = "IPv4 and IPv6", "IPv4와 IPv6";
}
