//! What to do next with a server, as a pure function of what it should do and what was seen.
//!
//! ```text
//!            Boot/Load                     Pause
//!   (gone) ─────────────► running ◄──────────────► paused
//!      ▲                     │  Cont                  │
//!      │ End                 │ Ask, Await             │ Save
//!      └──── shut down ◄─────┘ (the guest may do so   ▼
//!               │               by itself)          saved ──End──► (gone)
//!               └─ Reset (a reboot) ─► running
//! ```

use model::host::{DesiredPower, ServerPhase};
use qemu::qmp::RunState;

/// What was seen of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the machine does; `None`: no QEMU runs.
    pub run_state: Option<RunState>,
    /// A file with its saved memory exists.
    pub saved: bool,
    /// The guest shut itself down some time ago, and nobody asked for a start since.
    pub off_by_guest: bool,
    /// The guest was asked to shut down.
    pub asked: Asked,
    /// A hard reboot was asked for and is not done.
    pub hard_due: bool,
    /// A soft reboot was asked for and is not done.
    pub soft_due: bool,
    /// Something is to be done to its disks before anything else.
    pub work: Option<Work>,
}

/// What is to be done to the disks of a machine that is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// They begin anew.
    Rebuild,
    /// They grow, and copies of them as they were are kept. The guest is asked to shut down first.
    Resize,
    /// The copies from before are put in their place.
    Revert,
}

/// How long ago the guest was asked to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It was not.
    No,
    /// It still has time.
    Waiting,
    /// Its time is over.
    Elapsed,
}

/// One step. After each but those that wait or rest one looks again at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make the disks, start QEMU; the guest runs.
    Boot,
    /// As [`Step::Boot`], but the guest's processors stand still.
    BootPaused,
    /// Start QEMU with the saved memory.
    Load,
    /// Remove the saved memory.
    DropMemory,
    /// Let the processors go on.
    Cont,
    /// Stop the processors.
    Pause,
    /// Press the power button, and remember when.
    Ask,
    /// Wait for the guest, pressing again now and then.
    Await,
    /// Memory is being loaded: wait a moment.
    AwaitMemory,
    /// End QEMU.
    End,
    /// The guest has shut down for a reboot: reset the machine and go on.
    Reset,
    /// The guest has shut itself down: remember it, and end QEMU.
    NoteGuestOff,
    /// Forget that the guest had shut itself down: it is asked to be off now.
    ForgetGuestOff,
    /// Save the memory to a file.
    Save,
    /// The disk was full: see whether it goes on.
    Retry,
    /// Do this to the disks.
    Work(Work),
    /// As it should be.
    Rest(ServerPhase),
}

/// The next step towards `power`.
pub fn decide(power: DesiredPower, seen: &Seen) -> Step {
    if let Some(work) = seen.work {
        return decide_work(work, seen);
    }
    match seen.run_state {
        None => decide_gone(power, seen),
        Some(RunState::Shutdown) => decide_shut_down(power, seen),
        Some(state) => decide_alive(power, state, seen),
    }
}

/// Disks are worked on while no machine has them.
fn decide_work(work: Work, seen: &Seen) -> Step {
    match (work, seen.run_state) {
        (_, None) if seen.saved => Step::DropMemory,
        (_, None) => Step::Work(work),
        (Work::Resize, Some(RunState::Running | RunState::Suspended)) => ask(seen.asked),
        (_, Some(_)) => Step::End,
    }
}

fn decide_gone(power: DesiredPower, seen: &Seen) -> Step {
    let asked_anew = seen.hard_due || seen.soft_due;
    match power {
        DesiredPower::Off | DesiredPower::Suspended | DesiredPower::Paused if seen.off_by_guest => Step::ForgetGuestOff,
        // What was saved is not gone back to after a stop or a hard reboot.
        DesiredPower::Off if seen.saved => Step::DropMemory,
        DesiredPower::On | DesiredPower::Paused if seen.saved && seen.hard_due => Step::DropMemory,
        DesiredPower::Off => Step::Rest(ServerPhase::Off { by_guest: false }),
        DesiredPower::Suspended => Step::Rest(ServerPhase::Suspended),
        DesiredPower::On if seen.off_by_guest && !asked_anew => Step::Rest(ServerPhase::Off { by_guest: true }),
        DesiredPower::On | DesiredPower::Paused if seen.saved => Step::Load,
        DesiredPower::On => Step::Boot,
        DesiredPower::Paused => Step::BootPaused,
    }
}

fn decide_shut_down(power: DesiredPower, seen: &Seen) -> Step {
    match power {
        DesiredPower::Off | DesiredPower::Suspended => Step::End,
        _ if seen.hard_due => Step::End,
        // We pressed the button, for a reboot or for a stop that is not wanted any more.
        _ if seen.soft_due || seen.asked != Asked::No => Step::Reset,
        _ => Step::NoteGuestOff,
    }
}

