//! The model of the kernel against the kernel: the same scripts on loopback sockets and on the
//! simulation's, with the same results, call by call.
//!
//! The simulation is worth what this shows. Each script is what clients and the server do; what is
//! compared is all that the server is told, the flags of each poll and what each call gives, and
//! what the clients read.
//!
//! Small letters are the clients', capitals the server's. A digit is which client, and a number
//! behind a colon is how many bytes:
//!
//! | step | what |
//! |---|---|
//! | `c` | another client connects |
//! | `w0:5` `r0:5` | client 0 writes, reads |
//! | `h0` `x0` `k0` | it ends its half, closes, resets |
//! | `d0` | it reads until nothing is there |
//! | `P` | poll: `L` is the listener, then each socket with `r`eadable, `w`ritable, `c`losed |
//! | `A` | accept, and register |
//! | `W0:5` `R0:5` | write, read |
//! | `F0` | write until nothing is taken |
//! | `H0` `X0` `Z0` | end our half, close, reset |
//! | `T0` `O0` | hear at ticks, hear at once |
//! | `Q` | stop listening |

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{ErrorKind, IoSlice, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    rc::Rc,
    time::Duration,
};

use gamekeeper::{
    limits::Limits,
    shell::net::{Accept, Errno, Hearing, Net, NetEvent, Read, Send, Token, TokenKind},
    time::Time,
};
use gamekeeper_tests::{
    rig::real_net,
    sim::{
        clients::Clients,
        dice::Luck,
        faults::Faults,
        kernel::{ConnNo, Kernel, Side, Sizes, tcp::Outcome},
        net::SimNet,
        world::World,
    },
};
use socket2::SockRef;

