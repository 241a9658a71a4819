//! Words of the launch wizard.

use super::{Text, messages};

// The form.
messages! {
    launch_title = "Launch a server", "서버 만들기";
    launch_do = "Launch", "시작";
    launch_done(name) = "Server “{name}” is being created", "‘{name}’ 서버를 만들고 있습니다";
    launch_done_many(count) = "{count} servers are being made", "서버 {count}대를 만들고 있습니다";
    launch_step_details = "Details", "기본 정보";
    launch_step_source = "Source", "원본";
    launch_step_flavor = "Flavor", "Flavor";
    launch_step_networks = "Networks", "네트워크";
    launch_step_groups = "Security groups", "보안 그룹";
    launch_step_key = "Key pair", "키 페어";
    launch_step_more = "More", "추가 설정";
    launch_review = "Will be made", "만들 것";
    launch_still = "Still needed:", "아직 필요한 것:";
    launch_missing_name = "a name", "이름";
    launch_missing_source = "what to boot from", "부팅 원본";
    launch_missing_flavor = "a flavor", "Flavor";
    launch_missing_network = "a network", "네트워크";
}

// Details.
messages! {
    launch_name_hint = "The server's host name is made from it.", "서버의 호스트 이름도 여기서 나옵니다.";
    launch_count = "How many", "개수";
    launch_count_hint = "With more than one, -1, -2 … is added to the name.", "여러 대이면 이름 뒤에 -1, -2 …가 붙습니다.";
    launch_quota_title = "Quota after this launch", "시작한 뒤의 쿼터";
    launch_ring_servers = "Servers", "서버";
    launch_ring_vcpus = "vCPUs", "vCPU";
    launch_ring_memory = "Memory", "메모리";
    launch_ring_volume_space = "Volume space", "볼륨 용량";
    launch_over_quota(name, asked, free) = "Over quota: {name}: {asked} asked, {free} left", "쿼터 초과: {name} {asked} 필요, {free} 남음";
    launch_room_for(fitting, count) = "The host has room for {fitting} of {count} now; the others would end in an error.", "호스트에는 지금 {count}대 중 {fitting}대만 들어갑니다. 나머지는 오류가 됩니다.";
}

// Source.
messages! {
    launch_source = "Boot from", "부팅 원본";
    launch_from_image = "Image", "이미지";
    launch_from_image_hint = "A fresh system", "새 시스템";
    launch_from_copy = "Snapshot of a server", "서버 스냅샷";
    launch_from_copy_hint = "As that server was", "그 서버의 그때 모습대로";
    launch_from_volume = "Volume", "볼륨";
    launch_from_volume_hint = "A disk that is there already", "이미 있는 디스크";
    launch_from_snapshot = "Snapshot of a volume", "볼륨 스냅샷";
    launch_from_snapshot_hint = "Into a new volume", "새 볼륨으로";
    launch_no_images = "There is no image yet.", "아직 이미지가 없습니다.";
    launch_add_image = "Add an image", "이미지 추가";
    launch_no_copies = "No snapshot was made of a server yet; its menu has that.", "아직 서버 스냅샷이 없습니다. 서버의 메뉴에서 만들 수 있습니다.";
    launch_no_volumes = "No volume can be booted from: make one from an image.", "부팅할 수 있는 볼륨이 없습니다. 이미지로 볼륨을 만드세요.";
    launch_no_snapshots = "There is no snapshot of a volume yet.", "아직 볼륨 스냅샷이 없습니다.";
    launch_needs_disk(size) = "needs {size} disk", "디스크 {size} 필요";
    launch_needs_memory(size) = "needs {size} memory", "메모리 {size} 필요";
    launch_image_of_volume(size) = "boots from a volume of {size}", "{size} 볼륨으로 부팅";
    launch_image_format(format) = "can't be booted: {format}", "부팅할 수 없음: {format}";
    launch_image_unread = "can't be booted: upload it again", "부팅할 수 없음: 다시 업로드하세요";
    launch_image_queued = "has no data yet", "아직 데이터가 없음";
    launch_image_deactivated = "deactivated", "비활성화됨";
    launch_image_killed = "its data was refused", "데이터가 거부됨";
    launch_image_coming = "its data is still coming in", "데이터를 받는 중";
    launch_not_bootable = "can't be booted from", "부팅할 수 없음";
    launch_snapshot_of(name) = "of {name}", "{name}의 스냅샷";
    launch_into_volume = "Into a new volume", "새 볼륨에 넣기";
    launch_into_volume_hint = "The system then lives on a volume of its own, which can outlive the server.", "시스템이 별도의 볼륨에 있게 되어 서버가 없어져도 남을 수 있습니다.";
    launch_volume_size = "Size of the volume, GB", "볼륨 크기(GB)";
    launch_volume_size_hint = "Empty: as large as the image needs.", "비우면 이미지에 필요한 만큼입니다.";
    launch_snapshot_size_hint = "Empty: as large as the snapshot.", "비우면 스냅샷과 같은 크기입니다.";
    launch_volume_small(size) = "a volume of {size} at least", "최소 {size}인 볼륨";
    launch_volume_one = "one server only: a volume boots one", "서버 한 대만(볼륨 하나는 한 대만 부팅)";
    launch_in_new_volume(name, size) = "{name} in a volume of {size}", "{name}({size} 볼륨에)";
}

