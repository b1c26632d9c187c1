//! The wire format of protocol buffers, written: fields in the order of the calls, so that the same
//! model gives the same bytes.

/// The bytes of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(crate) fn int(mut self, field: u32, value: i64) -> Self {
        self.key(field, 0);
        varint(&mut self.bytes, value.cast_unsigned());
        self
    }

    pub(crate) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(crate) fn message(self, field: u32, message: &Message) -> Self {
        self.bytes(field, &message.bytes)
    }

    pub(crate) fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.key(field, 2);
        varint(&mut self.bytes, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// What has been written.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn key(&mut self, field: u32, wire: u64) {
        varint(&mut self.bytes, u64::from(field) << 3 | wire);
    }
}

/// Seven bits a byte, the least first.
fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_in_order() {
        let inner = Message::default().int(1, -1);
        let message = Message::default()
            .int(1, 150)
            .text(2, "hi")
            .message(3, &inner);
        let expected = [
            &[0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1a, 11, 0x08][..],
            &[0xff; 9],
            &[1],
        ];
        assert_eq!(message.finish(), expected.concat());
    }
}