/// Name, and what is done. The names are those of the measurements that the model follows.
const SCRIPTS: [(&str, &str); 56] = [
    ("fin", "c A P x0 P R0:9 R0:9 P"),
    ("fin_then_writes", "c A P x0 P W0:5 P W0:5 W0:5 R0:9"),
    ("fin_then_writes_at_once", "c A P x0 W0:5 W0:5 W0:5 P R0:9"),
    ("data_and_fin_in_one_event", "c A P w0:5 x0 P R0:9 P R0:9 P"),
    ("half_close", "c A P h0 P R0:9 W0:20 W0:5 r0:25 P"),
    ("half_close_then_close", "c A P h0 P R0:9 x0 P W0:5 P W0:5 R0:9"),
    ("half_close_then_reset", "c A P h0 P R0:9 W0:5 x0 P R0:9 W0:5 P"),
    ("reset_read_first", "c A P k0 P R0:9 R0:9 W0:5 P"),
    ("reset_write_first", "c A P k0 P W0:5 W0:5 R0:9 P"),
    ("data_then_reset", "c A P w0:100 k0 P R0:40 R0:60 R0:9 R0:9"),
    ("data_then_reset_write_first", "c A P w0:100 k0 P W0:5 R0:100 R0:9"),
    ("close_with_unread", "c A P W0:100 x0 P R0:9 W0:5"),
    ("close_with_unread_write_first", "c A P W0:100 x0 P W0:5 W0:5 R0:9"),
    ("our_close_with_unread", "c A P w0:50 W0:16 X0 r0:100 r0:9 r0:9"),
    ("our_close_with_unread_client_writes", "c A P w0:50 W0:16 X0 w0:5 r0:100 r0:9"),
    ("our_close_after_reading", "c A P w0:50 P R0:100 W0:16 X0 r0:100 r0:9"),
    ("our_reset", "c A P W0:16 Z0 r0:100 r0:9"),
    ("our_close_client_writes", "c A P W0:16 X0 w0:2 w0:2 r0:20 r0:9"),
    ("our_half_close_client_writes", "c A P W0:16 H0 w0:2 w0:2 P R0:9 r0:20 r0:9"),
    ("dead_on_arrival", "c k0 P A P R0:9 R0:9 W0:5"),
    ("dead_on_arrival_shut_down", "c k0 P A P H0 R0:9"),
    ("dead_on_arrival_with_data", "c w0:5 k0 P A P R0:9 R0:9 R0:9"),
    ("closed_on_arrival", "c x0 P A P R0:9 W0:5"),
    ("data_on_arrival", "c w0:5 P A P R0:9 R0:9"),
    ("our_half_close", "c A P H0 P W0:5 R0:9 P"),
    ("our_half_close_then_theirs", "c A P H0 P h0 P R0:9 W0:5 P"),
    ("their_half_close_then_ours", "c A P h0 P R0:9 H0 P R0:9 W0:5"),
    ("both_halves_at_once", "c A P H0 h0 P R0:9 W0:1 r0:9"),
    ("our_half_close_then_reset", "c A P H0 P k0 P R0:9 R0:9"),
    ("reset_then_our_half_close", "c A P k0 P H0 R0:9 R0:9"),
    ("shut_down_twice", "c A P H0 P H0 P"),
    ("a_queue_is_one_edge", "c c c P A A P c P A A A P"),
    ("resets_in_the_queue", "c k0 c k1 c k2 P A A A A P R0:9 R1:9 R2:9"),
    ("a_short_read_is_silent", "c A P w0:1000 P R0:100 P R0:900 R0:9 P"),
    ("one_more_byte_is_an_edge", "c A P w0:10 P R0:4 w0:1 P R0:9 R0:9"),
    ("an_end_is_an_edge", "c A P w0:10 P R0:4 x0 P R0:9 R0:9"),
    ("dribble", "c A P w0:1 P R0:9 R0:9 w0:1 P R0:9"),
    ("fin_in_a_frame", "c A P w0:7 h0 P R0:9 R0:9"),
    ("full_then_drained", "c A P F0 P d0 P W0:5"),
    ("full_then_reset", "c A P F0 P k0 P W0:5 R0:9 R0:9"),
    // When a full socket is writable again depends on how the kernel counts segments.
    ("full_then_half_close", "c A P F0 P h0 R0:9 R0:9"),
    ("full_then_our_half_close", "c A P F0 H0 P W0:5"),
    ("stops_listening", "c A P c Q P r1:9 w0:3 P R0:9"),
    ("two_clients", "c c P A A P w0:3 x1 P R0:9 R1:9 W1:5 P W0:5 r0:9"),
    ("at_ticks_data_is_silent", "c A P T0 P w0:5 P w0:5 P R0:99 R0:9 P"),
    ("at_ticks_a_fin_is_an_edge", "c A P T0 P w0:5 P x0 P R0:9 R0:9 P"),
    ("at_ticks_data_and_fin", "c A P T0 P w0:5 x0 P R0:9 R0:9 P W0:5 P W0:5"),
    ("at_ticks_half_close", "c A P T0 P h0 P R0:9 W0:20 r0:25 P x0 P W0:5 P W0:5"),
    ("at_ticks_a_reset_is_an_edge", "c A P T0 P w0:5 k0 P R0:9 R0:9 R0:9 W0:5 P"),
    ("at_ticks_reset_write_first", "c A P T0 P k0 P W0:5 W0:5 R0:9 P"),
    ("at_ticks_full_then_drained", "c A P T0 P F0 P d0 P W0:5"),
    ("at_ticks_full_then_half_close", "c A P T0 P F0 P h0 R0:9"),
    ("at_ticks_our_half_close", "c A P T0 P H0 P w0:3 P h0 P R0:9 R0:9"),
    ("at_ticks_and_ended_already", "c A P w0:5 x0 T0 P R0:9 R0:9 P"),
    ("at_once_again", "c A P T0 P w0:5 P O0 P R0:9 P w0:2 P R0:9 T0 P w0:1 P"),
    ("written_and_read", "c A P W0:10 r0:4 r0:9 r0:9 w0:6 P R0:6 R0:6"),
];

