//! The real network: mio, timerfd and the system calls. Decides nothing.
//!
//! Every send carries `MSG_NOSIGNAL`, so a peer that is gone can never kill the process, whatever
//! the host program does with SIGPIPE. (std's and mio's own *vectored* writes lack the flag.)
//!
//! The poll's deadline is a timerfd in the same poll: epoll's own timeout is rounded up to whole
//! milliseconds, which would make every tick late.

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use mio::{Events, Interest, Poll, Registry, Waker, event::Event, unix::SourceFd};
use rustix::{
    event::{
        EventfdFlags,
        epoll::{self, EventData, EventFlags},
        eventfd,
    },
    io::Errno as E,
    net::{
        RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketFlags, acceptfrom_with, recv,
        send, sendmsg, shutdown,
        sockopt::{set_socket_linger, set_socket_send_buffer_size},
    },
    time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec,
        clock_gettime, timerfd_create, timerfd_settime,
    },
};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

use super::{
    listen::Listener,
    net::{Accept, Errno, Flags, Hearing, Net, NetEvent, Polled, Read, Send, Token, TokenKind},
    process::ProcessFiles,
};
use crate::{ids::PeerAddr, metrics::ProcessStats, sys, time::Time};

/// Events taken from the kernel at once; more stay there for the next poll.
const EVENTS_PER_POLL: usize = 1024;

/// A loop that a socket has just woken is not woken again for so long, but for a deadline: waking
/// up for every few of many costs more than reading them. Whoever comes alone is heard at once.
const GATHER: Duration = Duration::from_millis(2);

/// A sleep ends late by less than this; a deadline that is nearer is the timer's business.
const SLEEP_SLACK: Duration = Duration::from_micros(300);

const TIMER: Token = Token { kind: TokenKind::Internal, slot: 0, generation: 0 };
const SIGNALS: Token = Token { kind: TokenKind::Internal, slot: 1, generation: 0 };
const WAKER: Token = Token { kind: TokenKind::Internal, slot: 2, generation: 0 };

/// Sockets, timer, signals and poll of a server on this machine.
pub struct RealNet {
    poll: Poll,
    events: Events,
    timer: OwnedFd,
    /// What the timer is set to; [`Time::ZERO`] if it is not.
    timer_at: Time,
    /// When a wait was last over because of a socket.
    woken_at: Time,
    waker: Arc<Waker>,
    signals: Option<Signals>,
    /// A descriptor that is of no use but to be given up. An eventfd, because it takes a place in
    /// the system's table of files as well; a duplicate would not.
    spare: Option<OwnedFd>,
    process: ProcessFiles,
    /// Listeners for players first, the admin listener behind them.
    listeners: Vec<Option<Listener>>,
    admin: Option<usize>,
}

impl RealNet {
    /// A network with these listening sockets.
    ///
    /// `on_signals` makes SIGTERM and SIGINT a request to stop; without it they keep the meaning
    /// that the host program gave them.
    ///
    /// # Errors
    ///
    /// If the kernel refuses an epoll instance, a timer or a registration.
    pub fn new(
        listeners: Vec<Listener>,
        admin: Option<Listener>,
        on_signals: bool,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        register(registry, &timer, TIMER, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(registry, mio_token(WAKER))?);
        let signals = if on_signals { Some(signal_source(registry)?) } else { None };
        let admin_listener = admin.is_some().then_some(listeners.len());
        let listeners: Vec<_> = listeners.into_iter().chain(admin).map(Some).collect();
        for (number, listener) in listeners.iter().flatten().enumerate() {
            let slot = u32::try_from(number).expect("few listeners");
            let token = Token { kind: TokenKind::Listener, slot, generation: 0 };
            register(registry, listener, token, Interest::READABLE)?;
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_POLL),
            timer,
            timer_at: Time::ZERO,
            woken_at: Time::ZERO,
            waker,
            signals,
            spare: Some(spare()?),
            process: ProcessFiles::open(),
            listeners,
            admin: admin_listener,
        })
    }

    /// Wakes the poll from another thread; each wake is a request to stop.
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Sleeps a little if a socket has woken the loop only just now, so that one wait has many
    /// events.
    #[expect(clippy::disallowed_methods, reason = "this is a part of the poll, and ends before it")]
    fn gather(&self, until: Option<Time>) {
        let now = self.now();
        let end = self.woken_at + GATHER;
        let end = until.map_or(end, |until| end.min(until - SLEEP_SLACK));
        if end > now + SLEEP_SLACK {
            std::thread::sleep(end.since(now));
        }
    }

    /// Sets the timer, if it is not set to that time already.
    fn set_timer(&mut self, at: Time) -> io::Result<()> {
        if self.timer_at == at {
            return Ok(());
        }
        let spec = |nanos: u64| Timespec {
            tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(nanos % 1_000_000_000).expect("less than a second"),
        };
        let value = Itimerspec { it_interval: spec(0), it_value: spec(at.as_nanos()) };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &value)?;
        self.timer_at = at;
        Ok(())
    }
}

