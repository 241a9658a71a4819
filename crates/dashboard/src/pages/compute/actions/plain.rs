//! Actions that need nothing but a yes.

use axum::extract::Path;
use maud::{Markup, html};
use model::ServerId;
use model::compute::Server;
use model::compute::server::admission::Operation;
use serde_json::{Value, json};

use super::super::servers::{HERE, find};
use super::delete;
use super::offers::{Offer, Target, groups, refusal};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::ui::{self, Field, icon};
use crate::visit::Visit;

/// The name of the one that deletes.
const FORCE_DELETE: &str = "force-delete";

/// A dialog's title with a server's name in it.
type Question = fn(Text, &str) -> String;

/// An action of `POST /servers/{id}/action`.
pub(crate) struct Plain {
    /// Its name in addresses.
    pub key: &'static str,
    pub symbol: &'static str,
    pub words: fn(Text) -> &'static str,
    /// What it does, in a sentence.
    pub hint: fn(Text) -> &'static str,
    /// What admission is asked; locks are no operation.
    operation: Option<Operation>,
    /// It is asked whether it is meant.
    asks: bool,
    pub(super) for_admins: bool,
    /// What destroys something is asked as a question.
    is_dangerous: Option<Question>,
    body: fn(&Fields) -> Value,
    /// `openstack server …`.
    command: &'static str,
}

const fn plain(key: &'static str, symbol: &'static str, operation: Operation, command: &'static str) -> Plain {
    Plain {
        key,
        symbol,
        words: Text::server_do_start,
        hint: Text::server_hint_start,
        operation: Some(operation),
        asks: true,
        for_admins: false,
        is_dangerous: None,
        body: |_| Value::Null,
        command,
    }
}

/// All of them.
pub(super) const PLAIN: &[Plain] = &[
    Plain {
        asks: false,
        body: |_| json!({"os-start": null}),
        ..plain("start", "play", Operation::Start, "start")
    },
    STOP,
    REBOOT,
    Plain {
        words: Text::server_do_hard_reboot,
        hint: Text::server_hint_hard_reboot,
        is_dangerous: Some(|t, name| t.server_ask_hard_reboot(name)),
        body: |_| json!({"reboot": {"type": "HARD"}}),
        ..plain("hard-reboot", "power", Operation::HardReboot, "reboot --hard")
    },
    Plain {
        words: Text::server_do_pause,
        hint: Text::server_hint_pause,
        body: |_| json!({"pause": null}),
        ..plain("pause", "pause", Operation::Pause, "pause")
    },
    Plain {
        words: Text::server_do_unpause,
        hint: Text::server_hint_unpause,
        asks: false,
        body: |_| json!({"unpause": null}),
        ..plain("unpause", "play", Operation::Unpause, "unpause")
    },
    Plain {
        words: Text::server_do_suspend,
        hint: Text::server_hint_suspend,
        body: |_| json!({"suspend": null}),
        ..plain("suspend", "moon", Operation::Suspend, "suspend")
    },
    Plain {
        words: Text::server_do_resume,
        hint: Text::server_hint_resume,
        asks: false,
        body: |_| json!({"resume": null}),
        ..plain("resume", "play", Operation::Resume, "resume")
    },
    Plain {
        words: Text::server_do_shelve,
        hint: Text::server_hint_shelve,
        body: |_| json!({"shelve": null}),
        ..plain("shelve", "archive", Operation::Shelve, "shelve")
    },
    Plain {
        words: Text::server_do_unshelve,
        hint: Text::server_hint_unshelve,
        asks: false,
        body: |_| json!({"unshelve": null}),
        ..plain("unshelve", "upload", Operation::Unshelve, "unshelve")
    },
    Plain {
        words: Text::server_do_offload,
        hint: Text::server_hint_offload,
        for_admins: true,
        body: |_| json!({"shelveOffload": null}),
        ..plain("offload", "archive", Operation::ShelveOffload, "shelve --offload")
    },
    Plain {
        words: Text::server_do_confirm,
        hint: Text::server_hint_confirm,
        asks: false,
        body: |_| json!({"confirmResize": null}),
        ..plain("confirm-resize", "check", Operation::ConfirmResize, "resize confirm")
    },
    Plain {
        words: Text::server_do_revert,
        hint: Text::server_hint_revert,
        body: |_| json!({"revertResize": null}),
        ..plain("revert-resize", "left", Operation::RevertResize, "resize revert")
    },
    Plain {
        words: Text::server_do_unrescue,
        hint: Text::server_hint_unrescue,
        asks: false,
        body: |_| json!({"unrescue": null}),
        ..plain("unrescue", "life", Operation::Unrescue, "unrescue")
    },
    Plain {
        words: Text::server_do_lock,
        hint: Text::server_hint_lock,
        operation: None,
        body: |fields| match fields.text("reason") {
            Some(reason) => json!({"lock": {"locked_reason": reason}}),
            None => json!({"lock": null}),
        },
        ..plain("lock", "lock", Operation::Start, "lock")
    },
    Plain {
        words: Text::server_do_unlock,
        hint: Text::server_hint_unlock,
        operation: None,
        asks: false,
        body: |_| json!({"unlock": null}),
        ..plain("unlock", "unlock", Operation::Start, "unlock")
    },
    Plain {
        words: Text::server_do_migrate,
        hint: Text::server_hint_migrate,
        for_admins: true,
        body: |_| json!({"migrate": null}),
        ..plain("migrate", "swap", Operation::Migrate, "migrate")
    },
    Plain {
        words: Text::server_do_live_migrate,
        hint: Text::server_hint_live_migrate,
        for_admins: true,
        body: |_| json!({"os-migrateLive": {"host": null, "block_migration": "auto"}}),
        ..plain(
            "live-migrate",
            "swap",
            Operation::LiveMigrate,
            "migrate --live-migration",
        )
    },
    Plain {
        words: Text::server_do_crash_dump,
        hint: Text::server_hint_crash_dump,
        for_admins: true,
        is_dangerous: Some(|t, name| t.server_ask_crash_dump(name)),
        body: |_| json!({"trigger_crash_dump": null}),
        ..plain("crash-dump", "wrench", Operation::CrashDump, "dump create")
    },
    Plain {
        words: Text::server_do_force_delete,
        hint: Text::server_hint_force_delete,
        for_admins: true,
        is_dangerous: Some(|t, name| t.server_ask_force_delete(name)),
        body: |_| json!({"forceDelete": null}),
        ..plain(FORCE_DELETE, "trash", Operation::ForceDelete, "delete --force")
    },
];

