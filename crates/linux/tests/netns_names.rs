//! Names of network namespaces, while several programs make and sweep them. Run as root.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, Ordering};

use linux::{Error, Netns};

#[test]
fn who_takes_names_for_left_overs_does_not_disturb_who_makes_them() {
    let name = format!("marutest-{}-young", std::process::id());
    let made = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !made.load(Ordering::Relaxed) {
                Netns::delete_dead(&name).unwrap();
            }
        });
        let rounds = (0..300).map(|_| {
            let ns = Netns::create(&name)?;
            ns.remount(&name)?;
            Netns::delete(&name)
        });
        let outcome: Result<Vec<bool>, Error> = rounds.collect();
        made.store(true, Ordering::Relaxed);
        assert_eq!(outcome.unwrap(), [true; 300]);
    });
    Netns::delete_dead(&name).unwrap();
}
