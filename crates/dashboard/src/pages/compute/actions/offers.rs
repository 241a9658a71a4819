//! Every action of a server, and whether it may happen now.

use model::compute::Server;
use model::compute::server::admission::{Asker, Operation, admit};

use super::plain;
use crate::pages::compute::servers::{HERE, denied_words, may_change, nics};
use crate::visit::Visit;

/// What a click on an action does.
pub(super) enum Target {
    /// Opens a dialog.
    Dialog(String),
    /// Does it at once.
    AtOnce(String),
    /// Leads to a page.
    Page(String),
}

/// An action as it is offered.
pub(super) struct Offer {
    /// Its name in addresses; of those with a form, the form's.
    pub(super) key: &'static str,
    pub(super) symbol: &'static str,
    pub(super) words: &'static str,
    /// What it does, in a sentence.
    pub(super) hint: &'static str,
    pub(super) target: Target,
    /// Why it can't be done now.
    pub(super) refused: Option<String>,
    pub(super) is_dangerous: bool,
}

/// Actions that belong together.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) offers: Vec<Offer>,
}

/// Why the visitor can't do this to the server now.
pub(super) fn refusal(visit: &Visit, server: &Server, operation: Operation) -> Option<String> {
    let asker = if visit.is_admin() { Asker::Admin } else { Asker::Member };
    admit(server, asker, operation)
        .err()
        .map(|denied| denied_words(visit.t(), denied))
}

/// Every action of a server, with those that can't be done now.
pub(super) fn groups(visit: &Visit, server: &Server) -> Vec<Group> {
    let t = visit.t();
    let at = |what: &str| format!("{HERE}/{}/{what}", server.id);
    let refused = |operation| refusal(visit, server, operation);
    let form = |key, symbol, words, hint, refused| Offer {
        key,
        symbol,
        words,
        hint,
        target: Target::Dialog(at(key)),
        refused,
        is_dangerous: false,
    };
    let plain = |keys: &[&str]| -> Vec<Offer> {
        let of_key = |key: &&str| plain::PLAIN.iter().find(|each| each.key == *key);
        let fitting = keys
            .iter()
            .filter_map(of_key)
            .filter(|each| !each.for_admins || visit.is_admin());
        fitting.map(|each| each.offer(visit, server)).collect()
    };
    let page = |key, symbol, words, hint| Offer {
        target: Target::Page(at(key)),
        ..form(key, symbol, words, hint, None)
    };
    let nics = nics(visit.cloud(), server);
    let has_floating = nics.iter().any(|nic| !nic.floating.is_empty());
    let no_nic = || nics.is_empty().then(|| t.server_nics_none().to_owned());
    let no_volume = || {
        let attached = model::volume::attachment::of_server(visit.cloud(), server.id);
        attached.is_empty().then(|| t.server_volumes_none().to_owned())
    };
    let delete = Offer {
        target: Target::Dialog(format!("{HERE}/delete?id={}", server.id)),
        is_dangerous: true,
        ..form(
            "delete",
            "trash",
            t.delete(),
            t.server_hint_delete(),
            refused(Operation::Delete),
        )
    };
    let associate = Offer {
        target: Target::Dialog(format!("/dashboard/floating-ips/associate?server={}", server.id)),
        ..form(
            "associate",
            "globe",
            t.server_do_associate(),
            t.server_hint_associate(),
            no_nic(),
        )
    };
    let use_it = vec![
        page("console", "terminal", t.server_do_console(), t.server_hint_console()),
        page("log", "list", t.server_do_log(), t.server_hint_log()),
    ];
    let power = plain(&[
        "start",
        "stop",
        "reboot",
        "hard-reboot",
        "pause",
        "unpause",
        "suspend",
        "resume",
        "shelve",
        "unshelve",
        "offload",
    ]);
    let network = vec![
        associate,
        form(
            "floating-ips/disassociate",
            "unlink",
            t.server_do_disassociate(),
            t.server_hint_disassociate(),
            (!has_floating).then(|| t.server_no_floating().to_owned()),
        ),
        form(
            "interfaces/attach",
            "plug",
            t.server_do_attach_nic(),
            t.server_hint_attach_nic(),
            refused(Operation::AttachInterface),
        ),
        form(
            "interfaces/detach",
            "unlink",
            t.server_do_detach_nic(),
            t.server_hint_detach_nic(),
            no_nic().or_else(|| refused(Operation::DetachInterface)),
        ),
        form(
            "security-groups",
            "shield",
            t.server_do_groups(),
            t.server_hint_groups(),
            no_nic(),
        ),
    ];
    let disks = vec![
        form(
            "volumes/attach",
            "plug",
            t.server_do_attach_volume(),
            t.server_hint_attach_volume(),
            refused(Operation::AttachVolume),
        ),
        form(
            "volumes/detach",
            "unlink",
            t.server_do_detach_volume(),
            t.server_hint_detach_volume(),
            no_volume().or_else(|| refused(Operation::DetachVolume)),
        ),
        form(
            "snapshot",
            "camera",
            t.server_do_snapshot(),
            t.server_hint_snapshot(),
            refused(Operation::CreateImage),
        ),
    ];
    let mut change = vec![
        form("edit", "pencil", t.server_do_edit(), t.server_hint_edit(), None),
        form(
            "labels",
            "list",
            t.server_do_labels(),
            t.server_hint_labels(),
            refused(Operation::ChangeMetadata),
        ),
        form(
            "resize",
            "resize",
            t.server_do_resize(),
            t.server_hint_resize(),
            refused(Operation::Resize),
        ),
    ];
    change.extend(plain(&["confirm-resize", "revert-resize"]));
    change.extend([
        Offer {
            is_dangerous: true,
            ..form(
                "rebuild",
                "refresh",
                t.server_do_rebuild(),
                t.server_hint_rebuild(),
                refused(Operation::Rebuild),
            )
        },
        form(
            "rescue",
            "life",
            t.server_do_rescue(),
            t.server_hint_rescue(),
            refused(Operation::Rescue),
        ),
    ]);
    change.extend(plain(&["unrescue", "lock", "unlock"]));
    change.push(delete);
    let mut all = vec![
        Group {
            title: t.server_group_use(),
            offers: use_it,
        },
        Group {
            title: t.server_group_power(),
            offers: power,
        },
        Group {
            title: t.nav_network(),
            offers: network,
        },
        Group {
            title: t.server_group_disks(),
            offers: disks,
        },
        Group {
            title: t.server_group_change(),
            offers: change,
        },
    ];
    if visit.is_admin() {
        let mut offers = plain(&["migrate", "live-migrate", "crash-dump", "force-delete"]);
        offers.insert(
            2,
            form(
                "reset-state",
                "wrench",
                t.server_do_reset(),
                t.volume_reset_text(),
                None,
            ),
        );
        all.push(Group {
            title: t.nav_admin(),
            offers,
        });
    }
    if !may_change(visit) {
        for offer in all.iter_mut().flat_map(|group| group.offers.iter_mut()) {
            offer.refused = Some(t.server_only_reader().to_owned());
        }
    }
    all
}
