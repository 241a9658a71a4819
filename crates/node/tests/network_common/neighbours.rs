//! The machine's table of IPv4 neighbours, filled by hand. It is one for all namespaces.

use std::io::Write;
use std::process::{Command, Stdio};

use linux::Netns;

/// More neighbours than the machine has room for; they go when this does.
pub struct Crowd {
    _ns: Netns,
}

impl Crowd {
    /// Adds neighbours of a device that leads nowhere until the kernel refuses one. What was learned in the last five
    /// seconds it does not forget for others.
    pub fn new() -> Self {
        let ns = Netns::anonymous().unwrap();
        let limit = std::fs::read_to_string("/proc/sys/net/ipv4/neigh/default/gc_thresh3").unwrap();
        let limit: u32 = limit.trim().parse().unwrap();
        assert!(
            limit <= 1 << 17,
            "a limit of {limit} neighbours is out of a test's reach"
        );
        let mut commands = String::from("link add far0 type veth peer name far1\nlink set far0 up\nlink set far1 up\n");
        for number in 0..limit + 64 {
            let [_, a, b, c] = number.to_be_bytes();
            commands.push_str(&format!(
                "neigh add 10.{a}.{b}.{c} lladdr 02:00:00:{a:02x}:{b:02x}:{c:02x} dev far0 nud reachable\n"
            ));
        }
        let run = || {
            let mut ip = Command::new("ip")
                .args(["-force", "-batch", "-"])
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            ip.stdin.take().unwrap().write_all(commands.as_bytes())?;
            ip.wait_with_output()
        };
        let output = ns.run(run).unwrap().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("No buffer space"), "nothing was refused: {errors}");
        Self { _ns: ns }
    }
}
