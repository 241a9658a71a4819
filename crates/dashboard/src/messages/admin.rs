//! Words of the administrator's pages.

use super::{Text, messages};

messages! {
    admin_only = "Only the cloud's administrator sees this page.", "이 페이지는 클라우드 관리자만 볼 수 있습니다.";
    admin_enabled = "enabled", "활성화됨";
    admin_enabled_box = "Enabled", "활성화";
    admin_disabled = "disabled", "비활성화됨";
    admin_enable = "Enable", "활성화";
    admin_disable = "Disable", "비활성화";
    admin_made(name) = "{name} created", "만들었습니다: {name}";
    admin_reason = "Reason", "이유";
    admin_key = "Key", "키";
    admin_value = "Value", "값";
    admin_tags = "Tags", "태그";
    admin_metadata = "Metadata", "메타데이터";
    admin_metadata_hint = "One per line: key=value", "한 줄에 하나씩: 키=값";
    admin_more_settings = "More settings", "추가 설정";
    admin_resource = "Resource", "자원";
}

// Hosts.
messages! {
    admin_host_lead = "What the host has, how much of it is allocated to servers, and the services that run on it.", "호스트의 자원과 서버에 할당된 양, 실행 중인 서비스를 봅니다.";
    admin_host = "Host", "호스트";
    admin_hosts = "Hosts", "호스트";
    admin_host_up = "up", "정상";
    admin_host_down = "down", "응답 없음";
    admin_host_disabled = "Accepts no new servers", "새 서버를 받지 않음";
    admin_host_acceleration = "Acceleration", "가속";
    admin_host_kvm = "Servers run directly on the processor, at almost full speed.", "서버가 프로세서에서 직접 실행되어 거의 제 속도를 냅니다.";
    admin_host_tcg = "KVM is not available, so servers are emulated and slow. Enable virtualization in the firmware, or nested virtualization if this host is a virtual machine.", "KVM을 쓸 수 없어 에뮬레이션으로 실행되므로 느립니다. 펌웨어에서 가상화를 켜거나, 호스트가 가상 머신이면 중첩 가상화를 켜세요.";
    admin_host_memory = "Memory", "메모리";
    admin_host_disk = "Disk", "디스크";
    admin_host_zone = "Availability zone", "가용 구역";
    admin_host_really_free(free, all) = "{free} of {all} free", "{all} 중 {free} 사용 가능";
    admin_host_promised = "Allocated to servers", "서버에 할당한 양";
    admin_host_promised_hint = "Servers rarely use everything they are allowed, so more can be allocated than the host has (overcommit).", "서버가 허용된 양을 모두 쓰는 일은 드물어, 호스트가 가진 것보다 많이 할당할 수 있습니다(오버커밋).";
    admin_host_ratio(has, times) = "The host has {has}; allocation ratio {times}×.", "호스트 용량 {has}, 할당 비율 {times}배.";
    admin_host_disk_limited(free) = "Limited by the {free} that are free on the disk.", "디스크의 실제 빈 공간({free})까지만 할당합니다.";
    admin_host_reserved(memory) = "{memory} reserved for the host.", "호스트용으로 {memory} 예약.";
    admin_host_servers = "Servers on this host", "이 호스트의 서버";
    admin_host_no_servers = "No servers yet.", "아직 서버가 없습니다.";
    admin_services = "Services", "서비스";
    admin_takes_work = "Accepts new work", "새 작업";
    admin_service_up = "up", "정상";
    admin_service_down = "down", "응답 없음";
    admin_service_disable(name, host) = "Disable “{name}” on host “{host}”?", "‘{host}’ 호스트의 ‘{name}’ 서비스를 비활성화할까요?";
    admin_service_disable_hint = "It stops accepting new work; existing work continues.", "새 작업을 받지 않습니다. 진행 중인 작업은 계속됩니다.";
    admin_aggregates = "Host aggregates", "호스트 집합";
    admin_aggregates_lead = "Groups of hosts. An aggregate with an availability zone puts its hosts into that zone.", "호스트를 묶은 것입니다. 가용 구역을 지정하면 호스트가 그 구역에 속합니다.";
    admin_aggregate_new = "Create host aggregate", "호스트 집합 만들기";
    admin_aggregate_zone_hint = "Leave empty for no zone.", "비우면 구역을 만들지 않습니다.";
    admin_aggregate_has_hosts(count) = "It has 1 host: remove it first." | "It has {count} hosts: remove them first.", "호스트 {count}개가 들어 있습니다. 먼저 제거하세요.";
}

