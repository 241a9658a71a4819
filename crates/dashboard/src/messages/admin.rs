//! Words of the administrator's pages.

use super::{Text, messages};

messages! {
    admin_only = "Only the cloud's administrator sees this page.", "이 페이지는 클라우드 관리자만 볼 수 있습니다.";
    admin_enabled = "enabled", "사용";
    admin_disabled = "disabled", "사용 안 함";
    admin_enable = "Enable", "사용하기";
    admin_disable = "Disable", "사용 중지";
    admin_made(name) = "{name} created", "{name}을(를) 만들었습니다";
    admin_reason = "Reason", "이유";
    admin_key = "Key", "키";
    admin_value = "Value", "값";
    admin_tags = "Tags", "태그";
    admin_metadata = "Metadata", "메타데이터";
    admin_metadata_hint = "One per line: key=value", "한 줄에 하나씩: 키=값";
    admin_resource = "Resource", "자원";
}

// Hosts.
messages! {
    admin_host_lead = "What the host has, how much of it is promised to servers, and the parts that do the work.", "호스트가 가진 것, 그 가운데 서버에 약속한 양, 일을 맡은 서비스를 봅니다.";
    admin_host = "Host", "호스트";
    admin_hosts = "Hosts", "호스트";
    admin_host_up = "up", "정상";
    admin_host_down = "down", "응답 없음";
    admin_host_disabled = "takes no new servers", "새 서버를 받지 않음";
    admin_host_acceleration = "Acceleration", "가속";
    admin_host_kvm = "Servers run on the processor itself, at almost full speed.", "서버가 프로세서에서 바로 실행되어 제 속도를 냅니다.";
    admin_host_tcg = "There is no KVM here: each instruction is translated, which is slow. Enable virtualization in the firmware, or nested virtualization for a virtual host.", "KVM이 없어 명령을 하나씩 번역하므로 느립니다. 펌웨어에서 가상화를 켜거나, 가상 호스트라면 중첩 가상화를 켜세요.";
    admin_host_memory = "Memory", "메모리";
    admin_host_disk = "Disk", "디스크";
    admin_host_zone = "Availability zone", "가용 구역";
    admin_host_really_free(free, all) = "{free} of {all} free now", "{all} 중 지금 {free} 비어 있음";
    admin_host_promised = "Promised to servers", "서버에 약속한 양";
    admin_host_promised_hint = "Servers seldom use all they may, so more can be promised than there is.", "서버는 허용된 양을 다 쓰는 일이 드물어, 가진 것보다 더 약속할 수 있습니다.";
    admin_host_ratio(has, times) = "The host has {has}; {times} times that may be promised.", "호스트에 {has} 있고, 그 {times}배까지 약속할 수 있습니다.";
    admin_host_reserved(memory) = "{memory} are kept for the host itself.", "{memory}는 호스트 몫으로 남겨 둡니다.";
    admin_host_servers = "Servers on it", "여기서 도는 서버";
    admin_host_no_servers = "No server is on it.", "서버가 없습니다.";
    admin_services = "Services", "서비스";
    admin_takes_work = "Takes new work", "새 작업";
    admin_service_up = "up", "정상";
    admin_service_down = "down", "응답 없음";
    admin_service_disable(name) = "Disable {name}?", "{name} 사용을 중지할까요?";
    admin_service_disable_hint = "It takes no new work; what it has goes on.", "새 작업을 받지 않습니다. 이미 하던 일은 계속합니다.";
    admin_aggregates = "Host aggregates", "호스트 집합";
    admin_aggregates_lead = "Named sets of hosts. One with an availability zone puts its hosts into that zone.", "이름 붙인 호스트의 모임입니다. 가용 구역을 주면 호스트가 그 구역에 들어갑니다.";
    admin_aggregate_new = "Create aggregate", "집합 만들기";
    admin_aggregate_zone_hint = "Empty: the aggregate makes no zone.", "비우면 구역을 만들지 않습니다.";
    admin_aggregate_has_hosts(count) = "It has {count} hosts: remove them first.", "호스트 {count}개가 들어 있습니다. 먼저 제거하세요.";
}

