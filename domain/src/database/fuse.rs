//! Lets the nth thing that is asked of the database fail: how tests see that whatever fails leaves nothing half done. No
//! server ever sets it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sea_orm::{DbErr, RuntimeErr};

/// Burns through once.
#[derive(Debug, Default)]
pub(super) struct Fuse {
    is_set: AtomicBool,
    left: AtomicU64,
}

impl Fuse {
    /// The `nth` thing from here on fails, counted from 1.
    pub(super) fn set(&self, nth: u64) {
        self.left.store(nth, Ordering::SeqCst);
        self.is_set.store(true, Ordering::SeqCst);
    }

    /// Nothing fails any more. Whether anything had.
    pub(super) fn remove(&self) -> bool {
        !self.is_set.swap(false, Ordering::SeqCst)
    }

    /// Before something is asked: as if the connection had been lost there.
    pub(super) fn burn(&self) -> Result<(), DbErr> {
        if !self.is_set.load(Ordering::Relaxed) || self.left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return Ok(());
        }
        self.is_set.store(false, Ordering::SeqCst);
        Err(DbErr::Conn(RuntimeErr::Internal("made to fail".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_fails_and_no_other() {
        let fuse = Fuse::default();
        fuse.burn().unwrap();
        fuse.set(2);
        let outcomes = [fuse.burn(), fuse.burn(), fuse.burn()].map(|outcome| outcome.is_ok());
        assert_eq!(outcomes, [true, false, true]);
        assert!(fuse.remove());
        fuse.set(1);
        assert!(!fuse.remove());
        fuse.burn().unwrap();
    }
}
