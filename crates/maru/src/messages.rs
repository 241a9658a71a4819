//! Every text for people, in English and Korean. One macro makes a method of [`Lang`] for each: a text that is missing in
//! one language, or names a value that is not there, does not compile.

use std::fmt::Display;

use crate::lang::Lang;

macro_rules! messages {
    ($($name:ident($($value:ident),*) = $en:literal, $ko:literal;)*) => {
        impl Lang {
            $(
                #[doc = $en]
                pub fn $name(self $(, $value: impl Display)*) -> String {
                    match self {
                        Self::En => format!($en),
                        Self::Ko => format!($ko),
                    }
                }
            )*
        }
    };
}

// Help.
messages! {
    about_maru() = "An OpenStack-compatible cloud in one program", "하나의 프로그램으로 된 OpenStack 호환 클라우드";
    help_more() = "Help on a command, with an example: maru COMMAND --help", "명령의 도움말과 예: maru 명령 --help";
    help_example() = "Example:", "예:";
    help_default() = "default", "기본값";
    help_config() = "Settings file (TOML); /etc/maru/maru.toml is read when it is there", "설정 파일(TOML). /etc/maru/maru.toml이 있으면 읽습니다";
    help_json() = "Print data as JSON", "데이터를 JSON으로 출력합니다";
    help_yes() = "Don't ask", "묻지 않습니다";
    about_up() = "Run an all-in-one cloud in the foreground", "클라우드 전체를 포그라운드에서 실행합니다";
    help_background() = "Run it in the background, and return when it answers", "백그라운드에서 실행하고 응답하면 돌아옵니다";
    about_down() = "Stop Maru; servers and their networks go on", "마루를 멈춥니다. 서버와 네트워크는 계속 동작합니다";
    about_purge() = "Remove a cloud and everything it made on this host", "클라우드와 그것이 이 호스트에 만든 모든 것을 지웁니다";
    help_cloud_id() = "The cloud's id, when its state directory is lost (see 'ip -d link show lo' in a namespace: alias maru:ID)", "상태 디렉터리를 잃었을 때의 클라우드 id (네임스페이스 안의 'ip -d link show lo': alias maru:ID)";
    about_status() = "Show what runs, what it holds and what is not as wanted", "무엇이 실행 중이고, 무엇이 있으며, 무엇이 원하는 상태가 아닌지 보여 줍니다";
    help_leftovers() = "Look also for things on the host that belong to nothing", "호스트에 남은, 어디에도 속하지 않는 것도 찾습니다";
    about_doctor() = "Check this host and say what to mend", "이 호스트를 점검하고 고칠 것을 알려 줍니다";
    about_demo() = "Tell and do the tutorial: from no network to ssh into a server over its floating IP", "튜토리얼을 설명하며 실행합니다: 네트워크 만들기부터 유동 IP로 서버에 ssh 접속까지";
    about_openrc() = "Print what makes the openstack client a user of this cloud", "openstack 클라이언트가 이 클라우드를 쓰게 하는 스크립트를 출력합니다";
    help_openrc_user() = "Which user", "사용자";
    about_backup() = "Copy the cloud's rows into a file, while it runs", "실행 중인 클라우드의 데이터를 파일로 복사합니다";
    help_backup_file() = "The backup", "백업 파일";
    about_restore() = "Replace the cloud's rows by those of a backup", "클라우드의 데이터를 백업의 것으로 바꿉니다";
    about_port() = "Give network namespaces of this host a leg on a port", "이 호스트의 네트워크 네임스페이스를 포트에 연결합니다";
    help_port_id() = "The port's id", "포트의 id";
    about_attach() = "Plug a namespace into a port, with the same rules, DHCP and metadata as a server's", "네임스페이스를 포트에 연결합니다. 규칙, DHCP, 메타데이터는 서버와 같습니다";
    help_netns() = "The namespace (see 'ip netns')", "네임스페이스('ip netns' 참고)";
    help_ifname() = "The interface's name inside", "그 안의 인터페이스 이름";
    about_detach() = "Unplug it", "연결을 끊습니다";
    about_image() = "Make and list images", "이미지를 만들고 봅니다";
    about_image_create() = "Upload a disk image (raw or qcow2, told from the file itself)", "디스크 이미지를 올립니다(raw 또는 qcow2, 파일을 보고 알아냅니다)";
    help_image_name() = "Its name", "이름";
    help_image_file() = "The file", "파일";
    help_image_public() = "Every project may use it", "모든 프로젝트가 쓸 수 있게 합니다";
    about_meter() = "Show what metering labels counted, by router", "미터링 레이블이 라우터마다 센 양을 봅니다";
    about_image_list() = "List all images", "모든 이미지를 봅니다";
    about_config() = "Print all settings with their defaults, as a commented file", "모든 설정을 기본값과 함께 주석 달린 파일로 출력합니다";
    about_version() = "Print the version", "버전을 출력합니다";
    about_completions() = "Print a shell's completion script", "셸 자동 완성 스크립트를 출력합니다";
    help_shell() = "The shell", "셸";
    about_man() = "Write manual pages", "매뉴얼 페이지를 씁니다";
    help_man_directory() = "Where to", "쓸 디렉터리";
}