// Flavors.
messages! {
    admin_flavors_lead = "The sizes that servers can have. A project sees public flavors and those it was given access to.", "서버의 크기입니다. 프로젝트는 공개된 flavor와 접근이 허용된 flavor를 볼 수 있습니다.";
    admin_flavors_empty_text = "Create a flavor with the number of vCPUs and the sizes of memory and disk.", "vCPU 수와 메모리, 디스크 크기를 정해 flavor를 만드세요.";
    admin_flavors_empty = "No flavors yet", "아직 flavor가 없습니다";
    admin_flavor_new = "Create flavor", "Flavor 만들기";
    admin_flavor_public = "public", "공개";
    admin_flavor_private = "private", "비공개";
    admin_flavor_disk = "Root disk", "루트 디스크";
    admin_flavor_disk_of_image = "same as image", "이미지 크기";
    admin_flavor_ephemeral = "Ephemeral disk", "임시 디스크";
    admin_flavor_memory_mib = "Memory (MB)", "메모리(MB)";
    admin_flavor_disk_gib = "Root disk (GB)", "루트 디스크(GB)";
    admin_flavor_ephemeral_gib = "Ephemeral disk (GB)", "임시 디스크(GB)";
    admin_flavor_swap_mib = "Swap (MB)", "스왑(MB)";
    admin_flavor_disk_hint = "With a root disk of 0, the disk is as large as the image.", "루트 디스크가 0이면 이미지와 같은 크기가 됩니다.";
    admin_flavor_is_public = "Public", "공개";
    admin_flavor_is_public_hint = "Every project can use it. If off, you choose the projects afterwards.", "모든 프로젝트가 쓸 수 있습니다. 끄면 사용할 프로젝트를 나중에 정합니다.";
    admin_flavor_id_hint = "Leave empty to generate one.", "비우면 자동으로 생성됩니다.";
    admin_flavor_edit_hint = "The sizes of a flavor can't be changed, because servers depend on them. Extra specs and project access are changed on its page.", "서버가 사용하고 있어 크기는 바꿀 수 없습니다. 추가 사양과 사용 가능 프로젝트는 flavor 페이지에서 바꿉니다.";
    admin_flavor_used(count) = "1 server uses it." | "{count} servers use it.", "서버 {count}대가 쓰고 있습니다.";
    admin_flavor_access = "Project access", "사용 가능 프로젝트";
    admin_flavor_for_all = "Public: every project can use it.", "공개되어 모든 프로젝트가 쓸 수 있습니다.";
    admin_flavor_for_none = "No projects yet: only administrators can use it.", "아직 허용된 프로젝트가 없어 관리자만 쓸 수 있습니다.";
    admin_specs = "Extra specs", "추가 사양";
    admin_specs_lead = "Additional properties of its servers: disk and network limits, watchdog, TPM and so on.", "이 flavor의 서버에 적용되는 추가 속성입니다. 디스크와 네트워크 제한, 워치독, TPM 등이 있습니다.";
}