const STOP: Plain = Plain {
    words: Text::server_do_stop,
    hint: Text::server_hint_stop,
    body: |_| json!({"os-stop": null}),
    ..plain("stop", "stop", Operation::Stop, "stop")
};

const REBOOT: Plain = Plain {
    words: Text::server_do_reboot,
    hint: Text::server_hint_reboot,
    body: |_| json!({"reboot": {"type": "SOFT"}}),
    ..plain("reboot", "refresh", Operation::SoftReboot, "reboot")
};

/// Those that are done to several servers at once.
pub(crate) const TOGETHER: &[Plain] = &[
    Plain {
        body: |_| json!({"os-start": null}),
        ..plain("start", "play", Operation::Start, "start")
    },
    STOP,
    REBOOT,
];

impl Plain {
    fn of_key(from: &'static [Self], key: &str) -> Result<&'static Self, Problem> {
        from.iter()
            .find(|each| each.key == key)
            .ok_or_else(|| model::Error::not_found("HTTPNotFound", "There is no such action.").into())
    }

    /// Why it can't be done now.
    fn refused(&self, visit: &Visit, server: &Server) -> Option<String> {
        let t = visit.t();
        // The cloud is one host.
        if matches!(self.operation, Some(Operation::Migrate | Operation::LiveMigrate)) {
            return Some(t.server_no_other_host().to_owned());
        }
        match self.operation {
            Some(operation) => refusal(visit, server, operation),
            None if self.key == "lock" => server.locked.is_some().then(|| t.server_is_locked().to_owned()),
            None => match &server.locked {
                None => Some(t.server_not_locked().to_owned()),
                Some(locked) if locked.by_admin && !visit.is_admin() => Some(t.server_locked_by_admin().to_owned()),
                Some(_) => None,
            },
        }
    }

    pub(super) fn offer(&self, visit: &Visit, server: &Server) -> Offer {
        let t = visit.t();
        let address = format!("{HERE}/{}/do/{}", server.id, self.key);
        Offer {
            key: self.key,
            symbol: self.symbol,
            words: (self.words)(t),
            hint: (self.hint)(t),
            target: if self.asks {
                Target::Dialog(address)
            } else {
                Target::AtOnce(address)
            },
            refused: self.refused(visit, server),
            is_dangerous: self.is_dangerous.is_some(),
        }
    }

    /// The form that asks, for one server or several.
    fn form(&self, visit: &Visit, address: &str, servers: &[std::sync::Arc<Server>]) -> Page {
        let t = visit.t();
        let words = (self.words)(t);
        let title = match (servers, self.is_dangerous) {
            ([one], Some(question)) => question(t, &one.name),
            ([one], None) => t.server_ask(words, &one.name),
            _ => t.server_ask_several(words, servers.len()),
        };
        let commands: Vec<String> = servers
            .iter()
            .map(|server| format!("openstack server {} {}", self.command, server.id))
            .collect();
        visit.form(&title, html! {
            form method="post" action=(address) hx-post=(address) hx-swap="none" {
                @if self.is_dangerous.is_some() {
                    p .note.warn { (icon("alert")) " " ((self.hint)(t)) }
                    @if self.key == FORCE_DELETE {
                        @for note in servers.iter().flat_map(|server| delete::notes(visit, server)) { p .form-lead { (note) } }
                    }
                } @else { p .form-lead { (icon(self.symbol)) " " ((self.hint)(t)) } }
                @if servers.len() > 1 { (self.victims(visit, servers)) } @else {
                    @for server in servers { input type="hidden" name="id" value=(server.id); }
                }
                @if self.key == "lock" {
                    (ui::text(Field { name: "reason", label: t.server_lock_why(), hint: t.server_lock_why_hint(), ..Field::default() }))
                }
                (ui::submit(t, words, self.is_dangerous.is_some()))
            }
            (ui::command_line(t, &commands))
        })
    }

    /// The chosen servers; those to which it can't be done now are told, and left out.
    fn victims(&self, visit: &Visit, servers: &[std::sync::Arc<Server>]) -> Markup {
        html! {
            ul .victims {
                @for server in servers {
                    @let refused = self.refused(visit, server);
                    li {
                        @if refused.is_none() { input type="hidden" name="id" value=(server.id); }
                        div .victim-name { (icon("server")) b { (server.name) } }
                        @if let Some(reason) = refused { span .muted { (visit.t().server_left_out(reason)) } }
                    }
                }
            }
        }
    }

    async fn run(&self, visit: &Visit, server: &Server, fields: &Fields) -> Result<(), Problem> {
        let outcome = visit
            .post(
                &format!("/compute/v2.1/servers/{}/action", server.id),
                (self.body)(fields),
            )
            .await;
        outcome.map(|_| ()).map_err(|mut problem| {
            problem.error.message = format!("{}: {}", server.name, problem.error.message);
            problem
        })
    }
}

/// Every action of a server, with what each does, or why it can't be done now.
pub(super) async fn all(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    Ok(visit.form(
        &t.server_actions_of(&server.name),
        html! {
            div data-wide .all-actions {
                @for group in groups(&visit, &server) {
                    section {
                        h3 { (group.title) }
                        @for offer in &group.offers { (offer.item(true)) }
                    }
                }
            }
        },
    ))
}

pub(super) async fn ask(visit: Visit, Path((id, key)): Path<(ServerId, String)>) -> Answer {
    let plain = Plain::of_key(PLAIN, &key)?;
    let server = find(&visit, id)?;
    Ok(plain.form(&visit, &format!("{HERE}/{id}/do/{key}"), &[server]))
}

pub(super) async fn act(visit: Visit, Path((id, key)): Path<(ServerId, String)>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let plain = Plain::of_key(PLAIN, &key)?;
    let server = find(&visit, id)?;
    plain.run(&visit, &server, &fields).await?;
    let done = Done::saying(t.server_asked((plain.words)(t), &server.name));
    Ok(if plain.key == FORCE_DELETE {
        done.then(HERE)
    } else {
        done
    })
}

fn chosen(visit: &Visit, fields: &Fields) -> Result<Vec<std::sync::Arc<Server>>, Problem> {
    let ids = fields.all("id");
    ids.map(|id| find(visit, id.parse().map_err(|_| Problem::in_form(id))?))
        .collect()
}

pub(super) async fn ask_together(visit: Visit, Path(key): Path<String>, fields: Fields) -> Answer {
    let plain = Plain::of_key(TOGETHER, &key)?;
    Ok(plain.form(&visit, &format!("{HERE}/together/{key}"), &chosen(&visit, &fields)?))
}

pub(super) async fn act_together(visit: Visit, Path(key): Path<String>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let plain = Plain::of_key(TOGETHER, &key)?;
    let servers = chosen(&visit, &fields)?;
    if servers.is_empty() {
        return Err(Problem::in_form(t.server_none_left()));
    }
    for server in &servers {
        plain.run(&visit, server, &fields).await?;
    }
    Ok(Done::saying(t.server_asked_several((plain.words)(t), servers.len())))
}
