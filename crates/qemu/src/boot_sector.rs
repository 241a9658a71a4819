//! The smallest guest there is: a boot sector of our own that computes, greets on the serial port, and obeys the power
//! button. It shows whether an accelerator really runs guests, and stands in for a guest in tests.
//!
//! The computing part matters: where KVM has no hardware or paravirtual support for ordinary guests, every instruction
//! goes through the kernel's emulator, and a few instructions would look as if all was well.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::{Error, Result};

/// Length of a boot disk. SeaBIOS cannot read a disk of a single sector.
pub const DISK_BYTES: u64 = 1 << 20;
/// Length of a boot sector.
pub const SECTOR_BYTES: usize = 512;
/// Where the loop counter stands in [`CODE`].
const COUNTER_AT: usize = 0x11;
/// Longest greeting that fits before the signature, with its final zero.
const MAX_GREETING_BYTES: usize = SECTOR_BYTES - CODE.len() - 3;

#[rustfmt::skip]
const CODE: [u8; 0x42] = [
    0xea, 0x05, 0x7c, 0x00, 0x00,             // 00  ljmp  0:0x7c05
    0xfa,                                     // 05  cli
    0x31, 0xc0,                               // 06  xor   ax, ax
    0x8e, 0xd8,                               // 08  mov   ds, ax
    0x8e, 0xd0,                               // 0a  mov   ss, ax
    0xbc, 0x00, 0x7c,                         // 0c  mov   sp, 0x7c00
    0x66, 0xb9, 0x00, 0x00, 0x00, 0x00,       // 0f  mov   ecx, <counter>
    0x66, 0x49,                               // 15  dec   ecx
    0x75, 0xfc,                               // 17  jnz   15
    0xbe, 0x42, 0x7c,                         // 19  mov   si, <greeting>
    0xba, 0xf8, 0x03,                         // 1c  mov   dx, 0x3f8       first serial port
    0xac,                                     // 1f  lodsb
    0x84, 0xc0,                               // 20  test  al, al
    0x74, 0x03,                               // 22  jz    27
    0xee,                                     // 24  out   dx, al
    0xeb, 0xf8,                               // 25  jmp   1f
    0xba, 0x02, 0x06,                         // 27  mov   dx, 0x602       ACPI PM1a enable, where SeaBIOS puts it on "pc"
    0xb8, 0x00, 0x01,                         // 2a  mov   ax, 0x100       power button
    0xef,                                     // 2d  out   dx, ax
    0xfb,                                     // 2e  sti
    0xf4,                                     // 2f  hlt                   until the next timer tick
    0xba, 0x00, 0x06,                         // 30  mov   dx, 0x600       ACPI PM1a status
    0xed,                                     // 33  in    ax, dx
    0xf6, 0xc4, 0x01,                         // 34  test  ah, 1           pressed?
    0x74, 0xf6,                               // 37  jz    2f
    0xba, 0x04, 0x06,                         // 39  mov   dx, 0x604       ACPI PM1a control
    0xb8, 0x00, 0x20,                         // 3c  mov   ax, 0x2000      sleep type 0 (off), enable
    0xef,                                     // 3f  out   dx, ax
    0xeb, 0xed,                               // 40  jmp   2f
];

/// A boot sector that counts down from `loops`, writes `greeting` to the first serial port, and then waits for the
/// power button, on which it turns the machine off. Works on machine type `pc` with SeaBIOS.
///
/// `greeting` is cut to what fits (440 bytes) and must hold no zero byte.
pub fn boot_sector(loops: u32, greeting: &str) -> [u8; SECTOR_BYTES] {
    let mut sector = [0; SECTOR_BYTES];
    sector[..CODE.len()].copy_from_slice(&CODE);
    sector[COUNTER_AT..COUNTER_AT + 4].copy_from_slice(&loops.max(1).to_le_bytes());
    let greeting = &greeting.as_bytes()[..greeting.len().min(MAX_GREETING_BYTES)];
    sector[CODE.len()..CODE.len() + greeting.len()].copy_from_slice(greeting);
    sector[SECTOR_BYTES - 2..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// Makes a raw disk at `path` that begins with [`boot_sector`].
///
/// # Errors
/// [`Error::File`].
pub fn create_boot_disk(path: &Path, loops: u32, greeting: &str) -> Result<()> {
    let mut file = File::create(path).map_err(Error::file("create", path))?;
    file.write_all(&boot_sector(loops, greeting))
        .and_then(|()| file.set_len(DISK_BYTES))
        .map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_bootable_sector() {
        let sector = boot_sector(7, "hello");
        assert_eq!(sector[COUNTER_AT - 2..COUNTER_AT + 4], [0x66, 0xb9, 7, 0, 0, 0]);
        assert_eq!(&sector[0x42..0x48], b"hello\0");
        assert_eq!(sector[510..], [0x55, 0xaa]);
        assert_eq!(boot_sector(1, &"x".repeat(600))[508..], [b'x', 0, 0x55, 0xaa]);
    }
}
