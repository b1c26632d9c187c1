//! The wire format of FlexBuffers, as far as options of operators need it: a map from names to
//! integers. Everything is checked, nothing is allocated.

/// A map with names as keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map<'a> {
    bytes: &'a [u8],
    /// Where its values lie, and the bytes of each.
    at: usize,
    width: usize,
}

const INT: u8 = 1;
const UINT: u8 = 2;
const MAP: u8 = 9;
const BOOL: u8 = 26;

/// The widest map that is looked through.
const MOST_KEYS: usize = 256;

fn unsigned(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    if !matches!(width, 1 | 2 | 4 | 8) {
        return None;
    }
    let mut wide = [0; 8];
    wide.iter_mut()
        .zip(bytes)
        .for_each(|(to, byte)| *to = *byte);
    Some(u64::from_le_bytes(wide))
}

/// Where the offset at a place leads: backwards.
fn target(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    at.checked_sub(usize::try_from(unsigned(bytes, at, width)?).ok()?)
}

impl<'a> Map<'a> {
    /// The map that is all of the bytes.
    pub(super) fn root(bytes: &'a [u8]) -> Option<Self> {
        let [.., kind, width] = *bytes else {
            return None;
        };
        let at = bytes.len().checked_sub(2)?.checked_sub(width.into())?;
        if kind >> 2 != MAP {
            return None;
        }
        Some(Self {
            bytes,
            at: target(bytes, at, width.into())?,
            width: 1 << (kind & 3),
        })
    }

    /// The integer of a name. `None` where there is none.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        let (bytes, width) = (self.bytes, self.width);
        let before = |count: usize| self.at.checked_sub(count * width);
        let len = usize::try_from(unsigned(bytes, before(1)?, width)?).ok()?;
        let key_width = usize::try_from(unsigned(bytes, before(2)?, width)?).ok()?;
        let keys = target(bytes, before(3)?, width)?;
        let is_name = |index: usize| {
            let key = target(
                bytes,
                keys.checked_add(index.checked_mul(key_width)?)?,
                key_width,
            )?;
            let rest = bytes.get(key..)?.strip_prefix(name.as_bytes())?;
            (rest.first() == Some(&0)).then_some(())
        };
        let index = (0..len.min(MOST_KEYS)).find(|&index| is_name(index).is_some())?;
        let kinds = self.at.checked_add(len.checked_mul(width)?)?;
        let kind = *bytes.get(kinds.checked_add(index)?)?;
        let value = unsigned(bytes, self.at.checked_add(index * width)?, width)?;
        match kind >> 2 {
            INT => {
                let unused = 64 - 8 * width;
                Some((value << unused).cast_signed() >> unused)
            }
            UINT | BOOL => i64::try_from(value).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    /// `{"a": -1, "bc": 300}`, as Google's library writes it.
    const BYTES: [u8; 23] = [
        b'a', 0, b'b', b'c', 0, 2, 6, 5, 2, 0, 1, 0, 2, 0, 0xff, 0xff, 0x2c, 1, 5, 5, 6, 0x25, 1,
    ];

    #[test]
    fn integers_are_found_by_their_names() {
        let map = Map::root(&BYTES).unwrap();
        assert_eq!(map.int("a"), Some(-1));
        assert_eq!(map.int("bc"), Some(300));
        assert_eq!(map.int("b"), None);
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        for at in 0..BYTES.len() {
            for to in [0, 1, 2, 7, 8, 9, 0x25, 0x27, 0x7f, 0xff] {
                let mut damaged = BYTES;
                damaged[at] = to;
                for len in 0..=damaged.len() {
                    if let Some(map) = Map::root(&damaged[..len]) {
                        let _ = (map.int("a"), map.int("bc"));
                    }
                }
            }
        }
    }
}
