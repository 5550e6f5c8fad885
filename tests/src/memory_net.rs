//! A network that is nothing but memory: each call takes the same few instructions.
//!
//! Data flow: the benches of `tests/benches/` -> **`MemoryNet`** <-> the production loop. What is
//! left when the kernel costs nothing is the server's own work. Nothing goes wrong here; that is
//! what `sim` is for.

use std::{
    cell::Cell,
    io::{self, IoSlice},
};

use gamekeeper::{
    hub::Hub,
    ids::PeerAddr,
    limits::Limits,
    metrics::ProcessStats,
    shell::{
        EventLoop,
        net::{Accept, Errno, Flags, Hearing, Net, NetEvent, Polled, Read, Send, Token, TokenKind},
    },
    time::Time,
};
use gamekeeper_protocol::{ClientMessage, Hello, InputSequence, codec::Bytes};

use crate::rig::lobby;

/// What a player of the benchmark sends with each input, in bytes.
const INPUT_BYTES: usize = 16;

/// A network whose peers take everything, and say one thing each time that they are asked to.
#[derive(Debug, Default)]
pub struct MemoryNet {
    now: Cell<Time>,
    /// Peers that wait to be accepted.
    waiting: usize,
    /// Streams so far.
    streams: usize,
    /// What was registered and is reported by the next poll.
    registered: Vec<Token>,
    /// By stream: what the next read finds, as a position in `speech`.
    speaks: Vec<Option<usize>>,
    /// What there is to say: a hello, and inputs.
    speech: Vec<Vec<u8>>,
}

impl MemoryNet {
    /// A network with so many peers, all of which are at the door.
    fn new(peers: usize) -> Self {
        Self {
            now: Cell::new(Time::from_nanos(1_000_000_000)),
            waiting: peers,
            speaks: vec![Some(0); peers],
            speech: vec![hello_frame(), input_frame()],
            ..Self::default()
        }
    }

    /// Everybody has an input to say.
    pub fn everybody_speaks(&mut self) {
        self.speaks.fill(Some(1));
    }

    /// Nobody says anything.
    pub fn everybody_is_silent(&mut self) {
        self.speaks.fill(None);
    }
}

/// The production loop with so many players in rooms of 50 of this game, which all have been
/// welcome, and whose next tick is due.
///
/// # Panics
///
/// If not everybody gets in.
pub fn full_rooms(game: &str, players: usize) -> EventLoop<MemoryNet> {
    let limits = Limits::DEFAULT;
    let net = MemoryNet::new(players);
    let hub = Hub::new(limits.clone(), game.to_owned(), lobby(&limits, 50), net.now());
    let mut event_loop = EventLoop::new(net, hub, 1, false);
    let turn = |event_loop: &mut EventLoop<MemoryNet>| {
        event_loop.turn().expect("this poll does not fail");
        assert!(event_loop.hub().metrics().turns < 10_000, "not everybody gets in");
    };
    while event_loop.hub().lobby().players() < players {
        turn(&mut event_loop);
    }
    // Each room ticks a few times more, so that all buffers have their size.
    event_loop.net_mut().everybody_speaks();
    let inputs = event_loop.hub().metrics().inputs + players as u64;
    while event_loop.hub().metrics().inputs < inputs {
        turn(&mut event_loop);
    }
    event_loop.net_mut().everybody_speaks();
    event_loop
}

/// What a player says first.
pub fn hello_frame() -> Vec<u8> {
    frame(&ClientMessage::Hello(Hello::new("", "player")))
}

/// An input of a player of the benchmark.
pub fn input_frame() -> Vec<u8> {
    frame(&ClientMessage::Input { sequence: InputSequence(1), body: Bytes(&[7; INPUT_BYTES]) })
}

fn frame(message: &ClientMessage<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    message.encode(&mut frame).expect("short");
    frame
}

impl Net for MemoryNet {
    type Stream = usize;

    fn now(&self) -> Time {
        self.now.get()
    }

    fn poll(&mut self, until: Option<Time>, events: &mut Vec<NetEvent>) -> io::Result<Polled> {
        self.now.set(until.unwrap_or(Time::ZERO).max(self.now.get()));
        let flags = Flags { readable: true, writable: true, closed: false };
        if self.waiting > 0 {
            let token = Token { kind: TokenKind::Listener, slot: 0, generation: 0 };
            events.push(NetEvent::Ready { token, flags });
        }
        events.extend(self.registered.drain(..).map(|token| NetEvent::Ready { token, flags }));
        Ok(Polled::Everything)
    }

    fn accept(&mut self, _listener: usize) -> Accept<usize> {
        if self.waiting == 0 {
            return Accept::WouldBlock;
        }
        self.waiting -= 1;
        self.streams += 1;
        Accept::Stream(self.streams - 1, PeerAddr::Unix)
    }

    fn keep_spare(&mut self) -> bool {
        true
    }

    fn drop_spare(&mut self) -> bool {
        true
    }

    fn register(&mut self, _stream: &usize, token: Token) -> Result<(), Errno> {
        self.registered.push(token);
        Ok(())
    }

    fn hear(&mut self, _stream: &usize, _token: Token, _when: Hearing) -> Result<(), Errno> {
        Ok(())
    }

    fn read(&mut self, stream: &usize, buffer: &mut [u8]) -> Read {
        let Some(what) = self.speaks[*stream].take() else { return Read::WouldBlock };
        let bytes = &self.speech[what];
        buffer[..bytes.len()].copy_from_slice(bytes);
        Read::Bytes(bytes.len())
    }

    fn send(&mut self, _stream: &usize, slices: &[IoSlice<'_>]) -> Send {
        let taken: usize = slices.iter().map(|slice| slice.len()).sum();
        Send::Bytes(taken)
    }

    fn shutdown_write(&mut self, _stream: &usize) -> Result<(), Errno> {
        Ok(())
    }

    fn reset_on_close(&mut self, _stream: &usize) {}

    fn unsent_bytes(&mut self, _stream: &usize) -> Option<usize> {
        Some(0)
    }

    fn close(&mut self, _stream: usize) {}

    fn close_listeners(&mut self) {}

    fn process_stats(&self) -> ProcessStats {
        ProcessStats::default()
    }
}