// Flavors.
messages! {
    admin_flavors_lead = "The sizes that servers come in. A project sees the public ones, and those it was given access to.", "서버의 크기입니다. 프로젝트는 공개된 것과 허락받은 것을 봅니다.";
    admin_flavors_empty = "There is no flavor, so no server can be made", "flavor가 없어 서버를 만들 수 없습니다";
    admin_flavor_new = "Create flavor", "Flavor 만들기";
    admin_flavor_public = "public", "공개";
    admin_flavor_private = "private", "비공개";
    admin_flavor_disk = "Root disk", "루트 디스크";
    admin_flavor_disk_of_image = "as large as the image", "이미지 크기만큼";
    admin_flavor_ephemeral = "Further disk", "추가 디스크";
    admin_flavor_memory_mib = "Memory, MB", "메모리(MB)";
    admin_flavor_disk_gib = "Root disk, GB", "루트 디스크(GB)";
    admin_flavor_ephemeral_gib = "Further disk, GB", "추가 디스크(GB)";
    admin_flavor_swap_mib = "Swap, MB", "스왑(MB)";
    admin_flavor_disk_hint = "A root disk of 0 is as large as the image.", "루트 디스크가 0이면 이미지 크기만큼입니다.";
    admin_flavor_is_public = "Public", "공개";
    admin_flavor_is_public_hint = "Every project may use it. Else you name the projects afterwards.", "모든 프로젝트가 쓸 수 있습니다. 끄면 쓸 프로젝트를 나중에 정합니다.";
    admin_flavor_id_hint = "Empty: a fresh one", "비우면 새로 만듭니다";
    admin_flavor_edit_hint = "Only the description of a flavor can be changed: servers rely on the rest.", "flavor는 설명만 바꿀 수 있습니다. 나머지는 서버가 기대고 있습니다.";
    admin_flavor_used(count) = "{count} servers use it.", "서버 {count}대가 쓰고 있습니다.";
    admin_flavor_access = "Who may use it", "쓸 수 있는 프로젝트";
    admin_flavor_for_all = "It is public: every project.", "공개되어 모든 프로젝트가 쓸 수 있습니다.";
    admin_flavor_for_none = "No project yet, only administrators.", "아직 관리자만 쓸 수 있습니다.";
    admin_specs = "Extra specs", "추가 사양";
    admin_specs_lead = "What servers of this flavor get besides: limits of disks and networks, a watchdog, TPM and the like.", "이 flavor의 서버에 더해지는 것입니다. 디스크와 네트워크의 제한, 워치독, TPM 등이 있습니다.";
}

