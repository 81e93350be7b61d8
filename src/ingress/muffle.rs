//! A waker that does not wake a task for what the task did itself.
//!
//! HTTP hands a body over through a channel between two parts of one task, and taking it out wakes the other end. When
//! the call is answered by then, that brings nothing but a second step through the whole connection: a tenth of a call.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Nobody is in a step.
const BETWEEN: u8 = 0;
/// The task is in a step.
const STEP: u8 = 1;
/// And somebody woke it meanwhile.
const WOKEN: u8 = 2;

/// Whether to heed what woke the task during a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wakes {
    /// There may be more to do.
    Count,
    /// Whatever is waited for now wakes the task itself, past the muffle.
    AreOld,
}

/// Between a task and a part of it.
#[derive(Debug)]
pub(super) struct Muffle {
    own: Waker,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: AtomicU8,
    task: Mutex<Waker>,
}

impl Muffle {
    pub(super) fn new() -> Self {
        let (state, task) = (AtomicU8::new(BETWEEN), Mutex::new(Waker::noop().clone()));
        let shared = Arc::new(Shared { state, task });
        Self { own: Waker::from(Arc::clone(&shared)), shared }
    }

    /// One step of the part. Who wakes it between steps wakes the task; during a step, only if it counts afterwards.
    pub(super) fn step<T>(
        &self,
        cx: &Context<'_>,
        step: impl FnOnce(&mut Context<'_>) -> Poll<T>,
        wakes: impl FnOnce() -> Wakes,
    ) -> Poll<T> {
        self.shared.task().clone_from(cx.waker());
        self.shared.state.store(STEP, Ordering::Release);
        let stepped = step(&mut Context::from_waker(&self.own));
        // In one step with the look at it: who comes later wakes the task.
        let woken = self.shared.state.swap(BETWEEN, Ordering::AcqRel) == WOKEN;
        if woken && stepped.is_pending() && wakes() == Wakes::Count {
            cx.waker().wake_by_ref();
        }
        stepped
    }

    /// For what the part waits for past the muffle.
    pub(super) fn past<T>(&self, act: impl FnOnce(&mut Context<'_>) -> T) -> T {
        act(&mut Context::from_waker(&self.shared.task()))
    }
}

impl Shared {
    /// A panic elsewhere leaves it whole: each change is one assignment.
    fn task(&self) -> MutexGuard<'_, Waker> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let (new, old) = (Ordering::AcqRel, Ordering::Acquire);
        let in_a_step = self.state.compare_exchange(STEP, WOKEN, new, old);
        if in_a_step == Err(BETWEEN) {
            self.task().wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often a step wakes the task that wakes itself, and keeps its waker for later.
    fn woken(wakes: Wakes) -> (usize, usize) {
        let (muffle, woken) = (Muffle::new(), Arc::new(Woken::default()));
        let waker = Waker::from(Arc::clone(&woken));
        let (cx, mut kept) = (Context::from_waker(&waker), None);
        let step = |cx: &mut Context<'_>| {
            cx.waker().wake_by_ref();
            kept = Some(cx.waker().clone());
            Poll::<()>::Pending
        };
        assert!(muffle.step(&cx, step, || wakes).is_pending());
        let during = woken.0.load(Ordering::Relaxed);
        kept.unwrap().wake();
        (during, woken.0.load(Ordering::Relaxed) - during)
    }

    #[test]
    fn what_a_step_did_itself_wakes_only_if_it_counts_and_what_comes_later_always() {
        assert_eq!(woken(Wakes::Count), (1, 1));
        assert_eq!(woken(Wakes::AreOld), (0, 1));
    }

    #[test]
    fn what_goes_past_it_wakes_the_task_also_during_a_step() {
        let (muffle, woken) = (Muffle::new(), Arc::new(Woken::default()));
        let waker = Waker::from(Arc::clone(&woken));
        let step = |_: &mut Context<'_>| {
            muffle.past(|cx| cx.waker().wake_by_ref());
            Poll::<()>::Pending
        };
        assert!(muffle.step(&Context::from_waker(&waker), step, || Wakes::AreOld).is_pending());
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }
}