// Flavor.
messages! {
    launch_flavor_hint = "How large the server is. What can't fit says which figure is missing.", "서버의 크기입니다. 들어갈 수 없는 것에는 모자라는 수치가 나옵니다.";
    launch_no_flavors = "This cloud has no flavor that you may use; its administrator makes them.", "쓸 수 있는 flavor가 없습니다. 관리자가 만들 수 있습니다.";
    launch_disk_is_volume = "It boots from a volume, so the flavor's disk is not used.", "볼륨으로 부팅하므로 flavor의 디스크는 쓰이지 않습니다.";
    launch_further_disks(ephemeral, swap) = "besides: empty disk {ephemeral}, swap {swap}", "추가: 빈 디스크 {ephemeral}, 스왑 {swap}";
    launch_lacks_memory(needs, lacks) = "The image needs {needs} of memory: {lacks} too little", "이미지에 메모리 {needs} 필요: {lacks} 부족";
    launch_lacks_disk(needs, lacks) = "The image needs {needs} of disk: {lacks} too little", "이미지에 디스크 {needs} 필요: {lacks} 부족";
    launch_host_vcpus(asked, free) = "Host: {asked} vCPUs asked, {free} free", "호스트: vCPU {asked}개 필요, {free}개 남음";
    launch_host_memory(asked, free) = "Host: {asked} of memory asked, {free} free", "호스트: 메모리 {asked} 필요, {free} 남음";
    launch_host_disk(asked, free) = "Host: {asked} of disk asked, {free} free", "호스트: 디스크 {asked} 필요, {free} 남음";
    launch_host_down = "The host does not report", "호스트가 응답하지 않음";
    launch_no_host = "No host takes new servers now", "지금 새 서버를 받는 호스트가 없음";
}

// Networks.
messages! {
    launch_networks_hint = "Tick them in the order in which the server shall have them: the first is its way out.", "서버가 가질 순서대로 고르세요. 첫 번째로 밖에 나갑니다.";
    launch_nics = "Networks and ports", "네트워크와 포트";
    launch_no_networks = "You have no network yet: make one with a subnet, then look again.", "아직 네트워크가 없습니다. 서브넷과 함께 만든 뒤 다시 확인하세요.";
    launch_no_subnets = "No network has a subnet: a server would get no address. Open a network and add one.", "서브넷이 있는 네트워크가 없어 서버가 주소를 받지 못합니다. 네트워크를 열어 서브넷을 추가하세요.";
    launch_network_without_subnet = "no subnet", "서브넷 없음";
    launch_network_full = "no address is free", "남은 주소 없음";
    launch_look_again = "Look again", "다시 확인";
    launch_port_named(name) = "Port {name}", "포트 {name}";
    launch_port_on(addresses, network) = "{addresses} on {network}", "{network}의 {addresses}";
    launch_port_one = "one server only: a port is for one", "서버 한 대만(포트 하나는 한 대만 사용)";
    launch_without_network = "Without any network", "네트워크 없이";
    launch_without_network_hint = "It can then only be reached by its console; networks can be attached later.", "그러면 콘솔로만 접속할 수 있습니다. 네트워크는 나중에 연결할 수 있습니다.";
}

