//! Words of servers, their actions and consoles.

use std::fmt::Display;

use model::compute::VmState;

use super::{Text, messages};

// The list and the pages of one.
messages! {
    servers_lead = "Servers are virtual machines: launch one, log in to it, and delete it when you no longer need it.", "서버는 클라우드에서 실행되는 가상 머신입니다. 만들어서 로그인하고, 필요 없으면 삭제하세요.";
    servers_word = "servers", "서버";
    servers_empty = "You have no server yet", "아직 서버가 없습니다";
    servers_empty_text = "A server is made from an image (its system), a flavor (its size) and a network (what it is plugged into). It is ready within a minute.", "서버는 이미지(시스템), flavor(크기), 네트워크(꽂을 곳)로 만듭니다. 1분 안에 준비됩니다.";
    servers_admin_lead = "The servers of all projects.", "모든 프로젝트의 서버입니다.";
    servers_admin_empty = "There is no server in this cloud", "이 클라우드에는 서버가 없습니다";
    servers_admin_empty_text = "Servers of all projects are shown here once somebody launches one.", "누군가 서버를 만들면 모든 프로젝트의 서버가 여기에 보입니다.";
    server_launch = "Launch server", "서버 만들기";
    server_tabs = "Pages of this server", "이 서버의 페이지";
    server_tab_log = "Log", "로그";
    server_tab_console = "Console", "콘솔";
    server_tab_actions = "Action log", "작업 기록";
    server_addresses = "Addresses", "주소";
    server_image = "Image", "이미지";
    server_from_volume = "a volume", "볼륨";
    server_image_gone = "(deleted)", "(삭제됨)";
    server_flavor = "Flavor", "Flavor";
    server_key = "Key pair", "키 페어";
    server_no_key = "none: log in by password only", "없음: 비밀번호로만 로그인";
    server_user = "Created by", "만든 사용자";
    server_host = "Host", "호스트";
    server_power = "Power", "전원";
    server_hostname = "Host name", "호스트 이름";
    server_group_one = "Server group", "서버 그룹";
    server_config_drive = "Config drive", "구성 드라이브";
    server_launched = "First started", "최초 시작 시각";
    server_processors = "vCPUs", "vCPU";
    server_memory = "Memory", "메모리";
    server_root_disk = "Root disk", "루트 디스크";
    server_ephemeral = "Ephemeral disk", "임시 디스크";
    server_swap = "Swap", "스왑";
    server_disk_as_image = "as large as the image", "이미지 크기만큼";
    server_before_resize = "Before the resize", "크기 변경 전";
    server_volume = "Volume", "볼륨";
    server_name_hint = "The host name inside the server doesn't change.", "서버 안의 호스트 이름은 그대로입니다.";
    server_locked_note = "This server is locked: whoever is no administrator can't change it until it is unlocked.", "잠긴 서버입니다. 잠금을 풀기 전에는 관리자만 바꿀 수 있습니다.";
    server_lock_reason(reason) = "Reason: {reason}", "이유: {reason}";
    server_resized_note = "It has its new size. Look whether all is well, then confirm; or take the old size back.", "새 크기가 되었습니다. 잘 동작하는지 본 뒤 확정하거나 이전 크기로 되돌리세요.";
    server_rescued_note = "It runs from a rescue disk; its own disk is the second one. Mend it, then end the rescue.", "복구 디스크로 실행 중이며 원래 디스크는 두 번째 디스크입니다. 고친 뒤 복구를 끝내세요.";
    server_fault = "This server could not be made, or broke", "서버를 만들지 못했거나 고장 났습니다";
    server_fault_details = "Details", "자세히";
    server_fault_no_room = "Delete this server and choose a smaller flavor, or delete servers that are no longer needed; then launch it again.", "이 서버를 삭제하고 더 작은 flavor를 고르거나, 필요 없는 서버를 삭제한 뒤 다시 만드세요.";
    server_log_reboot = "Reboot", "재부팅";
    server_fault_other = "Try a hard reboot. If that does not help, look at the log, rebuild the server, or delete it and launch another.", "하드 재부팅을 해 보세요. 안 되면 로그를 확인하고, 재구축하거나 삭제한 뒤 새로 만드세요.";
}

