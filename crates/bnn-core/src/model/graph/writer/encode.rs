//! Node records as bytes.

use crate::model::format::RECORD_BYTES;
use crate::model::graph::record::NodeRecord;

impl NodeRecord {
    pub(super) fn encode(&self) -> [u8; RECORD_BYTES] {
        let window = &self.window;
        let ([kh, kw], [sh, sw], [dh, dw]) = (window.kernel, window.stride, window.dilation);
        let [[a0, a1], [b0, b1]] = self.inputs.map(u16::to_le_bytes);
        let [[h0, h1], [w0, w1]] = self.sides.map(u16::to_le_bytes);
        let [r0, r1] = self.rows.to_le_bytes();
        let [l0, l1] = self.last.to_le_bytes();
        let [g0, g1] = self.groups.to_le_bytes();
        let [z0, z1] = self.reserved.to_le_bytes();
        let words = [
            [self.kind, self.values, self.exponent as u8, self.pad],
            [a0, a1, b0, b1],
            [h0, h1, w0, w1],
            self.channels.to_le_bytes(),
            [r0, r1, l0, l1],
            self.at.to_le_bytes(),
            self.weights_at.to_le_bytes(),
            self.params_at.to_le_bytes(),
            [kh, kw, sh, sw],
            window.padding,
            [dh, dw, g0, g1],
            [self.weights, self.shift, z0, z1],
        ];
        let mut bytes = [0; RECORD_BYTES];
        bytes.copy_from_slice(words.as_flattened());
        bytes
    }
}
