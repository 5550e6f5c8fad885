//! Tickets: how somebody who lost a connection proves whose seat it had.
//!
//! Data flow: lobby -> **`TicketOffice`** -> welcome; hello -> **`TicketOffice`** -> lobby.
//!
//! A ticket is 32 bytes that mean nothing to a client: which run of the server made it (8 bytes),
//! which room and which player it is for (4 each), and a secret of 128 random bits. Only the
//! secret is a secret; the rest says where to look. This file makes and reads tickets and compares
//! secrets. Whose seat is held, and for how long, is in `lobby` and `seat`.

use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use gamekeeper_protocol::{PlayerId, RoomId, Ticket};
use subtle::ConstantTimeEq as _;

use crate::ids::Place;

/// Makes tickets, and reads those of this run of the server.
pub struct TicketOffice {
    /// Which run of the server this is.
    run: [u8; 8],
    random: ChaCha20Rng,
}

/// The part of a ticket that cannot be guessed. Not shown by `Debug`.
#[derive(Clone)]
pub struct Secret([u8; 16]);

/// What a seat knows of the tickets that were given out for it.
///
/// The latest one is always good. The one before it stays good until the client is known to have
/// the new one: a network that fails twice in a row must not cost a player its seat.
#[derive(Debug)]
pub struct SeatKeys {
    latest: Secret,
    before: Option<Before>,
}

/// The ticket that the player came back with the last time.
#[derive(Debug)]
struct Before {
    secret: Secret,
    spent: bool,
}

/// What a secret is to a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The seat may be taken with it.
    Good,
    /// The seat was taken with it once, and it is not good any more.
    Spent,
    /// It was never given out for this seat.
    Never,
}

impl TicketOffice {
    /// An office whose secrets come from `seed`, which must be unpredictable outside of tests.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut random = ChaCha20Rng::from_seed(seed);
        let mut run = [0; 8];
        random.fill_bytes(&mut run);
        Self { run, random }
    }

    /// A secret that nobody has seen.
    pub fn secret(&mut self) -> Secret {
        let mut secret = [0; 16];
        self.random.fill_bytes(&mut secret);
        Secret(secret)
    }

    /// The ticket for a place.
    pub fn ticket(&self, place: Place, keys: &SeatKeys) -> Ticket {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.run);
        bytes[8..12].copy_from_slice(&place.room.0.to_le_bytes());
        bytes[12..16].copy_from_slice(&place.player.0.to_le_bytes());
        bytes[16..].copy_from_slice(&keys.latest.0);
        Ticket(bytes)
    }

    /// Whose place a ticket claims, and the secret that has to prove it; nothing if it is from
    /// another run of the server.
    pub fn read(&self, ticket: &Ticket) -> Option<(Place, Secret)> {
        let [run, ids, secret] = [&ticket.0[..8], &ticket.0[8..16], &ticket.0[16..]];
        let id = |bytes: &[u8]| bytes.iter().rev().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let place = Place { room: RoomId(id(&ids[..4])), player: PlayerId(id(&ids[4..])) };
        let mut copy = Secret([0; 16]);
        copy.0.copy_from_slice(secret);
        (*run == self.run).then_some((place, copy))
    }
}

impl SeatKeys {
    /// The keys of a new seat.
    pub fn new(secret: Secret) -> Self {
        Self { latest: secret, before: None }
    }

    /// What `secret` is to this seat. Takes the same time for every secret.
    pub fn fit(&self, secret: &Secret) -> Fit {
        let latest = self.latest.0.ct_eq(&secret.0);
        let none = Before { secret: Secret([0; 16]), spent: true };
        let before = self.before.as_ref().unwrap_or(&none);
        let is_before = before.secret.0.ct_eq(&secret.0);
        match (bool::from(latest), bool::from(is_before) && self.before.is_some()) {
            (true, _) => Fit::Good,
            (false, true) if before.spent => Fit::Spent,
            (false, true) => Fit::Good,
            (false, false) => Fit::Never,
        }
    }

    /// The seat was taken with `used`, which was good; `next` is for the next time.
    pub fn renew(&mut self, used: Secret, next: Secret) {
        self.latest = next;
        self.before = Some(Before { secret: used, spent: false });
    }

    /// The client has the latest ticket: the one before it is spent.
    pub fn spend(&mut self) {
        if let Some(before) = &mut self.before {
            before.spent = true;
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl std::fmt::Debug for TicketOffice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TicketOffice(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { room: RoomId(0x0102_0304), player: PlayerId(u32::MAX) };

    #[test]
    fn a_ticket_leads_back_to_its_place_and_only_in_its_run() {
        let mut office = TicketOffice::new([1; 32]);
        let keys = SeatKeys::new(office.secret());
        let ticket = office.ticket(PLACE, &keys);
        let (place, secret) = office.read(&ticket).expect("of this run");
        assert_eq!(place, PLACE);
        assert_eq!(keys.fit(&secret), Fit::Good);
        assert!(TicketOffice::new([2; 32]).read(&ticket).is_none());
    }

    #[test]
    fn no_bit_of_the_secret_may_be_wrong() {
        let mut office = TicketOffice::new([1; 32]);
        let keys = SeatKeys::new(office.secret());
        for bit in 0..128 {
            let mut secret = keys.latest.clone();
            secret.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(keys.fit(&secret), Fit::Never);
        }
        assert_eq!(keys.fit(&Secret([0; 16])), Fit::Never);
        assert_ne!(office.secret().0, office.secret().0);
    }

    #[test]
    fn a_ticket_is_good_until_the_client_is_known_to_have_the_next() {
        let mut office = TicketOffice::new([1; 32]);
        let [first, second, third] = [office.secret(), office.secret(), office.secret()];
        let mut keys = SeatKeys::new(first.clone());
        keys.renew(first.clone(), second.clone());
        // The welcome with the second one was lost on the way.
        assert_eq!([keys.fit(&first), keys.fit(&second)], [Fit::Good, Fit::Good]);
        keys.renew(first.clone(), third.clone());
        assert_eq!(keys.fit(&second), Fit::Never, "nobody can have seen it");
        keys.spend();
        assert_eq!([keys.fit(&first), keys.fit(&third)], [Fit::Spent, Fit::Good]);
    }
}
