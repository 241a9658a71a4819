//! Consoles of servers that are not there: a screen that greets as QEMU's does, and a serial port that says back what it hears.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use model::console::ConsoleKind;

/// What a server of RFB 3.8 says first.
const GREETING: &[u8] = b"RFB 003.008\n";

/// One end of a connection, the other end of which is served until it is closed.
pub(crate) fn connect(kind: ConsoleKind) -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    theirs.set_nonblocking(true)?;
    thread::Builder::new()
        .name("console".to_owned())
        .spawn(move || serve(ours, kind))?;
    Ok(theirs)
}

fn serve(mut stream: UnixStream, kind: ConsoleKind) {
    if kind == ConsoleKind::Vnc && stream.write_all(GREETING).is_err() {
        return;
    }
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
