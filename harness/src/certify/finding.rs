//! A failure as the report wants it.

use super::{Failure, Replay};
use crate::interleaving::Interleaving;
use crate::report::{Finding, Ground};

impl Failure {
    /// What is reported of it. `command` replays it.
    pub fn finding<'a>(&'a self, pool: &'a str, server: &'a str, embedded: bool, command: &'a str) -> Finding<'a> {
        Finding {
            pool,
            server,
            rule: self.rule,
            interleaving: &self.interleaving,
            history: &self.history,
            judgement: &self.judgement,
            replayed: (self.replayed, self.replays),
            steady: self.is_steady(),
            ground: self.ground(embedded),
            printed: &self.printed,
            command,
        }
    }

    /// Where it was seen.
    fn ground(&self, embedded: bool) -> Ground<'_> {
        match &self.second {
            Some(second) => Ground::Asked(&second.product, second.replayed, second.replays),
            None if embedded => Ground::Embedded,
            None => Ground::Real,
        }
    }
}

impl Replay {
    /// What is reported of it, if a rule was broken. `command` replays it once more.
    pub fn finding<'a>(
        &'a self,
        interleaving: &'a Interleaving,
        pool: &'a str,
        server: &'a str,
        embedded: bool,
        command: &'a str,
    ) -> Option<Finding<'a>> {
        let (rule, _) = self.judgement.first_cause()?;
        Some(Finding {
            pool,
            server,
            rule,
            interleaving,
            history: &self.history,
            judgement: &self.judgement,
            replayed: (self.replayed, self.replays),
            steady: self.is_steady(),
            ground: if embedded { Ground::Embedded } else { Ground::Real },
            printed: &self.printed,
            command,
        })
    }
}
