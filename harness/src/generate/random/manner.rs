//! What holds for a whole random case: each switches some things off and varies the rest.

/// What holds for a whole case.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    bits: u64,
    /// The server fails in more ways than by ending a session.
    pub(super) faulty: bool,
}

impl Manner {
    pub(super) fn new(bits: u64, faulty: bool) -> Self {
        Self { bits, faulty }
    }

    pub(super) fn dirty(self) -> bool {
        self.bits & 7 == 0 && !self.faulty
    }

    pub(super) fn ancestor_first(self) -> bool {
        (self.bits >> 3) & 7 == 0
    }

    /// One step of so many is stalled, of those that reach the wire.
    pub(super) fn stalls(self) -> Option<u64> {
        [None, None, Some(5), Some(3)][((self.bits >> 6) & 3) as usize]
    }

    /// Sessions are ended in this case.
    pub(super) fn ends_sessions(self) -> bool {
        (self.bits >> 8) & if self.faulty { 1 } else { 7 } == 0
    }

    /// Motifs are put into this case.
    pub(super) fn motifs(self) -> bool {
        (self.bits >> 11) & 3 != 0
    }

    /// One step of so many is cut, of those that reach the wire.
    pub(super) fn cuts(self) -> Option<usize> {
        [None, Some(8), Some(5), Some(5)][((self.bits >> 13) & 3) as usize].filter(|_| self.faulty)
    }

    /// How much the server refuses new sessions.
    pub(super) fn refuses(self) -> u64 {
        self.fault([0, 0, 2, 4][((self.bits >> 15) & 3) as usize])
    }

    /// How much it is restarted.
    pub(super) fn restarts(self) -> u64 {
        self.fault([0, 0, 1, 2][((self.bits >> 17) & 3) as usize])
    }

    fn fault(self, weight: u64) -> u64 {
        if self.faulty { weight } else { 0 }
    }
}

/// Which operations a case uses, and how much.
#[derive(Clone, Copy)]
pub(super) struct Swarm(u64);

impl Swarm {
    pub(super) fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// 0, 1, 2 or 4 times the usual weight.
    pub(super) fn factor(self, kind: u32) -> u64 {
        [0, 1, 1, 2, 2, 4, 1, 2][((self.0 >> (3 * (kind % 21))) & 7) as usize]
    }
}
