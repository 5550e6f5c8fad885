//! One bot: its state, and what it makes of what it hears.

use std::time::Duration;

use gamekeeper_protocol::{Departed, PlayerId, Presence, PresenceChange, Tick};

use super::{
    BotId, BotPlan, FleetConfig, FleetStats, Homecoming, TicketFault,
    leaving::{Leaving, Order},
    manners::Habit,
    returning::Homing,
    socket::BotSocket,
    watch::Watch,
    wire::Wire,
};
use crate::{
    brain::Brain,
    clock::Moment,
    connection::{Arrival, Connection, Event, Standing, WayBack},
    departure::{Departure, Transport},
    limits::CONNECT_TIMEOUT,
    manner::Manner,
    people::PlayerChange,
    retry::Retry,
};

/// Spreads bots over the input period: the fractional part of multiples of the golden ratio.
const GOLDEN_RATIO_32: u32 = 0x9e37_79b9;

/// Where a bot stands.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all bots are in the largest state nearly all the time"
)]
#[derive(Debug)]
pub(super) enum State {
    /// In line for a connect. No socket.
    Queued,
    /// Waits before it connects again. No socket.
    Waiting { until: Moment },
    /// A connect is on its way.
    Connecting { socket: BotSocket, since: Moment },
    /// Connected, from the hello to the end.
    Talking { socket: BotSocket, wire: Wire, connection: Connection },
}

/// One bot.
#[derive(Debug)]
pub(super) struct Bot {
    pub(super) id: BotId,
    pub(super) plan: BotPlan,
    pub(super) retry: Retry,
    /// How the next connection takes the seat of the last one again.
    pub(super) way_back: Option<WayBack>,
    pub(super) state: State,
    /// Tells the events of this bot's present socket from those of an earlier one.
    pub(super) generation: u32,
    /// The entry in the timers that counts.
    pub(super) timer: Option<Moment>,
    /// To be carried out as soon as the bot has joined, or is back.
    pub(super) wanted: Option<Order>,
    pub(super) leaving: Option<Leaving>,
    /// Set from a departure on until it is known whether the bot has its seat again.
    pub(super) homing: Option<Homing>,
    /// The way by which it came back the last time: its ticket is spent.
    pub(super) spent: Option<WayBack>,
    /// What is wrong with the ticket that it shows, if that is all that it is there for.
    pub(super) fraud: Option<TicketFault>,
    pub(super) play: Play,
    pub(super) habit: Habit,
}

/// What a bot knows of its present game.
#[derive(Debug)]
pub(super) struct Play {
    seed: u64,
    bot: BotId,
    survivor: bool,
    brain: Brain,
    pub(super) player: Option<PlayerId>,
    connected_at: Moment,
    /// When it was to come in, until it is.
    planned_at: Option<Moment>,
    ticks: bool,
    /// The tick of the welcome.
    joined_tick: Tick,
    /// What it was told on coming back, if it has.
    pub(super) homecoming: Option<Homecoming>,
    /// When it said something for the first time after the welcome.
    pub(super) spoke_at: Option<Moment>,
    last_snapshot_at: Option<Moment>,
    /// The longest time between two snapshots; nothing before there were two.
    longest_wait: Option<Duration>,
    /// When the next input is due. Inputs follow this plan, not the actual sends.
    pub(super) next_input: Moment,
}

impl Bot {
    pub(super) fn new(id: BotId, plan: BotPlan, config: &FleetConfig) -> Self {
        Self {
            id,
            plan,
            retry: Retry::new(config.retry, config.seed, id.0),
            way_back: None,
            state: State::Queued,
            generation: 0,
            timer: None,
            wanted: None,
            leaving: None,
            homing: None,
            spent: None,
            fraud: None,
            play: Play {
                planned_at: plan.planned_at,
                ..Play::new(config.seed, id, plan.survives())
            },
            habit: Habit::new(plan.manner),
        }
    }

    /// When the bot wants to be looked at next.
    pub(super) fn next_deadline(&self, plays_inputs: bool) -> Option<Moment> {
        match &self.state {
            State::Queued => None,
            State::Waiting { until } => Some(*until),
            State::Connecting { since, .. } => Some(*since + CONNECT_TIMEOUT),
            State::Talking { .. } if self.leaving.as_ref().is_some_and(|it| it.is_husk) => None,
            State::Talking { connection, .. } => {
                let timeout = connection.next_timeout().filter(|_| self.expects_answers());
                let input = (plays_inputs && self.sends_inputs()).then_some(self.play.next_input);
                let take_over = self.leaving.as_ref().and_then(|leaving| leaving.take_over_at);
                let act = self.leaving.as_ref().and_then(Leaving::next_act);
                let habit = self.next_habit();
                [timeout, input, take_over, act, habit].into_iter().flatten().min()
            }
        }
    }