// Security groups.
messages! {
    launch_groups_hint = "Only what a rule of a chosen group lets in gets through. Ports that were there before keep their own groups.", "규칙이 허용하지 않은 것은 막힙니다. 이미 있던 포트는 자기 그룹을 그대로 씁니다.";
    launch_groups_none = "The project's default group is used.", "프로젝트의 기본 그룹이 쓰입니다.";
    launch_allow_ping = "Allow ping from anywhere", "어디서나 ping 허용";
    launch_allow_ssh = "Allow SSH from anywhere", "어디서나 SSH 허용";
    launch_allow_hint = "Where no chosen group does, a group with the rule is made along.", "고른 그룹에 그런 규칙이 없으면 규칙이 든 그룹을 함께 만듭니다.";
    launch_group_made(name) = "The security group “{name}” comes along.", "보안 그룹 ‘{name}’이(가) 함께 쓰입니다.";
    launch_group_description = "Made by the launch wizard", "서버 시작 화면에서 만듦";
    launch_reach_title = "Who may reach it?", "누가 접속할 수 있나요?";
    launch_reach_nobody = "Nobody from outside", "밖에서는 아무도 접속할 수 없습니다";
    launch_reach_anybody = "From anywhere", "어디서나";
    launch_reach_anybody_v6 = "From anywhere by IPv6", "IPv6로 어디서나";
    launch_reach_members(group) = "Servers in “{group}”", "‘{group}’에 속한 서버";
    launch_reach_addresses(group) = "Addresses of “{group}”", "‘{group}’의 주소";
    launch_reach_floating = "From outside the cloud it also needs a floating IP.", "클라우드 밖에서 접속하려면 유동 IP도 필요합니다.";
    launch_reach_of_ports = "The chosen ports have groups of their own; those decide.", "고른 포트에는 자기 보안 그룹이 있고, 그 규칙을 따릅니다.";
}

// Key pair.
messages! {
    launch_key_hint = "The server gets the public half; who has the private half can log in.", "서버에는 공개 키가 들어가고, 개인 키를 가진 사람이 로그인할 수 있습니다.";
    launch_key_list = "Your key pairs", "내 키 페어";
    launch_key_none = "No key pair", "키 페어 없음";
    launch_key_none_hint = "Only for images with a password of their own", "비밀번호가 있는 이미지에만";
    launch_key_make = "Make a key pair", "키 페어 만들기";
    launch_key_import = "Import a public key", "공개 키 가져오기";
}

// More.
messages! {
    launch_user_data = "User data", "사용자 데이터";
    launch_user_data_hint = "A script or cloud-config that runs at the first boot; 64 KiB at most in base64.", "처음 부팅할 때 실행되는 스크립트나 cloud-config입니다. base64로 최대 64 KiB.";
    launch_user_data_file = "Or from a file", "또는 파일에서";
    launch_user_data_base64 = "It is base64 already (compressed files)", "이미 base64임(압축 파일)";
    launch_user_data_long(length, most) = "shorter user data: {length} characters in base64, {most} at most", "더 짧은 사용자 데이터: base64로 {length}자, 최대 {most}자";
    launch_metadata = "Metadata", "메타데이터";
    launch_metadata_hint = "One per line: key=value. The server can read them at 169.254.169.254.", "한 줄에 하나씩: 키=값. 서버가 169.254.169.254에서 읽을 수 있습니다.";
    launch_metadata_wrong(line) = "Metadata: “{line}” is not of the form key=value.", "메타데이터: ‘{line}’은(는) 키=값 형식이 아닙니다.";
    launch_tags = "Tags", "태그";
    launch_tags_hint = "With commas between", "쉼표로 나눕니다";
    launch_server_group = "Server group", "서버 그룹";
    launch_server_group_hint = "Where it may be relative to the group's other servers", "그룹의 다른 서버와 어떻게 배치될지";
    launch_group_affinity = "all on one host", "모두 한 호스트에";
    launch_group_anti_affinity = "each on another host", "서로 다른 호스트에";
    launch_group_soft_affinity = "on one host if there is room", "되도록 한 호스트에";
    launch_group_soft_anti_affinity = "on different hosts if there are", "되도록 다른 호스트에";
    launch_config_drive = "Config drive", "구성 드라이브";
    launch_config_drive_hint = "Key, user data and metadata also on a small disk, for images that don't ask the network.", "네트워크에 묻지 않는 이미지를 위해 키, 사용자 데이터, 메타데이터를 작은 디스크에도 넣습니다.";
}

impl Text {
    /// Cinder's status of what can't be booted from now.
    pub(crate) fn launch_state(self, status: &str) -> &'static str {
        match status {
            "creating" | "downloading" => self.pick("being made", "만드는 중"),
            "in-use" => self.pick("in use", "사용 중"),
            "reserved" | "attaching" => self.pick("being attached", "연결하는 중"),
            "detaching" => self.pick("being detached", "연결 해제하는 중"),
            "deleting" => self.pick("being deleted", "삭제하는 중"),
            "awaiting-transfer" => self.pick("offered to another project", "다른 프로젝트에 제안함"),
            "error" | "error_deleting" | "error_extending" | "error_restoring" => self.pick("in error", "오류"),
            _ => self.pick("busy", "작업 중"),
        }
    }
}