// Projects, domains, roles.
messages! {
    admin_projects = "Projects", "프로젝트";
    admin_projects_lead = "A project owns servers, networks and volumes. Users with a role in it can use them; quotas limit how much it can have.", "프로젝트는 서버, 네트워크, 볼륨을 소유합니다. 역할이 있는 사용자가 이를 쓸 수 있고, 쿼터가 양을 제한합니다.";
    admin_project_new = "Create project", "프로젝트 만들기";
    admin_project_here = "current", "현재";
    admin_project_parent = "Parent", "상위 프로젝트";
    admin_project_enabled_hint = "Nobody can use a disabled project; its resources stay.", "비활성화하면 아무도 이 프로젝트를 쓸 수 없습니다. 자원은 그대로 남습니다.";
    admin_project_me = "Make me a member", "나를 구성원으로 추가";
    admin_project_me_hint = "You can then switch to it at the top of the page.", "화면 위쪽에서 이 프로젝트로 전환할 수 있습니다.";
    admin_project_delete_here = "You are using this project and will be signed out.", "지금 사용 중인 프로젝트이므로 로그아웃됩니다.";
    admin_project_disable_here = "You are using this project: disabled, it signs you out.", "지금 사용 중인 프로젝트이므로 비활성화하면 로그아웃됩니다.";
    admin_project_disable(name) = "Disable project “{name}”?", "‘{name}’ 프로젝트를 비활성화할까요?";
    admin_project_leaves(figures) = "Left behind without an owner: {figures}. Remove them first with “openstack project cleanup”.", "소유자 없이 남는 자원: {figures}. 먼저 “openstack project cleanup”으로 정리하세요.";
    admin_members = "Members", "구성원";
    admin_members_lead = "Users and groups with a role here.", "여기에서 역할이 있는 사용자와 그룹입니다.";
    admin_grants = "Roles", "역할";
    admin_grants_lead = "Where this user has a role: projects, domains, the system.", "역할이 있는 프로젝트, 도메인, 시스템입니다.";
    admin_grant_new = "Assign role", "역할 부여";
    admin_grant_take = "Remove", "역할 회수";
    admin_grant_take_title(role, who) = "Remove role “{role}” from “{who}”?", "‘{who}’의 ‘{role}’ 역할을 회수할까요?";
    admin_grant_take_here(place) = "Where: {place}", "대상: {place}";
    admin_grant_take_text = "Its rights end at once, for whoever is signed in too.", "이미 로그인한 사용자도 이 역할의 권한을 바로 잃습니다.";
    admin_grant_take_own = "This is your own role: without it you may be signed out, or no longer be able to administer the cloud.", "본인의 역할입니다. 회수하면 로그아웃되거나 더는 클라우드를 관리하지 못할 수 있습니다.";
    admin_grant_where = "Project or domain", "프로젝트 또는 도메인";
    admin_grant_to_user(name) = "Assign a role to user “{name}”", "‘{name}’ 사용자에게 역할 부여";
    admin_grant_to_group(name) = "Assign a role to group “{name}”", "‘{name}’ 그룹에 역할 부여";
    admin_grant_in_project(name) = "Assign a role in project “{name}”", "‘{name}’ 프로젝트에 역할 부여";
    admin_grant_in_domain(name) = "Assign a role in domain “{name}”", "‘{name}’ 도메인에 역할 부여";
    admin_grant_in_system = "Assign a role in the system", "시스템 전체에 역할 부여";
    admin_granted = "Role assigned", "역할을 부여했습니다";
    admin_grant_taken = "Role removed", "역할을 회수했습니다";
    admin_grant_inherited = "in all projects below", "모든 하위 프로젝트";
    admin_user_or_group = "User or group", "사용자 또는 그룹";
    admin_role = "Role", "역할";
    admin_role_hint = "reader: view only; member: use resources; manager: manage the project; admin: administer the whole cloud.", "reader는 조회, member는 자원 사용, manager는 프로젝트 관리, admin은 클라우드 전체 관리입니다.";
    admin_whole_system = "System", "시스템 전체";
    admin_domain_named(name) = "domain {name}", "{name} 도메인";
    admin_domains = "Domains", "도메인";
    admin_domains_lead = "Each domain has its own names for projects, users and groups. Most clouds need only the default one.", "도메인마다 프로젝트, 사용자, 그룹의 이름이 따로 있습니다. 대개 기본 도메인이면 충분합니다.";
    admin_domain_new = "Create domain", "도메인 만들기";
    admin_domain_enabled_hint = "Users of a disabled domain can't sign in. Only a disabled domain can be deleted.", "비활성화된 도메인의 사용자는 로그인할 수 없습니다. 비활성화해야 삭제할 수 있습니다.";
    admin_domain_delete_note(figures) = "Deleted with it: {figures}.", "함께 삭제되는 항목: {figures}.";
    admin_roles_lead = "What users may do in the projects where they have the role.", "사용자가 역할을 받은 프로젝트에서 할 수 있는 일을 정합니다.";
    admin_role_new = "Create role", "역할 만들기";
    admin_role_new_hint = "The services use reader, member, manager and admin. Other roles are for your own programs.", "서비스는 reader, member, manager, admin 역할을 씁니다. 그 밖의 역할은 직접 만든 프로그램에서 쓰기 위한 것입니다.";
    admin_role_implies = "Implied roles", "포함된 역할";
    admin_role_imply = "Add implied role", "포함할 역할 추가";
    admin_role_imply_title(name) = "Add a role implied by “{name}”", "‘{name}’ 역할에 포함할 역할 추가";
    admin_role_imply_none(name) = "Every other role is implied by {name} already.", "{name} 역할이 다른 모든 역할을 이미 포함합니다.";
    admin_role_imply_hint(name) = "Anyone with {name} also has this role.", "{name} 역할이 있으면 이 역할도 갖습니다.";
    admin_role_stop_implying(name) = "Remove implied role {name}", "포함된 역할 {name} 제거";
    admin_role_stop_title(name, implied) = "Remove implied role “{implied}” from “{name}”?", "‘{name}’ 역할에서 ‘{implied}’ 역할을 뺄까요?";
    admin_role_stop_text(name, implied) = "Everyone with {name} loses {implied}, unless it was assigned to them as well.", "{name} 역할이 있는 사용자는 {implied} 역할을 따로 부여받지 않았다면 잃습니다.";
    admin_role_stop_do = "Remove implied role", "포함된 역할 제거";
    admin_role_edit_built_in(name) = "Maru's services know the role “{name}” by this name. Renamed, it no longer gives the rights that it gives now.", "서비스는 ‘{name}’ 역할을 이 이름으로 알아봅니다. 이름을 바꾸면 지금의 권한을 더는 주지 않습니다.";
    admin_role_given = "Assignments", "부여 수";
    admin_role_delete_note(count) = "It is assigned once." | "It is assigned {count} times.", "이 역할이 {count}건 부여되어 있습니다.";
}

