//! Items whose bytes are counted as long as they live, by nobody but themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many bytes are alive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scale(Arc<[AtomicI64; 2]>);

impl Scale {
    fn add(&self, bytes: i64) {
        let [live, peak] = &*self.0;
        let now = live.fetch_add(bytes, Ordering::SeqCst) + bytes;
        peak.fetch_max(now, Ordering::SeqCst);
    }

    pub(crate) fn live(&self) -> i64 {
        self.0[0].load(Ordering::SeqCst)
    }

    pub(crate) fn peak(&self) -> i64 {
        self.0[1].load(Ordering::SeqCst)
    }

    pub(crate) fn item(&self, number: u64, bytes: u64) -> Heavy {
        self.add(i64::try_from(bytes).unwrap());
        Heavy {
            number,
            bytes,
            scale: self.clone(),
        }
    }
}

/// An item of so many bytes.
#[derive(Debug)]
pub(crate) struct Heavy {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    scale: Scale,
}

impl Heavy {
    pub(crate) fn weight(&self) -> usize {
        usize::try_from(self.bytes).unwrap()
    }

    /// In so many parts, which weigh as much together.
    pub(crate) fn parts(self, parts: u64) -> Vec<Self> {
        let scale = self.scale.clone();
        let (number, bytes) = (self.number, self.bytes);
        drop(self);
        (0..parts)
            .map(|part| {
                let more = u64::from(part < bytes % parts);
                scale.item(number, bytes / parts + more)
            })
            .collect()
    }
}

impl Drop for Heavy {
    fn drop(&mut self) {
        self.scale.add(-i64::try_from(self.bytes).unwrap());
    }
}
