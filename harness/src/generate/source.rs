//! Where interleavings may come from, and how many of them are wanted.

use std::fmt;
use std::str::FromStr;

/// So many steps the enumeration has at the most, if nobody says otherwise.
pub const DEPTH: usize = 4;

/// Where an interleaving comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Failures that are known from the field.
    Scenarios,
    /// Forks at each place of small interleavings.
    Sweep,
    /// Everything up to a number of steps.
    Exhaustive,
    /// Chance; it never ends.
    Random,
    /// Scenarios and chance, with a server that breaks sessions off, refuses them and is restarted; it never ends. Only where it is asked
    /// for.
    Faults,
}

impl Source {
    /// Every source, in the order in which they are used.
    pub const ALL: [Self; 5] = [Self::Scenarios, Self::Sweep, Self::Exhaustive, Self::Random, Self::Faults];
    /// Those that are used if nobody says otherwise.
    pub const USUAL: [Self; 4] = [Self::Scenarios, Self::Sweep, Self::Exhaustive, Self::Random];
    /// Those that never end.
    pub const ENDLESS: [Self; 2] = [Self::Random, Self::Faults];

    /// The word of the command line and of reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scenarios => "scenarios",
            Self::Sweep => "sweep",
            Self::Exhaustive => "exhaustive",
            Self::Random => "random",
            Self::Faults => "faults",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A source's name that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown source '{0}'; the sources are {names}", names = Source::ALL.map(Source::name).join(", "))]
pub struct UnknownSource(String);

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|source| source.name() == word).ok_or_else(|| UnknownSource(word.to_owned()))
    }
}

/// Which sources are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// These, whatever their order.
    pub sources: Vec<Source>,
    /// How many steps the enumeration has at the most.
    pub depth: usize,
}

impl Selection {
    /// The usual sources.
    pub fn is_usual(&self) -> bool {
        Source::USUAL.iter().all(|source| self.sources.contains(source))
    }

    /// Where the server fails.
    pub fn faults() -> Self {
        Self { sources: vec![Source::Faults], depth: DEPTH }
    }
}

impl Default for Selection {
    fn default() -> Self {
        Self { sources: Source::USUAL.to_vec(), depth: DEPTH }
    }
}

/// How many interleavings are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many, or fewer if the sources have no more.
    Number(u64),
    /// As many as there is time for.
    Unknown,
    /// All that the sources have that end.
    Everything,
}
