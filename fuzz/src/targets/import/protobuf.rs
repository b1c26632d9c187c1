//! Writes the messages of an ONNX file.

/// A message in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(super) fn int(mut self, number: u32, value: i64) -> Self {
        self.varint(u64::from(number) << 3);
        self.varint(value.cast_unsigned());
        self
    }

    pub(super) fn bytes(mut self, number: u32, bytes: &[u8]) -> Self {
        self.varint(u64::from(number) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    pub(super) fn text(self, number: u32, text: &str) -> Self {
        self.bytes(number, text.as_bytes())
    }

    pub(super) fn message(self, number: u32, message: &Self) -> Self {
        self.bytes(number, &message.0)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A constant of floats.
pub(super) fn tensor(name: &str, shape: &[usize], floats: &[f32]) -> Message {
    let raw: Vec<u8> = floats.iter().flat_map(|x| x.to_le_bytes()).collect();
    let sizes = shape
        .iter()
        .fold(Message::default(), |sizes, &size| sizes.int(1, size as i64));
    sizes.int(2, 1).text(8, name).bytes(9, &raw)
}

/// A node with lists of integers for attributes.
pub(super) fn node(op: &str, inputs: &[&str], output: &str, lists: &[(&str, &[i64])]) -> Message {
    let named = inputs
        .iter()
        .fold(Message::default(), |node, input| node.text(1, input));
    let node = named.text(2, output).text(4, op);
    lists.iter().fold(node, |node, (name, list)| {
        let attribute = Message::default().text(1, name).int(20, 7);
        let attribute = list.iter().fold(attribute, |all, &int| all.int(8, int));
        node.message(5, &attribute)
    })
}

/// A value of a shape.
pub(super) fn value(name: &str, shape: &[usize]) -> Message {
    let sizes = shape.iter().fold(Message::default(), |sizes, &size| {
        sizes.message(1, &Message::default().int(1, size as i64))
    });
    let tensor = Message::default().int(1, 1).message(2, &sizes);
    let kind = Message::default().message(1, &tensor);
    Message::default().text(1, name).message(2, &kind)
}