// States.
messages! {
    server_building = "being made", "만드는 중";
    server_active = "running", "실행 중";
    server_paused = "paused", "일시 정지됨";
    server_suspended = "suspended", "절전됨";
    server_stopped = "shut off", "꺼져 있음";
    server_resized = "resized: confirm?", "크기 변경됨: 확정할까요?";
    server_rescued = "in rescue", "복구 모드";
    server_shelved = "shelved", "보관됨";
    server_error = "error", "오류";
    server_deleted = "deleted", "삭제됨";
    server_progress(words, percent) = "{words}, {percent}%", "{words} {percent}%";
    server_scheduling = "looking for a host", "호스트를 찾는 중";
    server_networking = "plugging in the network", "네트워크를 꽂는 중";
    server_making_disks = "making its disks", "디스크를 만드는 중";
    server_spawning = "starting for the first time", "처음 켜는 중";
    server_powering_on = "starting", "켜는 중";
    server_powering_off = "shutting down", "끄는 중";
    server_rebooting = "rebooting", "재부팅 중";
    server_rebooting_hard = "rebooting hard", "하드 재부팅 중";
    server_pausing = "pausing", "일시 정지하는 중";
    server_unpausing = "going on", "다시 시작하는 중";
    server_suspending = "saving its memory", "메모리를 저장하는 중";
    server_resuming = "waking up", "깨우는 중";
    server_copying_disk = "copying its disk", "디스크를 복사하는 중";
    server_making_image = "making the image", "이미지를 만드는 중";
    server_rebuilding = "being rebuilt", "재구축하는 중";
    server_resizing = "changing its size", "크기를 바꾸는 중";
    server_reverting = "taking its old size back", "이전 크기로 되돌리는 중";
    server_rescuing = "starting the rescue", "복구를 시작하는 중";
    server_unrescuing = "ending the rescue", "복구를 끝내는 중";
    server_shelving = "being shelved", "보관하는 중";
    server_offloading = "leaving its host", "호스트에서 내리는 중";
    server_unshelving = "coming off the shelf", "보관에서 꺼내는 중";
    server_deleting = "being deleted", "삭제하는 중";
    server_power_unknown = "not known", "알 수 없음";
    server_power_on = "on", "켜짐";
    server_power_paused = "paused", "일시 정지됨";
    server_power_off = "off", "꺼짐";
    server_power_crashed = "crashed", "비정상 종료";
    server_power_suspended = "memory saved", "메모리 저장됨";
    server_power_odd(power) = "power {power}", "전원 {power}";
    server_not_while(state) = "Not available while {state}.", "{state} 상태에서는 할 수 없습니다.";
    server_wait_for(task) = "Wait, it is busy: {task}", "작업이 끝날 때까지 기다리세요: {task}";
    server_never_launched = "It is on no host.", "호스트에 올라가 있지 않습니다.";
    server_is_locked = "It is locked.", "잠겨 있습니다.";
    server_not_locked = "It is not locked.", "잠겨 있지 않습니다.";
    server_locked_by_admin = "An administrator locked it.", "관리자가 잠갔습니다.";
    server_only_reader = "Your role in this project may only look.", "이 프로젝트에서는 보기만 할 수 있는 역할입니다.";
}

