//! Words of the sign-in page.

use super::messages;

messages! {
    sign_in = "Sign in", "로그인";
    sign_in_lead = "Your cloud, on this floor.", "안과 밖이 만나는 곳, 나의 클라우드.";
    user_name = "User name", "사용자 이름";
    password = "Password", "암호";
    session_ended = "Your session has ended", "세션이 끝났습니다";
    session_ended_text = "Sign in again to go on: this page stays as it is, with what you typed.", "다시 로그인하면 이어서 할 수 있습니다. 이 페이지와 입력한 내용은 그대로 있습니다.";
    session_goes_on = "Signed in again. Nothing was lost: go on where you were.", "다시 로그인했습니다. 하던 일을 이어서 하세요.";
    session_leave = "Leave this page", "이 페이지에서 나가기";
    domain = "Domain", "도메인";
    domain_hint = "“Default” unless you were told otherwise", "따로 들은 것이 없으면 “Default”";
    sign_in_failed = "User name, password or domain is not right.", "사용자 이름이나 암호, 도메인이 맞지 않습니다.";
    sign_in_wait(seconds) = "Too many failed attempts for this name. Try again in {seconds} seconds.", "이 이름으로 여러 번 실패했습니다. {seconds}초 뒤에 다시 시도하세요.";
    sign_in_busy = "Too many people are signing in just now. Try again in a moment.", "지금 로그인이 몰려 있습니다. 잠시 뒤 다시 시도하세요.";
    sign_in_no_project = "You are known here, but have no project to work in. An administrator can give you a role in one.", "등록된 사용자이지만 쓸 수 있는 프로젝트가 없습니다. 관리자가 프로젝트의 역할을 줄 수 있습니다.";
    sign_in_first = "First time here? “maru openrc” on the cloud's host prints the name and password.", "처음이신가요? 클라우드 호스트에서 “maru openrc”를 실행하면 이름과 암호가 나옵니다.";
}
