use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use metrics::{Gauge, gauge};

use crate::config::ConnectionLimits;

/// Counts open connections, in all and by address.
pub(crate) struct Admission {
    total: usize,
    per_address: usize,
    open: Mutex<Open>,
    /// Of all doors of the process together.
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Which bound a connection would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Total,
    Address,
}

impl Refused {
    /// The metric's label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Address => "address",
        }
    }
}

impl Admission {
    pub(crate) fn new(limits: &ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            total: limits.total,
            per_address: limits.per_address,
            open: Mutex::default(),
            gauge: gauge!("sealwork_http_connections"),
        })
    }

    /// Room for a connection from `address`, held until the ticket is dropped.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Ticket, Refused> {
        let address = network(address);
        let mut open = self.lock();
        if open.total >= self.total {
            return Err(Refused::Total);
        }
        let here = open.by_address.entry(address).or_insert(0);
        if *here >= self.per_address {
            return Err(Refused::Address);
        }
        *here += 1;
        open.total += 1;
        self.gauge.increment(1);
        Ok(Ticket { admission: Arc::clone(self), address })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An IPv6 client usually has a whole /64 to itself, so that counting single addresses there
/// bounds nothing.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// One connection's room.
pub(crate) struct Ticket {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        open.total -= 1;
        self.admission.gauge.decrement(1);
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(total: usize, per_address: usize) -> Arc<Admission> {
        Admission::new(&ConnectionLimits { total, per_address, ..ConnectionLimits::default() })
    }

    #[test]
    fn an_address_is_bounded_and_its_room_comes_back() {
        let admission = admission(10, 2);
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = admission.admit(a).unwrap();
        let _second = admission.admit(a).unwrap();
        assert_eq!(admission.admit(a).err(), Some(Refused::Address));
        let _other = admission.admit(b).unwrap();
        drop(first);
        assert!(admission.admit(a).is_ok());
    }

    #[test]
    fn the_total_is_bounded_and_nothing_is_left_behind() {
        let admission = admission(2, 2);
        let tickets = [1, 2].map(|n| admission.admit(IpAddr::from([10, 0, 0, n])).unwrap());
        assert_eq!(admission.admit(IpAddr::from([10, 0, 0, 3])).err(), Some(Refused::Total));
        drop(tickets);
        assert_eq!(admission.lock().total, 0);
        assert!(admission.lock().by_address.is_empty());
    }

    #[test]
    fn addresses_of_one_64_and_mapped_forms_of_one_ipv4_count_together() {
        let admission = admission(10, 1);
        let _a = admission.admit("2001:db8:0:1::1".parse().unwrap()).unwrap();
        assert!(admission.admit("2001:db8:0:1:ffff::2".parse().unwrap()).is_err());
        assert!(admission.admit("2001:db8:0:2::1".parse().unwrap()).is_ok());
        let _b = admission.admit("10.0.0.1".parse().unwrap()).unwrap();
        assert!(admission.admit("::ffff:10.0.0.1".parse().unwrap()).is_err());
    }
}
