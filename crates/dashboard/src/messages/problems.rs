//! Words of errors: what happened, who can mend it, what to do.

use model::{Error, ErrorKind};

use super::{Text, messages};

messages! {
    problem_said = "The cloud's own words", "클라우드의 원문 메시지";
    problem_who = "Who can mend it", "누가 고칠 수 있나요";
    problem_do = "What to do", "어떻게 하나요";
    problem_request = "Request", "요청";
    problem_title = "That did not work", "처리하지 못했습니다";
    by_you = "You", "본인";
    by_you_or_wait = "You, in a moment", "잠시 뒤 본인";
    by_project_admin = "Your project's administrator", "프로젝트 관리자";
    by_operator = "Whoever operates this cloud", "이 클라우드의 운영자";
    not_found_what = "What you asked for is not there (any more), or belongs to another project.", "찾는 것이 없거나(삭제되었거나) 다른 프로젝트의 것입니다.";
    not_found_do = "Look at the list again; check which project you are in.", "목록을 다시 보고, 어느 프로젝트에 있는지 확인하세요.";
    conflict_what = "The state it is in does not allow this now.", "지금 상태에서는 할 수 없습니다.";
    conflict_do = "Wait until what is under way has ended, or first undo what stands in the way; then try again.", "진행 중인 작업이 끝나기를 기다리거나 막고 있는 것을 먼저 풀고 다시 시도하세요.";
    invalid_what = "Something you gave can't be taken as it is.", "입력한 값 가운데 받아들일 수 없는 것이 있습니다.";
    invalid_do = "Change what is named below and send it again.", "아래에 나온 값을 고쳐 다시 보내세요.";
    forbidden_what = "Your role in this project does not allow this.", "이 프로젝트에서의 역할로는 할 수 없습니다.";
    forbidden_do = "Ask for a role that does, or switch to a project where you have one.", "필요한 역할을 요청하거나 그런 역할이 있는 프로젝트로 바꾸세요.";
    unauthorized_what = "Your session has ended.", "세션이 끝났습니다.";
    unauthorized_do = "Sign in again.", "다시 로그인하세요.";
    over_quota_what = "The project's quota does not suffice.", "프로젝트의 쿼터가 모자랍니다.";
    over_quota_do = "Delete what is no longer needed, or ask for a larger quota.", "필요 없는 것을 지우거나 쿼터를 늘려 달라고 하세요.";
    over_limit_what = "That is too much or too large at once.", "한 번에 너무 많거나 너무 큽니다.";
    over_limit_do = "Do it in smaller parts, or try again in a moment.", "작게 나누거나 잠시 뒤 다시 시도하세요.";
    no_capacity_what = "No host has room for this.", "이것을 실행할 만한 호스트가 없습니다.";
    no_capacity_do = "Take a smaller flavor, or stop something; the figures are below.", "더 작은 flavor를 고르거나 다른 것을 멈추세요. 수치는 아래에 있습니다.";
    precondition_what = "It has changed since you looked at it.", "보신 뒤에 내용이 바뀌었습니다.";
    precondition_do = "Load the page again and repeat the change.", "페이지를 다시 열고 변경을 되풀이하세요.";
    unavailable_what = "The cloud can't do this just now; nothing was changed.", "클라우드가 지금은 할 수 없습니다. 바뀐 것은 없습니다.";
    unavailable_do = "Try again in a moment. If it stays so, the operator finds more with 'maru doctor'.", "잠시 뒤 다시 시도하세요. 계속되면 운영자가 'maru doctor'로 살펴볼 수 있습니다.";
    internal_what = "That was a mistake of Maru's own; nothing of yours is wrong.", "마루 자체의 오류이며, 사용자의 잘못이 아닙니다.";
    internal_do = "Tell the operator the request id below: it leads to the cause in Maru's log.", "아래 요청 ID를 운영자에게 알려 주세요. 마루의 로그에서 원인을 찾을 수 있습니다.";
}

/// A kind of error in words.
pub(crate) struct Advice {
    /// What happened.
    pub what: &'static str,
    /// Who can mend it.
    pub who: &'static str,
    /// What they do.
    pub action: &'static str,
}

impl Text {
    /// What an error means for who meets it: by its code where that says more, else by its kind.
    pub(crate) fn advice(self, error: &Error) -> Advice {
        let by_kind = self.advice_of_kind(error.kind);
        match self.explained(error.code) {
            Some((what, action)) => Advice {
                what,
                action,
                ..by_kind
            },
            None => by_kind,
        }
    }

    fn advice_of_kind(self, kind: ErrorKind) -> Advice {
        let (what, who, action) = match kind {
            ErrorKind::NotFound => (self.not_found_what(), self.by_you(), self.not_found_do()),
            ErrorKind::Conflict => (self.conflict_what(), self.by_you(), self.conflict_do()),
            ErrorKind::Invalid => (self.invalid_what(), self.by_you(), self.invalid_do()),
            ErrorKind::Forbidden => (self.forbidden_what(), self.by_project_admin(), self.forbidden_do()),
            ErrorKind::Unauthorized => (self.unauthorized_what(), self.by_you(), self.unauthorized_do()),
            ErrorKind::OverQuota => (self.over_quota_what(), self.by_project_admin(), self.over_quota_do()),
            ErrorKind::OverLimit => (self.over_limit_what(), self.by_you_or_wait(), self.over_limit_do()),
            ErrorKind::NoCapacity => (self.no_capacity_what(), self.by_you(), self.no_capacity_do()),
            ErrorKind::PreconditionFailed => (self.precondition_what(), self.by_you(), self.precondition_do()),
            ErrorKind::Unavailable => (self.unavailable_what(), self.by_you_or_wait(), self.unavailable_do()),
            ErrorKind::Internal => (self.internal_what(), self.by_operator(), self.internal_do()),
        };
        Advice { what, who, action }
    }
}