// Parts of the page.
messages! {
    server_ssh = "Log in", "로그인하기";
    server_ssh_off = "It is not running now; this works once it is.", "지금은 실행 중이 아닙니다. 실행되면 접속할 수 있습니다.";
    server_ssh_no_nic = "It has no network interface, so only the console leads to it.", "네트워크 인터페이스가 없어 콘솔로만 접속할 수 있습니다.";
    server_ssh_inside = "It has no floating IP: this goes through the network's namespace, on the cloud's own host. To reach it from elsewhere:", "유동 IP가 없어 클라우드 호스트에서 네임스페이스를 거쳐 들어갑니다. 다른 곳에서 접속하려면:";
    server_ssh_closed = "No security group rule allows SSH (TCP 22), so you can't connect over SSH.", "SSH(TCP 22)를 허용하는 보안 그룹 규칙이 없어 SSH로 접속할 수 없습니다.";
    server_ssh_who = "This image doesn't say which user to log in as. Replace LOGIN with the right name, or set os_admin_user on the image.", "이 이미지에는 로그인할 사용자 이름이 적혀 있지 않습니다. LOGIN을 알맞은 이름으로 바꾸거나, 이미지에 os_admin_user 속성을 설정하세요.";
    server_ssh_key(file) = "{file} is the private key that you downloaded when you created the key pair. Only you may be able to read it:", "{file} 파일은 키 페어를 만들 때 내려받은 개인 키입니다. 본인만 읽을 수 있어야 합니다:";
    server_ssh_no_key = "It was created without a key pair, so you can log in only with a password, if the image has one (cirros: gocubsgo).", "키 페어 없이 만든 서버라, 이미지에 비밀번호가 있을 때만 비밀번호로 로그인할 수 있습니다(cirros: gocubsgo).";
    server_nics = "Network interfaces", "네트워크 인터페이스";
    server_nics_none = "It has no network interface.", "네트워크 인터페이스가 없습니다.";
    server_fixed = "Fixed IP", "고정 IP";
    server_floating = "Floating IP", "유동 IP";
    server_volumes_none = "No volume is attached.", "연결된 볼륨이 없습니다.";
    server_device = "Device", "장치";
    server_boots_from = "boots from it", "부팅 볼륨";
    server_goes_along = "Deleted with the server", "서버와 함께 삭제";
    server_volume_attached = "attached", "연결됨";
    server_volume_attaching = "being attached", "연결하는 중";
    server_volume_detaching = "being detached", "연결 해제하는 중";
    server_groups_none = "It is in no security group: nothing reaches it, and it reaches nothing.", "보안 그룹이 없어 드나드는 것이 모두 막힙니다.";
    server_group_lets_nothing = "lets nothing in", "들어오는 것을 모두 막음";
    server_more_rules(n) = "and {n} more", "외 {n}개";
    server_labels = "Metadata and tags", "메타데이터와 태그";
    server_labels_none = "None yet.", "아직 없습니다.";
    server_host_process = "Process", "프로세스";
    server_host_cgroup = "Control group", "제어 그룹";
    server_host_directory = "Directory", "디렉터리";
    server_host_disk = "Disks", "디스크";
    server_host_sockets = "Sockets and log", "소켓과 로그";
}

// The log, the action log.
messages! {
    server_log_lead = "What the server wrote to its serial port: the kernel's messages, cloud-init, the login prompt. New lines appear by themselves.", "서버가 직렬 포트에 쓴 내용입니다. 커널 메시지, cloud-init, 로그인 안내가 보이며 새 줄은 저절로 나타납니다.";
    server_log_empty = "Nothing was written yet.", "아직 쓰인 것이 없습니다.";
    server_log_lines = "Last lines:", "마지막 줄 수:";
    server_log_actions_lead = "Who did what to this server, and how it ended.", "누가 이 서버에 무엇을 했고 어떻게 끝났는지 보여 줍니다.";
    server_log_when = "When", "언제";
    server_log_what = "What", "무엇을";
    server_log_who = "Who", "누가";
    server_log_end = "Outcome", "결과";
    server_log_took = "Took", "걸린 시간";
    server_log_seconds(n) = "{n} s", "{n}초";
    server_log_done = "done", "완료";
    server_log_failed = "failed", "실패";
    server_log_under_way = "under way", "진행 중";
    server_log_create = "Launch", "서버 만들기";
    server_log_backup = "Backup", "백업";
    server_log_extend = "Volume grows", "볼륨 늘리기";
}

