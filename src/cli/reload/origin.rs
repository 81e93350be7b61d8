//! Where the configuration comes from, each time that it is read: the file, the environment, and every file that it
//! names. Each file is remembered by a digest of its bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::config::{self, Config, Machine, Problem, Source};
use crate::gate::secret::Secret;
use crate::rt;

/// What a file holds, by digest; or that it could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Print {
    /// The SHA-256 of its bytes.
    Of([u8; 32]),
    /// It could not be read.
    Unreadable,
}

/// Files, and what they hold.
pub type Prints = BTreeMap<PathBuf, Print>;

/// The bytes of all files that a configuration was made from: what is built from it, or beside it, need not hope that
/// they are the same by then. Small files, a dozen of them.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<BTreeMap<PathBuf, Secret>>);

impl Held {
    fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        self.0.get(path).map(|bytes| bytes.expose().to_vec())
    }

    /// What it held when these prints were taken, if it is one of them.
    pub(super) fn print(&self, path: &Path, prints: &Prints) -> Option<Print> {
        self.0.get(path).and_then(|_held| prints.get(path)).copied()
    }
}

/// Files that are not held are those of this machine.
impl Source for Held {
    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.bytes(path).map_or_else(|| Machine.file(path), Ok)
    }

    fn var(&self, name: &str) -> Option<String> {
        Machine.var(name)
    }

    fn readable_by_others(&self, path: &Path) -> bool {
        Machine.readable_by_others(path)
    }
}

/// Files that count as they were, whatever they hold by now.
#[derive(Clone, Debug, Default)]
pub struct Frozen {
    /// What they held.
    pub held: Held,
    /// Which of those.
    pub files: BTreeSet<PathBuf>,
}

impl Frozen {
    fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        self.files.contains(path).then(|| self.held.bytes(path)).flatten()
    }
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// It.
    pub config: Config,
    /// What should be looked at.
    pub warnings: Vec<Problem>,
    /// The text of the file, to show places in it.
    pub text: String,
    /// What was read.
    pub prints: Prints,
    /// The same, byte by byte, and what was frozen.
    pub held: Held,
}

/// One that cannot.
#[derive(Clone, Debug)]
pub struct Unusable {
    /// The file.
    pub file: Box<str>,
    /// Every mistake.
    pub problems: Vec<Problem>,
    /// Its text, to show places in it.
    pub text: String,
    /// What was read.
    pub prints: Prints,
}

/// Reads a configuration again and again. Blocking.
pub trait Origin: Send + Sync + 'static {
    /// Reads and checks all of it.
    fn read(&self) -> Result<Fresh, Unusable>;

    /// The same, but for files that count as they were. Without files, there are none.
    fn read_besides(&self, _frozen: Frozen) -> Result<Fresh, Unusable> {
        self.read()
    }

    /// What these files hold now.
    fn look(&self, files: &[PathBuf]) -> Prints;

    /// The configuration itself, if it is a file; changes of it count only with `--watch`.
    fn file(&self) -> Option<&Path>;
}

/// A file of this machine and its environment.
#[derive(Clone, Debug)]
pub struct Machined {
    path: PathBuf,
}

impl Machined {
    /// The same file, whenever it is read.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Origin for Machined {
    fn read(&self) -> Result<Fresh, Unusable> {
        self.read_besides(Frozen::default())
    }

    fn read_besides(&self, frozen: Frozen) -> Result<Fresh, Unusable> {
        let source = Remembering { frozen, ..Remembering::new(&Machine) };
        let file: Box<str> = self.path.display().to_string().into();
        let bytes = match config::read(&self.path, &source) {
            Ok(bytes) => bytes,
            Err(problems) => {
                let (text, prints) = (String::new(), source.prints());
                return Err(Unusable { file, problems, text, prints });
            }
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let loaded = config::load(&bytes, &source, rt::now().wall);
        let (prints, held) = (source.prints(), source.held());
        match loaded {
            Ok((config, warnings)) => Ok(Fresh { config, warnings, text, prints, held }),
            Err(problems) => Err(Unusable { file, problems, text, prints }),
        }
    }

    fn look(&self, files: &[PathBuf]) -> Prints {
        let source = Remembering::new(&Machine);
        for file in files {
            // What came of it is remembered, and that is all.
            let _bytes = source.file(file);
        }
        source.prints()
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

/// A configuration that never changes, for who has no file.
#[derive(Clone, Debug)]
pub(super) struct Unchanging(pub(super) Config);

impl Origin for Unchanging {
    fn read(&self) -> Result<Fresh, Unusable> {
        let (config, prints, held) = (self.0.clone(), Prints::new(), Held::default());
        Ok(Fresh { config, warnings: Vec::new(), text: String::new(), prints, held })
    }

    fn look(&self, _: &[PathBuf]) -> Prints {
        Prints::new()
    }

    fn file(&self) -> Option<&Path> {
        None
    }
}

/// Remembers what every file held that was read.
pub struct Remembering<'a> {
    source: &'a dyn Source,
    frozen: Frozen,
    prints: Mutex<Prints>,
    held: Mutex<BTreeMap<PathBuf, Secret>>,
}

impl<'a> Remembering<'a> {
    /// Nothing was read yet.
    pub fn new(source: &'a dyn Source) -> Self {
        let (prints, held) = (Mutex::default(), Mutex::default());
        Self { source, frozen: Frozen::default(), prints, held }
    }

    fn held(&self) -> Held {
        Held(Arc::new(self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }

    fn hold(&self, path: &Path, bytes: &[u8]) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(path.to_owned(), Secret::new(bytes.to_vec()));
    }

    /// What was read.
    pub fn prints(&self) -> Prints {
        self.prints.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Remembering<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembering").finish_non_exhaustive()
    }
}

impl Source for Remembering<'_> {
    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.frozen.bytes(path) {
            self.hold(path, &bytes);
            return Ok(bytes);
        }
        let read = self.source.file(path);
        let print = match &read {
            Ok(bytes) => {
                self.hold(path, bytes);
                Print::Of(Sha256::digest(bytes).into())
            }
            Err(_) => Print::Unreadable,
        };
        self.prints.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), print);
        read
    }

    fn var(&self, name: &str) -> Option<String> {
        self.source.var(name)
    }

    fn readable_by_others(&self, path: &Path) -> bool {
        self.source.readable_by_others(path)
    }
}
