//! The honest half of a faulty server: a room for one player, as the protocol wants it.
//!
//! Data flow: hello -> **`Room`** -> welcome, states -> [`Conversation`](super::Conversation).
//!
//! A room is made for each connection and nothing of it is kept: what it takes to come back is in
//! the ticket itself. That is no way to write a server that is not for tests, because anybody can
//! invent such a ticket.
//!
//! The arena is shown with its player walking in circles. Of other games the bodies are not known
//! here: they are turn-based games in which it is never anybody's turn.

use gamekeeper_bot::clock::Moment;
use gamekeeper_protocol::{
    Hello, InputSequence, Member, PlayerId, Presence, Resume, ResumeOffer, RoomId, ServerMessage,
    Tick, Ticket, Welcome,
    codec::{Bytes, encode_value},
    games::arena,
};

/// Ticks per second of the arena.
pub(super) const TICK_HZ: u16 = 20;

/// Nanoseconds of one tick.
pub(super) const TICK_NANOS: u64 = 1_000_000_000 / TICK_HZ as u64;

/// Seats of a room. One is taken.
pub(super) const SEATS: u16 = 4;

/// For how long a seat is said to be held, in milliseconds: as the real server does by default.
const WINDOW_MS: u32 = 30_000;

/// Every connection has a room of its own, and all of them have this number.
const ROOM: RoomId = RoomId(1);

/// Bytes of a ticket in front of the game's name: the player, and the length of the name.
const TICKET_HEAD_BYTES: usize = 5;

/// Players of a crowd that join in one tick.
const CROWD_PER_TICK: u32 = 64;

/// The first player of a crowd, far from those who connect.
const CROWD_FROM: u32 = 1_000_000;

/// A room with one player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Room {
    player: PlayerId,
    name: String,
    game: String,
    /// Events that came before; there are none here, so it is what the client says.
    events_before: u32,
    /// The number of the last input that was heard.
    pub(super) last_input: InputSequence,
    /// The next player that joins the crowd.
    crowd: u32,
}

impl Room {
    /// The room of whoever says this hello over the how-manieth connection; nothing if it shows a
    /// ticket that is not one of ours.
    pub(super) fn open(hello: &Hello<'_>, connection: u32) -> Option<Self> {
        let (player, game, events_before) = match &hello.resume {
            None => {
                let game = if hello.game.is_empty() { arena::NAME } else { hello.game };
                (PlayerId(connection), game.to_owned(), 0)
            }
            Some(Resume { ticket, events_seen }) => {
                let (player, game) = read_ticket(ticket)?;
                (player, game, *events_seen)
            }
        };
        let name = if hello.name.is_empty() { "back again" } else { hello.name }.to_owned();
        let last_input = InputSequence(0);
        Some(Self { player, name, game, events_before, last_input, crowd: CROWD_FROM })
    }

    /// Whether its states can be shown.
    pub(super) fn has_ticks(&self) -> bool {
        self.game == arena::NAME
    }

    /// The welcome, as a frame.
    pub(super) fn welcome(&self, now: Moment) -> Vec<u8> {
        let ticket = ticket(self.player, &self.game);
        frame(&ServerMessage::Welcome(Welcome {
            player: self.player,
            room: ROOM,
            tick: tick(now),
            tick_hz: if self.has_ticks() { TICK_HZ } else { 0 },
            seats: SEATS,
            game: &self.game,
            members: vec![Member {
                player: self.player,
                name: &self.name,
                presence: Presence::Here,
            }],
            events_before: self.events_before,
            resume: ticket.map(|ticket| ResumeOffer { ticket, window_ms: WINDOW_MS }),
        }))
    }

    /// The state of the arena, as a frame.
    pub(super) fn snapshot(&self, now: Moment) -> Vec<u8> {
        let tick = tick(now);
        // Once around the middle of the field in 256 ticks.
        let angle = f64::from(tick.0 % 256) / 256.0 * std::f64::consts::TAU;
        let along = |part: f64| arena::FIELD_SIZE / 2 + (part * 1000.0) as i16;
        let player = arena::Player {
            player: self.player,
            x: along(angle.cos()),
            y: along(angle.sin()),
            aim: (tick.0 % 256) as u8,
            health: arena::HEALTH_MAX,
            respawn_ticks: 0,
            score: 0,
            last_input: self.last_input,
        };
        let state = arena::Snapshot { players: vec![player], shots: vec![] };
        let mut body = Vec::new();
        encode_value(&state, &mut body).expect("a state of integers can be encoded");
        frame(&ServerMessage::Snapshot { tick, body: Bytes(&body) })
    }