// Quotas.
messages! {
    admin_quotas = "Quotas", "쿼터";
    admin_quotas_lead = "How much the project has used, and its limits.", "프로젝트의 사용량과 한도입니다.";
    admin_quotas_edit = "Edit quotas", "쿼터 편집";
    admin_quotas_of(name) = "Quotas of project “{name}”", "‘{name}’ 프로젝트의 쿼터";
    admin_quotas_reset = "Reset to defaults", "기본값으로 되돌리기";
    admin_quotas_reset_title(name) = "Reset the quotas of project “{name}”?", "‘{name}’ 프로젝트의 쿼터를 되돌릴까요?";
    admin_quotas_reset_text = "The limits set for this project are removed, and the default quotas apply. What it has already stays.", "이 프로젝트에 따로 정한 한도를 지우고 기본 쿼터를 적용합니다. 이미 쓰고 있는 자원은 그대로 남습니다.";
    admin_quotas_hint = "-1 means unlimited.", "-1은 무제한입니다.";
    admin_quotas_image_hint = "Image limits are unified limits in Keystone. After “openstack registered limit create” they can be changed here.", "이미지 한도는 Keystone의 통합 한도입니다. “openstack registered limit create”로 등록하면 여기서 바꿀 수 있습니다.";
    admin_quotas_network_hint = "Neutron has no API for default quotas. Change them for each project.", "Neutron에는 기본 쿼터를 바꾸는 API가 없습니다. 프로젝트별로 변경하세요.";
    admin_default_quotas = "Default quotas", "기본 쿼터";
    admin_default_quotas_lead = "For projects without quotas of their own.", "쿼터를 따로 정하지 않은 프로젝트에 적용됩니다.";
    admin_limit = "Limit", "한도";
    admin_limit_own = "Projects with their own", "개별 설정 수";
    admin_limits = "Unified limits", "통합 한도";
    admin_limits_lead = "Limits that Keystone keeps for other services.", "Keystone이 다른 서비스를 위해 보관하는 한도입니다.";
}

