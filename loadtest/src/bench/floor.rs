//! The floor: what no server can do without, and nothing else.
//!
//! Data flow: clock -> schedule -> **`Floor`** -> one read and one send for each player.
//!
//! To deliver a state and to take in an input, a server has to call the kernel once each. This one
//! does exactly that, at each tick of a room, for each player in it: a `recv` whose bytes are
//! looked at by nobody, and a `send` of a frame that was encoded once for the room. It has no
//! queues, no deadlines, no names, no limits; what a socket does not take at once is not sent, and
//! whoever has an error is gone. Nothing is allocated for a message. So the difference to a real
//! server is the price of everything else.
//!
//! Of the protocol it speaks as much as the bots need: the first bytes of a client are taken for a
//! hello and answered with a welcome. Pings are not answered; the bots only ping a silent server.
//!
//! It is not a server to play on. `gamekeeper-loadtest floor` hosts it, and
//! [The bench](mod@crate::bench) measures against it.

mod schedule;

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
};

use gamekeeper_bot::clock::Moment;
use gamekeeper_protocol::{
    Member, PlayerId, Presence, RoomId, ServerMessage, Tick, Welcome,
    codec::Bytes,
    games::benchmark::{self, STAMP_BYTES, Stamp},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        RecvFlags, SendFlags, SocketFlags, accept_with, listen, recv, send,
        sockopt::set_tcp_nodelay,
    },
};

pub use schedule::Form;
use schedule::{Schedule, Step};

/// Bytes read from a player at once: more than a player says between two ticks.
const READ_BYTES: usize = 4096;

/// Connections that may wait until they are accepted.
const CONNECTIONS_WAITING_MAX: i32 = 4096;

/// What the floor is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloorOptions {
    /// Where players connect.
    pub listen: SocketAddr,
    /// When the rooms tick.
    pub form: Form,
    /// Rooms that share the period of the staggered form.
    pub rooms: u32,
    /// Players in a room.
    pub room_size: u16,
    /// Ticks per second.
    pub tick_hz: u16,
    /// Bytes of a state.
    pub state_bytes: usize,
}

/// Rooms of players, and the buffers that they share.
struct Floor {
    options: FloorOptions,
    listener: TcpListener,
    rooms: Vec<Vec<Player>>,
    /// Players so far.
    players: u32,
    body: Vec<u8>,
    frame: Vec<u8>,
    heard: Vec<u8>,
}

/// One player.
struct Player {
    socket: OwnedFd,
    id: PlayerId,
    welcome: bool,
}

/// Hosts the floor until the process is ended. `on_ready` is told where it listens.
///
/// # Errors
///
/// If it cannot listen, or cannot wait. What is wrong with a single player ends that player.
pub fn host(options: &FloorOptions, on_ready: impl FnOnce(SocketAddr)) -> io::Result<Infallible> {
    let listener = TcpListener::bind(options.listen)?;
    listener.set_nonblocking(true)?;
    // The standard library asks for a shorter queue, and thousands come at the same time.
    listen(&listener, CONNECTIONS_WAITING_MAX)?;
    on_ready(listener.local_addr()?);
    let mut floor = Floor {
        options: *options,
        listener,
        rooms: Vec::new(),
        players: 0,
        body: vec![0; options.state_bytes.max(STAMP_BYTES)],
        frame: Vec::new(),
        heard: vec![0; READ_BYTES],
    };
    let mut schedule = Schedule::new(options.form, options.rooms, options.tick_hz, Moment::now());
    loop {
        let step = schedule.next(Moment::now());
        floor.wait_until(step.at)?;
        floor.play(step);
    }
}

impl Floor {
    /// Sleeps until a moment, and lets in whoever comes meanwhile.
    fn wait_until(&mut self, at: Moment) -> io::Result<()> {
        loop {
            let left = at.since(Moment::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut fds = [PollFd::new(&self.listener, PollFlags::IN)];
            match poll(&mut fds, Some(&left)) {
                Ok(0) => return Ok(()),
                Ok(_) => self.accept(),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            if Moment::now() >= at {
                return Ok(());
            }
        }
    }

    fn accept(&mut self) {
        // Whoever is gone before it was let in is nobody's business, and neither is a full table of
        // descriptors: the bench sees that not everybody gets in.
        while let Ok(socket) = accept_with(&self.listener, SocketFlags::NONBLOCK) {
            let _ = set_tcp_nodelay(&socket, true);
            self.players += 1;
            let player = Player { socket, id: PlayerId(self.players), welcome: false };
            let size = usize::from(self.options.room_size);
            match self.rooms.iter_mut().find(|room| room.len() < size) {
                Some(room) => room.push(player),
                None => self.rooms.push(vec![player]),
            }
        }
    }

    /// Ticks all rooms whose turn it is. They show the same moment, at which the tick began.
    fn play(&mut self, step: Step) {
        let stamp = Stamp { encoded_at_ns: Moment::now().0, tick: step.tick };
        self.body[..STAMP_BYTES].copy_from_slice(&stamp.to_bytes());
        self.frame.clear();
        ServerMessage::Snapshot { tick: step.tick, body: Bytes(&self.body) }
            .encode(&mut self.frame)
            .expect("the size of a state was checked when the options were read");
        let Self { options, rooms, frame, heard, .. } = self;
        for (index, room) in rooms.iter_mut().enumerate() {
            if step.is_for(index) {
                room.retain_mut(|player| player.take_turn(index, step.tick, frame, heard, options));
            }
        }
    }
}

impl Player {
    /// One read and one send. False once the player is gone.
    fn take_turn(
        &mut self,
        room: usize,
        tick: Tick,
        state: &[u8],
        heard: &mut [u8],
        options: &FloorOptions,
    ) -> bool {
        match recv(&self.socket, heard, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return false,
            Ok(_) if !self.welcome => {
                self.welcome = true;
                return self.send(&welcome(self.id, room, tick, options));
            }
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return false,
        }
        !self.welcome || self.send(state)
    }

    /// False if this player cannot be sent anything any more. A frame that only a part of fits is
    /// such a case: the rest would have to wait somewhere.
    fn send(&self, frame: &[u8]) -> bool {
        match send(&self.socket, frame, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(sent) => sent == frame.len(),
            Err(Errno::AGAIN | Errno::INTR) => true,
            Err(_) => false,
        }
    }
}

/// The answer to a hello. There is nobody else in the room as far as the player is told.
fn welcome(player: PlayerId, room: usize, tick: Tick, options: &FloorOptions) -> Vec<u8> {
    let welcome = Welcome {
        player,
        room: RoomId(u32::try_from(room).unwrap_or(u32::MAX)),
        tick,
        tick_hz: options.tick_hz,
        seats: options.room_size,
        game: benchmark::NAME,
        members: vec![Member { player, name: "player", presence: Presence::Here }],
        events_before: 0,
        resume: None,
    };
    let mut frame = Vec::new();
    ServerMessage::Welcome(welcome)
        .encode(&mut frame)
        .expect("a welcome with one member fits a frame");
    frame
}
