//! Where the control plane was found.

use std::{net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;

/// The most addresses that are kept; the oldest goes first.
const ADDRESSES_MAX: usize = 16;

/// The addresses at which the edge reached the control plane, as it learns them: a name may lead to
/// several, and to others later.
#[derive(Clone, Debug, Default)]
pub struct ControlPlane(Arc<ArcSwap<Vec<SocketAddr>>>);

impl ControlPlane {
    /// Known to be at `addresses`, for a start.
    pub fn at(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let addresses = addresses.into_iter().collect::<Vec<_>>();
        Self(Arc::new(ArcSwap::from_pointee(addresses)))
    }

    /// Notes an address at which it was reached.
    pub fn note(&self, address: SocketAddr) {
        if self.0.load().contains(&address) {
            return;
        }
        self.0.rcu(|known| {
            let surplus = (known.len() + 1).saturating_sub(ADDRESSES_MAX);
            let kept = known.iter().skip(surplus).copied();
            kept.chain([address]).collect::<Vec<_>>()
        });
    }

    /// Whether one of its addresses is such.
    pub(super) fn any(&self, is_such: impl Fn(SocketAddr) -> bool) -> bool {
        self.0.load().iter().any(|address| is_such(*address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_addresses_are_known_and_not_without_bound() {
        let at = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let api = ControlPlane::at([at(1)]);
        for port in [2, 2, 1, 2] {
            api.note(at(port));
        }
        assert_eq!(**api.0.load(), [at(1), at(2)]);
        for port in 3..100 {
            api.note(at(port));
        }
        assert_eq!(api.0.load().len(), ADDRESSES_MAX);
        assert!(api.any(|it| it == at(99)) && !api.any(|it| it == at(1)));
    }
}
