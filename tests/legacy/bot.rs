//! A bot that runs as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::patiently;
use crate::python::place;

type Said = Arc<Mutex<Vec<String>>>;

/// A process that ends with this value. What it says is shown when the test fails.
pub(crate) struct Bot {
    process: Child,
    said: Said,
}

/// How a bot is started.
pub(crate) struct Recipe {
    command: Command,
    port: u16,
}

impl Recipe {
    /// `python …`, in a folder of the repository, with nothing of this process's environment: a proxy would be asked
    /// for the simulator.
    pub(crate) fn python(python: &Path, folder: &str, arguments: &[&str], port: u16) -> Self {
        let mut command = Command::new(python);
        command.args(["-u"]).args(arguments).current_dir(place(folder)).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PORT", port.to_string());
        Self { command, port }
    }

    /// A folder's `app` under the server that most bots were put on.
    pub(crate) fn gunicorn(python: &Path, folder: &str, app: &str, port: u16) -> Self {
        let bind = format!("127.0.0.1:{port}");
        let arguments = ["-m", "gunicorn", "--bind", &bind, "--access-logfile", "-", app];
        Self::python(python, folder, &arguments, port)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it, and waits until it listens.
    pub(crate) async fn start(mut self) -> Bot {
        let command = self.command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let said = Said::default();
        listen_to(process.stdout.take().unwrap(), &said);
        listen_to(process.stderr.take().unwrap(), &said);
        let mut bot = Bot { process, said };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        patiently("the bot listens", || {
            if let Some(status) = bot.process.try_wait().unwrap() {
                panic!("the bot ended: {status}");
            }
            let listens = TcpStream::connect(address).is_ok();
            async move { listens.then_some(()) }
        })
        .await;
        bot
    }
}

fn listen_to(stream: impl Read + Send + 'static, said: &Said) {
    let said = Arc::clone(said);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            said.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
}

impl Bot {
    /// The lines that it said and that contain this.
    pub(crate) fn said(&self, part: &str) -> Vec<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().filter(|line| line.contains(part)).cloned().collect()
    }

    /// The calls that reached it, by its server's own log, which is written after the answer, by some in colour.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.said("POST / HTTP/1.1")
    }

    /// It has been called so many times, and not once more.
    pub(crate) async fn was_called(&self, times: usize) {
        let what = format!("the bot was called {times} times");
        let called = || async { (self.calls().len() >= times).then_some(()) };
        patiently(&what, called).await;
        assert_eq!(self.calls().len(), times, "{:#?}", self.calls());
    }
}

impl Drop for Bot {
    /// Asked first, so that gunicorn takes its workers along; made to, when that takes too long.
    fn drop(&mut self) {
        let id = self.process.id().to_string();
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &id]).status();
        for _ in 0..150 {
            if asked.is_err() || !matches!(self.process.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // It may have ended by now, which is all that is wanted.
        drop(self.process.kill());
        drop(self.process.wait());
        if thread::panicking() {
            eprintln!("--- the bot said:\n{}\n---", self.said("").join("\n"));
        }
    }
}

/// A port that a bot can take, and that nobody is given by chance until then: a connection that was closed lingers on
/// it, and only who asks for this port gets it.
pub(crate) fn reserved_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let caller = TcpStream::connect(address).unwrap();
    let (answered, _) = listener.accept().unwrap();
    // Whoever closes first is the one that lingers.
    drop(answered);
    assert_eq!((&caller).read(&mut [0]).unwrap(), 0);
    address.port()
}