// Usage of all projects.
messages! {
    admin_usage = "Usage", "사용량";
    admin_usage_lead = "What the servers of each project used in this period, including servers deleted since.", "이 기간에 프로젝트별로 서버가 사용한 양입니다. 그 뒤 삭제된 서버도 포함합니다.";
    admin_usage_empty = "No usage in this period", "이 기간의 사용 기록이 없습니다";
    admin_usage_disk_hours = "Disk (GB hours)", "디스크(GB·시간)";
    admin_usage_csv = "Download CSV", "CSV 내려받기";
    admin_usage_from = "Start date", "시작일";
    admin_usage_until = "End date", "종료일";
    admin_usage_show = "Show", "조회";
    admin_usage_wrong = "The start date must not be after the end date.", "시작일이 종료일보다 늦을 수 없습니다.";
}

// Users and groups.
messages! {
    admin_users_lead = "People who can sign in. Their roles in projects say what they may do.", "로그인할 수 있는 사용자입니다. 할 수 있는 일은 프로젝트의 역할이 정합니다.";
    admin_user = "User", "사용자";
    admin_user_new = "Create user", "사용자 만들기";
    admin_user_you = "you", "나";
    admin_email = "Email", "이메일";
    admin_user_enabled_hint = "A disabled user can't sign in.", "비활성화하면 로그인할 수 없습니다.";
    admin_user_disable(name) = "Disable user “{name}”?", "‘{name}’ 사용자를 비활성화할까요?";
    admin_user_disable_text = "The user is signed out and can't sign in until enabled again. What belongs to the user's projects stays.", "바로 로그아웃되고, 다시 활성화할 때까지 로그인할 수 없습니다. 프로젝트의 자원은 그대로 남습니다.";
    admin_user_not_yourself = "You can't disable yourself. Another administrator can.", "자기 자신은 비활성화할 수 없습니다. 다른 관리자에게 요청하세요.";
    admin_user_no_group = "Not in any group.", "속한 그룹이 없습니다.";
    admin_first_project = "Project", "프로젝트";
    admin_first_project_hint = "Without a role in a project, the user can't use the dashboard.", "프로젝트에 역할이 없으면 대시보드를 쓸 수 없습니다.";
    admin_default_project = "Default project", "기본 프로젝트";
    admin_default_project_hint = "The project selected after signing in.", "로그인하면 선택되는 프로젝트입니다.";
    admin_password = "Password", "비밀번호";
    admin_password_none = "None: can't sign in with a password", "없음: 비밀번호로 로그인할 수 없음";

    admin_password_set = "Set password", "비밀번호 설정";
    admin_password_of(name) = "Password of user “{name}”", "‘{name}’ 사용자의 비밀번호";
    admin_password_empty_hint = "Leave empty to generate one, which is shown once.", "비우면 자동으로 만들어 한 번만 보여 줍니다.";
    admin_password_ends_sessions = "All sessions of the user end.", "이 사용자의 모든 세션이 종료됩니다.";
    admin_password_own = "This is your own password: you will have to sign in again.", "본인의 비밀번호이므로 다시 로그인해야 합니다.";
    admin_password_once = "Pass it on safely: it is shown only once.", "안전하게 전달하세요. 한 번만 표시됩니다.";
    admin_sign_in_at = "Sign in at", "로그인 주소";
    admin_group = "Group", "그룹";
    admin_groups = "Groups", "그룹";
    admin_groups_lead = "Everyone in a group gets the group's roles. Use groups where people come and go.", "그룹에 부여한 역할은 그룹의 모든 사용자에게 적용됩니다. 구성원이 자주 바뀔 때 편리합니다.";
    admin_groups_empty_text = "Create a group, add users to it, and assign it a role in a project.", "그룹을 만들어 사용자를 추가하고, 프로젝트의 역할을 부여하세요.";
    admin_groups_empty = "No groups yet", "아직 그룹이 없습니다";
    admin_group_new = "Create group", "그룹 만들기";
    admin_group_empty = "No users in this group yet.", "아직 사용자가 없습니다.";
    admin_group_delete_note(count) = "It has 1 user." | "It has {count} users.", "사용자 {count}명이 속해 있습니다.";
}

