//! One page of metrics for all who read it at the same time.
//!
//! With many routes it has megabytes, and whoever reads slowly holds it. So that many of them do not hold one each:
//!
//! 1. What somebody is still reading, and is not older than an answer may take, is given to the next one as well.
//! 2. Else it is rendered: whoever asks alone gets what is true now.
//!
//! By the first rule, with the time that an answer may take, not more than three pages of a format are held at a time.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;

use crate::gate::moment::Moment;
use crate::report::Exposition;

/// A slow reader must not make others read of the past for long. Half of what an answer may take (`ingress::timely`).
const SHARED_FOR: Duration = Duration::from_secs(5);

/// The pages that are being read, one a format.
#[derive(Debug, Default)]
pub(super) struct Scrapes {
    open_metrics: Mutex<Option<Scrape>>,
    text: Mutex<Option<Scrape>>,
}

#[derive(Debug)]
struct Scrape {
    page: Weak<[u8]>,
    rendered: Moment,
}

impl Scrapes {
    /// The page in this format, by rules 1 and 2. Not more than one is rendered at a time.
    pub(super) fn page(
        &self,
        exposition: Exposition,
        now: Moment,
        render: impl FnOnce() -> String,
    ) -> Bytes {
        let last = match exposition {
            Exposition::OpenMetrics => &self.open_metrics,
            Exposition::Text => &self.text,
        };
        // A panic elsewhere leaves a page that is whole.
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = last.as_ref().and_then(|scrape| scrape.shared(now));
        Bytes::from_owner(shared.unwrap_or_else(|| {
            let page = Arc::from(render().into_bytes());
            *last = Some(Scrape { page: Arc::downgrade(&page), rendered: now });
            page
        }))
    }
}

impl Scrape {
    fn shared(&self, now: Moment) -> Option<Arc<[u8]>> {
        let recent = now.since(self.rendered) < SHARED_FOR;
        self.page.upgrade().filter(|_page| recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt;

    #[test]
    fn who_reads_at_the_same_time_holds_the_same_page() {
        let (scrapes, now) = (Scrapes::default(), rt::now());
        let page = |after, text: &str| {
            let later = now.plus(Duration::from_millis(after));
            scrapes.page(Exposition::Text, later, || text.to_owned())
        };
        let slow: Vec<_> = (0..64).map(|n| page(n, &format!("page {n}"))).collect();
        assert!(slow.iter().all(|held| held == "page 0" && held.as_ptr() == slow[0].as_ptr()));
        assert_eq!(page(5_000, "newer"), "newer", "nobody reads of the past for long");
        let open = scrapes.page(Exposition::OpenMetrics, now, || "# EOF".to_owned());
        assert_eq!(open, "# EOF", "another format");
    }

    #[test]
    fn who_reads_alone_is_told_how_it_is_now() {
        let (scrapes, now) = (Scrapes::default(), rt::now());
        for text in ["1", "2", "3"] {
            assert_eq!(scrapes.page(Exposition::Text, now, || text.to_owned()), text);
        }
    }
}