// Starting, stopping, removing.
messages! {
    starting() = "Starting", "시작하는 중";
    running(url, pid) = "Maru runs and answers on {url} (process {pid})", "마루가 실행 중이며 {url}에서 응답합니다(프로세스 {pid})";
    log_is(path) = "      log: {path}", "      로그: {path}";
    did_not_start(path) = "Maru did not start; the end of {path}:", "마루가 시작하지 못했습니다. {path}의 끝:";
    no_answer(seconds, path) = "Maru does not answer after {seconds} s; the end of {path}:", "마루가 {seconds}초 동안 응답하지 않습니다. {path}의 끝:";
    not_running(path) = "No cloud runs from {path}", "{path}에서 실행 중인 클라우드가 없습니다";
    stopping(pid) = "Stopping process {pid}", "프로세스 {pid}를 멈추는 중";
    stopped(pid) = "Maru (process {pid}) has stopped; servers and their networks go on", "마루(프로세스 {pid})가 멈췄습니다. 서버와 네트워크는 계속 동작합니다";
    does_not_stop(pid, seconds) = "Maru (process {pid}) has not stopped after {seconds} s; end it with: kill -9 {pid}", "마루(프로세스 {pid})가 {seconds}초가 지나도 멈추지 않습니다. 끝내려면: kill -9 {pid}";
    no_state_dir(path) = "{path} holds no cloud's state; nothing was removed", "{path}에는 클라우드의 상태가 없어 아무것도 지우지 않았습니다";
    nothing_to_purge(path) = "There is no cloud at {path}: nothing to remove", "{path}에 클라우드가 없습니다. 지울 것이 없습니다";
    nothing_done() = "Nothing was removed", "아무것도 지우지 않았습니다";
    purge_needs_yes() = "purge removes servers, disks and images for good; say --yes", "purge는 서버, 디스크, 이미지를 영구히 지웁니다. --yes를 붙이세요";
    really_purge(path) = "Remove the cloud at {path} with all its servers, disks and images for good? [y/N]", "{path}의 클라우드를 서버, 디스크, 이미지까지 영구히 지울까요? [y/N]";
    cannot_open_host(error) = "the host's network namespace can't be opened: {error}", "호스트의 네트워크 네임스페이스를 열 수 없습니다: {error}";
    ended_servers(count) = "ended {count} server process(es)", "서버 프로세스 {count}개를 끝냈습니다";
    removed(what) = "removed {what}", "{what}을(를) 지웠습니다";
    removed_netns(name) = "removed network namespace {name}", "네트워크 네임스페이스 {name}을(를) 지웠습니다";
    purged() = "Nothing of the cloud is left on this host", "이 호스트에 클라우드의 것이 남아 있지 않습니다";
    not_purged() = "something is left; mend it and call purge again:", "남은 것이 있습니다. 고치고 purge를 다시 실행하세요:";
}

