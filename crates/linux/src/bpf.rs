//! Small eBPF programs that tag and untag frames: what a trunk needs, on every kernel that has `cls_bpf`, whether or not it
//! has VLAN devices (bpf(2), linux/bpf.h, bpf-helpers(7)).
//!
//! Such a program sits where frames enter a device ([`crate::netlink::Rtnl::attach`]). It is put together here, instruction
//! by instruction, since it holds the numbers of the devices it sends to.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_long};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::{Error, Result};

const BPF_PROG_LOAD: c_long = 5;
const BPF_PROG_TYPE_SCHED_CLS: u32 = 3;
/// None of the helpers used here asks for a licence.
const LICENSE: &CStr = c"Apache-2.0";
/// Room for the verifier's words on a program that it refuses, bytes.
const LOG: usize = 64 * 1024;

// `struct __sk_buff`.
const VLAN_PRESENT: i16 = 20;
const VLAN_TCI: i16 = 24;
const VLAN_PROTO: i16 = 28;

// Helpers, by number.
const SKB_VLAN_PUSH: i32 = 18;
const SKB_VLAN_POP: i32 = 19;
const REDIRECT: i32 = 23;

/// `TC_ACT_UNSPEC`: the frame goes its usual way.
const PASS: i32 = -1;
/// `TC_ACT_SHOT`.
const DROP: i32 = 2;
/// The type of a frame with an IEEE 802.1Q tag, as the kernel keeps it: in network order.
const TAGGED: i32 = 0x8100_u16.to_be() as i32;
/// The bits of a tag that are the VLAN's ID.
const ID: i32 = 0xfff;

// Registers: R0 holds results, R1 to R5 what a helper is told, R6 to R9 outlive its call.
const R0: u8 = 0;
const R1: u8 = 1;
const R2: u8 = 2;
const R3: u8 = 3;
const FRAME: u8 = 6;
const TO: u8 = 7;

/// A program, as the kernel reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    code: Vec<Instruction>,
}

/// One instruction: operation, registers, offset, number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
struct Instruction {
    operation: u8,
    /// The register written in the low half, the one read in the high half.
    registers: u8,
    offset: i16,
    number: i32,
}

impl Program {
    /// Takes the tags off frames and sends each out of the device that its VLAN ID leads to. Frames of other VLANs are
    /// dropped; untagged ones, and those with a priority only (VLAN ID 0), go their usual way.
    pub fn untag(devices: &BTreeMap<u16, u32>) -> Self {
        let mut code = vec![
            copy(FRAME, R1),
            load(R2, R1, VLAN_PRESENT),
            // Filled in below: to `pass`.
            jump_if_equal(R2, 0, 0),
            load(R2, R1, VLAN_TCI),
            and(R2, ID),
            jump_if_equal(R2, 0, 0),
            load(R3, R1, VLAN_PROTO),
            jump_if_unequal(R3, TAGGED, 0),
        ];
        let (to_pass, to_drop) = ([2, 5], 7);
        let mut to_send = Vec::new();
        for (id, device) in devices {
            code.push(jump_if_unequal(R2, i32::from(*id), 2));
            code.push(set(TO, *device));
            to_send.push(code.len());
            code.push(jump(0));
        }
        let drop = code.len();
        code.extend(leave(DROP));
        let send = code.len();
        // The kernel refuses what nothing leads to.
        if !devices.is_empty() {
            code.extend([copy(R1, FRAME), call(SKB_VLAN_POP), jump_if_equal(R0, 0, 2)]);
            code.extend(leave(DROP));
            code.extend([copy(R1, TO), set(R2, 0), call(REDIRECT), EXIT]);
        }
        let pass = code.len();
        code.extend(leave(PASS));
        for (from, to) in [(to_pass[0], pass), (to_pass[1], pass), (to_drop, drop)]
            .into_iter()
            .chain(to_send.into_iter().map(|from| (from, send)))
        {
            // At most 4,094 VLANs of three instructions: it fits.
            code[from].offset = i16::try_from(to - from - 1).unwrap_or(i16::MAX);
        }
        Self { code }
    }

    /// Tags frames and sends them out of a device.
    pub fn tag(id: u16, device: u32) -> Self {
        let mut code = vec![
            set(R2, TAGGED as u32),
            set(R3, u32::from(id)),
            call(SKB_VLAN_PUSH),
            jump_if_equal(R0, 0, 2),
        ];
        code.extend(leave(DROP));
        code.extend([set(R1, device), set(R2, 0), call(REDIRECT), EXIT]);
        Self { code }
    }

    /// A name that no other program has, by which it is known where it is attached.
    pub fn name(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.code.hash(&mut hasher);
        format!("maru-{:016x}", hasher.finish())
    }

