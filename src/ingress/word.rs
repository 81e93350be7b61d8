//! What a connection is told from outside, and hears at its next step. One byte and one waker for all of it: a token for
//! each thing to be told is looked at with each call, and takes memory as long as the connection lasts.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// What there is to tell; a later one includes those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// End after what you are doing.
    Close,
    /// End at once.
    Cut,
}

/// Where one task hears it.
#[derive(Debug, Default)]
pub(super) struct Ear {
    said: AtomicU8,
    listener: AtomicWaker,
}

impl Word {
    fn rank(self) -> u8 {
        match self {
            Self::Close => 1,
            Self::Cut => 2,
        }
    }
}

impl Ear {
    /// It cannot be taken back.
    pub(super) fn tell(&self, word: Word) {
        self.said.fetch_max(word.rank(), Ordering::AcqRel);
        self.listener.wake();
    }

    pub(super) fn heard(&self, word: Word) -> bool {
        self.said.load(Ordering::Acquire) >= word.rank()
    }

    /// Ready when it was said. Of several tasks, only the last one that asked is woken.
    pub(super) fn poll_heard(&self, word: Word, cx: &Context<'_>) -> Poll<()> {
        self.listener.register(cx.waker());
        // After registering: what is said in between must not go unheard.
        if self.heard(word) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_listens_is_woken_and_the_stronger_word_is_not_forgotten() {
        let (ear, wakes) = (Ear::default(), Arc::new(Wakes::default()));
        let waker = Waker::from(Arc::clone(&wakes));
        let cx = Context::from_waker(&waker);
        assert!(ear.poll_heard(Word::Close, &cx).is_pending());
        ear.tell(Word::Close);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(ear.poll_heard(Word::Close, &cx).is_ready());
        assert!(ear.poll_heard(Word::Cut, &cx).is_pending());
        ear.tell(Word::Cut);
        ear.tell(Word::Close);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
        assert!(ear.poll_heard(Word::Cut, &cx).is_ready());
    }
}
