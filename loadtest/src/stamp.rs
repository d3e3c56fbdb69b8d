//! The mark inside every message text that says which planned send it is.

/// Starts a stamp; nothing else the load suite sends contains it, so that one byte search finds a delivery.
pub const MARK: u8 = b'~';
/// Hexadecimal digits of a stamp: four of the trial, eight of the index.
pub const DIGITS: usize = 12;
/// Bytes of a stamp in a text: the mark and the digits.
pub const STAMP_BYTES: usize = 1 + DIGITS;

/// Names one planned send: everything else about it (room, sender, intended time) follows from the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which trial of this process, so that late deliveries of an earlier one are told apart.
    pub trial: u16,
    /// Position in the trial's plan, from 0.
    pub index: u32,
}

impl Stamp {
    /// The twelve digits, as they stand after the mark and as invocation id.
    pub fn digits(self) -> [u8; DIGITS] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let value = (u64::from(self.trial) << 32) | u64::from(self.index);
        let mut digits = [0; DIGITS];
        for (position, digit) in digits.iter_mut().enumerate() {
            *digit = HEX[(value >> (4 * (DIGITS - 1 - position)) & 0xf) as usize];
        }
        digits
    }

    /// Reads twelve digits from the start of `bytes`; `None` when they are not there.
    #[inline]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut value = 0u64;
        for &byte in bytes.get(..DIGITS)? {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                _ => return None,
            };
            value = value << 4 | u64::from(digit);
        }
        Some(Self {
            trial: (value >> 32) as u16,
            index: value as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_back_and_anything_else_is_refused() {
        for stamp in [
            Stamp { trial: 0, index: 0 },
            Stamp {
                trial: 7,
                index: 0x1234_abcd,
            },
            Stamp {
                trial: u16::MAX,
                index: u32::MAX,
            },
        ] {
            assert_eq!(Stamp::read(&stamp.digits()), Some(stamp));
        }
        assert_eq!(Stamp::read(b"0000000000"), None, "too short");
        assert_eq!(Stamp::read(b"00000000000G"), None, "not a digit");
    }
}
