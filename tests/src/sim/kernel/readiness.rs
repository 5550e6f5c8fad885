//! Edge-triggered readiness, as epoll has it: a wake-up puts a socket into a list, and a poll takes
//! it out and reports how the socket is *then*. Until the next wake-up nothing more is said.
//!
//! Part of [`Kernel`].

use gamekeeper::shell::net::{Flags, Hearing, NetEvent, Token, TokenKind};

use super::{ConnNo, Kernel, Side, Source, tcp::Wake};

impl Kernel {
    /// Whether a poll would report something.
    pub fn has_events(&self) -> bool {
        !self.list.is_empty()
    }

    /// Takes at most so many events: what has changed since it was reported last, as it is now.
    pub fn take_events(&mut self, events_max: usize, events: &mut Vec<NetEvent>) {
        for _ in 0..self.list.len() {
            if events.len() >= events_max {
                return;
            }
            let Some(source) = self.list.pop_front() else { return };
            events.extend(match source {
                Source::Listener => self.listener_event(),
                Source::Conn(conn) => self.conn_event(conn),
            });
        }
    }

    fn listener_event(&mut self) -> Option<NetEvent> {
        self.listener_listed = false;
        let token = Token { kind: TokenKind::Listener, slot: 0, generation: 0 };
        let flags = Flags { readable: true, ..Flags::default() };
        (!self.queue.is_empty()).then_some(NetEvent::Ready { token, flags })
    }

    fn conn_event(&mut self, conn: ConnNo) -> Option<NetEvent> {
        let it = self.conns.get_mut(&conn)?;
        it.listed = false;
        let token = it.token?;
        let end = &mut it.ends[Side::Server as usize];
        let (output, rdhup) = (end.polls_out(), end.polls_rdhup());
        let input = end.polls_in() && it.hearing == Hearing::AtOnce;
        let (hup, err) = (end.polls_hup(), end.polls_err());
        let any = input || output || rdhup || hup || err;
        // As mio reads the bits.
        let closed = hup || err || input && rdhup;
        let flags = Flags { readable: input, writable: output, closed };
        any.then_some(NetEvent::Ready { token, flags })
    }

    pub(super) fn list_listener(&mut self) {
        if !self.listener_listed {
            self.listener_listed = true;
            self.list.push_back(Source::Listener);
        }
    }

    pub(super) fn wake(&mut self, conn: ConnNo, side: Side, wake: Wake) {
        let Some(it) = self.conns.get_mut(&conn) else { return };
        if (side, wake) == (Side::Server, Wake::Yes) && it.token.is_some() && !it.listed {
            it.listed = true;
            self.list.push_back(Source::Conn(conn));
        }
    }
}