// Projects, domains, roles.
messages! {
    admin_projects = "Projects", "프로젝트";
    admin_projects_lead = "A project owns servers, networks and volumes. Who has a role in it may work with them; its quotas say how much there may be.", "프로젝트는 서버, 네트워크, 볼륨을 가집니다. 역할이 있는 사람이 쓸 수 있고, 쿼터가 얼마나 가질지 정합니다.";
    admin_project_new = "Create project", "프로젝트 만들기";
    admin_project_here = "you are here", "현재";
    admin_project_parent = "Above it", "상위 프로젝트";
    admin_project_enabled_hint = "Nobody can work in a disabled project; what it has stays.", "사용하지 않으면 아무도 들어갈 수 없고, 가진 것은 그대로 남습니다.";
    admin_project_me = "Make me a member", "나를 멤버로 넣기";
    admin_project_me_hint = "You can then switch to it at the top of the page.", "화면 위쪽에서 이 프로젝트로 바꿀 수 있게 됩니다.";
    admin_project_delete_here = "You are working in this project: you will be signed out.", "지금 이 프로젝트에서 작업 중이므로 로그아웃됩니다.";
    admin_project_leaves(figures) = "Left behind without an owner: {figures}. Remove them first with “openstack project cleanup”.", "소유자 없이 남는 자원: {figures}. 먼저 “openstack project cleanup”으로 정리하세요.";
    admin_members = "Members", "멤버";
    admin_members_lead = "Who may work here, and as what.", "누가 어떤 역할로 일하는지 봅니다.";
    admin_grants = "Roles", "역할";
    admin_grants_lead = "Where they may work, and as what.", "어디에서 어떤 역할로 일하는지 봅니다.";
    admin_grant_new = "Give a role", "역할 주기";
    admin_grant_take = "Take away", "거두기";
    admin_grant_where = "Where", "어디에서";
    admin_grant_inherited = "in all projects below", "하위 프로젝트 모두";
    admin_user_or_group = "User or group", "사용자 또는 그룹";
    admin_role = "Role", "역할";
    admin_role_hint = "reader looks, member works, manager manages the project, admin administers the whole cloud.", "reader는 보기, member는 쓰기, manager는 프로젝트 관리, admin은 클라우드 전체 관리입니다.";
    admin_whole_system = "the whole system", "시스템 전체";
    admin_domain_named(name) = "domain {name}", "도메인 {name}";
    admin_domains = "Domains", "도메인";
    admin_domains_lead = "Projects, users and groups of a domain have names of their own. Most clouds need only the first one.", "도메인마다 프로젝트와 사용자, 그룹의 이름이 따로 있습니다. 대개 기본 도메인이면 충분합니다.";
    admin_domain_new = "Create domain", "도메인 만들기";
    admin_domain_enabled_hint = "Nobody of a disabled domain can sign in. Only a disabled one can be deleted.", "사용하지 않는 도메인의 사용자는 로그인할 수 없습니다. 사용하지 않아야 삭제할 수 있습니다.";
    admin_domain_delete_note(projects, users, groups) = "Deleted with it: {projects} projects, {users} users, {groups} groups.", "함께 삭제되는 항목: 프로젝트 {projects}개, 사용자 {users}명, 그룹 {groups}개.";
    admin_roles_lead = "What somebody may do where they hold the role.", "역할을 받은 곳에서 무엇을 할 수 있는지 정합니다.";
    admin_role_new = "Create role", "역할 만들기";
    admin_role_new_hint = "The services know reader, member, manager and admin; a role of your own means what your programs make of it.", "서비스가 아는 역할은 reader, member, manager, admin입니다. 직접 만든 역할의 뜻은 여러분의 프로그램이 정합니다.";
    admin_role_implies = "Brings along", "딸린 역할";
    admin_role_imply = "Add an implied role", "딸린 역할 추가";
    admin_role_imply_hint(name) = "Who has {name} has this role, too.", "{name} 역할이 있으면 이 역할도 갖습니다.";
    admin_role_stop_implying(name) = "No longer bring {name}", "{name}을(를) 딸리지 않게 하기";
    admin_role_given = "Given", "준 횟수";
    admin_role_delete_note(count) = "It is assigned {count} times.", "이 역할은 {count}번 할당되어 있습니다.";
}