// The system.
messages! {
    admin_system_lead = "The state of the cloud, its services and what applies to every project.", "클라우드의 상태와 서비스, 모든 프로젝트에 적용되는 설정을 봅니다.";
    admin_system_about = "This cloud", "이 클라우드";
    admin_version = "Version", "버전";
    admin_regions = "Regions", "리전";
    admin_catalog = "Services and endpoints", "서비스와 엔드포인트";
    admin_endpoints = "Endpoints", "엔드포인트";
    admin_system_members = "System roles", "시스템 전체 역할";
    admin_health = "Health", "상태";
    admin_health_good = "Healthy", "정상";
    admin_health_settling = "In progress", "반영 중";
    admin_health_down = "Host not responding", "호스트 응답 없음";
    admin_health_all = "No problems found: everything on the host is as it should be.", "호스트가 정상이며 실패한 작업이 없습니다.";
}

impl Text {
    /// [`Self::admin_quota`] beside figures that have their unit.
    pub(crate) fn admin_quota_title(self, name: &str) -> String {
        ["(MB)", "(GB)"].iter().fold(self.admin_quota(name), |title, unit| {
            title.replace(&format!(" {unit}"), "").replace(unit, "")
        })
    }

    /// A volume type in words.
    fn type_name(self, name: &str) -> &str {
        if name == "__DEFAULT__" {
            self.pick("default type", "기본 유형")
        } else {
            name
        }
    }

    /// The heading over a volume type's quotas.
    pub(crate) fn admin_quota_type(self, name: &str) -> String {
        let name = self.type_name(name);
        self.made(|| format!("Volume type “{name}”"), || format!("볼륨 유형 ‘{name}’"))
    }

    /// A resource of quotas in words; as it is, where it has none (those of volume types).
    pub(crate) fn admin_quota(self, name: &str) -> String {
        let (en, ko) = match name {
            "instances" => ("Servers", "서버"),
            "cores" => ("vCPUs", "vCPU"),
            "ram" => ("Memory (MB)", "메모리(MB)"),
            "key_pairs" => ("Key pairs per user", "사용자당 키 페어"),
            "metadata_items" => ("Metadata items per server", "서버당 메타데이터 항목"),
            "server_groups" => ("Server groups", "서버 그룹"),
            "server_group_members" => ("Servers per group", "그룹당 서버"),
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
            "gigabytes" => ("Volume storage (GB)", "볼륨 용량(GB)"),
            "per_volume_gigabytes" => ("Size per volume (GB)", "볼륨당 크기(GB)"),
            "backups" => ("Backups", "백업"),
            "backup_gigabytes" => ("Backup storage (GB)", "백업 용량(GB)"),
            "groups" => ("Volume groups", "볼륨 그룹"),
            "image_count_total" => ("Images", "이미지"),
            "image_size_total" => ("Image storage (MB)", "이미지 용량(MB)"),
            // Of one volume type: "gigabytes_fast", and "gigabytes___DEFAULT__" of the usual one.
            other => {
                let Some((quota, volume_type)) = other.split_once('_') else {
                    return other.to_owned();
                };
                let volume_type = self.type_name(volume_type);
                return match quota {
                    "volumes" | "snapshots" | "gigabytes" => format!("{}: {volume_type}", self.admin_quota(quota)),
                    _ => other.to_owned(),
                };
            }
        };
        self.pick(en, ko).to_owned()
    }
}