// Consoles.
messages! {
    console_screen = "Screen", "화면";
    console_serial = "Serial console", "직렬 콘솔";
    console_off = "The server is not running", "서버가 실행 중이 아닙니다";
    console_off_text = "A console is there while the server runs. Start it, then look again.", "콘솔은 서버가 켜져 있을 때 쓸 수 있습니다. 켠 뒤 다시 여세요.";
    console_look_again = "Look again", "다시 보기";
    console_connecting = "connecting", "연결하는 중";
    console_connected = "connected", "연결됨";
    console_closed = "connection closed", "연결이 끊겼습니다";
    console_refused = "could not be opened: does the server run?", "열 수 없습니다. 서버가 켜져 있나요?";
    console_taken = "somebody else has opened this console", "다른 사람이 이 콘솔을 열었습니다";
    console_stopped = "the server is not running any more", "서버가 더 이상 실행 중이 아닙니다";
    console_paste = "Paste", "붙여넣기";
    console_paste_label = "Text to be typed into the console", "콘솔에 입력할 글";
    console_type = "Type it", "입력하기";
    console_full = "Full screen", "전체 화면";
    console_again = "Reconnect", "다시 연결";
    console_input = "What you type goes to the server", "입력한 글자는 서버로 갑니다";
    console_screen_hint = "Click on the screen to type. Pasted text is typed key by key, as on an English keyboard.", "입력하려면 화면을 누르세요. 붙여넣은 글은 영문 자판으로 한 글자씩 입력됩니다.";
    console_serial_hint = "Nothing to see? Press Enter: the server shows its prompt again. One person at a time can use a serial console.", "아무것도 안 보이면 Enter를 누르세요. 로그인 안내가 다시 나옵니다. 직렬 콘솔은 한 번에 한 사람만 쓸 수 있습니다.";
    console_no_script = "Consoles need JavaScript.", "콘솔을 쓰려면 JavaScript가 필요합니다.";
}

impl Text {
    /// Why something can't be done in a state.
    pub(crate) fn server_not_in(self, state: VmState) -> String {
        self.server_not_while(match state {
            VmState::Building => self.pick("it is being made", "만드는 중인"),
            VmState::Active => self.pick("it is running", "실행 중인"),
            VmState::Paused => self.pick("it is paused", "일시 정지"),
            VmState::Suspended => self.pick("it is suspended", "절전"),
            VmState::Stopped => self.pick("it is shut off", "꺼진"),
            VmState::Resized => self.pick("its resize is not confirmed", "크기 변경 확정 전"),
            VmState::Rescued => self.pick("it is in rescue", "복구 중인"),
            VmState::Shelved | VmState::ShelvedOffloaded => self.pick("it is shelved", "보관된"),
            VmState::Error => self.pick("it is in error", "오류"),
            VmState::Deleted => self.pick("it is deleted", "삭제된"),
        })
    }

    /// `2 vCPUs`.
    pub(crate) fn server_vcpus(self, count: u32) -> String {
        let many = if count == 1 { "" } else { "s" };
        self.made(|| format!("{count}\u{a0}vCPU{many}"), || format!("vCPU\u{a0}{count}개"))
    }

    /// `2 vCPUs, 4 GB memory`.
    pub(crate) fn server_power_and_memory(self, vcpus: u32, memory: impl Display) -> String {
        let vcpus = self.server_vcpus(vcpus);
        self.made(
            || format!("{vcpus}, {memory} memory"),
            || format!("{vcpus}, 메모리\u{a0}{memory}"),
        )
    }

    /// A flavor's size in a line: `2 vCPUs, 4 GB memory, 20 GB disk`. Without a disk of its own it has the image's.
    pub(crate) fn server_figures(self, vcpus: u32, memory: impl Display, disk: Option<String>) -> String {
        let power = self.server_power_and_memory(vcpus, memory);
        let disk = match disk {
            Some(disk) => self.made(|| format!("{disk} disk"), || format!("디스크\u{a0}{disk}")),
            None => self
                .pick("disk as large as the image", "이미지 크기의 디스크")
                .to_owned(),
        };
        format!("{power}, {disk}")
    }
}