// Quotas.
messages! {
    admin_quotas = "Quotas", "쿼터";
    admin_quotas_lead = "How much the project may have, and how much it has.", "프로젝트가 가질 수 있는 양과 가진 양입니다.";
    admin_quotas_edit = "Edit quotas", "쿼터 편집";
    admin_quotas_of(name) = "Quotas of {name}", "{name}의 쿼터";
    admin_quotas_reset = "Back to the defaults", "기본값으로";
    admin_quotas_hint = "-1: no limit.", "-1은 무제한입니다.";
    admin_quotas_image_hint = "Limits of images are Keystone's unified limits: register them with “openstack registered limit create”, and they can be changed here.", "이미지 한도는 Keystone의 통합 한도입니다. “openstack registered limit create”로 등록하면 여기서 바꿀 수 있습니다.";
    admin_default_quotas = "Default quotas", "기본 쿼터";
    admin_default_quotas_lead = "What a project may have as long as nobody sets quotas of its own.", "쿼터를 따로 정하지 않은 프로젝트에 적용됩니다.";
    admin_limit = "Limit", "한도";
    admin_limit_own = "Projects with their own", "따로 정한 곳";
    admin_limits = "Unified limits", "통합 한도";
    admin_limits_lead = "Limits that Keystone keeps for services which ask it.", "Keystone이 다른 서비스를 위해 보관하는 한도입니다.";
}

// Usage of all projects.
messages! {
    admin_usage = "Usage", "사용량";
    admin_usage_lead = "What the servers of each project took in this time, those deleted since included.", "이 기간에 프로젝트마다 서버가 쓴 양이며, 그 뒤 삭제된 서버도 들어 있습니다.";
    admin_usage_empty = "Nothing ran in this time", "이 기간에 실행된 것이 없습니다";
    admin_usage_disk_hours = "Disk, GB hours", "디스크 GB 시간";
    admin_usage_csv = "Download as CSV", "CSV로 내려받기";
    admin_usage_from = "From", "부터";
    admin_usage_until = "Until", "까지";
    admin_usage_show = "Show", "보기";
    admin_usage_wrong = "The first day must not be after the last.", "시작하는 날이 끝나는 날보다 늦을 수 없습니다.";
}

// Users and groups.
messages! {
    admin_users_lead = "Who may sign in. What they may do is said by their roles in projects.", "로그인할 수 있는 사람입니다. 할 수 있는 일은 프로젝트의 역할이 정합니다.";
    admin_user = "User", "사용자";
    admin_user_new = "Create user", "사용자 만들기";
    admin_user_you = "you", "나";
    admin_email = "E-mail", "이메일";
    admin_user_enabled_hint = "A disabled user can't sign in.", "사용하지 않으면 로그인할 수 없습니다.";
    admin_user_not_yourself = "You can't lock yourself out: let another administrator do it.", "자기 자신을 막을 수는 없습니다. 다른 관리자에게 맡기세요.";
    admin_user_no_group = "In no group.", "속한 그룹이 없습니다.";
    admin_first_project = "Project", "프로젝트";
    admin_first_project_hint = "Without a role in a project nobody can use the dashboard.", "프로젝트에 역할이 없으면 대시보드를 쓸 수 없습니다.";
    admin_default_project = "Default project", "기본 프로젝트";
    admin_default_project_hint = "Where they are after signing in", "로그인하면 처음 들어가는 곳";
    admin_password = "Password", "암호";
    admin_password_none = "none: can't sign in with one", "없음: 암호로 로그인할 수 없음";
    admin_password_set_at = "set", "설정:";
    admin_password_set = "Set password", "암호 설정";
    admin_password_of(name) = "Password of {name}", "{name}의 암호";
    admin_password_empty_hint = "Empty: one is made for you and shown once.", "비우면 새로 만들어 한 번 보여 줍니다.";
    admin_password_ends_sessions = "All sessions of the user end.", "그 사용자의 모든 세션이 끝납니다.";
    admin_password_own = "It is your own: you will have to sign in again.", "본인의 암호이므로 다시 로그인해야 합니다.";
    admin_password_once = "Hand this over safely: it is shown this once.", "안전하게 전해 주세요. 한 번만 보입니다.";
    admin_sign_in_at = "Sign in at", "로그인 주소";
    admin_group = "Group", "그룹";
    admin_groups = "Groups", "그룹";
    admin_groups_lead = "A role that a group has, everybody in it has: give roles to groups where people come and go.", "그룹이 받은 역할은 그 안의 모두가 갖습니다. 사람이 자주 바뀌는 곳에 쓰세요.";
    admin_groups_empty = "There is no group yet", "아직 그룹이 없습니다";
    admin_group_new = "Create group", "그룹 만들기";
    admin_group_empty = "Nobody is in it yet.", "아직 아무도 없습니다.";
    admin_group_delete_note(count) = "It has {count} users.", "사용자 {count}명이 속해 있습니다.";
}

