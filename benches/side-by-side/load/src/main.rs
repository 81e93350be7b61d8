//! The two ends of the comparison: `fire` calls as Webex does, `bot` answers at once.

mod arguments;
mod bot;
mod event;
mod fire;
mod line;
mod pace;
mod tally;

use std::process::ExitCode;

/// What goes wrong here is told and ends the run.
pub(crate) type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match arguments::read().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(wish: arguments::Wish) -> Result<(), Failure> {
    match wish {
        arguments::Wish::Bot(address) => bot::run(address),
        arguments::Wish::Fire(order) => fire::run(&order),
    }
}