// Looking.
messages! {
    host_line(name, acceleration, vcpus, free, memory, disk) = "host {name}: {vcpus} CPUs ({acceleration}), {free} of {memory} memory free, {disk} disk free", "호스트 {name}: CPU {vcpus}개({acceleration}), 메모리 {memory} 중 {free} 남음, 디스크 {disk} 남음";
    servers_line(counts) = "on the host: {counts}", "호스트의 서버: {counts}";
    no_leftovers() = "Nothing lies about on the host", "호스트에 남은 것이 없습니다";
    leftover(kind, name) = "left over: {kind} {name}", "남은 것: {kind} {name}";
    no_clouds_yaml(path) = "{path} can't be read: was the cloud started, and are you root?", "{path}을(를) 읽을 수 없습니다. 클라우드를 시작했는지, root인지 확인하세요";
    no_netns(name) = "there is no network namespace '{name}' (see: ip netns)", "네트워크 네임스페이스 '{name}'이(가) 없습니다(ip netns 참고)";
    attached(port, ifname, netns) = "Port {port} is {ifname} in {netns}", "포트 {port}이(가) {netns} 안의 {ifname}에 연결되었습니다";
    detached(port) = "Port {port} is free", "포트 {port}의 연결을 끊었습니다";
    not_attached(reason, seconds) = "the port is not up after {seconds} s: {reason}", "포트가 {seconds}초가 지나도 동작하지 않습니다: {reason}";
    uploading(file) = "Uploading {file}", "{file} 올리는 중";
    image_made(name, id, size) = "Image '{name}' {id}, {size}", "이미지 '{name}' {id}, {size}";
    backed_up(file, rows, size) = "{file}: {rows} rows, {size}", "{file}: {rows}행, {size}";
    backup_note(path) = "Images and servers' disks are files below {path}; they are not in it.", "이미지와 서버 디스크는 {path} 아래의 파일이며 백업에 들어 있지 않습니다.";
    restore_needs_yes() = "restore replaces everything the cloud knows; stop it first (maru down), then say --yes", "restore는 클라우드가 아는 모든 것을 바꿉니다. 먼저 멈추고(maru down) --yes를 붙이세요";
    restored(rows, revision) = "{rows} rows of revision {revision} are in place; start the cloud with 'maru up'", "리비전 {revision}의 {rows}행을 되돌렸습니다. 'maru up'으로 시작하세요";
    kept_aside(path) = "The former rows are kept in {path}", "이전 데이터는 {path}에 남겨 두었습니다";
}

