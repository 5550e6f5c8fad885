//! Everything that there is but the server: the kernel, the clients, luck, and a record of what
//! the server did to whom.
//!
//! The loop meets it through [`SimNet`](super::net::SimNet); the oracles look at it between two
//! turns.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use gamekeeper::{
    ids::ConnectionId,
    shell::net::{Errno, Flags, NetEvent, Token, TokenKind},
    time::Time,
};

use super::{
    clients::Clients,
    dice::Dice,
    faults::{Fault, Faults},
    kernel::{ConnNo, Kernel, Side, tcp::Outcome},
};

/// Every call takes so long.
const CALL: Duration = Duration::from_micros(2);

/// Far more calls than any turn makes.
const CALLS_MAX: u64 = 1_000_000;

/// For so long something else has the descriptors.
const NO_DESCRIPTORS: Duration = Duration::from_millis(400);

/// The world of one seed.
#[derive(Debug)]
pub struct World {
    /// Sockets and the clock.
    pub kernel: Kernel,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// The luck of the kernel.
    pub dice: Dice,
    /// Who plays.
    pub clients: Clients,
    /// Whether the server keeps a descriptor in reserve.
    pub spare: bool,
    /// What is known of each connection that was accepted.
    pub records: BTreeMap<ConnNo, Record>,
    /// Which connection has, or had, which id.
    pub by_id: BTreeMap<ConnectionId, ConnNo>,
    /// What should not have happened.
    pub findings: Vec<String>,
    /// Calls of the server since the last look.
    pub calls: u64,
    /// Whether the last poll ended, or reported something, for no reason of the server's.
    pub disturbed: bool,
    /// What happened, in short: the same for the same seed.
    pub hash: u64,
    /// What happened, for people, if anybody wants to know.
    pub trace: Option<Vec<String>>,
    /// How often the server is to be asked to stop, from when on.
    pub stop_requests: Vec<Time>,
    descriptors_back_at: Option<Time>,
    descriptors_max: usize,
}

/// What is known of a connection that was accepted.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Which client's.
    pub client: u32,
    /// Whether the kernel broke it: then it may end for any reason.
    pub cursed: bool,
    /// Whether the next close is to be a reset.
    pub resets: bool,
    /// Turns for which the server could have known of its end and has not said so.
    pub overdue_turns: u32,
    /// How often it has left.
    pub leaves: u32,
}

impl World {
    /// A world of this kernel, in which this goes wrong, with these clients.
    pub fn new(kernel: Kernel, faults: Faults, dice: Dice, clients: Clients) -> Self {
        let mut world = Self {
            kernel,
            faults,
            dice,
            clients,
            spare: false,
            records: BTreeMap::new(),
            by_id: BTreeMap::new(),
            findings: Vec::new(),
            calls: 0,
            disturbed: false,
            hash: 0xcbf2_9ce4_8422_2325,
            trace: None,
            stop_requests: Vec::new(),
            descriptors_back_at: None,
            descriptors_max: 0,
        };
        world.descriptors_max = 4_096;
        world.spare = world.kernel.take_descriptor();
        world
    }

    /// Draws whether a fault happens now.
    pub fn strikes(&mut self, fault: Fault) -> bool {
        self.dice.chance(self.faults.chance(fault))
    }

    /// Something that should not have happened.
    pub fn find(&mut self, what: String) {
        self.note(|| format!("FOUND: {what}"));
        self.findings.push(what);
    }

