//! Words of every page.

use super::messages;

// The frame.
messages! {
    maru = "Maru", "마루";
    skip_to_content = "Skip to the page", "본문으로 건너뛰기";
    menu = "Menu", "메뉴";
    theme = "Light or dark", "밝게 또는 어둡게";
    project = "Project", "프로젝트";
    switch_project = "Switch project", "프로젝트 바꾸기";
    signed_in_as(name) = "Signed in as {name}", "{name}(으)로 로그인함";
    own_password = "Change password", "비밀번호 변경";
    sign_out = "Sign out", "로그아웃";
    live = "Live", "실시간";
    live_hint = "This page shows changes as they happen", "이 페이지는 변경을 바로 보여 줍니다";
    not_live_hint = "No connection: what you see may be old", "연결이 끊겨 화면이 오래된 것일 수 있습니다";
    you_only_look = "In this project you may look, but not change anything (role “reader”).", "이 프로젝트에서는 볼 수만 있고 바꿀 수는 없습니다(reader 역할).";
    close = "Close", "닫기";
    cancel = "Cancel", "취소";
    back = "Back", "뒤로";
    next = "Next", "다음";
}

// The navigation.
messages! {
    nav_overview = "Overview", "개요";
    nav_topology = "Network topology", "네트워크 토폴로지";
    nav_compute = "Compute", "컴퓨트";
    nav_servers = "Servers", "서버";
    nav_images = "Images", "이미지";
    nav_key_pairs = "Key pairs", "키 페어";
    nav_server_groups = "Server groups", "서버 그룹";
    nav_storage = "Volumes", "볼륨";
    nav_volumes = "Volumes", "볼륨";
    nav_snapshots = "Snapshots", "스냅샷";
    nav_backups = "Backups", "백업";
    nav_network = "Network", "네트워크";
    nav_networks = "Networks", "네트워크";
    nav_routers = "Routers", "라우터";
    nav_security_groups = "Security groups", "보안 그룹";
    nav_floating_ips = "Floating IPs", "유동 IP";
    nav_access = "Access", "접근";
    nav_api_access = "API access", "API 접근";
    nav_credentials = "Application credentials", "애플리케이션 인증 정보";
    nav_admin = "Administration", "관리";
    nav_admin_overview = "Host and capacity", "호스트와 용량";
    nav_admin_servers = "All servers", "모든 서버";
    nav_admin_networks = "All networks", "모든 네트워크";
    nav_flavors = "Flavors", "Flavor";
    nav_projects = "Projects and quotas", "프로젝트와 쿼터";
    nav_users = "Users", "사용자";
    nav_roles = "Roles", "역할";
    nav_system = "System information", "시스템 정보";
}

// Lists and objects.
messages! {
    name = "Name", "이름";
    id = "ID", "ID";
    description = "Description", "설명";
    status = "Status", "상태";
    created = "Created", "생성 시각";
    updated = "Updated", "수정 시각";
    size = "Size", "크기";
    actions = "Actions", "작업";
    actions_of(name) = "Actions of {name}", "{name}의 작업";
    details = "Details", "자세히";
    none = "none", "없음";
    yes = "Yes", "예";
    no = "No", "아니요";
    on = "on", "켜짐";
    off = "off", "꺼짐";
    unnamed = "(no name)", "(이름 없음)";
    optional = "Optional", "선택 사항";
    search = "Search", "검색";
    search_in(what) = "Search {what}", "{what} 검색";
    nothing_found(text) = "Nothing fits “{text}”.", "“{text}”에 맞는 것이 없습니다.";
    clear_search = "Show all", "모두 보기";
    sort_by(column) = "Sort by {column}", "{column} 순으로 정렬";
    select_all = "Select all", "모두 선택";
    select_one(name) = "Select {name}", "{name} 선택";
    of_total(first, last, total) = "{first}–{last} of {total}", "{total}개 중 {first}–{last}";
    previous_page = "Previous page", "이전 페이지";
    next_page = "Next page", "다음 페이지";
    copy = "Copy", "복사";
    copied = "Copied", "복사했습니다";
    download = "Download", "내려받기";
    save = "Save", "저장";
    add = "Add", "추가";
    remove = "Remove", "제거";
    edit = "Edit", "편집";
    delete = "Delete", "삭제";
    delete_selected = "Delete selected", "선택한 것 삭제";
    choose_file = "Choose file", "파일 선택";
    no_file = "No file chosen", "선택한 파일 없음";
    delete_for_good = "This can't be undone.", "되돌릴 수 없습니다.";
    saved = "Saved", "저장했습니다";
    cli_title = "The same on the command line", "명령줄에서 하려면";
    on_host_title = "On the host", "호스트에서의 위치";
    on_host_hint = "As the host's own tools show it.", "호스트의 도구에 보이는 그대로입니다.";
    unlimited = "unlimited", "무제한";
    used_of(used, limit) = "{used} of {limit}", "{used} / {limit}";
    used_of_unlimited(used) = "{used} used · unlimited", "{used} 사용 · 무제한";
    used_only(used) = "{used} used", "{used} 사용";
    mebibytes(n) = "{n}\u{a0}MB", "{n}\u{a0}MB";
    none_yet = "None yet.", "아직 없습니다.";
    gibibytes(n) = "{n}\u{a0}GB", "{n}\u{a0}GB";
    not_found_title = "Page not found", "페이지를 찾을 수 없습니다";
    not_found_text = "The address may be mistyped, or what it showed was deleted.", "주소가 틀렸거나, 보여 주던 것이 삭제되었습니다.";
    go_to_overview = "Go to the overview", "개요로 가기";
}
