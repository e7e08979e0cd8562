//! What this instance is doing for somebody who asked for it once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::name::Name;

/// The names under which something is being done.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Mutex<HashSet<Name>>>);

/// Holds a name until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    names: InFlight,
    name: Name,
}

impl InFlight {
    /// None while somebody else holds the name.
    pub(super) fn enter(&self, name: &Name) -> Option<Permit> {
        let entered = self.names().insert(name.clone());
        entered.then(|| Permit { names: self.clone(), name: name.clone() })
    }

    fn names(&self) -> MutexGuard<'_, HashSet<Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.names.names().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_held_by_one_until_he_lets_it_go() {
        let (in_flight, name, other) =
            (InFlight::default(), Name::from_bytes([1; 32]), Name::from_bytes([2; 32]));
        let permit = in_flight.enter(&name).unwrap();
        assert!(in_flight.enter(&name).is_none());
        assert!(in_flight.enter(&other).is_some());
        drop(permit);
        assert!(in_flight.enter(&name).is_some());
        assert!(in_flight.names().is_empty());
    }
}
