//! Lets a socket see only packets of a certain form: the kernel compares (classic BPF, socket(7) `SO_ATTACH_FILTER`).

use std::os::fd::{AsFd, AsRawFd};

use crate::{Error, Result};

/// Bytes of a packet that must have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it begins, bytes from what the socket sees first.
    pub offset: u32,
    /// How long it is: 1, 2 or 4 bytes.
    pub size: u8,
    /// What it must be, as the big-endian number it is on the wire.
    pub value: u32,
}

impl Field {
    /// One byte.
    pub fn byte(offset: u32, value: u8) -> Self {
        let value = value.into();
        Self { offset, size: 1, value }
    }

    /// Two bytes.
    pub fn short(offset: u32, value: u16) -> Self {
        let value = value.into();
        Self { offset, size: 2, value }
    }

    /// Four bytes.
    pub fn word(offset: u32, value: u32) -> Self {
        Self { offset, size: 4, value }
    }

    /// Bytes of any number, as fields of up to four.
    pub fn bytes(offset: u32, bytes: &[u8]) -> Vec<Self> {
        let mut fields = Vec::new();
        let (mut at, mut rest) = (offset, bytes);
        while let [first, ..] = rest {
            let field = match rest {
                [a, b, c, d, ..] => Self::word(at, u32::from_be_bytes([*a, *b, *c, *d])),
                [a, b, ..] => Self::short(at, u16::from_be_bytes([*a, *b])),
                _ => Self::byte(at, *first),
            };
            rest = &rest[usize::from(field.size)..];
            at += u32::from(field.size);
            fields.push(field);
        }
        fields
    }
}

/// A form: all of its fields must hold. A packet that ends before one of them does not have the form, nor any that is
/// compared after it: put those that begin alike in the order of their length.
pub type Form = Vec<Field>;

/// `BPF_LD | BPF_ABS` of linux/bpf_common.h, and the sizes of what is loaded.
const LOAD: u16 = 0x20;
const WORD: u16 = 0x00;
const HALF: u16 = 0x08;
const BYTE: u16 = 0x10;
/// `BPF_JMP | BPF_JEQ | BPF_K`.
const JUMP_IF_EQUAL: u16 = 0x15;
/// `BPF_RET | BPF_K`.
const RETURN: u16 = 0x06;
/// `BPF_MAXINSNS`.
const MOST: usize = 4096;

/// Lets the socket see only packets that have one of the forms, and of those the first `length` bytes.
pub fn attach(socket: impl AsFd, forms: &[Form], length: u32) -> Result<()> {
    let program = program(forms, length);
    if program.len() > MOST {
        return Err(Error::io(
            "choose what a socket sees",
            std::io::Error::from_raw_os_error(libc::E2BIG),
        ));
    }
    attach_program(socket.as_fd().as_raw_fd(), &program).map_err(|e| Error::io("choose what a socket sees", e))
}

fn program(forms: &[Form], length: u32) -> Vec<libc::sock_filter> {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut program = Vec::new();
    for form in forms {
        for (place, field) in form.iter().enumerate() {
            let size = match field.size {
                1 => BYTE,
                2 => HALF,
                _ => WORD,
            };
            // Two steps for each field that follows, and one that takes the packet.
            let to_next_form = (2 * (form.len() - place - 1) + 1) as u8;
            program.push(step(LOAD | size, 0, 0, field.offset));
            program.push(step(JUMP_IF_EQUAL, 0, to_next_form, field.value));
        }
        program.push(step(RETURN, 0, 0, length));
    }
    program.push(step(RETURN, 0, 0, 0));
    program
}

#[allow(unsafe_code)]
fn attach_program(fd: i32, program: &[libc::sock_filter]) -> std::io::Result<()> {
    let described = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: `described` points to `program`, of which the kernel makes a copy; it writes neither.
    let status = unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const described).cast(),
            size_of_val(&described) as libc::socklen_t,
        )
    };
    if status < 0 {
        Err(std::io::Error::last_os_error())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_cut_into_fields() {
        assert_eq!(
            Field::bytes(10, &[1, 2, 3, 4, 5, 6, 7]),
            [
                Field::word(10, 0x0102_0304),
                Field::short(14, 0x0506),
                Field::byte(16, 7)
            ]
        );
    }

    #[test]
    fn a_form_that_does_not_hold_leads_to_the_next() {
        let forms = [vec![Field::byte(0, 1), Field::short(2, 2)], vec![Field::word(4, 3)]];
        let program = program(&forms, 9);
        let seen: Vec<_> = program.iter().map(|s| (s.code, s.jf, s.k)).collect();
        let expected = [
            (0x30, 0, 0),
            (0x15, 3, 1), // over the other field and the verdict
            (0x28, 0, 2),
            (0x15, 1, 2),
            (0x06, 0, 9),
            (0x20, 0, 4),
            (0x15, 1, 3),
            (0x06, 0, 9),
            (0x06, 0, 0),
        ];
        assert_eq!(seen, expected);
    }
}