fn decide_alive(power: DesiredPower, state: RunState, seen: &Seen) -> Step {
    let runs = matches!(state, RunState::Running | RunState::Suspended);
    match (power, state) {
        (_, RunState::Loading) => Step::AwaitMemory,
        (DesiredPower::Suspended, _) if seen.saved => Step::End,
        (DesiredPower::Suspended, RunState::Prelaunch) => Step::End,
        // Its memory was written, and the file is lost: we died before it had its name. QEMU saves again only after it ran.
        (DesiredPower::Suspended, RunState::Saved) => Step::Cont,
        (DesiredPower::Suspended, _) if runs => Step::Pause,
        (DesiredPower::Suspended, _) => Step::Save,
        (DesiredPower::Off, _) if !runs => Step::End,
        (DesiredPower::Off, _) => ask(seen.asked),
        (DesiredPower::On | DesiredPower::Paused, _) if seen.hard_due => Step::End,
        (DesiredPower::On, _) if runs && seen.soft_due => ask(seen.asked),
        (DesiredPower::On, RunState::IoError) => Step::Retry,
        // These do not go on; a reboot mends them, and the user decides on that.
        (_, RunState::GuestPanicked | RunState::InternalError) => Step::Rest(ServerPhase::Failed {
            message: "The server crashed. Reboot it (hard) to start it again.".into(),
            detail: format!("QEMU's run state is {state:?}"),
        }),
        (DesiredPower::On, _) if runs => Step::Rest(ServerPhase::Running),
        (DesiredPower::On, _) => Step::Cont,
        (DesiredPower::Paused, _) if runs => Step::Pause,
        (DesiredPower::Paused, _) => Step::Rest(ServerPhase::Paused),
    }
}

