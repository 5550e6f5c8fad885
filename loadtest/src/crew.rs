//! The bots of a run, wherever they are, as one thing that is told what to do ahead of time.
//!
//! Data flow: plan -> run -> order -> **`Crew`** -> hand -> fleet; and back: fleet -> hand ->
//! news -> **`Crew`** -> run -> evidence.
//!
//! A *hand* is one fleet and what it is to do when. There is one in this process, or there are
//! several in processes of their own; then bot i belongs to hand i modulo their number. What is
//! said to a hand and what it answers are the same values either way.
//!
//! Orders carry the time at which they are to be carried out, so that no pipe is on the path of the
//! time that is measured. What has happened is asked for, and then everybody is asked and waited
//! for: that takes as long as the longest turn of a fleet.
//!
//! The crew knows nothing of phases. It judges nothing but what no hand alone can know, which is
//! what bots hear of each other.

mod error;
mod hand;
mod news;
mod pipe;
mod remote;
mod tidings;
pub mod worker;

pub use error::CrewError;
pub use news::{News, Order, Question};
pub use pipe::PipeError;
pub(crate) use remote::SUBCOMMAND as WORKER_SUBCOMMAND;

use std::{env, iter, time::Duration};

use gamekeeper_bot::{
    clock::Moment,
    fleet::{Fleet, FleetConfig},
    machine,
    people::People,
};
use rustix::{
    event::{PollFd, Timespec, poll},
    io::Errno,
};

use hand::Hand;
use news::Command;
use remote::RemoteHand;
use tidings::Tidings;

/// A process that has not answered for so long never will.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// The bots of a run.
#[derive(Debug)]
pub struct Crew {
    hands: Hands,
    tidings: Tidings,
    /// Processor time of each process of bots, as of the last answer.
    cpu: Vec<Duration>,
}

/// Where the bots are.
#[derive(Debug)]
enum Hands {
    Here(Box<Hand>),
    Apart(Vec<RemoteHand>),
}

impl Crew {
    /// A crew without bots, in so many processes, or in this one if that is 1.
    ///
    /// # Errors
    ///
    /// [`CrewError`] if there cannot be a fleet.
    pub fn start(config: FleetConfig, processes: u32) -> Result<Self, CrewError> {
        let config = FleetConfig { tells_player_events: true, ..config };
        let hands = if processes <= 1 {
            Hands::Here(Box::new(Hand::new(Fleet::new(config).map_err(CrewError::Driver)?)))
        } else {
            let program = env::current_exe().map_err(CrewError::Start)?;
            let connects_per_turn = config.connects_per_turn.div_ceil(processes as usize);
            let start = |first_bot: u32| {
                let (config, bot_step) = (config.clone(), processes);
                let share = FleetConfig { first_bot, bot_step, connects_per_turn, ..config };
                RemoteHand::start(&program, first_bot as usize, share)
            };
            Hands::Apart((0..processes).map(start).collect::<Result<_, _>>()?)
        };
        let count = processes.max(1) as usize;
        Ok(Self { hands, tidings: Tidings::new(count), cpu: vec![Duration::ZERO; count] })
    }

    /// Has something done at a time, or at once if that is over. Orders for the same time are
    /// carried out in the order in which they are given. Bots are spawned in the order of their
    /// numbers.
    ///
    /// # Errors
    ///
    /// [`CrewError`] if nobody is there to do it.
    pub fn order(&mut self, at: Moment, order: Order) -> Result<(), CrewError> {
        match &mut self.hands {
            Hands::Here(hand) => hand.take(at, order),
            Hands::Apart(hands) => {
                let whose = order.bot().0 as usize % hands.len();
                hands[whose].tell(&Command::Order(at, order))?;
            }
        }
        Ok(())
    }

    /// Lets the bots play until then, or for a while.
    ///
    /// # Errors
    ///
    /// [`CrewError`] if they cannot.
    pub fn turn(&mut self, until: Moment) -> Result<(), CrewError> {
        match &mut self.hands {
            Hands::Here(hand) => hand.turn(until).map_err(CrewError::Driver),
            Hands::Apart(hands) => attend(hands, until),
        }
    }

    /// What has happened since the last question, and what was asked. Everything that was to be
    /// done by now has been done then.
    ///
    /// # Errors
    ///
    /// [`CrewError`] if there is no answer.
    pub fn ask(&mut self, question: Question) -> Result<News, CrewError> {
        let answers = match &mut self.hands {
            Hands::Here(hand) => vec![hand.answer(question)],
            Hands::Apart(hands) => ask_all(hands, question)?,
        };
        for (index, answer) in answers.iter().enumerate() {
            self.cpu[index] = answer.cpu;
        }
        let mut answers = answers.into_iter().enumerate().map(|(index, mut answer)| {
            let events = std::mem::take(&mut answer.player_events);
            self.tidings.tell(index, events, answer.as_of);
            answer
        });
        let mut news = answers.next().expect("a crew has at least one hand");
        answers.for_each(|other| news.merge(other));
        self.tidings.settle();
        Ok(news)
    }

    /// What the bots know of each other, as of the last answer.
    pub fn people(&self) -> &People {
        self.tidings.people()
    }

    /// Processor time of each process of the load test, as of the last answer.
    pub fn cpu(&self) -> Vec<Duration> {
        match self.hands {
            Hands::Here(_) => self.cpu.clone(),
            Hands::Apart(_) => {
                iter::once(machine::own_cpu_time()).chain(self.cpu.iter().copied()).collect()
            }
        }
    }
}

/// Asks all, and waits for all.
fn ask_all(hands: &mut [RemoteHand], question: Question) -> Result<Vec<News>, CrewError> {
    for hand in hands.iter_mut() {
        hand.tell(&Command::Ask(question))?;
    }
    let deadline = Moment::now() + ANSWERS_WITHIN;
    while let Some(silent) = hands.iter().find(|hand| !hand.has_answered()) {
        if Moment::now() >= deadline {
            return Err(silent.silent());
        }
        attend(hands, deadline)?;
    }
    Ok(hands.iter_mut().filter_map(RemoteHand::take_answer).collect())
}

/// Waits until there is something to write or to read, and does that.
fn attend(hands: &mut [RemoteHand], until: Moment) -> Result<(), CrewError> {
    let mut interests: Vec<PollFd<'_>> = hands.iter().flat_map(RemoteHand::interests).collect();
    let wait = until.since(Moment::now());
    let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut interests, Some(&wait)) {
        // A signal: the caller has a flag to look at.
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(CrewError::Wait(errno.into())),
    }
    hands.iter_mut().try_for_each(RemoteHand::attend)
}