#[test]
fn the_model_behaves_as_the_kernel_does() {
    let mut differences = Vec::new();
    for (name, script) in SCRIPTS {
        let real = on_the_kernel(script);
        let model = in_the_model(script);
        if real != model {
            differences.push(format!("{name}: {script}\n  real  {real:?}\n  model {model:?}"));
        }
    }
    let same = SCRIPTS.len() - differences.len();
    // Past the capture of the test harness: it is a figure that is quoted.
    let _ = writeln!(std::io::stdout(), "conformance: {same} of {} scripts", SCRIPTS.len());
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

fn on_the_kernel(script: &str) -> Vec<String> {
    let (net, address) = real_net(&Limits::DEFAULT);
    let peers = RealPeers { address, streams: Vec::new() };
    Bench { net, peers, streams: Vec::new(), seen: Vec::new() }.play(script)
}

fn in_the_model(script: &str) -> Vec<String> {
    let start = Time::from_nanos(1_000_000_000);
    let sizes =
        Sizes { server_tx_bytes: 65_536, server_rx_bytes: 65_536, backlog: 128, descriptors: 64 };
    let luck = Luck::new(0, None);
    let clients = Clients::new(&luck, 0, &[], start);
    let world = World::new(Kernel::new(start, sizes), Faults::none(), luck.dice(0), clients);
    let world = Rc::new(RefCell::new(world));
    let net = SimNet { world: Rc::clone(&world) };
    let peers = SimPeers { world, conns: Vec::new() };
    Bench { net, peers, streams: Vec::new(), seen: Vec::new() }.play(script)
}

/// What clients do, on whichever kernel.
trait Peers {
    fn connect(&mut self);
    fn write(&mut self, client: usize, bytes: usize) -> Outcome;
    fn read(&mut self, client: usize, bytes: usize) -> Outcome;
    fn shutdown(&mut self, client: usize);
    fn close(&mut self, client: usize, reset: bool);
    /// Whether nothing more comes until the next step, however long one waits.
    const IS_INSTANT: bool;
}

/// A server's net, its clients, and what was seen.
struct Bench<N: Net, P> {
    net: N,
    peers: P,
    streams: Vec<Option<N::Stream>>,
    seen: Vec<String>,
}

impl<N: Net, P: Peers> Bench<N, P> {
    fn play(mut self, script: &str) -> Vec<String> {
        for step in script.split_whitespace() {
            let result = self.step(step);
            self.seen.extend((!result.is_empty()).then(|| format!("{step} {result}")));
        }
        self.seen
    }

    fn step(&mut self, step: &str) -> String {
        let (verb, rest) = step.split_at(1);
        let (who, count) = rest.split_once(':').unwrap_or((rest, "0"));
        let client: usize = who.parse().unwrap_or(0);
        let count: usize = count.parse().expect("a number of bytes");
        match verb {
            "c" => self.peers.connect(),
            "w" => return format!("{:?}", self.peers.write(client, count)),
            "r" => return format!("{:?}", self.peers.read(client, count)),
            "d" => while let Outcome::Bytes(_) = self.peers.read(client, 65_536) {},
            "h" => self.peers.shutdown(client),
            "x" => self.peers.close(client, false),
            "k" => self.peers.close(client, true),
            "P" => return self.poll(),
            "A" => return self.accept(),
            "Q" => self.net.close_listeners(),
            _ => return self.call(verb, client, count),
        }
        String::new()
    }

    /// A call on a socket of the server.
    fn call(&mut self, verb: &str, client: usize, count: usize) -> String {
        let Self { net, streams, .. } = self;
        if let "X" | "Z" = verb {
            let stream = streams[client].take().expect("it is open");
            if verb == "Z" {
                net.reset_on_close(&stream);
            }
            net.close(stream);
            return String::new();
        }
        let stream = streams[client].as_ref().expect("it is open");
        match verb {
            "R" => format!("{:?}", net.read(stream, &mut vec![0; count])),
            "W" => format!("{:?}", net.send(stream, &[IoSlice::new(&vec![0; count])])),
            "H" => format!("{:?}", net.shutdown_write(stream)),
            "T" | "O" => {
                let when = if verb == "T" { Hearing::AtTicks } else { Hearing::AtOnce };
                format!("{:?}", net.hear(stream, token(client), when))
            }
            "F" => loop {
                match net.send(stream, &[IoSlice::new(&[0; 4_096])]) {
                    Send::Bytes(_) => {}
                    other => return format!("{other:?}"),
                }
            },
            other => panic!("no step: {other}"),
        }
    }

    fn accept(&mut self) -> String {
        match self.net.accept(0) {
            Accept::Stream(stream, _) => {
                let registered = self.net.register(&stream, token(self.streams.len()));
                self.streams.push(Some(stream));
                format!("{registered:?}")
            }
            Accept::WouldBlock => "nobody".to_owned(),
            Accept::Skip(errno) | Accept::Failed(errno) => format!("{errno:?}"),
        }
    }

    /// All that is reported now, each socket once.
    fn poll(&mut self) -> String {
        let mut events = Vec::new();
        let wait = if P::IS_INSTANT { Duration::ZERO } else { Duration::from_millis(15) };
        let until = self.net.now() + wait;
        while self.net.now() < until || P::IS_INSTANT {
            self.net.poll(Some(until), &mut events).expect("a poll");
            if P::IS_INSTANT {
                break;
            }
        }
        let mut sockets: BTreeMap<String, [bool; 3]> = BTreeMap::new();
        for event in events {
            let NetEvent::Ready { token, flags } = event else { continue };
            let name = match token.kind {
                TokenKind::Listener => "L".to_owned(),
                _ => token.slot.to_string(),
            };
            let seen = sockets.entry(name).or_default();
            let flags = [flags.readable, flags.writable, flags.closed];
            seen.iter_mut().zip(flags).for_each(|(seen, flag)| *seen |= flag);
        }
        let letters = |flags: [bool; 3]| -> String {
            "rwc".chars().zip(flags).filter(|(_, is)| *is).map(|(letter, _)| letter).collect()
        };
        let all: Vec<String> =
            sockets.into_iter().map(|(name, flags)| name + &letters(flags)).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(" ") }
    }
}

