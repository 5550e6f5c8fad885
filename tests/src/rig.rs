//! The production loop on real sockets, driven by the test.
//!
//! The test and the server share one thread: the server moves only while the test turns it. So a
//! test can do something between two turns, and nothing sleeps and hopes.

use std::{
    io::IoSlice,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::Instant,
};

use gamekeeper::{
    Game, Games,
    client::leave::{LeavePath, LeaveReason},
    config::ListenAddr,
    hub::{Hub, Input, Output},
    ids::ConnectionId,
    limits::Limits,
    room::{games::Options, lobby::Lobby, seat::ResumeTerms},
    shell::{
        EventLoop, Flow,
        listen::{Listener, listen},
        net::Net as _,
        real::RealNet,
    },
    time::Time,
};

use crate::{PATIENCE, meddler::Meddler, player::Player};

/// The defaults, but that no seat is held: whoever loses its connection has left, which is what
/// most tests of leaving want to see at once.
pub const AT_ONCE: Limits = Limits { resume_window_ms: 0, ..Limits::DEFAULT };

/// Any free port of the loopback.
const ANY_PORT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// A server under the test's hands.
pub struct Rig {
    /// The production loop.
    pub event_loop: EventLoop<Meddler<RealNet>>,
    /// Where players connect.
    pub address: SocketAddr,
}

impl Rig {
    /// A server with these limits.
    pub fn new(limits: Limits) -> Self {
        Self::arena(limits, 50, Meddler::seeing)
    }

    /// A server with these limits and rooms of this size.
    pub fn with_room_size(limits: Limits, room_size: u16) -> Self {
        Self::arena(limits, room_size, Meddler::seeing)
    }

    /// A server with these limits whose default game is the benchmark: large states, no rules.
    pub fn benchmark(limits: Limits) -> Self {
        let lobby = lobby(&limits, 50);
        Self::build(limits, "benchmark", lobby, Meddler::seeing)
    }

    /// A server that learns only by writing that a peer is gone.
    pub fn blind(limits: Limits) -> Self {
        Self::arena(limits, 50, Meddler::blind)
    }

    /// A server with these limits that hosts `G` alone.
    pub fn hosting<G: Game>(limits: Limits) -> Self {
        let lobby = lobby_of(Games::none().with::<G>(), &limits, 50);
        Self::build(limits, G::NAME, lobby, Meddler::seeing)
    }

    /// A server with these limits that hosts `G` alone, and listens elsewhere as well.
    pub fn hosting_on<G: Game>(limits: Limits, elsewhere: Listener) -> Self {
        let lobby = lobby_of(Games::none().with::<G>(), &limits, 50);
        let listeners = vec![listener(ANY_PORT, &limits), elsewhere];
        Self::on(listeners, limits, G::NAME, lobby, Meddler::seeing)
    }

    /// A server with these limits that hosts the built-in games, and listens elsewhere as well.
    pub fn arena_on(limits: Limits, elsewhere: Listener) -> Self {
        let lobby = lobby(&limits, 50);
        let listeners = vec![listener(ANY_PORT, &limits), elsewhere];
        Self::on(listeners, limits, "arena", lobby, Meddler::seeing)
    }

    /// A server with these limits that operators can look at, and where they can.
    pub fn with_admin(limits: Limits) -> (Self, SocketAddr) {
        let [players, operators] = [(); 2].map(|()| listener(ANY_PORT, &limits));
        let [address, admin] = [&players, &operators].map(tcp_address);
        let net = RealNet::new(vec![players], Some(operators), false);
        let net = Meddler::seeing(net.expect("this machine has an epoll"));
        let lobby = lobby(&limits, 50);
        let hub = Hub::new(limits, "arena".to_owned(), lobby, net.now());
        (Self { event_loop: EventLoop::new(net, hub, 1, true), address }, admin)
    }

    fn arena(limits: Limits, room_size: u16, meddle: fn(RealNet) -> Meddler<RealNet>) -> Self {
        let lobby = lobby(&limits, room_size);
        Self::build(limits, "arena", lobby, meddle)
    }

    fn build(
        limits: Limits,
        game: &str,
        lobby: Lobby,
        meddle: fn(RealNet) -> Meddler<RealNet>,
    ) -> Self {
        Self::on(vec![listener(ANY_PORT, &limits)], limits, game, lobby, meddle)
    }

    fn on(
        listeners: Vec<Listener>,
        limits: Limits,
        game: &str,
        lobby: Lobby,
        meddle: fn(RealNet) -> Meddler<RealNet>,
    ) -> Self {
        let count = listeners.len();
        let (net, address) = real_net_on(listeners);
        let net = meddle(net);
        let hub = Hub::new(limits, game.to_owned(), lobby, net.now());
        Self { event_loop: EventLoop::new(net, hub, count, false), address }
    }

