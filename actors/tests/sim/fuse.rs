//! A death in the midst of something: after so many words to the outside nothing of a process has any effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::trace::Trace;

const UNLIT: u32 = u32::MAX;

/// One life's fuse. Every word that leaves the process asks it first.
#[derive(Clone)]
pub struct Fuse {
    left: Arc<AtomicU32>,
    trace: Trace,
}

impl Fuse {
    pub fn new(trace: Trace) -> Self {
        Self {
            left: Arc::new(AtomicU32::new(UNLIT)),
            trace,
        }
    }

    /// The process dies before the word after so many more.
    pub fn light(&self, words: u32) {
        self.left.store(words, Ordering::Relaxed);
    }

    /// It is not to die any more; false if it has.
    pub fn put_out(&self) -> bool {
        let alive = !self.is_burnt();
        if alive {
            self.left.store(UNLIT, Ordering::Relaxed);
        }
        alive
    }

    /// The process is dead, as the world will see after this step.
    pub fn is_burnt(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Whether this word still leaves.
    pub fn lets(&self, word: &str) -> bool {
        match self.left.load(Ordering::Relaxed) {
            UNLIT => true,
            0 => false,
            1 => {
                self.left.store(0, Ordering::Relaxed);
                self.trace.note(|| format!("dies before {word}"));
                self.trace.hit(&format!("died before {word}"));
                false
            }
            left => {
                self.left.store(left - 1, Ordering::Relaxed);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lit_fuse_lets_so_many_words_out_and_none_after_them() {
        let fuse = Fuse::new(Trace::new(Default::default(), false));
        assert!(fuse.lets("a word") && !fuse.is_burnt());
        fuse.light(3);
        let left: Vec<bool> = (0..4).map(|_| fuse.lets("a word")).collect();
        assert_eq!(left, [true, true, false, false]);
        assert!(fuse.is_burnt() && !fuse.put_out());
        let spared = Fuse::new(Trace::new(Default::default(), false));
        spared.light(1);
        assert!(spared.put_out() && spared.lets("a word"));
    }
}