// The doctor.
messages! {
    mend_with() = "mend:", "고치기:";
    doctor_summary(count, warned, failed) = "{count} checks, {warned} to look at, {failed} to mend", "점검 {count}개, 살펴볼 것 {warned}개, 고칠 것 {failed}개";
    is_root() = "runs as root", "root로 실행 중";
    is_not_root() = "not root: networks and servers can't be made ('maru up --node sim' works without)", "root가 아닙니다. 네트워크와 서버를 만들 수 없습니다('maru up --node sim'은 가능)";
    tun_ok() = "/dev/net/tun can be opened", "/dev/net/tun을 열 수 있습니다";
    tun_missing(error) = "/dev/net/tun can't be opened: {error}", "/dev/net/tun을 열 수 없습니다: {error}";
    kernel_needs_root() = "kernel features are tried as root only", "커널 기능은 root로만 시험합니다";
    kernel_trial_failed(error) = "kernel features can't be tried: {error}", "커널 기능을 시험할 수 없습니다: {error}";
    nft_ok() = "nftables works, library and kernel", "nftables 동작(라이브러리와 커널)";
    nft_missing(error) = "nftables does not work: {error}", "nftables가 동작하지 않습니다: {error}";
    tap_ok() = "tap devices can be made", "tap 장치를 만들 수 있습니다";
    tap_missing() = "tap devices can't be made", "tap 장치를 만들 수 없습니다";
    trunks_ok() = "eBPF programs can be attached to devices (trunks)", "장치에 eBPF 프로그램을 붙일 수 있습니다(트렁크)";
    trunks_missing(error) = "trunks will not work: {error}", "트렁크가 동작하지 않습니다: {error}";
    program_ok(path) = "{path} is installed", "{path} 설치됨";
    program_missing(path) = "{path} is not installed", "{path}이(가) 설치되어 있지 않습니다";
    no_trial() = "without QEMU no trial guest can be run", "QEMU가 없어 시험 게스트를 실행할 수 없습니다";
    trial_failed(error) = "the trial guest can't be run: {error}", "시험 게스트를 실행할 수 없습니다: {error}";
    kvm_ok(cpu) = "guests run on KVM (a trial guest did, with CPU '{cpu}')", "게스트가 KVM에서 실행됩니다(시험 게스트로 확인, CPU '{cpu}')";
    kvm_missing(reason) = "guests run translated (TCG), several times slower: {reason}", "게스트가 변환(TCG)되어 몇 배 느리게 실행됩니다: {reason}";
    cgroup_ok() = "control groups (version 2) are mounted", "컨트롤 그룹(버전 2)이 마운트되어 있습니다";
    cgroup_missing() = "no control groups of version 2: servers run without limits", "컨트롤 그룹 버전 2가 없어 서버가 제한 없이 실행됩니다";
    disk_ok(free, path) = "{free} free for {path}", "{path}에 {free} 남음";
    disk_low(free, path) = "only {free} free for {path}", "{path}에 {free}밖에 남지 않았습니다";
    use_other_state_dir() = "maru up --state-dir on a larger disk", "더 큰 디스크에 maru up --state-dir";
    memory_ok(free) = "{free} memory available", "메모리 {free} 사용 가능";
    memory_low(free) = "only {free} memory available", "메모리가 {free}밖에 남지 않았습니다";
    netns_will_be_made(name) = "network namespace {name} will be made: nothing of this host's network is touched", "네트워크 네임스페이스 {name}을(를) 만듭니다. 이 호스트의 네트워크는 건드리지 않습니다";
    netns_is_host(name) = "network namespace {name} is the cloud's host: what is said below of the host's network is done in it (ip netns exec {name} bash)", "네트워크 네임스페이스 {name}이(가) 이 클라우드의 호스트입니다. 아래에서 호스트 네트워크에 대한 명령은 그 안에서 실행합니다(ip netns exec {name} bash)";
    cloud_runs_already(pid) = "the API's port is in use by this cloud itself (process {pid})", "API 포트는 이 클라우드 자신이 쓰고 있습니다(프로세스 {pid})";
    port_free(address) = "{address} is free for the API", "API 주소 {address}을(를) 쓸 수 있습니다";
    port_taken(address, error) = "the API can't listen on {address}: {error}", "API가 {address}에서 들을 수 없습니다: {error}";
    ranges_free(ranges) = "the provider ranges are free on this host: {ranges}", "외부 네트워크 범위가 이 호스트에서 비어 있습니다: {ranges}";
    ranges_overlap(found) = "the provider ranges overlap networks of this host: {found}", "외부 네트워크 범위가 이 호스트의 네트워크와 겹칩니다: {found}";
    forwarding_on(setting) = "the host forwards packets ({setting})", "호스트가 패킷을 전달합니다({setting})";
    forwarding_off(setting) = "the host forwards no packets ({setting}): servers reach the host and each other, nothing beyond", "호스트가 패킷을 전달하지 않습니다({setting}). 서버는 호스트와 서로에게만 닿습니다";
    conntrack_unused() = "the kernel tracks no connections yet", "커널이 아직 연결을 추적하지 않습니다";
    conntrack_ok(count, limit) = "{count} of {limit} connections are tracked", "연결 {limit}개 중 {count}개를 추적하는 중입니다";
    conntrack_full(count, limit) = "{count} of {limit} connections are tracked: new ones are dropped when there is no room", "연결 {limit}개 중 {count}개를 추적하는 중입니다. 가득 차면 새 연결이 버려집니다";
    sources_ok() = "no packets are dropped for the way they came by (rp_filter)", "들어온 길 때문에 버려지는 패킷이 없습니다(rp_filter)";
    sources_checked(ways) = "the host has several ways out ({ways}) and drops what would be answered by another one (rp_filter)", "호스트에 나가는 길이 여럿({ways})인데 다른 길로 응답할 패킷을 버립니다(rp_filter)";
    drift_none() = "everything of the cloud on this host is as it was declared", "이 호스트에 있는 클라우드의 모든 것이 선언된 상태입니다";
    drift_unknown(error) = "the running cloud can't be asked whether all is as declared: {error}", "모든 것이 선언된 상태인지 실행 중인 클라우드에 물을 수 없습니다: {error}";
    drift_unreadable(what) = "this could not be looked at: {what}", "볼 수 없었던 것: {what}";
    drift_and_more(first, count) = "{first}; {count} more", "{first} 외 {count}건";
    firewall_ok() = "no other firewall drops forwarded packets", "전달되는 패킷을 버리는 다른 방화벽이 없습니다";
    firewall_drops(chains) = "other firewalls drop what is forwarded: {chains}; packets between br-ex and other networks are lost", "다른 방화벽이 전달되는 패킷을 버립니다: {chains}. br-ex와 다른 네트워크 사이의 패킷이 사라집니다";
    mtu_ok(wanted, name, mtu) = "packets of {wanted} bytes fit the uplink {name} ({mtu})", "{wanted}바이트 패킷이 업링크 {name}({mtu})에 들어갑니다";
    mtu_no_uplink(wanted) = "packets of {wanted} bytes; there is no default route that could be narrower", "패킷 {wanted}바이트. 더 좁을 기본 경로가 없습니다";
    mtu_too_large(wanted, name, mtu) = "packets of {wanted} bytes don't fit the uplink {name} ({mtu}): ssh would hang where ping works", "{wanted}바이트 패킷이 업링크 {name}({mtu})에 들어가지 않습니다. ping은 되는데 ssh가 멈춥니다";
}