// The system.
messages! {
    admin_system_lead = "The program as a whole: its health, its services, and what holds for every project.", "프로그램 전체의 상태와 서비스, 모든 프로젝트에 적용되는 것을 봅니다.";
    admin_system_about = "This cloud", "이 클라우드";
    admin_version = "Version", "버전";
    admin_regions = "Regions", "리전";
    admin_catalog = "Services and endpoints", "서비스와 엔드포인트";
    admin_endpoints = "Endpoints", "엔드포인트";
    admin_system_members = "Roles in the whole system", "시스템 전체의 역할";
    admin_health = "Health", "상태";
    admin_health_good = "all as wanted", "모두 정상";
    admin_health_settling = "settling", "맞추는 중";
    admin_health_down = "the host does not report", "호스트가 응답하지 않음";
    admin_health_all = "The host looks as the cloud wants it; nothing has failed.", "호스트가 클라우드가 바라는 모습이며 실패한 것이 없습니다.";
}

impl Text {
    /// A resource of quotas in words; as it is, where it has none (those of volume types).
    pub(crate) fn admin_quota(self, name: &str) -> String {
        let (en, ko) = match name {
            "instances" => ("Servers", "서버"),
            "cores" => ("vCPUs", "vCPU"),
            "ram" => ("Memory (MB)", "메모리(MB)"),
            "key_pairs" => ("Key pairs of a user", "사용자의 키 페어"),
            "metadata_items" => ("Metadata of a server", "서버의 메타데이터"),
            "server_groups" => ("Server groups", "서버 그룹"),
            "server_group_members" => ("Servers in a group", "그룹의 서버"),
            "network" => ("Networks", "네트워크"),
            "subnet" => ("Subnets", "서브넷"),
            "subnetpool" => ("Subnet pools", "서브넷 풀"),
            "port" => ("Ports", "포트"),
            "router" => ("Routers", "라우터"),
            "floatingip" => ("Floating IPs", "유동 IP"),
            "security_group" => ("Security groups", "보안 그룹"),
            "security_group_rule" => ("Security group rules", "보안 그룹 규칙"),
            "rbac_policy" => ("Sharing policies (RBAC)", "공유 정책(RBAC)"),
            "trunk" => ("Trunks", "트렁크"),
            "volumes" => ("Volumes", "볼륨"),
            "snapshots" => ("Snapshots", "스냅샷"),
            "gigabytes" => ("Volumes and snapshots (GB)", "볼륨과 스냅샷(GB)"),
            "per_volume_gigabytes" => ("One volume (GB)", "볼륨 하나(GB)"),
            "backups" => ("Backups", "백업"),
            "backup_gigabytes" => ("Backups (GB)", "백업(GB)"),
            "groups" => ("Volume groups", "볼륨 그룹"),
            "image_count_total" => ("Images", "이미지"),
            "image_size_total" => ("Images (MB)", "이미지(MB)"),
            // Of one volume type: "gigabytes_fast", and "gigabytes___DEFAULT__" of the usual one.
            other => {
                let Some((quota, volume_type)) = other.split_once('_') else {
                    return other.to_owned();
                };
                let volume_type = if volume_type == "__DEFAULT__" {
                    self.pick("default type", "기본 유형")
                } else {
                    volume_type
                };
                return match quota {
                    "volumes" | "snapshots" | "gigabytes" => format!("{}: {volume_type}", self.admin_quota(quota)),
                    _ => other.to_owned(),
                };
            }
        };
        self.pick(en, ko).to_owned()
    }
}