    /// What carries its bytes.
    pub(super) fn transport(&self, config: &FleetConfig) -> Transport {
        config.endpoint.transport().spoken(self.plan.websocket)
    }

    /// Whether its conversation is over.
    pub(super) fn has_ended(&self) -> bool {
        matches!(&self.state, State::Talking { connection, .. } if connection.ended().is_some())
    }

    /// Whether it plays, as far as the server can tell.
    pub(super) fn sends_inputs(&self) -> bool {
        let stalls = |leaving: &Leaving| leaving.departure == Departure::Stall;
        let mute = matches!(self.plan.manner, Manner::Idle | Manner::LatePong);
        self.play.player.is_some() && !mute && self.leaving.as_ref().is_none_or(stalls)
    }

    /// Whether it has a seat and has not been told to leave.
    pub(super) fn is_playing(&self) -> bool {
        self.play.player.is_some() && self.leaving.is_none()
    }

    /// Whether it has left, or is about to, and is to come back.
    pub(super) fn is_to_return(&self) -> bool {
        let comeback = self.leaving.as_ref().and_then(|leaving| leaving.comeback);
        self.homing.is_some() || comeback.is_some()
    }

    /// Whether it can be told to leave now.
    pub(super) fn is_at_home(&self) -> bool {
        self.is_playing() && self.homing.is_none()
    }
}

impl Play {
    pub(super) fn new(seed: u64, bot: BotId, survivor: bool) -> Self {
        Self {
            seed,
            bot,
            survivor,
            brain: Brain::Spectator,
            player: None,
            connected_at: Moment::default(),
            planned_at: None,
            ticks: false,
            joined_tick: Tick::default(),
            homecoming: None,
            spoke_at: None,
            last_snapshot_at: None,
            longest_wait: None,
            next_input: Moment::default(),
        }
    }

    /// Whether so many events have been told again as there may be: a state comes after them.
    pub(super) fn has_seen_the_game(&self) -> bool {
        self.last_snapshot_at.is_some()
    }

    /// The longest time between two snapshots, if it is one whose measurements count.
    pub(super) fn longest_wait(&self) -> Option<Duration> {
        self.longest_wait.filter(|_| self.survivor && self.ticks)
    }

    /// Forgets everything about an earlier connection.
    pub(super) fn restart(&mut self, now: Moment) {
        let planned_at = self.planned_at;
        *self = Self { planned_at, ..Self::new(self.seed, self.bot, self.survivor) };
        self.connected_at = now;
    }

    /// Whether it has something to say at every moment.
    pub(super) fn is_talkative(&self) -> bool {
        self.brain.is_talkative()
    }

    /// Appends the next input to `body`; false if there is none.
    pub(super) fn decide(&mut self, body: &mut Vec<u8>) -> bool {
        self.player.is_some_and(|player| self.brain.decide(player, body))
    }

    /// Takes in what a bot that plays has heard, and measures it.
    pub(super) fn on_event(
        &mut self,
        event: &Event<'_>,
        now: Moment,
        config: &FleetConfig,
        stats: &mut FleetStats,
        watch: &mut Watch,
    ) {
        match event {
            Event::Joined { welcome, arrival } => {
                self.player = Some(welcome.player);
                self.brain = Brain::for_game(welcome.game, self.seed, self.bot.0);
                self.joined_tick = welcome.tick;
                self.ticks = welcome.tick_hz > 0;
                self.next_input = first_input(self.bot, now, config);
                watch.note(now, welcome.player, PlayerChange::Joined);
                let (count, time) = match *arrival {
                    Arrival::New => (&mut stats.joins, &mut stats.welcome_time),
                    Arrival::Back { events_lost } => {
                        self.homecoming = Some(Homecoming { events_lost, ..Homecoming::default() });
                        (&mut stats.resumes, &mut stats.resume_time)
                    }
                };
                *count += 1;
                time.record(now.since(self.connected_at));
            }
            Event::Snapshot { tick, body, missed_ticks, roster } => {
                let Ok(sight) = self.brain.observe(body) else {
                    stats.snapshots_undecodable += 1;
                    return;
                };
                let age = sight.stamp.map(|stamp| now.since(Moment(stamp.encoded_at_ns)));
                self.measure(now, *missed_ticks, age, stats);
                if *tick >= roster.as_of() {
                    for player in self.brain.players_shown() {
                        match roster.standing(player) {
                            Standing::Present(_) => {}
                            Standing::Departed => stats.ghosts_shown += 1,
                            Standing::Unknown => stats.strangers_shown += 1,
                        }
                    }
                }
            }
            Event::MembersChanged { left, changed, .. } => {
                hear_of_leaves(left, now, stats, watch);
                hear_of_changes(changed, now, stats, watch);
            }
            Event::Happened { tick, body } => {
                self.brain.notice_event();
                if let Some(homecoming) = &mut self.homecoming
                    && *tick < self.joined_tick
                {
                    homecoming.events_resent += 1;
                    homecoming.events_resent_bytes += body.len() as u64;
                }
            }
            Event::Ended(_) => {}
        }
    }

