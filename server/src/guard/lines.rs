//! Who may write how many lines into the log: a share for each address, and one for all together.
//!
//! Whoever can make the server write a line by leaving can make it write ten thousand. So each
//! address has a share, this machine's own and Unix sockets included. What is beyond it is counted,
//! and one line tells the number later.
//!
//! Leaves that are news and those that are routine have shares of their own: a crowd that comes and
//! goes must not hide that somebody was thrown out.

use std::{cmp::Reverse, collections::BTreeMap, fmt, time::Duration};

use super::{
    addresses::Origin,
    bucket::{Rate, TokenBucket},
};
use crate::{ids::PeerAddr, limits::Limits, time::Time};

/// Addresses that have an account of their own at the same time; all others share one.
const ACCOUNTS_MAX: usize = 1_024;
/// How many times the share of one address all addresses together have.
const SHARES_OF_ALL: u64 = 10;
/// How long after something was left out the log says how much.
const TOLD_AFTER: Duration = Duration::from_secs(10);
/// Addresses that are named then, those with the most first; the rest is one number.
const NAMED_MAX: usize = 16;

/// The shares of the log.
///
/// Invariant: `tell_at` is set exactly while some account has lines that were left out.
#[derive(Debug)]
pub struct LineShares {
    accounts: BTreeMap<Origin, Account>,
    /// The account of everybody who has none.
    others: Account,
    /// What all of them together may write.
    all: [TokenBucket; 2],
    tell_at: Option<Time>,
    /// When idle accounts were looked for last: a look takes a while, so not for every newcomer.
    tidied_at: Time,
}

/// What kind of line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody was thrown out.
    News,
    /// Somebody came or went.
    Routine,
}

/// Lines that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose; `None` for several addresses.
    pub origin: Option<Origin>,
    /// Of which kind.
    pub kind: Kind,
    /// How many.
    pub lines: u64,
}

#[derive(Clone, Copy, Debug)]
struct Account {
    buckets: [TokenBucket; 2],
    left_out: [u64; 2],
}

impl LineShares {
    /// Nobody has used anything of their share.
    pub fn new(limits: &Limits, now: Time) -> Self {
        Self {
            accounts: BTreeMap::new(),
            others: Account::fresh(limits, now),
            all: [TokenBucket::full(rate_of_all(limits), now); 2],
            tell_at: None,
            tidied_at: now,
        }
    }

    /// Whether this line may be written. If not, it is counted.
    pub fn allow(&mut self, peer: &PeerAddr, kind: Kind, limits: &Limits, now: Time) -> bool {
        let origin = Origin::of_peer(peer);
        if self.accounts.len() >= ACCOUNTS_MAX && now >= self.tidied_at + TOLD_AFTER {
            self.forget_idle(limits, now);
        }
        let full = self.accounts.len() >= ACCOUNTS_MAX;
        let account = match self.accounts.get_mut(&origin) {
            Some(account) => account,
            None if full => &mut self.others,
            None => self.accounts.entry(origin).or_insert_with(|| Account::fresh(limits, now)),
        };
        let index = kind as usize;
        let allowed = account.buckets[index].take(1, rate(limits), now)
            && self.all[index].take(1, rate_of_all(limits), now);
        if !allowed {
            account.left_out[index] += 1;
            self.tell_at.get_or_insert(now + TOLD_AFTER);
        }
        allowed
    }

    /// When [`Self::take_left_out`] has something to say, if ever.
    pub fn next_due(&self) -> Option<Time> {
        self.tell_at
    }

    /// What has been left out and not been told of, the most first. Counts from zero again.
    pub fn take_left_out(&mut self) -> Vec<LeftOut> {
        self.tell_at = None;
        let mut told = Vec::new();
        for (index, kind) in [Kind::News, Kind::Routine].into_iter().enumerate() {
            let of_one = |(origin, account): (&Origin, &mut Account)| LeftOut {
                origin: Some(*origin),
                kind,
                lines: std::mem::take(&mut account.left_out[index]),
            };
            let mut named: Vec<LeftOut> = self.accounts.iter_mut().map(of_one).collect();
            named.retain(|left_out| left_out.lines > 0);
            named.sort_by_key(|left_out| Reverse(left_out.lines));
            let rest: u64 = named.iter().skip(NAMED_MAX).map(|left_out| left_out.lines).sum();
            named.truncate(NAMED_MAX);
            told.append(&mut named);
            let lines = rest + std::mem::take(&mut self.others.left_out[index]);
            if lines > 0 {
                told.push(LeftOut { origin: None, kind, lines });
            }
        }
        told
    }

    /// Forgets whoever has its whole share again and nothing to be told of.
    fn forget_idle(&mut self, limits: &Limits, now: Time) {
        self.tidied_at = now;
        let rate = rate(limits);
        self.accounts.retain(|_, account| {
            let is_full = |bucket: &mut TokenBucket| bucket.is_full(rate, now);
            account.left_out != [0, 0] || !account.buckets.iter_mut().all(is_full)
        });
    }
}

impl Account {
    fn fresh(limits: &Limits, now: Time) -> Self {
        Self { buckets: [TokenBucket::full(rate(limits), now); 2], left_out: [0, 0] }
    }
}

/// Whose lines these are, in words.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin {
            Some(origin) => origin.fmt(f),
            None => f.write_str("others"),
        }
    }
}

