//! Numbers that a seed gives.

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From `least` to `most`.
    pub(crate) fn from(&mut self, least: usize, most: usize) -> usize {
        let span = u64::try_from(most - least + 1).unwrap();
        least + usize::try_from(self.number() % span).unwrap()
    }

    pub(crate) fn is(&mut self, one_in: usize) -> bool {
        self.from(1, one_in) == 1
    }
}