    /// Hands the program to the kernel. It lives as long as a descriptor holds it, or what it is attached to.
    pub(crate) fn load(&self) -> Result<Loaded> {
        match self.try_load(&mut []) {
            Ok(loaded) => Ok(loaded),
            Err(error) => {
                // Once more, for the verifier's words.
                let mut log = vec![0; LOG];
                let again = self.try_load(&mut log);
                let words = String::from_utf8_lossy(&log).trim_end_matches('\0').trim().to_owned();
                let hint = words.lines().rev().take(2).last().map(str::to_owned);
                again.map_err(|_| Error::with_hint("load an eBPF program".into(), error, hint))
            }
        }
    }

    #[allow(unsafe_code)]
    fn try_load(&self, log: &mut [u8]) -> io::Result<Loaded> {
        let attributes = LoadAttributes {
            kind: BPF_PROG_TYPE_SCHED_CLS,
            count: self.code.len() as u32,
            code: self.code.as_ptr() as u64,
            license: LICENSE.as_ptr() as u64,
            log_level: u32::from(!log.is_empty()),
            log_size: log.len() as u32,
            log: if log.is_empty() { 0 } else { log.as_mut_ptr() as u64 },
            kernel: 0,
            flags: 0,
            name: *b"maru_trunk\0\0\0\0\0\0",
        };
        // SAFETY: the attributes have the size that is told, and point to a program of `count` instructions, a closed text
        // and a buffer of `log_size` bytes, all of which outlive the call.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_PROG_LOAD,
                std::ptr::from_ref(&attributes),
                size_of::<LoadAttributes>(),
            )
        };
        match i32::try_from(fd) {
            Ok(fd) if fd >= 0 => {
                // SAFETY: the kernel has just made this descriptor for us (closed on exec, as all of its kind).
                let fd = unsafe { OwnedFd::from_raw_fd(fd) };
                Ok(Loaded { fd })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// A program in the kernel.
#[derive(Debug)]
pub(crate) struct Loaded {
    fd: OwnedFd,
}

impl AsFd for Loaded {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// `union bpf_attr`, as `BPF_PROG_LOAD` reads it; what is not told is zero.
#[repr(C)]
struct LoadAttributes {
    kind: u32,
    count: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel: u32,
    flags: u32,
    name: [u8; 16],
}

const EXIT: Instruction = instruction(0x95, 0, 0, 0, 0);

const fn instruction(operation: u8, write: u8, read: u8, offset: i16, number: i32) -> Instruction {
    Instruction {
        operation,
        registers: (read << 4) | write,
        offset,
        number,
    }
}

/// All 64 bits of a register.
const fn copy(to: u8, from: u8) -> Instruction {
    instruction(0xbf, to, from, 0, 0)
}

/// A number, the upper half of the register zero.
const fn set(to: u8, number: u32) -> Instruction {
    instruction(0xb4, to, 0, 0, number as i32)
}

/// 32 bits from where a register points to.
const fn load(to: u8, from: u8, offset: i16) -> Instruction {
    instruction(0x61, to, from, offset, 0)
}

const fn and(to: u8, number: i32) -> Instruction {
    instruction(0x54, to, 0, 0, number)
}

const fn jump(over: i16) -> Instruction {
    instruction(0x05, 0, 0, over, 0)
}

const fn jump_if_equal(register: u8, number: i32, over: i16) -> Instruction {
    instruction(0x15, register, 0, over, number)
}

const fn jump_if_unequal(register: u8, number: i32, over: i16) -> Instruction {
    instruction(0x55, register, 0, over, number)
}

const fn call(helper: i32) -> Instruction {
    instruction(0x85, 0, 0, 0, helper)
}

const fn leave(with: i32) -> [Instruction; 2] {
    [instruction(0xb4, R0, 0, 0, with), EXIT]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where each jump of a program leads.
    fn jumps(program: &Program) -> impl Iterator<Item = usize> + '_ {
        let is_jump = |code: &Instruction| matches!(code.operation, 0x05 | 0x15 | 0x55);
        let jumps = program.code.iter().enumerate().filter(move |(_, code)| is_jump(code));
        jumps.map(|(at, code)| at + 1 + usize::try_from(code.offset).unwrap())
    }

    #[test]
    fn every_jump_leads_into_the_program_also_with_all_vlans() {
        let all: BTreeMap<u16, u32> = (1..=4094).map(|id| (id, u32::from(id) + 7)).collect();
        for program in [
            Program::untag(&BTreeMap::new()),
            Program::untag(&BTreeMap::from([(7, 3)])),
            Program::untag(&all),
            Program::tag(7, 3),
        ] {
            assert!(jumps(&program).all(|to| to < program.code.len()));
            assert_eq!(program.code.last(), Some(&EXIT));
        }
    }

    #[test]
    fn a_program_is_known_by_what_it_does() {
        let untag = |id, device| Program::untag(&BTreeMap::from([(id, device)])).name();
        assert_eq!(untag(7, 3), untag(7, 3));
        assert_ne!(untag(7, 3), untag(7, 4));
        assert_ne!(untag(7, 3), untag(8, 3));
        assert_ne!(Program::tag(7, 3).name(), Program::tag(7, 4).name());
    }
}
