//! The server itself does not run for a while: nobody is blamed for that.

use std::{cell::Cell, io, io::IoSlice, time::Duration};

use gamekeeper::{
    hub::Errno,
    limits::Limits,
    metrics::ProcessStats,
    shell::net::{Accept, Net, NetEvent, Read, Send, Token},
    time::Time,
};
use gamekeeper_tests::{player::Player, rig::Rig};

/// The real network with a clock that can be made to jump, as it does when a machine is paused.
struct Jumpy<N> {
    inner: N,
    ahead: Cell<Duration>,
}

impl<N: Net> Net for Jumpy<N> {
    type Stream = N::Stream;

    fn now(&self) -> Time {
        self.inner.now() + self.ahead.get()
    }

    fn poll(&mut self, until: Option<Time>, events: &mut Vec<NetEvent>) -> io::Result<()> {
        self.inner.poll(until.map(|until| until - self.ahead.get()), events)
    }

    fn accept(&mut self, listener: usize) -> Accept<N::Stream> {
        self.inner.accept(listener)
    }

    fn register(&mut self, stream: &N::Stream, token: Token) -> Result<(), Errno> {
        self.inner.register(stream, token)
    }

    fn read(&mut self, stream: &N::Stream, buffer: &mut [u8]) -> Read {
        self.inner.read(stream, buffer)
    }

    fn send(&mut self, stream: &N::Stream, slices: &[IoSlice<'_>]) -> Send {
        self.inner.send(stream, slices)
    }

    fn shutdown_write(&mut self, stream: &N::Stream) -> Result<(), Errno> {
        self.inner.shutdown_write(stream)
    }

    fn reset_on_close(&mut self, stream: &N::Stream) {
        self.inner.reset_on_close(stream);
    }

    fn unsent_bytes(&mut self, stream: &N::Stream) -> Option<usize> {
        self.inner.unsent_bytes(stream)
    }

    fn close(&mut self, stream: N::Stream) {
        self.inner.close(stream);
    }

    fn close_listeners(&mut self) {
        self.inner.close_listeners();
    }

    fn process_stats(&self) -> ProcessStats {
        self.inner.process_stats()
    }
}

#[test]
fn a_paused_server_kicks_nobody_not_even_those_it_had_pinged() {
    let limits = Limits { ping_after_ms: 100, heartbeat_timeout_ms: 600, ..Limits::DEFAULT };
    let mut rig = Rig::with(limits, |inner| Jumpy { inner, ahead: Cell::default() });
    let mut players: Vec<Player> = (0..5).map(|_| rig.join("ada")).collect();
    let mut stranger = Player::connect(rig.address);
    // Everybody has been asked and is about to answer when the machine is paused for a minute.
    rig.turn_until("all were pinged", |_| {
        players.iter_mut().all(|player| {
            player.listen();
            player
                .heard
                .iter()
                .any(|heard| matches!(heard, gamekeeper_tests::player::Heard::Ping(_)))
        })
    });
    rig.event_loop.net().ahead.set(Duration::from_secs(60));
    rig.turn_ticks(2);
    assert_eq!(rig.left_in_all(), 0);
    assert_eq!(rig.event_loop.hub().metrics().pauses, 1);
    let more = rig.event_loop.hub().metrics().ticks + 20;
    rig.turn_until("the game went on for a second", |rig| {
        players.iter_mut().for_each(Player::answer_pings);
        rig.event_loop.hub().metrics().ticks >= more
    });
    assert_eq!(rig.left_in_all(), 0, "{:?}", rig.event_loop.hub().metrics().leaves);
    stranger.hello("", "late");
    rig.turn_until("the stranger is welcome", |_| stranger.try_welcome().is_some());
}