// The demonstration.
messages! {
    demo_title() = "Maru's tutorial, for real", "마루 튜토리얼, 실제로";
    demo_intro(netns, path) = "The cloud's host is the network namespace {netns}: nothing of this machine's own network is touched.\nWhat it keeps is in {path}. Each step says what it does, shows the command you would type, and does it.", "클라우드의 호스트는 네트워크 네임스페이스 {netns}이며, 이 컴퓨터 자체의 네트워크는 건드리지 않습니다.\n데이터는 {path}에 있습니다. 단계마다 하는 일과 직접 입력할 명령을 보여 주고 실행합니다.";
    demo_cannot_clear() = "what an earlier demonstration left can't be removed", "이전 데모가 남긴 것을 지울 수 없습니다";
    demo_no_record() = "the cloud left no record of how it was started", "클라우드가 시작 기록을 남기지 않았습니다";
    demo_no_image() = "there is no image 'tiny' and no --image FILE to make it from ('make image' builds one)", "이미지 'tiny'가 없고 만들 --image 파일도 없습니다('make image'로 만듭니다)";
    demo_stopped() = "This step failed; the cloud was left as it is, to be looked at", "이 단계가 실패했습니다. 살펴볼 수 있도록 클라우드를 그대로 두었습니다";
    demo_look(path) = "      sudo maru status --leftovers --state-dir {path}; sudo tail {path}/maru.log", "      sudo maru status --leftovers --state-dir {path}; sudo tail {path}/maru.log";
    demo_silent(address) = "{address} is silent, as it should be", "{address}은(는) 예상대로 응답이 없습니다";
    demo_booted(name, seconds) = "{name} has booted and asks for a login on its console (after {seconds} s)", "{name}이(가) 부팅되어 콘솔에서 로그인을 기다립니다({seconds}초 뒤)";
    demo_not_silent(address) = "{address} answers although nothing allows it", "{address}이(가) 허용하는 규칙이 없는데도 응답합니다";
    demo_answers(address, seconds) = "{address} answers (after {seconds} s)", "{address}이(가) 응답합니다({seconds}초 뒤)";
    demo_both_ways(floating, fixed) = "logged in over {floating} from the host, and over {fixed} from inside the router", "호스트에서 {floating}로, 라우터 안에서 {fixed}로 접속했습니다";
    demo_done() = "The whole tutorial came true; the cloud goes on", "튜토리얼이 모두 이루어졌습니다. 클라우드는 계속 실행됩니다";
    demo_log_in() = "Log in to the server:", "서버에 접속하기:";
    demo_client() = "Be its user with the openstack client:", "openstack 클라이언트로 사용하기:";
    demo_host() = "Stand on the cloud's host (ip netns, ping, tcpdump):", "클라우드의 호스트에 들어가기(ip netns, ping, tcpdump):";
    demo_end() = "Remove everything:", "모두 지우기:";
    step_image() = "An image to boot from", "부팅할 이미지";
    step_image_why() = "'tiny' is a Linux of 20 MB; everyone may use it.", "'tiny'는 20MB짜리 리눅스이며 누구나 쓸 수 있습니다.";
    step_network() = "A network and its subnet", "네트워크와 서브넷";
    step_network_why() = "A network is a switch of your own; the subnet says which addresses it gives out and who their gateway is.", "네트워크는 나만의 스위치이고, 서브넷은 나눠 줄 주소와 게이트웨이를 정합니다.";
    step_pool() = "Another allocation pool", "할당 풀 바꾸기";
    step_pool_why() = "Which addresses are given out can be changed at any time.", "나눠 줄 주소는 언제든 바꿀 수 있습니다.";
    step_key() = "A key pair", "키 페어";
    step_key_why() = "The cloud keeps the public half and puts it into servers; the private half is shown this once.", "클라우드는 공개 키를 보관해 서버에 넣고, 개인 키는 지금 한 번만 보여 줍니다.";
    step_server() = "A server", "서버";
    step_server_why() = "A virtual machine of 128 MB on your network; its address comes by DHCP, its key from the metadata service.", "내 네트워크에 연결된 128MB 가상 머신입니다. 주소는 DHCP로, 키는 메타데이터 서비스로 받습니다.";
    step_router() = "A router between your network and the world", "내 네트워크와 바깥을 잇는 라우터";
    step_router_why() = "Its gateway is an address of the external network 'public', its other leg is the subnet's gateway.", "게이트웨이는 외부 네트워크 'public'의 주소이고, 다른 쪽은 서브넷의 게이트웨이입니다.";
    step_reboot() = "A hard reboot, and the server's address", "강제 재부팅과 서버의 주소";
    step_reboot_why() = "As if the plug were pulled and put back; disk, address and network stay.", "전원을 뽑았다 다시 꽂은 것과 같습니다. 디스크와 주소, 네트워크는 그대로입니다.";
    step_silent() = "Nobody answers, and where things are", "응답이 없습니다, 그리고 무엇이 어디에 있는지";
    step_silent_why() = "The fixed IP is known inside the network only. The network is a namespace qdhcp-…, the router qrouter-…", "고정 IP는 네트워크 안에서만 통합니다. 네트워크는 qdhcp-… 네임스페이스, 라우터는 qrouter-…입니다.";
    step_still_silent() = "Nobody answers the router either", "라우터에게도 응답이 없습니다";
    step_still_silent_why() = "From inside the router there is a way; but the security group 'default' lets nothing in.", "라우터 안에서는 길이 있지만, 보안 그룹 'default'가 아무것도 들이지 않습니다.";
    step_rules() = "Rules that let ping and ssh in", "ping과 ssh를 허용하는 규칙";
    step_rules_why() = "They take effect at once, on running servers too.", "실행 중인 서버에도 곧바로 적용됩니다.";
    step_floating() = "A floating IP", "유동 IP";
    step_floating_why() = "An address of 'public' that leads to the server through the router: now the host reaches it.", "라우터를 거쳐 서버로 이어지는 'public'의 주소입니다. 이제 호스트에서 닿습니다.";
    step_ssh() = "ssh into the server", "서버에 ssh로 접속";
    step_ssh_why() = "Over the floating IP from the host, and over the fixed IP from inside the router.", "호스트에서는 유동 IP로, 라우터 안에서는 고정 IP로 접속합니다.";
}

