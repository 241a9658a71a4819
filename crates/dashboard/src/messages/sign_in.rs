//! Words of the sign-in page.

use super::messages;

messages! {
    sign_in = "Sign in", "로그인";
    sign_in_lead = "Your own cloud, on one machine.", "컴퓨터 한 대로 만드는 나만의 클라우드";
    user_name = "User name", "사용자 이름";
    password = "Password", "비밀번호";
    session_ended = "Your session has ended", "세션이 끝났습니다";
    session_ended_text = "Sign in again to continue. This page and what you typed are kept.", "다시 로그인하면 이어서 할 수 있습니다. 이 페이지와 입력한 내용은 그대로 있습니다.";
    session_goes_on = "Signed in again. You can continue.", "다시 로그인했습니다. 이어서 작업하세요.";
    session_leave = "Leave this page", "이 페이지에서 나가기";
    domain = "Domain", "도메인";
    domain_hint = "Use “Default” unless you were told otherwise.", "따로 안내받지 않았다면 “Default”를 쓰세요.";
    sign_in_failed = "The user name, password or domain is incorrect.", "사용자 이름, 비밀번호 또는 도메인이 맞지 않습니다.";
    sign_in_wait(seconds) = "Too many failed attempts for this user name. Try again in {seconds} seconds.", "이 사용자 이름으로 여러 번 실패했습니다. {seconds}초 뒤에 다시 시도하세요.";
    sign_in_busy = "Too many people are signing in right now. Try again in a moment.", "지금 로그인이 몰려 있습니다. 잠시 뒤 다시 시도하세요.";
    sign_in_no_project = "You have no project to use. An administrator can assign you a role in one.", "사용할 수 있는 프로젝트가 없습니다. 관리자가 프로젝트의 역할을 부여해야 합니다.";
    sign_in_first = "First time here? “maru openrc” on the cloud's host shows the user name and password.", "처음이신가요? 클라우드 호스트에서 “maru openrc”를 실행하면 사용자 이름과 비밀번호가 나옵니다.";
}
