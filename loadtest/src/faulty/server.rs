//! The shell: one thread, one loop, nonblocking sockets.
//!
//! Data flow: kernel -> **`Server`** -> `Peer` -> [`Conversation`] -> `Peer` -> kernel.
//!
//! Every turn looks at every connection. With the few that a test of a client needs, that costs
//! nothing, and there is no list of who is ready or due that could be wrong.

use std::{fmt, io, net::SocketAddr, time::Duration};

use gamekeeper_bot::clock::Moment;
use mio::{Events, Interest, Poll, Token, net::TcpListener};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;
use slab::Slab;
use socket2::{Domain, Socket, Type};

use super::{
    choice::Choice,
    conversation::{Conversation, Terms},
    journal::Journal,
    mode::Mode,
    peer::{self, Peer},
};

/// Connections at the same time. Whoever comes on top of that is reset. It stays below the limit
/// of open files that nearly every machine has, and is far more than a client under test opens.
pub const CONNECTIONS_MAX: usize = 900;

/// Connections accepted in one turn.
const ACCEPTS_PER_TURN: usize = 64;

/// How long the server does not accept after the kernel could not give it a socket.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Receive buffer of every connection, in bytes: so small that a client notices soon when nobody
/// reads what it sends.
const RECEIVE_BUFFER_BYTES: usize = 8 * 1024;

/// Connects that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;

/// Events taken from the kernel at once.
const EVENTS_PER_POLL: usize = 256;

const LISTENER: Token = Token(usize::MAX - 1);
const SIGNALS: Token = Token(usize::MAX - 2);

/// What a faulty server is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultyOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Which connection gets which fault.
    pub choice: Choice,
    /// What all connections have in common.
    pub terms: Terms,
}

/// How many connections there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By mode, in the order of [`Mode::ALL`].
    by_mode: [u64; Mode::ALL.len()],
    /// Those that came when [`CONNECTIONS_MAX`] were there.
    turned_away: u64,
}

/// A listening server. It answers to SIGINT and SIGTERM from the moment it is made.
pub struct Server {
    poll: Poll,
    listener: TcpListener,
    signals: Signals,
    options: FaultyOptions,
    peers: Slab<Peer>,
    /// Somebody may wait to be accepted.
    acceptable: bool,
    /// When to accept again after the kernel could not.
    accept_at: Option<Moment>,
    accepted: u32,
    tally: Tally,
    journal: Journal,
    buffer: Vec<u8>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("peers", &self.peers).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, or the kernel has no descriptors.
    pub fn bind(options: FaultyOptions) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = listen(options.listen)?;
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            signals,
            options,
            peers: Slab::new(),
            acceptable: true,
            accept_at: None,
            accepted: 0,
            tally: Tally::default(),
            journal: Journal::default(),
            buffer: vec![0; READ_BYTES],
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// If the kernel does not know.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until a signal comes, and tells `watcher` of each connection.
    ///
    /// # Errors
    ///
    /// If the poll fails. What happens to single connections is no error.
    pub fn run(mut self, watcher: &mut dyn FnMut(&str)) -> io::Result<Tally> {
        let mut events = Events::with_capacity(EVENTS_PER_POLL);
        while self.wait(&mut events)? {
            let now = Moment::now();
            self.look_at_all(now, watcher);
            self.accept(now, watcher);
        }
        let now = Moment::now();
        for (_, peer) in &self.peers {
            self.journal.line(now, || peer.epitaph(now)).iter().for_each(|line| watcher(line));
        }
        self.journal.left_out().iter().for_each(|line| watcher(line));
        Ok(self.tally)
    }

    /// Waits until there is something to do. Whether to go on.
    fn wait(&mut self, events: &mut Events) -> io::Result<bool> {
        match self.poll.poll(events, self.patience(Moment::now())) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => outcome?,
        }
        for event in &*events {
            match event.token() {
                LISTENER => self.acceptable = true,
                SIGNALS => {
                    if self.signals.pending().next().is_some() {
                        return Ok(false);
                    }
                }
                Token(slot) => {
                    if let Some(peer) = self.peers.get_mut(slot) {
                        peer.note(event);
                    }
                }
            }
        }
        Ok(true)
    }

    /// How long there is nothing to do but to wait.
    fn patience(&self, now: Moment) -> Option<Duration> {
        let is_due = self.acceptable && self.accept_at.is_none();
        if is_due || self.peers.iter().any(|(_, peer)| peer.has_more()) {
            return Some(Duration::ZERO);
        }
        let timeouts = self.peers.iter().filter_map(|(_, peer)| peer.next_timeout());
        timeouts.chain(self.accept_at).min().map(|due| due.since(now))
    }

    fn look_at_all(&mut self, now: Moment, watcher: &mut dyn FnMut(&str)) {
        let Self { peers, journal, buffer, .. } = self;
        peers.retain(|_, peer| {
            let stays = peer.turn(buffer, now);
            if !stays {
                journal.line(now, || peer.epitaph(now)).iter().for_each(|line| watcher(line));
            }
            stays
        });
    }

    fn accept(&mut self, now: Moment, watcher: &mut dyn FnMut(&str)) {
        if !self.acceptable || self.accept_at.is_some_and(|at| now < at) {
            return;
        }
        self.accept_at = None;
        for _ in 0..ACCEPTS_PER_TURN {
            match self.listener.accept() {
                Ok((stream, _)) => self.welcome(stream, now, watcher),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => {
                        self.acceptable = false;
                        return;
                    }
                    // These are about one connection, which is gone.
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ => {
                        self.accept_at = Some(now + ACCEPT_AGAIN_AFTER);
                        let line = || format!("cannot accept, and will try again: {error}");
                        self.journal.line(now, line).iter().for_each(|line| watcher(line));
                        return;
                    }
                },
            }
        }
    }

    fn welcome(
        &mut self,
        mut stream: mio::net::TcpStream,
        now: Moment,
        watcher: &mut dyn FnMut(&str),
    ) {
        let address = peer::address(&stream);
        let slot = self.peers.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let is_full = slot.key() >= CONNECTIONS_MAX;
        let registered = !is_full
            && self.poll.registry().register(&mut stream, Token(slot.key()), interest).is_ok();
        if !registered {
            self.tally.turned_away += 1;
            peer::reset_on_close(&stream);
            let line = || format!("{address} was turned away: {CONNECTIONS_MAX} are here");
            return self.journal.line(now, line).iter().for_each(|line| watcher(line));
        }
        // A byte at a time is a byte at a time only if the kernel does not collect them.
        let _ = stream.set_nodelay(true);
        self.accepted = self.accepted.wrapping_add(1);
        let number = self.accepted;
        let mode = self.options.choice.mode_of(number, self.options.terms.seed);
        self.tally.by_mode[mode as usize] += 1;
        let conversation = Conversation::new(mode, number, self.options.terms, now);
        // It is looked at in the next turn, without waiting.
        slot.insert(Peer::new(stream, conversation, number));
        let line = || format!("connection {number} from {address}: {mode}");
        self.journal.line(now, line).iter().for_each(|line| watcher(line));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: u64 = self.by_mode.iter().sum();
        writeln!(f, "{all} connections, {} turned away", self.turned_away)?;
        let counts = Mode::ALL.into_iter().zip(self.by_mode);
        for (mode, count) in counts.filter(|(_, count)| *count > 0) {
            writeln!(f, "{mode:<18} {count:>6}  {}", mode.what_happens())?;
        }
        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    // Before anybody connects, because the window is announced then.
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}