fn token(client: usize) -> Token {
    let slot = u32::try_from(client).expect("few");
    Token { kind: TokenKind::Player, slot, generation: 0 }
}

/// Clients on the loopback.
struct RealPeers {
    address: SocketAddr,
    streams: Vec<Option<TcpStream>>,
}

impl RealPeers {
    fn stream(&mut self, client: usize) -> &mut TcpStream {
        self.streams[client].as_mut().expect("it is open")
    }
}

fn outcome(result: std::io::Result<usize>, at_zero: Outcome) -> Outcome {
    match result {
        Ok(0) => at_zero,
        Ok(count) => Outcome::Bytes(count),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Outcome::WouldBlock,
        Err(error) => Outcome::Failed(Errno(error.raw_os_error().unwrap_or(0))),
    }
}

impl Peers for RealPeers {
    const IS_INSTANT: bool = false;

    fn connect(&mut self) {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_nonblocking(true).expect("any socket can");
        self.streams.push(Some(stream));
    }

    fn write(&mut self, client: usize, bytes: usize) -> Outcome {
        outcome(self.stream(client).write(&vec![0; bytes]), Outcome::WouldBlock)
    }

    fn read(&mut self, client: usize, bytes: usize) -> Outcome {
        outcome(self.stream(client).read(&mut vec![0; bytes]), Outcome::Eof)
    }

    fn shutdown(&mut self, client: usize) {
        self.stream(client).shutdown(Shutdown::Write).expect("it is connected");
    }

    fn close(&mut self, client: usize, reset: bool) {
        let stream = self.streams[client].take().expect("it is open");
        if reset {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("any socket takes it");
        }
    }
}

/// Clients of the model.
struct SimPeers {
    world: Rc<RefCell<World>>,
    conns: Vec<ConnNo>,
}

impl Peers for SimPeers {
    const IS_INSTANT: bool = true;

    fn connect(&mut self) {
        let conn = self.world.borrow_mut().kernel.connect(Duration::ZERO, 131_072, 65_536);
        self.conns.push(conn.expect("it listens"));
    }

    fn write(&mut self, client: usize, bytes: usize) -> Outcome {
        let kernel = &mut self.world.borrow_mut().kernel;
        kernel.write(self.conns[client], Side::Client, &vec![0; bytes])
    }

    fn read(&mut self, client: usize, bytes: usize) -> Outcome {
        let kernel = &mut self.world.borrow_mut().kernel;
        kernel.read(self.conns[client], Side::Client, &mut vec![0; bytes])
    }

    fn shutdown(&mut self, client: usize) {
        let kernel = &mut self.world.borrow_mut().kernel;
        kernel.shutdown_write(self.conns[client], Side::Client).expect("it is connected");
    }

    fn close(&mut self, client: usize, reset: bool) {
        self.world.borrow_mut().kernel.close(self.conns[client], Side::Client, reset);
    }
}

/// The control: a model that differs is found out.
#[test]
fn a_difference_would_be_seen() {
    assert_ne!(in_the_model("c A P x0 P R0:9"), in_the_model("c A P k0 P R0:9"));
    assert_eq!(in_the_model("c A P k0 P R0:9")[2], "P 0rwc");
    let Read::Eof = Read::Eof else { unreachable!("the names that are compared") };
    assert_eq!(in_the_model("c A P x0 P R0:9")[3], "R0:9 Eof");
}