fn rate(limits: &Limits) -> Rate {
    Rate {
        per_second: limits.leave_lines_per_address_per_second,
        burst: limits.leave_lines_per_address_burst,
    }
}

fn rate_of_all(limits: &Limits) -> Rate {
    let Rate { per_second, burst } = rate(limits);
    Rate { per_second: per_second * SHARES_OF_ALL, burst: burst * SHARES_OF_ALL }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::limits::ms;

    const LIMITS: Limits = Limits {
        leave_lines_per_address_per_second: 10,
        leave_lines_per_address_burst: 50,
        ..Limits::DEFAULT
    };

    fn peer(number: u32) -> PeerAddr {
        PeerAddr::Tcp((Ipv4Addr::from(0x0a00_0000 + number), 1).into())
    }

    fn at(milliseconds: u64) -> Time {
        Time::ZERO + ms(milliseconds)
    }

    /// How many of so many lines at one instant may be written.
    fn allowed(shares: &mut LineShares, peer: &PeerAddr, lines: u32, kind: Kind, now: Time) -> u64 {
        (0..lines).map(|_| u64::from(shares.allow(peer, kind, &LIMITS, now))).sum()
    }

    #[test]
    fn a_storm_of_one_address_is_a_few_lines_and_a_number() {
        for peer in [peer(1), PeerAddr::Unix, PeerAddr::Unknown] {
            let mut shares = LineShares::new(&LIMITS, at(0));
            assert_eq!(shares.next_due(), None);
            assert_eq!(allowed(&mut shares, &peer, 10_000, Kind::News, at(5)), 50);
            assert_eq!(shares.next_due(), Some(at(10_005)));
            let origin = Some(Origin::of_peer(&peer));
            let told = LeftOut { origin, kind: Kind::News, lines: 9_950 };
            assert_eq!(shares.take_left_out(), [told]);
            assert_eq!((shares.next_due(), shares.take_left_out()), (None, vec![]), "told once");
            assert_eq!(allowed(&mut shares, &peer, 100, Kind::News, at(1_005)), 10, "its share");
        }
    }

    #[test]
    fn the_ports_of_this_machine_are_one_address() {
        let mut shares = LineShares::new(&LIMITS, at(0));
        let local = |port| PeerAddr::Tcp((Ipv4Addr::LOCALHOST, port).into());
        let lines = (1..=10_000)
            .filter(|port| shares.allow(&local(*port), Kind::News, &LIMITS, at(0)))
            .count();
        assert_eq!(lines, 50);
        assert_eq!(shares.take_left_out()[0].to_string(), "127.0.0.1");
    }

    #[test]
    fn routine_does_not_hide_news_and_one_address_not_another() {
        let mut shares = LineShares::new(&LIMITS, at(0));
        assert_eq!(allowed(&mut shares, &peer(1), 1_000, Kind::Routine, at(0)), 50);
        assert_eq!(allowed(&mut shares, &peer(1), 1, Kind::News, at(0)), 1);
        assert_eq!(allowed(&mut shares, &peer(2), 1, Kind::Routine, at(0)), 1);
    }

    /// Each line is written or told of, whatever the number of addresses; and their number bounds
    /// neither the lines nor the memory.
    #[test]
    fn a_storm_of_many_addresses_is_bounded_too() {
        let mut shares = LineShares::new(&LIMITS, at(0));
        let (addresses, loudest) = (20_000, 700);
        let (mut written, mut lines) = (0, 0);
        for number in 0..addresses {
            let of_one = if number == loudest { 100 } else { 3 };
            written += allowed(&mut shares, &peer(number), of_one, Kind::News, at(0));
            lines += u64::from(of_one);
            assert!(shares.accounts.len() <= ACCOUNTS_MAX);
        }
        assert_eq!(written, 50 * SHARES_OF_ALL, "all together have a share, too");
        let told = shares.take_left_out();
        assert_eq!(told.len(), NAMED_MAX + 1);
        assert!(told[..NAMED_MAX].iter().all(|left_out| left_out.origin.is_some()));
        assert_eq!(told[0].origin, Some(Origin::of_peer(&peer(loudest))), "the most first");
        assert_eq!(written + told.iter().map(|left_out| left_out.lines).sum::<u64>(), lines);
    }

    #[test]
    fn addresses_that_are_quiet_again_make_room_for_others() {
        let mut shares = LineShares::new(&LIMITS, at(0));
        let mut written = 0;
        for number in 0..20_000 {
            written += allowed(&mut shares, &peer(number), 1, Kind::News, at(0));
        }
        assert_eq!(shares.accounts.len(), ACCOUNTS_MAX);
        // They have been quiet for long enough: a newcomer gets an account of its own.
        assert_eq!(allowed(&mut shares, &peer(20_000), 51, Kind::News, at(20_000)), 50);
        assert!(shares.accounts.contains_key(&Origin::of_peer(&peer(20_000))));
        let silent = shares.accounts.values().filter(|account| account.left_out == [0, 0]).count();
        assert_eq!(silent, 0, "whoever has nothing to be told of is forgotten");
        let told: u64 = shares.take_left_out().iter().map(|left_out| left_out.lines).sum();
        assert_eq!(written + told, 20_001, "and nobody else");
    }
}