    /// Turns the server until `done` says so; panics if it takes too long.
    #[track_caller]
    pub fn turn_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "waited too long until {what}");
            // Rooms tick twenty times a second and timers fire, so no turn waits for long.
            let flow = self.event_loop.turn().expect("no client can break the poll");
            assert_eq!(flow, Flow::Continue, "nobody stopped the server");
        }
    }

    /// A player that has joined the default game.
    #[track_caller]
    pub fn join(&mut self, name: &str) -> Player {
        self.join_on(Player::connect(self.address), name)
    }

    /// A player that has joined the default game over this connection.
    #[track_caller]
    pub fn join_on(&mut self, mut player: Player, name: &str) -> Player {
        self.turn_until("the player may speak", |_| player.may_speak());
        player.hello("", name);
        self.turn_until("the player is welcome", |_| player.try_welcome().is_some());
        player
    }

    /// Turns the server for some ticks of its rooms.
    #[track_caller]
    pub fn turn_ticks(&mut self, ticks: u64) {
        let end = self.event_loop.hub().metrics().ticks + ticks;
        self.turn_until("the rooms have ticked", |rig| rig.event_loop.hub().metrics().ticks >= end);
    }

    /// How many connections have left for this reason, by this path.
    pub fn left(&self, reason: LeaveReason, path: LeavePath) -> u64 {
        self.event_loop.hub().metrics().leaves[reason.index()][path.index()]
    }

    /// How many connections have left.
    pub fn left_in_all(&self) -> u64 {
        self.event_loop.hub().metrics().left()
    }
}

/// A network that listens on a free port of this machine.
pub fn real_net(limits: &Limits) -> (RealNet, SocketAddr) {
    real_net_on(vec![listener(ANY_PORT, limits)])
}

/// A socket that listens at a TCP address.
pub fn listener(address: SocketAddr, limits: &Limits) -> Listener {
    listen(&ListenAddr::Tcp(address), limits).expect("this machine has a free port")
}

fn real_net_on(listeners: Vec<Listener>) -> (RealNet, SocketAddr) {
    let address = tcp_address(&listeners[0]);
    let net = RealNet::new(listeners, None, false).expect("this machine has an epoll");
    (net, address)
}

fn tcp_address(listener: &Listener) -> SocketAddr {
    match *listener.address() {
        ListenAddr::Tcp(address) => address,
        ListenAddr::Unix(_) => unreachable!("a TCP address was asked for"),
    }
}

/// A lobby of the built-in games with rooms of `room_size`.
pub fn lobby(limits: &Limits, room_size: u16) -> Lobby {
    lobby_of(Games::built_in(), limits, room_size)
}

/// A lobby of any games with rooms of `room_size`.
pub fn lobby_of(games: Games, limits: &Limits, room_size: u16) -> Lobby {
    let inputs_per_tick_max = usize::try_from(limits.inputs_per_tick_max).expect("64-bit system");
    let resume = ResumeTerms::of(limits);
    let options =
        Options { tick_hz: None, room_size, inputs_per_tick_max, state_bytes: 1024, resume };
    Lobby::new(games, options, 1, [7; 32])
}

/// A turn of a hub that has no loop: each socket takes everything and hands it to `hear`.
pub fn turn_alone(hub: &mut Hub, now: Time, mut hear: impl FnMut(ConnectionId, &[u8])) {
    hub.expire(now);
    while let Some(suspect) = hub.next_suspect() {
        hub.judge(suspect, now);
    }
    hub.settle(now);
    while hub.tick_next(now, now).is_some() {}
    hub.settle(now);
    for _ in 0..hub.flush_list_len() {
        let Some(connection) = hub.next_flush() else { break };
        let mut slices = [IoSlice::new(&[]); 8];
        let count = hub.unsent(connection, &mut slices, 65_536);
        slices[..count].iter().for_each(|slice| hear(connection, slice));
        let taken_bytes = slices[..count].iter().map(|slice| slice.len()).sum();
        if taken_bytes > 0 {
            hub.handle(Input::Wrote { connection, taken_bytes }, now);
        }
    }
    hub.settle(now);
    while let Some(output) = hub.poll_output() {
        match output {
            Output::Hear { .. } | Output::ShutdownWrite(_) => {}
            Output::AskUnsent(connection) => {
                hub.handle(Input::Unsent { connection, unsent_bytes: Some(0) }, now);
            }
            Output::Close { connection, .. } => hub.closed(connection),
        }
    }
}