impl Net for RealNet {
    type Stream = OwnedFd;

    fn now(&self) -> Time {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).expect("the monotonic clock starts at zero");
        let nanos = u64::try_from(now.tv_nsec).expect("less than a second");
        Time::from_nanos(seconds * 1_000_000_000 + nanos)
    }

    fn poll(&mut self, until: Option<Time>, events: &mut Vec<NetEvent>) -> io::Result<Polled> {
        let timeout = match until {
            Some(until) if until <= self.now() => Some(Duration::ZERO),
            Some(until) => {
                self.set_timer(until)?;
                None
            }
            None => None,
        };
        if timeout.is_none() {
            self.gather(until);
        }
        let outcome = self.poll.poll(&mut self.events, timeout);
        match outcome {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Ok(Polled::Everything);
            }
            outcome => outcome?,
        }
        let (mut reported, mut sockets) = (0, false);
        for event in &self.events {
            reported += 1;
            let token = Token::from_bits(event.token().0 as u64);
            match token {
                TIMER => {}
                WAKER => events.push(NetEvent::Stop),
                SIGNALS => {
                    let pending = self.signals.iter_mut().flat_map(Signals::pending);
                    events.extend(pending.map(|_| NetEvent::Stop));
                }
                token => {
                    sockets = true;
                    events.push(NetEvent::Ready { token, flags: flags(event) });
                }
            }
        }
        if sockets && timeout.is_none() {
            self.woken_at = self.now();
        }
        Ok(if reported < EVENTS_PER_POLL { Polled::Everything } else { Polled::AsMuchAsFits })
    }

    fn accept(&mut self, listener: usize) -> Accept<OwnedFd> {
        let Some(Some(listener)) = self.listeners.get(listener) else { return Accept::WouldBlock };
        match acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok((stream, address)) => {
                if let Some(bytes) = listener.send_buffer_bytes() {
                    // Without it more would be on the way, and that is all.
                    let _ = set_socket_send_buffer_size(&stream, bytes);
                }
                Accept::Stream(stream, peer_addr(address))
            }
            Err(E::AGAIN) => Accept::WouldBlock,
            Err(errno) if is_of_one_connection(errno) => Accept::Skip(Errno(errno.raw_os_error())),
            Err(errno) => Accept::Failed(Errno(errno.raw_os_error())),
        }
    }

    fn keep_spare(&mut self) -> bool {
        self.spare = self.spare.take().or_else(|| spare().ok());
        self.spare.is_some()
    }

    fn drop_spare(&mut self) -> bool {
        self.spare.take().is_some()
    }

    fn register(&mut self, stream: &OwnedFd, token: Token) -> Result<(), Errno> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        register(self.poll.registry(), stream, token, interest)
            .map_err(|error| Errno(error.raw_os_error().unwrap_or(0)))
    }

    fn hear(&mut self, stream: &OwnedFd, token: Token, when: Hearing) -> Result<(), Errno> {
        // mio cannot wait for the end of a stream without waiting for its bytes, epoll can.
        let end = EventFlags::RDHUP | EventFlags::OUT | EventFlags::ET;
        let flags = match when {
            Hearing::AtOnce => end | EventFlags::IN,
            Hearing::AtTicks => end,
        };
        let data = EventData::new_u64(token.to_bits());
        epoll::modify(self.poll.registry(), stream, data, flags)
            .map_err(|errno| Errno(errno.raw_os_error()))
    }

    fn read(&mut self, stream: &OwnedFd, buffer: &mut [u8]) -> Read {
        loop {
            return match recv(stream, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => Read::Eof,
                Ok((count, _)) => Read::Bytes(count),
                Err(E::INTR) => continue,
                Err(E::AGAIN) => Read::WouldBlock,
                Err(errno) => Read::Failed(Errno(errno.raw_os_error())),
            };
        }
    }

    fn send(&mut self, stream: &OwnedFd, slices: &[IoSlice<'_>]) -> Send {
        loop {
            let outcome = match slices {
                [one] => send(stream, one, SendFlags::NOSIGNAL),
                more => {
                    let mut no_control = SendAncillaryBuffer::default();
                    sendmsg(stream, more, &mut no_control, SendFlags::NOSIGNAL)
                }
            };
            return match outcome {
                Ok(count) => Send::Bytes(count),
                Err(E::INTR) => continue,
                // The last two mean that the kernel is short of memory, not that the peer is gone.
                Err(E::AGAIN | E::NOBUFS | E::NOMEM) => Send::WouldBlock,
                Err(errno) => Send::Failed(Errno(errno.raw_os_error())),
            };
        }
    }

    fn shutdown_write(&mut self, stream: &OwnedFd) -> Result<(), Errno> {
        shutdown(stream, Shutdown::Write).map_err(|errno| Errno(errno.raw_os_error()))
    }

    fn reset_on_close(&mut self, stream: &OwnedFd) {
        // A zero linger is the only one that never blocks. It fails on Unix sockets, which know no
        // reset; their plain close drops the unsent bytes as well.
        let _ = set_socket_linger(stream, Some(Duration::ZERO));
    }

    fn unsent_bytes(&mut self, stream: &OwnedFd) -> Option<usize> {
        sys::unsent_bytes(stream).ok()
    }

    fn close(&mut self, stream: OwnedFd) {
        drop(stream);
    }

    fn close_listeners(&mut self) {
        for (number, listener) in self.listeners.iter_mut().enumerate() {
            if Some(number) != self.admin {
                *listener = None;
            }
        }
    }

    fn process_stats(&self) -> ProcessStats {
        self.process.stats()
    }
}

