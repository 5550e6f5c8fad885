//! A client that does exactly what a test says, also what no real client would do.
//!
//! It shares no code with the bots: a plain nonblocking socket and the protocol crate. What it says
//! is the same as a native client and as a browser; how that is put on the wire is its
//! [`Transport`].

mod heard;

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use gamekeeper_protocol::{
    ClientMessage, Departed, FrameDecoder, GoodbyeReason, Hello, InputSequence, PlayerId, Presence,
    Resume, ResumeOffer, ServerMessage,
    codec::Bytes,
    limits::{FRAME_HEADER_BYTES, SERVER_FRAME_BYTES_MAX},
};
use socket2::{Domain, SockRef, Socket, Type};

pub use self::heard::Heard;
use self::heard::owned;
use crate::{
    PATIENCE,
    browser::{self, Browser, upgrade},
};

/// How messages are put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Each in a frame of the protocol.
    Native,
    /// Each as a binary message of a WebSocket.
    WebSocket,
}

/// One connection to a server, and everything it has heard.
#[derive(Debug)]
pub struct Player {
    stream: TcpStream,
    decoder: FrameDecoder,
    /// What was heard beside messages, if it is a browser.
    pub browser: Option<Browser>,
    /// Everything that was heard, in order.
    pub heard: Vec<Heard>,
    /// How many of `heard` have been looked at for pings.
    answered: usize,
    /// How the stream ended, once it has.
    pub end: Option<End>,
    /// The id that the welcome gave.
    pub id: Option<PlayerId>,
    /// The way back that the last welcome offered.
    pub offer: Option<ResumeOffer>,
    /// How many events there have been for this seat, as far as was heard.
    pub events_seen: u32,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// An orderly end of file.
    Eof,
    /// An error.
    Broken(ErrorKind),
}

