//! Words of server groups.

use super::messages;

messages! {
    server_groups_lead = "A server group says of its servers whether they are to run together, or apart.", "서버 그룹은 서버들을 함께 둘지 떨어뜨릴지 정합니다.";
    server_groups_word = "server groups", "서버 그룹";
    server_groups_empty = "You have no server group yet", "아직 서버 그룹이 없습니다";
    server_groups_empty_text = "Put servers that stand in for each other into one, and they are kept on different hosts. A server joins its group when it is launched.", "서로를 대신하는 서버들을 한 그룹에 넣으면 다른 호스트에 둡니다. 서버는 만들 때 그룹에 들어갑니다.";
    server_group_new = "Create server group", "서버 그룹 만들기";
    server_group_made(name) = "Server group “{name}” created", "‘{name}’ 서버 그룹을 만들었습니다";
    server_group_policy = "Policy", "정책";
    server_group_members = "Members", "구성원";
    server_group_no_members = "No server is in it. Servers join when they are launched.", "서버가 없습니다. 서버를 만들 때 그룹을 고르세요.";
    server_group_affinity = "all on one host", "모두 한 호스트에";
    server_group_anti_affinity = "each on another host", "서로 다른 호스트에";
    server_group_soft_affinity = "on one host if there is room", "되도록 한 호스트에";
    server_group_soft_anti_affinity = "on different hosts if there are any", "되도록 다른 호스트에";
    server_group_most = "Servers on one host at most", "한 호스트의 최대 서버 수";
    server_group_most_hint = "Empty: one.", "비우면 1대입니다.";
    server_group_one_host = "On a cloud with one host, anti-affinity lets a group have one server; soft-anti-affinity has no such limit.", "호스트가 하나인 클라우드에서 anti-affinity 그룹에는 서버가 하나만 들어갑니다. soft-anti-affinity에는 그런 제한이 없습니다.";
    server_group_stay(count) = "It has 1 server." | "It has {count} servers.", "서버 {count}대가 속해 있습니다.";
}