// maru reach.
messages! {
    about_reach() = "Say whether something can be reached, where it stops, and what mends it", "닿을 수 있는지, 어디서 막히는지, 무엇으로 고치는지 알려 줍니다";
    help_reach_to() = "What is to be reached: a server's name, port:ID, floating-ip:ID or an address", "대상: 서버 이름, port:ID, floating-ip:ID 또는 주소";
    help_reach_from() = "From where: outside, outside:ADDRESS, host, router, router:ID, network, port:ID or server:NAME", "출발지: outside, outside:주소, host, router, router:ID, network, port:ID, server:이름";
    help_reach_tcp() = "By a TCP connection to this port (default: ping)", "이 TCP 포트로 접속합니다(기본: ping)";
    help_reach_udp() = "By a UDP datagram to this port", "이 UDP 포트로 보냅니다";
    help_reach_which() = "Which of a server's addresses", "서버의 어느 주소로";
    help_reach_version() = "By which IP version", "IP 버전";
    help_reach_matrix() = "Instead: the server from each place, by each address", "대신 여러 출발지와 주소를 표로 봅니다";
    help_reach_look() = "Look also at what this host really holds and what was seen on it; 'no' only works it out from what is declared", "이 호스트의 실제 상태와 관찰한 것도 봅니다. 'no'이면 선언된 것만으로 판단합니다";
    help_reach_probe() = "Send a few packets of the cloud's own to see what becomes of them", "클라우드 안에서 패킷 몇 개를 실제로 보내 확인합니다";
    help_reach_fix() = "Make the fixes that are needed, and ask again", "필요한 것을 고치고 다시 확인합니다";
    reach_request() = "The way there", "가는 길";
    reach_reply() = "The way back", "돌아오는 길";
    reach_reachable(address) = "{address} can be reached", "{address}에 닿을 수 있습니다";
    reach_uncertain(address) = "{address}: nothing declared is in the way, but something on the host may be (--probe tells)", "{address}: 선언된 것 중에는 막는 것이 없지만 호스트에 막을 수 있는 것이 있습니다(--probe로 확인)";
    reach_only_declared() = "this says what is declared; nobody could look at the host", "선언된 내용만 확인했습니다. 호스트를 볼 수 없었습니다";
    reach_layers(programmed, observed) = "programmed: {programmed}, observed: {observed}", "실제 설정: {programmed}, 관찰: {observed}";
    reach_agrees() = "as declared", "선언과 같음";
    reach_differs() = "differs", "다름";
    reach_unseen() = "not seen", "보지 못함";
    reach_source_programmed() = "on the host", "호스트 상태";
    reach_source_observed() = "as observed", "관찰";
    reach_source_probed() = "by a probe", "프로브";
    reach_maybe() = "may be in the way", "막을 수 있음";
    reach_beside() = "Not as declared on the way, but not in it", "가는 길에 선언과 다르지만 막지는 않는 것";
    reach_probe_from_host() = "A probe from the host", "호스트에서 보낸 프로브";
    reach_probe_from(place) = "A probe from {place}", "{place}에서 보낸 프로브";
    reach_left_to_do() = "Something is left that no request mends; see above", "요청으로 고칠 수 없는 것이 남았습니다. 위를 보세요";
    reach_why() = "What is in the way", "막는 것";
    reach_owner_you() = "you can mend it", "직접 고칠 수 있음";
    reach_owner_project() = "a member of its project can mend it", "프로젝트 구성원이 고칠 수 있음";
    reach_owner_operator() = "the cloud's operator can mend it", "클라우드 운영자가 고칠 수 있음";
    reach_fix() = "fix", "해결";
    reach_opens(count) = "Fixes that open the way: {count} (make them with --fix)", "이 길을 여는 해결책: {count}개 (--fix로 적용)";
    reach_stays_shut() = "No change of the cloud alone opens this way", "클라우드를 바꾸는 것만으로는 이 길이 열리지 않습니다";
    reach_no_fix() = "there is no fix to make", "적용할 해결책이 없습니다";
    reach_not_by_request(fix) = "this can't be done by a request: {fix}", "요청으로는 할 수 없는 일입니다: {fix}";
    reach_yes() = "yes", "됨";
    reach_no(cause) = "no: {cause}", "안 됨: {cause}";
    reach_from() = "FROM", "출발지";
    reach_from_outside() = "outside", "바깥";
    reach_from_host() = "the host", "호스트";
    reach_from_router() = "its router", "라우터";
    reach_from_network() = "its network", "같은 네트워크";
    reach_ping_fixed() = "PING FIXED IP", "고정 IP ping";
    reach_ping_floating() = "PING FLOATING IP", "유동 IP ping";
    reach_ssh() = "SSH", "SSH";
}