impl Player {
    /// Connects; panics if that fails.
    pub fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).expect("the server listens"))
    }

    /// Connects with a receive buffer so small that the server soon notices if nobody reads.
    pub fn connect_narrow(address: SocketAddr) -> Self {
        let connect = || -> std::io::Result<Socket> {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            // Must be set before the connect, which announces the window.
            socket.set_recv_buffer_size(4096)?;
            socket.connect(&address.into())?;
            Ok(socket)
        };
        Self::on(connect().expect("the server listens").into())
    }

    /// A player on a stream that is connected already.
    pub fn on(stream: TcpStream) -> Self {
        stream.set_nonblocking(true).expect("a fresh socket takes any option");
        // Fails on Unix sockets, which never delay.
        let _ = stream.set_nodelay(true);
        let decoder = FrameDecoder::new(SERVER_FRAME_BYTES_MAX);
        Self {
            stream,
            decoder,
            browser: None,
            heard: Vec::new(),
            answered: 0,
            end: None,
            id: None,
            offer: None,
            events_seen: 0,
        }
    }

    /// The same connection, on which nothing was said yet, with this transport: a browser asks for
    /// a WebSocket at once, and [`Player::may_speak`] when that is granted.
    pub fn speaking(mut self, transport: Transport) -> Self {
        if transport == Transport::WebSocket {
            self.browser = Some(Browser::default());
            self.send(&upgrade(""));
        }
        self
    }

    /// Connects and sends an HTTP request.
    pub fn ask(address: SocketAddr, request: &[u8]) -> Self {
        let mut player = Self { browser: Some(Browser::default()), ..Self::connect(address) };
        player.send(request);
        player
    }

    /// Listens, and says whether it may say something: a browser must have become a WebSocket.
    pub fn may_speak(&mut self) -> bool {
        self.listen();
        self.browser.as_ref().is_none_or(Browser::is_open)
    }

    /// Its own address.
    pub fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("it is connected")
    }

    /// Says hello.
    pub fn hello(&mut self, game: &str, name: &str) {
        self.say(&ClientMessage::Hello(Hello::new(game, name)));
    }

    /// Says hello for the seat that the last welcome of `before` offers a way back to.
    pub fn resume(&mut self, before: &Self) {
        let ticket = before.offer.expect("it was welcome and offered a way back").ticket;
        self.resume_with(Resume { ticket, events_seen: before.events_seen });
    }

    /// Says hello for a seat.
    pub fn resume_with(&mut self, resume: Resume) {
        self.say(&ClientMessage::Hello(Hello::resuming(resume)));
    }

    /// Says something well-formed.
    pub fn say(&mut self, message: &ClientMessage<'_>) {
        self.send(&self.bytes_of(message));
    }

    /// What it would send to say this.
    pub fn bytes_of(&self, message: &ClientMessage<'_>) -> Vec<u8> {
        let mut frame = Vec::new();
        message.encode(&mut frame).expect("a short message");
        self.wrapped(&frame[FRAME_HEADER_BYTES..])
    }

    /// Any bytes as one message.
    pub fn wrapped(&self, message: &[u8]) -> Vec<u8> {
        self.begun(message.len() as u64, message)
    }

    /// A message of so many bytes, as far as these, which are its first.
    pub fn begun(&self, announced_bytes: u64, first: &[u8]) -> Vec<u8> {
        if self.browser.is_some() {
            return browser::begun(browser::BINARY, announced_bytes, first);
        }
        let announced_bytes = u32::try_from(announced_bytes).expect("a header has no more");
        [&announced_bytes.to_le_bytes()[..], first].concat()
    }

    /// Sends an input with this body.
    pub fn input(&mut self, sequence: u32, body: &[u8]) {
        let sequence = InputSequence(sequence);
        self.say(&ClientMessage::Input { sequence, body: Bytes(body) });
    }

    /// Sends an input, if the connection is there and the socket takes it.
    pub fn try_input(&mut self, sequence: u32, body: &[u8]) {
        let message = ClientMessage::Input { sequence: InputSequence(sequence), body: Bytes(body) };
        let frame = self.bytes_of(&message);
        let taken = self.try_send(&frame);
        assert!(taken == 0 || taken == frame.len(), "a short frame is taken whole or not at all");
    }

    /// Sends any bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("a few bytes fit into the socket");
    }

    /// Sends as many of `bytes` as fit; how many did.
    pub fn try_send(&mut self, bytes: &[u8]) -> usize {
        self.stream.write(bytes).unwrap_or(0)
    }

    /// Reads whatever is there.
    pub fn listen(&mut self) {
        let mut buffer = [0; 65_536];
        while self.end.is_none() {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.end = Some(End::Eof),
                Ok(count) => self.take_in(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => self.end = Some(End::Broken(error.kind())),
            }
        }
    }

    /// Listens, and answers the pings that were heard since the last time, as every client does.
    pub fn answer_pings(&mut self) {
        self.listen();
        self.answer_heard_pings();
    }

    /// Reads at most so many bytes; how many it were.
    pub fn listen_to(&mut self, bytes_max: usize) -> usize {
        let mut buffer = vec![0; bytes_max];
        let count = self.stream.read(&mut buffer).unwrap_or(0);
        self.take_in(&buffer[..count]);
        count
    }

    /// Answers the pings that were heard since the last time.
    pub fn answer_heard_pings(&mut self) {
        let nonces: Vec<u32> = self.heard[self.answered..]
            .iter()
            .filter_map(|heard| match heard {
                Heard::Ping(nonce) => Some(*nonce),
                _ => None,
            })
            .collect();
        self.answered = self.heard.len();
        for nonce in nonces {
            self.say(&ClientMessage::Pong { nonce });
        }
    }

    /// Listens until `done`, for a server in another thread or process; panics if it takes too
    /// long.
    #[track_caller]
    pub fn listen_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.listen();
            if done(self) {
                return;
            }
            assert!(Instant::now() < deadline, "waited too long until {what}: {:?}", self.end);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Listens, and says whether the welcome has come: then with everybody who was there.
    pub fn try_welcome(&mut self) -> Option<Vec<PlayerId>> {
        self.listen();
        self.heard.iter().find_map(|heard| match heard {
            Heard::Welcome(members) => Some(members.clone()),
            _ => None,
        })
    }

    /// The goodbye, if it was heard.
    pub fn goodbye(&self) -> Option<(GoodbyeReason, &str)> {
        match self.heard.last() {
            Some(Heard::Goodbye(reason, text)) => Some((*reason, text)),
            _ => None,
        }
    }

    /// The ticks of all snapshots that were heard.
    pub fn ticks(&self) -> Vec<u32> {
        let tick = |heard: &Heard| match heard {
            Heard::Snapshot(tick, _) => Some(*tick),
            _ => None,
        };
        self.heard.iter().filter_map(tick).collect()
    }

    /// All membership frames that were heard, as who left.
    pub fn departures(&self) -> Vec<Vec<Departed>> {
        let left = |heard: &Heard| match heard {
            Heard::Members(_, left) if !left.is_empty() => Some(left.clone()),
            _ => None,
        };
        self.heard.iter().filter_map(left).collect()
    }

    /// All changes of presence that were heard, in order.
    pub fn presences(&self) -> Vec<(PlayerId, Presence)> {
        let changed = |heard: &Heard| match heard {
            Heard::Presences(changed) => changed.clone(),
            _ => Vec::new(),
        };
        let changed = self.heard.iter().flat_map(changed);
        changed.map(|change| (change.player, change.presence)).collect()
    }

    /// Forgets what it has heard, but for what it must know to go on.
    pub fn forget(&mut self) {
        self.heard = Vec::new();
        self.answered = 0;
        self.browser.iter_mut().for_each(Browser::let_go);
    }

    /// Leaves by a FIN: the receive buffer is emptied first, so that it is not a reset.
    pub fn leave_by_fin(mut self) {
        self.listen();
        let _ = self.stream.shutdown(Shutdown::Write);
        self.listen();
    }

    /// Leaves by a reset.
    pub fn leave_by_reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("any socket takes it");
    }

    /// Shuts down the receiving half only, which the other side cannot see.
    pub fn stop_receiving(&mut self) {
        self.stream.shutdown(Shutdown::Read).expect("the connection is there");
    }

    /// Sends one byte out of band.
    pub fn send_urgent(&mut self, byte: u8) {
        SockRef::from(&self.stream).send_out_of_band(&[byte]).expect("one byte fits");
    }

    /// This side's address.
    pub fn local_address(&self) -> SocketAddr {
        self.stream.local_addr().expect("it is bound")
    }

    /// Shuts down the sending half only.
    pub fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is there");
    }

    fn take_in(&mut self, mut bytes: &[u8]) {
        let mut messages = Vec::new();
        match &mut self.browser {
            Some(browser) => browser.take_in(bytes, |message| messages.push(message.to_vec())),
            None => loop {
                match self.decoder.next_frame(&mut bytes) {
                    Ok(Some(frame)) => messages.push(frame.to_vec()),
                    Ok(None) => break,
                    Err(error) => panic!("the server broke the framing: {error}"),
                }
            },
        }
        messages.iter().for_each(|message| self.hear(message));
    }

    fn hear(&mut self, message: &[u8]) {
        let message = ServerMessage::decode(message).expect("the server speaks the protocol");
        assert!(
            self.heard.last().is_none_or(|last| !matches!(last, Heard::Goodbye(..))),
            "nothing comes after a goodbye"
        );
        if let ServerMessage::Welcome(welcome) = &message {
            self.id = Some(welcome.player);
            self.offer = welcome.resume;
            self.events_seen = welcome.events_before;
        }
        self.events_seen += u32::from(matches!(message, ServerMessage::Event { .. }));
        self.heard.extend(owned(message));
    }
}
