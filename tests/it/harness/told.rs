//! What the gateway wrote down.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak, mpsc};
use std::thread::{self, ThreadId};

use botwarden::report::Reporter;
use serde_json::Value;
use tracing_subscriber::EnvFilter;

use super::patience;

/// Takes records, line by line.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<u8>>>, Arc<AtomicBool>, Arc<Mutex<Weak<Reporter>>>);

/// Ends when it is dropped.
pub(crate) struct Stall {
    _release: mpsc::Sender<()>,
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Told {
    /// From now on, nothing can be written.
    pub(crate) fn breaks(&self) {
        self.1.store(true, Ordering::SeqCst);
    }

    /// For as long as this is held, the writer is stuck: a reader that does not read.
    pub(crate) fn stalls(&self) -> Stall {
        let (bytes, (held, is_held), (release, released)) =
            (Arc::clone(&self.0), mpsc::channel(), mpsc::channel());
        thread::spawn(move || {
            let _bytes = bytes.lock().unwrap();
            held.send(()).unwrap();
            released.recv()
        });
        is_held.recv().unwrap();
        Stall { _release: release }
    }

    /// And now everything again.
    pub(crate) fn mends(&self) {
        self.1.store(false, Ordering::SeqCst);
    }

    /// Who writes here: records are written a moment after they are made.
    pub(crate) fn written_by(&self, reporter: &Arc<Reporter>) {
        *self.2.lock().unwrap() = Arc::downgrade(reporter);
    }

    pub(crate) fn text(&self) -> String {
        let reporter = self.2.lock().unwrap().upgrade();
        if let Some(reporter) = reporter {
            assert!(reporter.flush(patience()), "records are not written");
        }
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Every line.
    pub(crate) fn all(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Every line but those that only say that a gateway has started.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.all().into_iter().filter(|record| record["kind"] != "started").collect()
    }

    /// The records of verdicts on events; not of calls that were turned away.
    pub(crate) fn decisions(&self) -> Vec<Value> {
        self.records().into_iter().filter(|record| record.get("decision_id").is_some()).collect()
    }

    /// How many records have this verdict and this reason.
    pub(crate) fn count(&self, verdict: &str, reason: &str) -> usize {
        let same = |record: &&Value| record["verdict"] == verdict && record["reason"] == reason;
        self.records().iter().filter(same).count()
    }
}

/// The ordinary log of all tests of this process, with everything that any crate has to say.
static LOG: LazyLock<Told> = LazyLock::new(|| {
    let told = Told::default();
    let writer = told.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("trace"))
        .with_ansi(false)
        .with_writer(move || Both(writer.clone()))
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    told
});

/// The log of everybody, and that of the thread which writes.
struct Both(Told);

impl Write for Both {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut own = OWN.lock().unwrap();
        own.entry(thread::current().id()).or_default().extend_from_slice(bytes);
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Each test has a thread, and its gateway runs on it.
static OWN: LazyLock<Mutex<HashMap<ThreadId, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// What the gateway of this very test has logged so far, whatever other tests of the process do.
pub(crate) fn own_log() -> String {
    LazyLock::force(&LOG);
    let own = OWN.lock().unwrap();
    String::from_utf8(own.get(&thread::current().id()).cloned().unwrap_or_default()).unwrap()
}

/// What was logged so far; from the first call on, everything is.
pub(crate) fn log() -> String {
    LOG.text()
}