/// Whether an error of accept is about the one connection that was to be accepted, as accept(2)
/// lists them; there may be healthy ones behind it.
fn is_of_one_connection(errno: E) -> bool {
    matches!(
        errno,
        E::CONNABORTED
            | E::INTR
            | E::PROTO
            | E::PERM
            | E::NETDOWN
            | E::NOPROTOOPT
            | E::HOSTDOWN
            | E::NONET
            | E::HOSTUNREACH
            | E::OPNOTSUPP
            | E::NETUNREACH
            | E::TIMEDOUT
    )
}

fn flags(event: &Event) -> Flags {
    Flags {
        readable: event.is_readable(),
        writable: event.is_writable(),
        closed: event.is_read_closed() || event.is_write_closed() || event.is_error(),
    }
}

fn mio_token(token: Token) -> mio::Token {
    mio::Token(usize::try_from(token.to_bits()).expect("64-bit system"))
}

fn register(
    registry: &Registry,
    socket: &impl AsFd,
    token: Token,
    interest: Interest,
) -> io::Result<()> {
    registry.register(&mut SourceFd(&socket.as_fd().as_raw_fd()), mio_token(token), interest)
}

/// A descriptor to keep in reserve.
fn spare() -> io::Result<OwnedFd> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC)?)
}

fn signal_source(registry: &Registry) -> io::Result<Signals> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    registry.register(&mut signals, mio_token(SIGNALS), Interest::READABLE)?;
    Ok(signals)
}

fn peer_addr(address: Option<rustix::net::SocketAddrAny>) -> PeerAddr {
    let Some(address) = address else { return PeerAddr::Unknown };
    match std::net::SocketAddr::try_from(address) {
        Ok(address) => PeerAddr::Tcp(address),
        Err(_) => PeerAddr::Unix,
    }
}