// maru reach --watch and its like.
messages! {
    help_reach_watch() = "Watch this path: say at once when it opens or closes, and which change of whom did it; until Ctrl-C", "이 경로를 지켜보다가 열리거나 막히면 누구의 어떤 변경 때문인지 바로 알려 줍니다(Ctrl-C로 끝냄)";
    help_reach_pin() = "Let the cloud watch this path from now on, under this name", "클라우드가 지금부터 이 경로를 이 이름으로 지켜보게 합니다";
    help_reach_list() = "Show the paths that are watched", "지켜보는 경로를 봅니다";
    help_reach_history() = "Show when a watched path opened and closed, and who did it", "지켜보는 경로가 언제 누구 때문에 열리고 막혔는지 봅니다";
    help_reach_unpin() = "Watch this path no more; its history goes with it", "이 경로를 그만 지켜봅니다. 기록도 지워집니다";
    reach_unpinned(name) = "{name} is watched no more", "{name}: 더는 지켜보지 않습니다";
    reach_watch_state(name, verdict, since) = "{name}: {verdict} since {since}", "{name}: {since}부터 {verdict}";
    reach_watch_reachable() = "reachable", "닿음";
    reach_watch_blocked() = "blocked", "막힘";
    reach_watch_gone() = "target gone", "대상 없음";
    reach_watch_unasked() = "not asked yet", "아직 확인 전";
    reach_watch_name() = "NAME", "이름";
    reach_watch_verdict() = "VERDICT", "상태";
    reach_watch_since() = "SINCE", "시작";
    reach_watch_cause() = "CAUSE", "원인";
    reach_watch_changes() = "CHANGES", "변경 횟수";
}
