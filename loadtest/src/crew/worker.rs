//! A process of bots: the other end of the pipes of a hand that is not in the process of the run.
//!
//! Data flow: stdin -> command -> **`serve`** -> hand -> news -> **`serve`** -> stdout.
//!
//! One thread, like the fleet: what arrives on stdin ends a turn of the fleet. It ends when its
//! stdin does, that is with the run at the latest, however that ends.

use std::{error, fmt, io, time::Duration};

use gamekeeper_bot::{
    clock::Moment,
    fleet::{DriverError, Fleet},
};
use rustix::event::{PollFd, PollFlags, poll};

use super::{
    hand::Hand,
    news::Command,
    pipe::{Pipe, PipeError},
};

/// The longest turn while there is nothing to do.
const TURN_MAX: Duration = Duration::from_millis(100);

/// The longest turn while the run has not read all that it was told.
const TURN_MAX_UNREAD: Duration = Duration::from_millis(1);

/// Plays as the run at the other end of stdin and stdout says, until it has nothing more to say.
///
/// # Errors
///
/// [`WorkerError`] if that cannot be.
pub fn serve() -> Result<(), WorkerError> {
    match serve_until_closed() {
        Err(WorkerError::Pipe(PipeError::Closed)) => Ok(()),
        outcome => outcome,
    }
}

fn serve_until_closed() -> Result<(), WorkerError> {
    let stdin = io::stdin();
    let mut pipe = Pipe::new(&stdin, io::stdout()).map_err(WorkerError::Watch)?;
    let mut hand = None;
    loop {
        for command in pipe.receive()? {
            match (command, &mut hand) {
                (Command::Begin(config), None) => {
                    let mut fleet = Fleet::new(*config).map_err(WorkerError::Driver)?;
                    fleet.wake_for(&stdin).map_err(WorkerError::Watch)?;
                    hand = Some(Hand::new(fleet));
                }
                (Command::Order(at, order), Some(hand)) => hand.take(at, order),
                (Command::Ask(question), Some(hand)) => pipe.push(&hand.answer(question))?,
                (command, _) => return Err(WorkerError::OutOfTurn(format!("{command:?}"))),
            }
        }
        pipe.flush()?;
        let turn_max = if pipe.has_unsent() { TURN_MAX_UNREAD } else { TURN_MAX };
        match &mut hand {
            Some(hand) => hand.turn(Moment::now() + turn_max).map_err(WorkerError::Driver)?,
            None => match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(WorkerError::Watch(errno.into())),
            },
        }
    }
}

/// Why a process of bots cannot go on.
#[derive(Debug)]
pub enum WorkerError {
    /// It cannot speak with the run.
    Pipe(PipeError),
    /// It cannot wait for the run.
    Watch(io::Error),
    /// Its fleet cannot go on.
    Driver(DriverError),
    /// It was told what makes no sense now.
    OutOfTurn(String),
}

impl From<PipeError> for WorkerError {
    fn from(error: PipeError) -> Self {
        Self::Pipe(error)
    }
}

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipe(error) => write!(f, "the run cannot be spoken with: {error}"),
            Self::Watch(error) => write!(f, "the run's pipe cannot be watched: {error}"),
            Self::Driver(error) => error.fmt(f),
            Self::OutOfTurn(command) => write!(f, "the run said out of turn: {command}"),
        }
    }
}

impl error::Error for WorkerError {}