    /// More players join, although there are no seats for them; as a frame.
    pub(super) fn grow_crowd(&mut self, now: Moment) -> Vec<u8> {
        let newcomers = (0..CROWD_PER_TICK).map(|one| self.crowd.wrapping_add(one));
        let named: Vec<_> = newcomers.map(|one| (PlayerId(one), format!("crowd-{one}"))).collect();
        self.crowd = self.crowd.wrapping_add(CROWD_PER_TICK);
        let member = |(player, name)| Member { player, name, presence: Presence::Here };
        let joined = named.iter().map(|(player, name)| member((*player, name.as_str()))).collect();
        frame(&ServerMessage::Members { tick: tick(now), joined, left: vec![], changed: vec![] })
    }
}

/// A message as a frame.
pub(super) fn frame(message: &ServerMessage<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).expect("what is made here is far shorter than a frame may be");
    bytes
}

/// All rooms tick by the same clock, so that ticks go on when somebody comes back.
fn tick(now: Moment) -> Tick {
    Tick((now.0 / TICK_NANOS) as u32)
}

/// A ticket that says itself what it is for; none if the game's name is too long for it.
fn ticket(player: PlayerId, game: &str) -> Option<Ticket> {
    let mut bytes = [0; 32];
    let (head, tail) = bytes.split_at_mut(TICKET_HEAD_BYTES);
    head[..4].copy_from_slice(&player.0.to_le_bytes());
    head[4] = u8::try_from(game.len()).ok()?;
    tail.get_mut(..game.len())?.copy_from_slice(game.as_bytes());
    Some(Ticket(bytes))
}

/// The player and the game of a ticket; nothing if it is not one of ours.
fn read_ticket(shown: &Ticket) -> Option<(PlayerId, String)> {
    let (head, tail) = shown.0.split_at(TICKET_HEAD_BYTES);
    let player = PlayerId(u32::from_le_bytes(head[..4].try_into().ok()?));
    let game = std::str::from_utf8(tail.get(..usize::from(head[4]))?).ok()?;
    // The rest must be as we make it.
    (ticket(player, game)? == *shown).then(|| (player, game.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(77 * TICK_NANOS);

    #[test]
    fn who_shows_its_ticket_has_its_seat_again() {
        for game in ["", "arena", "chess"] {
            let room = Room::open(&Hello::new(game, "ada"), 9).expect("a new seat");
            assert_eq!(room.has_ticks(), game != "chess");
            let welcome = room.welcome(NOW);
            let Ok(ServerMessage::Welcome(welcome)) = ServerMessage::decode(&welcome[4..]) else {
                panic!("no welcome: {welcome:?}");
            };
            assert_eq!((welcome.player, welcome.tick), (PlayerId(9), Tick(77)));
            let ticket = welcome.resume.expect("seats are held").ticket;
            let hello = Hello::resuming(Resume { ticket, events_seen: 3 });
            let again = Room::open(&hello, 10).expect("its seat");
            assert_eq!(
                (again.player, again.game, again.events_before),
                (room.player, room.game, 3)
            );
        }
        let invented = Hello::resuming(Resume { ticket: Ticket([200; 32]), events_seen: 0 });
        assert_eq!(Room::open(&invented, 1), None);
        let mut altered = ticket(PlayerId(9), "arena").expect("a short name");
        altered.0[31] = 1;
        let altered = Hello::resuming(Resume { ticket: altered, events_seen: 0 });
        assert_eq!(Room::open(&altered, 1), None);
        let long = "x".repeat(32);
        assert_eq!(ticket(PlayerId(1), &long), None, "such a game has no way back");
    }

    #[test]
    fn the_states_are_those_of_the_arena() {
        let mut room = Room::open(&Hello::new("", "ada"), 9).expect("a new seat");
        room.last_input = InputSequence(5);
        let snapshot = room.snapshot(NOW);
        let Ok(ServerMessage::Snapshot { tick: Tick(77), body }) =
            ServerMessage::decode(&snapshot[4..])
        else {
            panic!("no snapshot: {snapshot:?}");
        };
        let state: arena::Snapshot =
            gamekeeper_protocol::codec::decode_from_server(body.0).expect("a state");
        assert_eq!(state.players[0].last_input, InputSequence(5));
    }

    #[test]
    fn a_crowd_grows() {
        let mut room = Room::open(&Hello::new("", "ada"), 9).expect("a new seat");
        for _ in 0..2000 {
            room.grow_crowd(NOW);
        }
        let first = |frame: &[u8]| match ServerMessage::decode(&frame[4..]) {
            Ok(ServerMessage::Members { joined, .. }) => joined[0].player,
            other => panic!("{other:?}"),
        };
        assert_ne!(first(&room.grow_crowd(NOW)), first(&room.grow_crowd(NOW)));
    }
}
