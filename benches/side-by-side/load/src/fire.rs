//! Calls as Webex makes them, over many connections and in one thread.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::Failure;
use super::arguments::Order;
use super::event::{Hand, Magazine};
use super::line::{Frame, Line, Look};
use super::pace::Pace;
use super::tally::Tally;

const TIMER: Token = Token(usize::MAX);
/// For answers that are still to come when the time is over.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many broken connections in a row are no accident.
const GIVE_UP: u64 = 1_000;
/// Idle connections that are being made at once: fewer than any backlog holds.
const IDLE_AT_ONCE: usize = 64;

/// One connection and what it waits for.
struct Caller {
    line: Line,
    waits: Option<Shot>,
}

#[derive(Clone, Copy)]
struct Shot {
    due: Instant,
    hand: Hand,
}

struct Fire<'a> {
    order: &'a Order,
    poll: Poll,
    /// The first ones made one call and only stay, if that was asked for.
    callers: Vec<Caller>,
    ready: Vec<usize>,
    magazine: Magazine,
    tally: Tally,
    pace: Option<Pace>,
    sent: u64,
    /// Callers with a call under way.
    waiting: usize,
    broken_in_a_row: u64,
    buffer: Vec<u8>,
}

pub(crate) fn run(order: &Order) -> Result<(), Failure> {
    let mut fire = Fire::new(order)?;
    let mut events = Events::with_capacity(1024);
    if order.idle > 0 {
        fire.crowd(&mut events)?;
    }
    let begin = Instant::now();
    fire.begin()?;
    let end = begin + order.length;
    while Instant::now() < end && fire.sent < order.events {
        fire.wait(&mut events, end)?;
        fire.shoot(end)?;
    }
    let took = begin.elapsed();
    fire.finish(&mut events)?;
    let took = if order.rate.is_some() { took } else { begin.elapsed() };
    println!("{}", fire.tally.line(took));
    Ok(())
}

impl<'a> Fire<'a> {
    fn new(order: &'a Order) -> Result<Self, Failure> {
        Ok(Self {
            order,
            poll: Poll::new()?,
            callers: Vec::new(),
            ready: Vec::new(),
            magazine: Magazine::new(order)?,
            tally: Tally::new()?,
            pace: None,
            sent: 0,
            waiting: 0,
            broken_in_a_row: 0,
            buffer: vec![0; 64 * 1024],
        })
    }

