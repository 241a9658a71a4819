//! Servers with a real QEMU and the smallest of guests: a boot sector that greets and obeys the power button.

mod bench;
mod crash;
mod guest;
mod orders;
mod power;
mod trouble;
mod volumes;