/// Asks the guest to shut down; if it does not, the machine is ended (and started again where it should be on).
fn ask(asked: Asked) -> Step {
    match asked {
        Asked::No => Step::Ask,
        Asked::Waiting => Step::Await,
        Asked::Elapsed => Step::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DesiredPower::{Off, On, Paused, Suspended};
    use RunState as R;

    const GONE: Seen = Seen {
        run_state: None,
        saved: false,
        off_by_guest: false,
        asked: Asked::No,
        hard_due: false,
        soft_due: false,
        work: None,
    };

    fn at(state: RunState) -> Seen {
        Seen {
            run_state: Some(state),
            ..GONE
        }
    }

    #[test]
    fn ways() {
        let by_guest = Step::Rest(ServerPhase::Off { by_guest: true });
        let off = Step::Rest(ServerPhase::Off { by_guest: false });
        let guest_off = Seen {
            off_by_guest: true,
            ..GONE
        };
        let cases = [
            // start
            (On, GONE, Step::Boot),
            (Paused, GONE, Step::BootPaused),
            (On, Seen { saved: true, ..GONE }, Step::Load),
            (On, at(R::Prelaunch), Step::Cont),
            (On, at(R::Loading), Step::AwaitMemory),
            (On, at(R::Running), Step::Rest(ServerPhase::Running)),
            // pause
            (Paused, at(R::Running), Step::Pause),
            (Paused, at(R::Prelaunch), Step::Rest(ServerPhase::Paused)),
            (On, at(R::Paused), Step::Cont),
            // stop
            (Off, GONE, off.clone()),
            (Off, at(R::Running), Step::Ask),
            (
                Off,
                Seen {
                    asked: Asked::Waiting,
                    ..at(R::Running)
                },
                Step::Await,
            ),
            (
                Off,
                Seen {
                    asked: Asked::Elapsed,
                    ..at(R::Running)
                },
                Step::End,
            ),
            (
                Off,
                Seen {
                    asked: Asked::Waiting,
                    ..at(R::Shutdown)
                },
                Step::End,
            ),
            (Off, at(R::Paused), Step::End),
            // a stop that was taken back: the guest shuts down all the same
            (
                On,
                Seen {
                    asked: Asked::Waiting,
                    ..at(R::Shutdown)
                },
                Step::Reset,
            ),
            // the guest shuts itself down
            (On, at(R::Shutdown), Step::NoteGuestOff),
            (On, guest_off, by_guest),
            (Off, guest_off, Step::ForgetGuestOff),
            (
                On,
                Seen {
                    hard_due: true,
                    ..guest_off
                },
                Step::Boot,
            ),
            (
                On,
                Seen {
                    soft_due: true,
                    ..guest_off
                },
                Step::Boot,
            ),
            // reboots
            (
                On,
                Seen {
                    saved: true,
                    hard_due: true,
                    ..GONE
                },
                Step::DropMemory,
            ),
            (
                On,
                Seen {
                    hard_due: true,
                    ..at(R::Running)
                },
                Step::End,
            ),
            (
                On,
                Seen {
                    hard_due: true,
                    ..at(R::Shutdown)
                },
                Step::End,
            ),
            (
                On,
                Seen {
                    soft_due: true,
                    ..at(R::Running)
                },
                Step::Ask,
            ),
            (
                On,
                Seen {
                    soft_due: true,
                    asked: Asked::Waiting,
                    ..at(R::Shutdown)
                },
                Step::Reset,
            ),
            (
                On,
                Seen {
                    soft_due: true,
                    asked: Asked::Elapsed,
                    ..at(R::Running)
                },
                Step::End,
            ),
            // suspend
            (Suspended, at(R::Running), Step::Pause),
            (Suspended, at(R::Paused), Step::Save),
            (
                Suspended,
                Seen {
                    saved: true,
                    ..at(R::Saved)
                },
                Step::End,
            ),
            (Suspended, at(R::Saved), Step::Cont),
            (Suspended, GONE, Step::Rest(ServerPhase::Suspended)),
            (On, at(R::Saved), Step::Cont),
            // trouble
            (On, at(R::IoError), Step::Retry),
            (Off, at(R::InternalError), Step::End),
            (
                On,
                Seen {
                    hard_due: true,
                    ..at(R::InternalError)
                },
                Step::End,
            ),
        ];
        for (power, seen, expected) in cases {
            assert_eq!(decide(power, &seen), expected, "{power:?} {seen:?}");
        }
    }

    /// Every combination: from anywhere, following the steps as a willing machine would obey them, one comes to rest, and
    /// at the right phase.
    #[test]
    fn every_way_comes_to_rest() {
        let states = [
            None,
            Some(R::Prelaunch),
            Some(R::Running),
            Some(R::Paused),
            Some(R::Shutdown),
            Some(R::IoError),
            Some(R::Saved),
            Some(R::Suspended),
        ];
        for power in [On, Off, Paused, Suspended] {
            for run_state in states {
                let works = [None, Some(Work::Rebuild), Some(Work::Resize), Some(Work::Revert)];
                for (bits, work) in (0..16).flat_map(|bits| works.map(|work| (bits, work))) {
                    let bit = |n: u8| bits >> n & 1 == 1;
                    let seen = Seen {
                        work,
                        run_state,
                        saved: bit(0),
                        off_by_guest: bit(1),
                        asked: Asked::No,
                        hard_due: bit(2),
                        soft_due: bit(3),
                    };
                    walk(power, seen);
                }
            }
        }
    }

    fn walk(power: DesiredPower, start: Seen) {
        let mut seen = start;
        for _ in 0..12 {
            let step = decide(power, &seen);
            match step {
                Step::Boot | Step::BootPaused | Step::Load => {
                    let state = if step == Step::Boot { R::Running } else { R::Prelaunch };
                    seen = at(state);
                }
                Step::Cont | Step::Retry => seen.run_state = Some(R::Running),
                Step::DropMemory => seen.saved = false,
                Step::Pause => seen.run_state = Some(R::Paused),
                Step::Ask => (seen.run_state, seen.asked) = (Some(R::Shutdown), Asked::Waiting),
                Step::Await | Step::AwaitMemory => panic!("a willing guest makes nobody wait: {power:?} {start:?}"),
                Step::End => (seen.run_state, seen.asked) = (None, Asked::No),
                Step::Reset => seen = at(R::Running),
                Step::NoteGuestOff => (seen.run_state, seen.off_by_guest) = (None, true),
                Step::ForgetGuestOff => seen.off_by_guest = false,
                Step::Save => {
                    assert_ne!(
                        seen.run_state,
                        Some(R::Saved),
                        "QEMU does not save twice: {power:?} {start:?}"
                    );
                    (seen.run_state, seen.saved) = (Some(R::Saved), true);
                }
                Step::Work(work) => {
                    assert_eq!((seen.run_state, seen.saved), (None, false), "{work:?} beside a machine");
                    seen.work = None;
                }
                Step::Rest(phase) => {
                    let right = match power {
                        On => matches!(phase, ServerPhase::Running | ServerPhase::Off { by_guest: true }),
                        Off => phase == ServerPhase::Off { by_guest: false },
                        Paused => phase == ServerPhase::Paused || phase == ServerPhase::Off { by_guest: true },
                        Suspended => phase == ServerPhase::Suspended,
                    };
                    assert!(right, "{power:?} {start:?} ends at {phase:?}");
                    return;
                }
            }
        }
        panic!("no rest: {power:?} {start:?}");
    }
}