    /// Opens the connections that only stay, each after one call of its own. Says when they are there.
    fn crowd(&mut self, events: &mut Events) -> Result<(), Failure> {
        while self.callers.len() < self.order.idle || self.waiting > 0 {
            while self.callers.len() < self.order.idle && self.waiting < IDLE_AT_ONCE {
                let at = self.open()?;
                self.call(at, Instant::now());
            }
            self.wait(events, Instant::now() + PATIENCE)?;
        }
        println!("{{\"idle\":{},\"closed\":{}}}", self.callers.len(), self.tally.closed);
        io::stdout().flush()?;
        self.tally = Tally::new()?;
        self.sent = 0;
        self.ready.clear();
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Failure> {
        for _ in 0..self.order.connections {
            let at = self.open()?;
            self.ready.push(at);
        }
        if let Some(rate) = self.order.rate {
            self.pace = Some(Pace::new(rate, &self.poll, TIMER)?);
        }
        self.shoot(Instant::now() + self.order.length)
    }

    fn open(&mut self) -> Result<usize, Failure> {
        let at = self.callers.len();
        let line = connect(self.order, &self.poll, at)?;
        self.callers.push(Caller { line, waits: None });
        Ok(at)
    }

    /// Sends all that is due now, as far as connections are free.
    fn shoot(&mut self, end: Instant) -> Result<(), Failure> {
        let now = Instant::now();
        while now < end && self.sent < self.order.events {
            let due = self.pace.as_ref().map_or(now, Pace::due);
            if due > now {
                break;
            }
            let Some(at) = self.ready.pop() else { return Ok(()) };
            self.call(at, due);
            self.pace.as_mut().map(Pace::next);
        }
        self.pace.as_ref().map_or(Ok(()), |pace| pace.arm(now))
    }

    fn call(&mut self, at: usize, due: Instant) {
        let Some(caller) = self.callers.get_mut(at) else { return };
        let hand = self.magazine.load(caller.line.out());
        caller.waits = Some(Shot { due, hand });
        self.sent += 1;
        self.waiting += 1;
        // What breaks here is told by the poll as well.
        let _look = caller.line.flush();
    }

    fn wait(&mut self, events: &mut Events, until: Instant) -> Result<(), Failure> {
        let left = until.saturating_duration_since(Instant::now());
        match self.poll.poll(events, Some(left)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            done => done?,
        }
        for event in &*events {
            if event.token() != TIMER {
                self.turn(event.token().0)?;
            }
        }
        Ok(())
    }

    fn turn(&mut self, at: usize) -> Result<(), Failure> {
        let Some(caller) = self.callers.get_mut(at) else { return Ok(()) };
        let flushed = caller.line.flush();
        let look = caller.line.fill(&mut self.buffer);
        if let Some(shot) = caller.waits
            && let Some(answer) = take(&mut caller.line)?
        {
            caller.waits = None;
            self.tally.answered(shot.hand, answer.status, shot.due.elapsed());
            self.waiting -= 1;
            self.broken_in_a_row = 0;
            if !answer.closes && look == Look::Open {
                self.ready.push(at);
                return Ok(());
            }
            self.tally.closed += 1;
            return self.again(at);
        }
        if look == Look::Closed || flushed == Look::Closed {
            return self.lost(at);
        }
        Ok(())
    }

    /// The connection ended by itself: that breaks a call, or ends the patience with one that is idle.
    fn lost(&mut self, at: usize) -> Result<(), Failure> {
        let waits = self.callers.get_mut(at).and_then(|caller| caller.waits.take());
        self.ready.retain(|ready| *ready != at);
        if waits.is_some() {
            self.waiting -= 1;
            self.tally.broken += 1;
            self.broken_in_a_row += 1;
        } else {
            self.tally.closed += 1;
        }
        if self.broken_in_a_row > GIVE_UP {
            return Err(format!("nobody answers at {}", self.order.target).into());
        }
        self.again(at)
    }

    /// A new connection in the place of one that ended; those that only stay are not made again.
    fn again(&mut self, at: usize) -> Result<(), Failure> {
        let Some(caller) = self.callers.get_mut(at) else { return Ok(()) };
        // It may be gone already.
        let _gone = self.poll.registry().deregister(caller.line.stream());
        if at >= self.order.idle {
            caller.line = connect(self.order, &self.poll, at)?;
            self.ready.push(at);
        }
        Ok(())
    }

    /// Waits for what is under way.
    fn finish(&mut self, events: &mut Events) -> Result<(), Failure> {
        let until = Instant::now() + PATIENCE;
        self.pace.iter().for_each(|pace| self.tally.unsent += overdue(pace));
        while self.waiting > 0 && Instant::now() < until {
            self.wait(events, until)?;
        }
        self.tally.broken += u64::try_from(self.waiting)?;
        Ok(())
    }
}

fn overdue(pace: &Pace) -> u64 {
    let late = Instant::now().saturating_duration_since(pace.due()).as_nanos();
    u64::try_from(late / pace.gap().as_nanos().max(1)).unwrap_or(u64::MAX)
}

fn connect(order: &Order, poll: &Poll, at: usize) -> Result<Line, Failure> {
    let mut line = Line::new(TcpStream::connect(order.target)?)?;
    let both = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(line.stream(), Token(at), both)?;
    Ok(line)
}

struct Answer {
    status: u16,
    closes: bool,
}

/// The answer, once all of it is there.
fn take(line: &mut Line) -> Result<Option<Answer>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(line.input())? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return Ok(None),
    };
    let frame = Frame::of(response.headers);
    let body = frame.length.ok_or("an answer in chunks: not counted here")?;
    if line.input().len() < head + body {
        return Ok(None);
    }
    let answer = Answer { status: response.code.unwrap_or_default(), closes: frame.closes };
    line.take(head, body);
    Ok(Some(answer))
}
