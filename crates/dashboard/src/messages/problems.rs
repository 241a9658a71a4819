//! Words of errors: what happened, who can mend it, what to do.

use model::{Error, ErrorKind};

use super::{Text, messages};

messages! {
    problem_said = "Original message", "원문 보기";
    problem_do = "What to do", "해결 방법";
    problem_request = "Request ID", "요청 ID";
    problem_title = "Something went wrong", "처리하지 못했습니다";
    by_you = "You can fix this.", "직접 해결할 수 있습니다.";
    by_you_or_wait = "You can fix this, or try again in a moment.", "직접 해결하거나 잠시 뒤 다시 시도할 수 있습니다.";
    by_project_admin = "Your project's administrator can fix this.", "프로젝트 관리자가 해결할 수 있습니다.";
    by_operator = "The operator of this cloud can fix this.", "이 클라우드의 운영자가 해결할 수 있습니다.";
    not_found_what = "This doesn't exist (any more), or belongs to another project.", "찾는 것이 없거나 삭제되었거나, 다른 프로젝트의 것입니다.";
    not_found_do = "Check the list, and which project you are in.", "목록을 다시 보고, 지금 어느 프로젝트에 있는지 확인하세요.";
    conflict_what = "This isn't possible in its current state.", "지금 상태에서는 할 수 없습니다.";
    conflict_do = "Wait until the running operation has finished, or undo what is in the way, and try again.", "진행 중인 작업이 끝나기를 기다리거나 막고 있는 것을 먼저 정리한 뒤 다시 시도하세요.";
    invalid_what = "Something you entered isn't valid.", "입력한 값 가운데 올바르지 않은 것이 있습니다.";
    invalid_do = "Correct what the message names and send it again.", "메시지에 나온 값을 고쳐 다시 보내세요.";
    forbidden_what = "Your role in this project doesn't allow this.", "이 프로젝트의 역할로는 할 수 없습니다.";
    forbidden_do = "Ask for a role that does, or switch to a project where you have one.", "필요한 역할을 요청하거나 그런 역할이 있는 프로젝트로 전환하세요.";
    unauthorized_what = "Your session has ended.", "세션이 끝났습니다.";
    unauthorized_do = "Sign in again.", "다시 로그인하세요.";
    over_quota_what = "The project's quota is used up.", "프로젝트의 쿼터가 부족합니다.";
    over_quota_do = "Delete what is no longer needed, or ask for a larger quota.", "필요 없는 것을 삭제하거나 쿼터를 늘려 달라고 요청하세요.";
    over_limit_what = "This is too much or too large at once.", "한 번에 처리하기에는 너무 많거나 큽니다.";
    over_limit_do = "Do it in smaller parts, or try again in a moment.", "나누어서 하거나 잠시 뒤 다시 시도하세요.";
    no_capacity_what = "No host has enough room for this.", "이것을 실행할 여유가 있는 호스트가 없습니다.";
    no_capacity_do = "Choose a smaller flavor, or shut something off. The message has the figures.", "더 작은 flavor를 고르거나 다른 서버를 끄세요. 자세한 수치는 원문 메시지에 있습니다.";
    precondition_what = "It was changed since you opened it.", "페이지를 연 뒤에 내용이 바뀌었습니다.";
    precondition_do = "Reload the page and make the change again.", "페이지를 새로 고친 뒤 다시 변경하세요.";
    unavailable_what = "The cloud can't do this right now. Nothing was changed.", "클라우드가 지금은 처리할 수 없습니다. 바뀐 것은 없습니다.";
    unavailable_do = "Try again in a moment. If it doesn't help, the operator can find out more with 'maru doctor'.", "잠시 뒤 다시 시도하세요. 계속되면 운영자가 'maru doctor'로 원인을 확인할 수 있습니다.";
    internal_what = "This is an error in Maru, not your mistake.", "마루 내부의 오류이며, 사용자의 잘못이 아닙니다.";
    internal_do = "Give the operator the request ID below: it leads to the cause in Maru's log.", "아래 요청 ID를 운영자에게 알리세요. 마루의 로그에서 원인을 찾을 수 있습니다.";
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
