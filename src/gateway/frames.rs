//! A list of shared frames that costs nothing while empty and no allocation for one frame.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Frames in order. The first one stands apart: most lists never hold another.
#[derive(Debug, Default)]
pub(super) struct Frames {
    first: Option<Bytes>,
    rest: VecDeque<Bytes>,
}

impl Frames {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rest.len() + usize::from(self.first.is_some())
    }

    /// Appends one; an empty frame is nothing.
    pub fn push(&mut self, frame: Bytes) {
        if frame.is_empty() {
            return;
        }
        if self.first.is_none() {
            self.first = Some(frame);
        } else {
            self.rest.push_back(frame);
        }
    }

    /// Appends all of another list.
    pub fn extend(&mut self, later: Frames) {
        later.into_iter().for_each(|frame| self.push(frame));
    }

    /// The frame, if there is exactly one.
    pub fn single(&self) -> Option<&Bytes> {
        self.first.as_ref().filter(|_| self.rest.is_empty())
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.first.iter().chain(&self.rest)
    }

    /// The first few as slices for a vectored write; returns how many.
    pub fn slices<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slot, frame) in out.iter_mut().zip(self.iter()) {
            *slot = IoSlice::new(frame);
            count += 1;
        }
        count
    }

    /// Drops the first `written` bytes.
    pub fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.first.as_mut() {
            if first.len() > written {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.first = self.rest.pop_front();
        }
    }

    fn into_iter(self) -> impl Iterator<Item = Bytes> {
        self.first.into_iter().chain(self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_whatever_the_cut() {
        let whole = b"one-three-seven";
        for cut in 0..=whole.len() {
            let mut frames = Frames::default();
            frames.push(Bytes::from_static(b"one-"));
            frames.push(Bytes::new());
            let mut later = Frames::default();
            later.push(Bytes::from_static(b"three-"));
            later.push(Bytes::from_static(b"seven"));
            frames.extend(later);
            assert_eq!(frames.len(), 3);
            assert!(frames.single().is_none());

            frames.advance(cut);
            let left: Vec<u8> = frames.iter().flatten().copied().collect();
            assert_eq!(left, &whole[cut..]);
            assert_eq!(frames.is_empty(), cut == whole.len());
            assert_eq!(frames.single().is_some(), (10..15).contains(&cut));
        }
    }
}
