//! The envelope of netlink: a header, a fixed part, attributes (linux/netlink.h).

/// Size of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;
/// The bit that marks an attribute as holding attributes (`NLA_F_NESTED`).
const NESTED: u16 = 0x8000;
/// The bits of an attribute's type that are no flags (`NLA_TYPE_MASK`).
const TYPE_MASK: u16 = 0x3fff;

/// `NLM_F_*` flags of a request.
pub(crate) mod flag {
    pub(crate) const REQUEST: u16 = 1;
    pub(crate) const ACK: u16 = 4;
    pub(crate) const DUMP: u16 = 0x300;
    pub(crate) const REPLACE: u16 = 0x100;
    pub(crate) const EXCL: u16 = 0x200;
    pub(crate) const CREATE: u16 = 0x400;
    pub(crate) const APPEND: u16 = 0x800;
}

/// One request being put together.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    buf: Vec<u8>,
}

impl Message {
    /// Starts a request of a type, with the fixed part that this type has.
    pub(crate) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut buf = vec![0; HEADER];
        buf[4..6].copy_from_slice(&kind.to_ne_bytes());
        buf[6..8].copy_from_slice(&(flags | flag::REQUEST).to_ne_bytes());
        buf.extend_from_slice(fixed);
        pad(&mut buf);
        Self { buf }
    }

    /// Adds an attribute of raw bytes.
    pub(crate) fn attr(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let length = (4 + value.len()) as u16;
        self.buf.extend_from_slice(&length.to_ne_bytes());
        self.buf.extend_from_slice(&kind.to_ne_bytes());
        self.buf.extend_from_slice(value);
        pad(&mut self.buf);
        self
    }

    /// Adds a number in the machine's byte order.
    pub(crate) fn u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attr(kind, &value.to_ne_bytes())
    }

    /// Adds a one-byte number.
    pub(crate) fn u8(&mut self, kind: u16, value: u8) -> &mut Self {
        self.attr(kind, &[value])
    }

    /// Adds a text with its closing zero.
    pub(crate) fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attr(kind, &bytes)
    }

    /// Adds an attribute that holds what `fill` adds.
    pub(crate) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.nest_raw(kind | NESTED, fill)
    }

    /// The same without the nested flag, for attributes whose readers compare the type bare.
    pub(crate) fn nest_raw(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.buf.len();
        self.attr(kind, &[]);
        fill(self);
        let length = (self.buf.len() - start) as u16;
        self.buf[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self
    }

    /// Adds raw bytes, for the fixed part inside a nested attribute.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.buf.extend_from_slice(bytes);
        pad(&mut self.buf);
        self
    }

    /// The finished request with its length, flags and sequence number set.
    pub(crate) fn finish(mut self, extra_flags: u16, sequence: u32) -> Vec<u8> {
        let length = self.buf.len() as u32;
        self.buf[0..4].copy_from_slice(&length.to_ne_bytes());
        let flags = u16::from_ne_bytes([self.buf[6], self.buf[7]]) | extra_flags;
        self.buf[6..8].copy_from_slice(&flags.to_ne_bytes());
        self.buf[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.buf
    }
}

fn pad(buf: &mut Vec<u8>) {
    buf.resize(buf.len().next_multiple_of(4), 0);
}

/// One message of an answer.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    pub(crate) payload: &'a [u8],
}

/// Splits a datagram into its messages; stops at the first that does not fit.
pub(crate) fn parts(mut bytes: &[u8]) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        let length = u32_at(bytes, 0)? as usize;
        if length < HEADER || length > bytes.len() {
            return None;
        }
        let part = Part {
            kind: u16_at(bytes, 4)?,
            flags: u16_at(bytes, 6)?,
            sequence: u32_at(bytes, 8)?,
            payload: &bytes[HEADER..length],
        };
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
        Some(part)
    })
}

/// Walks attributes; stops at the first that does not fit.
pub(crate) fn attrs(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u16_at(bytes, 0)? as usize;
        if length < 4 || length > bytes.len() {
            return None;
        }
        let kind = u16_at(bytes, 2)? & TYPE_MASK;
        let value = &bytes[4..length];
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
        Some((kind, value))
    })
}

/// The attributes behind a fixed part of `skip` bytes.
pub(crate) fn attrs_after(bytes: &[u8], skip: usize) -> impl Iterator<Item = (u16, &[u8])> {
    attrs(bytes.get(skip..).unwrap_or_default())
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A number in the machine's byte order, if the attribute has its size.
pub(crate) fn to_u32(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 0)
}

/// A big-endian number, as netfilter's protocols use them.
pub(crate) fn to_be32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?))
}

/// A big-endian 16-bit number.
pub(crate) fn to_be16(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?))
}

/// A text up to its closing zero.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back() {
        let mut message = Message::new(16, flag::CREATE, &[1, 2, 3, 4]);
        message.text(3, "br0").nest(18, |m| {
            m.text(1, "bridge").u8(7, 9);
        });
        message.u32(4, 1450);
        let bytes = message.finish(flag::ACK, 42);
        let part = parts(&bytes).next().unwrap();
        assert_eq!((part.kind, part.sequence), (16, 42));
        assert_eq!(part.flags, flag::REQUEST | flag::ACK | flag::CREATE);
        let found: Vec<_> = attrs_after(part.payload, 4).collect();
        assert_eq!(to_text(found[0].1), "br0");
        let inner: Vec<_> = attrs(found[1].1).collect();
        assert_eq!(
            (found[1].0, to_text(inner[0].1), inner[1].1),
            (18, "bridge".into(), &[9][..])
        );
        assert_eq!(to_u32(found[2].1), Some(1450));
    }

    #[test]
    fn truncated_bytes_end_the_walk_without_panic() {
        let mut message = Message::new(16, 0, &[0; 16]);
        message.text(3, "a-long-interface-name");
        let bytes = message.finish(0, 1);
        for end in 0..bytes.len() {
            for part in parts(&bytes[..end]) {
                let _ = attrs_after(part.payload, 16).count();
            }
            let _ = attrs(&bytes[..end]).count();
        }
    }
}