    /// Writes down what happens, if anybody wants to know.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let at = self.kernel.now().as_nanos() / 1_000;
            trace.push(format!("{:>10}.{:03} ms  {}", at / 1_000, at % 1_000, what()));
        }
    }

    fn mix(&mut self, value: u64) {
        self.hash = (self.hash ^ value).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Lets time pass, and clients do what they would have done meanwhile.
    pub fn pass(&mut self, time: Duration) {
        let end = self.kernel.now() + time;
        loop {
            let next = [self.kernel.next_arrival(), self.clients.next_at()];
            let next = next.into_iter().flatten().min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.kernel.advance(next.max(self.kernel.now()));
            self.act_due();
        }
        self.kernel.advance(end);
    }

    /// Lets those clients act whose time has come.
    pub fn act_due(&mut self) {
        let now = self.kernel.now();
        while let Some(number) = self.clients.next_due(now) {
            self.act(number);
        }
    }

    fn act(&mut self, number: usize) {
        self.clients.act(number, &mut self.kernel, &mut self.trace);
        self.findings.append(&mut self.clients.findings);
    }

    /// What happens between two calls of the server.
    pub fn interlude(&mut self) {
        self.calls += 1;
        assert!(self.calls < CALLS_MAX, "a turn does not end");
        let now = self.kernel.now() + CALL;
        self.kernel.advance(now);
        if self.strikes(Fault::Interlude) && !self.clients.is_empty() {
            let number = self.dice.below(self.clients.len());
            self.act(number);
        }
        if self.strikes(Fault::Storm) {
            self.note(|| "everybody acts".to_owned());
            (0..self.clients.len()).for_each(|number| self.act(number));
        }
        if self.strikes(Fault::SlowCall) {
            let time = Duration::from_millis(self.dice.between(1, 333));
            self.note(|| format!("a call takes {time:?}"));
            self.pass(time);
        }
        if self.strikes(Fault::NoDescriptors) {
            self.note(|| "no descriptors".to_owned());
            let in_use = self.kernel.open_descriptors();
            self.kernel.limit_descriptors(in_use + self.dice.below(2));
            self.descriptors_back_at = Some(now + NO_DESCRIPTORS);
        }
        if self.descriptors_back_at.is_some_and(|at| now >= at) {
            self.descriptors_back_at = None;
            self.kernel.limit_descriptors(self.descriptors_max);
        }
    }

    /// Nothing goes wrong any more, and nobody begins anything new.
    pub fn heal(&mut self) {
        self.note(|| "from here on nothing goes wrong".to_owned());
        self.faults = Faults::none();
        self.kernel.limit_descriptors(self.descriptors_max);
        self.descriptors_back_at = None;
        self.clients.heal();
    }

    /// Whether the server is to be asked to stop now.
    pub fn wants_stop(&self) -> bool {
        self.stop_requests.first().is_some_and(|at| self.kernel.now() >= *at)
    }

    /// Takes such a request.
    pub fn takes_stop_request(&mut self) -> bool {
        let wants = self.wants_stop();
        if wants {
            self.stop_requests.remove(0);
            self.note(|| "the server is asked to stop".to_owned());
        }
        wants
    }

    // ---- what the server does

    /// A connection was accepted; where it comes from.
    pub fn accepted(&mut self, conn: ConnNo) -> SocketAddr {
        let client = self.clients.owner(conn);
        self.note(|| format!("accept {conn:?}, of client {client}"));
        self.records.entry(conn).or_default().client = client;
        self.mix(u64::from(conn.0));
        // Everybody has an address of its own.
        let [.., b, c, d] = client.to_be_bytes();
        SocketAddr::from((Ipv4Addr::new(10, b, c, d), 40_000))
    }

    /// A connection was registered.
    pub fn registered(&mut self, conn: ConnNo, token: Token) {
        let id = ConnectionId { slot: token.slot, generation: token.generation };
        if self.by_id.insert(id, conn).is_some() {
            self.find(format!("{id} was given a second time"));
        }
        self.note(|| format!("register {conn:?} as {id}"));
    }

    /// The kernel breaks a connection: whatever comes of it, the client is not to blame.
    pub fn curse(&mut self, conn: ConnNo) {
        self.records.entry(conn).or_default().cursed = true;
        self.clients.cursed(conn);
    }

    /// A call was made on a connection.
    pub fn called(&mut self, call: &str, conn: ConnNo, outcome: Outcome) {
        let code = match outcome {
            Outcome::Bytes(count) => count as u64,
            Outcome::WouldBlock => u64::MAX,
            Outcome::Eof => u64::MAX - 1,
            Outcome::Failed(Errno(errno)) => u64::MAX - 2 - u64::from(errno.unsigned_abs()),
        };
        self.mix(u64::from(conn.0) << 32 ^ code);
        self.note(|| format!("{call} {conn:?}: {outcome:?}"));
    }

    /// Bytes were sent: what is said belongs to what happened.
    pub fn said(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    /// A poll reported this.
    pub fn saw(&mut self, events: &[NetEvent]) {
        if self.trace.is_some() && !events.is_empty() {
            for event in events {
                if let NetEvent::Ready { token, flags } = event {
                    let who = format!("{:?} {}.{}", token.kind, token.slot, token.generation);
                    let Flags { readable, writable, closed } = flags;
                    let flag = |name: &str, is: &bool| {
                        if *is { format!(" {name}") } else { String::new() }
                    };
                    let flags = flag("readable", readable)
                        + &flag("writable", writable)
                        + &flag("closed", closed);
                    self.note(|| format!("event {who}:{flags}"));
                }
            }
        }
        self.mix(events.len() as u64);
    }

    /// An event about a connection that is there, or was, at random.
    pub fn spurious_event(&mut self) -> Option<NetEvent> {
        if self.by_id.is_empty() {
            return None;
        }
        let which = self.dice.below(self.by_id.len());
        let (id, _) = self.by_id.iter().nth(which)?;
        let (slot, generation) = (id.slot, id.generation);
        let token = Token { kind: TokenKind::Player, slot, generation };
        let bits = self.dice.below(8);
        let flags = Flags { readable: bits & 1 > 0, writable: bits & 2 > 0, closed: bits & 4 > 0 };
        Some(NetEvent::Ready { token, flags })
    }

    /// The next close of a connection is to be a reset.
    pub fn reset_on_close(&mut self, conn: ConnNo) {
        self.records.entry(conn).or_default().resets = true;
    }

    /// The server closes a connection.
    pub fn closed(&mut self, conn: ConnNo) {
        let resets = self.records.get(&conn).is_some_and(|record| record.resets);
        self.note(|| format!("close {conn:?}{}", if resets { ", by a reset" } else { "" }));
        self.mix(u64::from(conn.0));
        self.kernel.close(conn, Side::Server, resets);
    }
}