    fn measure(
        &mut self,
        now: Moment,
        missed_ticks: u32,
        age: Option<Duration>,
        stats: &mut FleetStats,
    ) {
        let since_last = self.last_snapshot_at.replace(now).map(|last| now.since(last));
        self.longest_wait = self.longest_wait.max(since_last);
        if since_last.is_none() && self.homecoming.is_none() {
            stats.first_state_time.record(now.since(self.connected_at));
            // Once: who comes again was not planned to.
            let planned_at = self.planned_at.take();
            planned_at.into_iter().for_each(|at| stats.response_time.record(now.since(at)));
        }
        let survivors = self.survivor.then_some(&mut stats.survivors);
        for observed in [&mut stats.everyone].into_iter().chain(survivors) {
            observed.snapshots += 1;
            if self.ticks {
                observed.missed_ticks += u64::from(missed_ticks);
                since_last.into_iter().for_each(|interval| observed.interval.record(interval));
            }
            age.into_iter().for_each(|age| observed.age.record(age));
        }
    }
}

/// Takes in who has left.
fn hear_of_leaves(
    left: &[(Departed, Standing)],
    now: Moment,
    stats: &mut FleetStats,
    watch: &mut Watch,
) {
    for (gone, standing) in left {
        match standing {
            Standing::Present(_) => {}
            Standing::Departed => stats.announcements_repeated += 1,
            Standing::Unknown => stats.announcements_unknown += 1,
        }
        watch.note(now, gone.player, PlayerChange::AnnouncedLeft);
    }
}

/// Takes in who can, or cannot, be reached.
fn hear_of_changes(
    changed: &[(PresenceChange, Standing)],
    now: Moment,
    stats: &mut FleetStats,
    watch: &mut Watch,
) {
    for (change, standing) in changed {
        match standing {
            Standing::Present(before) if *before != change.presence => {}
            Standing::Present(_) => stats.presences_repeated += 1,
            Standing::Departed | Standing::Unknown => stats.announcements_unknown += 1,
        }
        if change.presence == Presence::Away {
            watch.note(now, change.player, PlayerChange::AnnouncedAway);
        }
    }
}

/// The first planned input after `now`: every bot has its own place within the period, so that
/// the inputs of a fleet are spread evenly over it.
fn first_input(bot: BotId, now: Moment, config: &FleetConfig) -> Moment {
    let Some(period) = config.input_period() else { return now };
    let period = (period.as_nanos() as u64).max(1);
    let place = (u128::from(bot.0.wrapping_mul(GOLDEN_RATIO_32)) * u128::from(period)) >> 32;
    let into_period = now.0 % period;
    let next = now.0 - into_period + place as u64;
    Moment(if next < now.0 { next + period } else { next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Endpoint;

    /// The first state counts for the join, the longest wait between two for the fairness; and
    /// only of a bot whose measurements count, in a game with ticks.
    #[test]
    fn a_bot_knows_how_long_it_had_to_wait() {
        let ms = |ms: u64| Moment(ms * 1_000_000);
        let play = |survivor, ticks| {
            let mut play = Play::new(0, BotId(0), survivor);
            (play.ticks, play.connected_at) = (ticks, ms(100));
            play.planned_at = Some(ms(40));
            play
        };
        let mut stats = FleetStats::default();
        let mut fair = play(true, true);
        assert_eq!(fair.longest_wait(), None);
        for at in [130, 180, 260, 310] {
            fair.measure(ms(at), 0, None, &mut stats);
        }
        assert_eq!(fair.longest_wait(), Some(Duration::from_millis(80)));
        assert_eq!(stats.first_state_time.count(), 1);
        let first = stats.first_state_time.max().expect("one sample");
        assert!(first.abs_diff(Duration::from_millis(30)) < Duration::from_micros(100));
        assert_eq!(stats.response_time.count(), 1);
        let response = stats.response_time.max().expect("one sample");
        assert!(response.abs_diff(Duration::from_millis(90)) < Duration::from_micros(100));
        for mut other in [play(false, true), play(true, false)] {
            [130, 180].into_iter().for_each(|at| other.measure(ms(at), 0, None, &mut stats));
            assert_eq!(other.longest_wait(), None);
        }
    }

    #[test]
    fn inputs_are_spread_over_the_period() {
        let endpoint = "127.0.0.1:1".parse::<Endpoint>().expect("valid");
        let config = FleetConfig::new(endpoint);
        let now = Moment(123_456_789_012);
        let mut places: Vec<u64> =
            (0..1000).map(|bot| first_input(BotId(bot), now, &config).0).collect();
        places.sort_unstable();
        assert!(places[0] >= now.0 && places[999] < now.0 + 50_000_000);
        let widest = places.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(widest < Some(200_000), "no two neighbours are 0.2 ms apart: {widest:?}");
    }
}
