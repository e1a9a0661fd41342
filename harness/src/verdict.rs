//! What a rule says of one execution, and of many. It knows no rule and no history.

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It had opportunities to be broken and was not.
    Passed {
        /// How many.
        exercised: u32,
    },
    /// It was broken, and nothing that was broken before explains it.
    Failed(Evidence),
    /// It was broken after another rule was.
    Consequence {
        /// The id of the rule that was broken first.
        of: &'static str,
        /// Its own evidence.
        evidence: Evidence,
    },
    /// The pool refused in the child, with an error and without writing a byte: safe.
    Refused,
    /// There was no opportunity to break it.
    NotExercised,
    /// The evidence does not decide, or the harness erred; and why.
    NoVerdict(String),
    /// It cannot be seen on this server or transport.
    NotVisible,
    /// The pool has no such feature.
    NotOffered,
    /// The promise excludes it.
    NotApplicable,
}

/// What shows that a rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The place of the decisive event in the history.
    pub at: usize,
    /// What happened, in one line.
    pub sentence: String,
    /// What helps to understand it, a line each.
    pub details: Vec<String>,
}

/// What is seen in so many of so many replays is seen nearly always: 18 times of 20.
pub(crate) fn is_steady(replayed: u32, replays: u32) -> bool {
    replayed * 10 >= replays * 9
}

impl Verdict {
    /// The verdict of a rule that found this broken: the earliest counts.
    pub(crate) fn on(broken: Vec<Evidence>, exercised: u32) -> Self {
        match broken.into_iter().min_by_key(|evidence| evidence.at) {
            Some(first) => Self::Failed(first),
            None if exercised == 0 => Self::NotExercised,
            None => Self::Passed { exercised },
        }
    }

    /// The same, where another rule was broken first.
    pub(crate) fn after(self, first: &'static str) -> Self {
        match self {
            Self::Failed(evidence) => Self::Consequence { of: first, evidence },
            other => other,
        }
    }

    /// The verdict over two executions: the graver one, and of two that are equally grave the first.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Passed { exercised: one }, Self::Passed { exercised: two }) => {
                Self::Passed { exercised: one.saturating_add(two) }
            }
            (one, two) if two.rank() < one.rank() => two,
            (one, _) => one,
        }
    }

    /// The rulebook's order, gravest first.
    fn rank(&self) -> u8 {
        match self {
            Self::Failed(_) => 0,
            Self::NoVerdict(_) => 1,
            Self::Refused => 2,
            Self::Passed { .. } => 3,
            Self::Consequence { .. } => 4,
            // What a pool does not offer no other execution can exercise.
            Self::NotOffered => 5,
            Self::NotExercised => 6,
            Self::NotVisible => 7,
            Self::NotApplicable => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(at: usize) -> Evidence {
        Evidence { at, sentence: format!("at {at}"), details: Vec::new() }
    }

    /// The order is the rulebook's, written down a second time; it must not depend on who comes first.
    #[test]
    fn the_graver_verdict_wins_whichever_comes_first() {
        let gravest_first = [
            Verdict::Failed(evidence(1)),
            Verdict::NoVerdict("why".into()),
            Verdict::Refused,
            Verdict::Passed { exercised: 1 },
            Verdict::Consequence { of: "OWN-1", evidence: evidence(2) },
            Verdict::NotOffered,
            Verdict::NotExercised,
            Verdict::NotVisible,
            Verdict::NotApplicable,
        ];
        for (place, graver) in gravest_first.iter().enumerate() {
            for lighter in &gravest_first[place + 1..] {
                assert_eq!(&graver.clone().merge(lighter.clone()), graver);
                assert_eq!(&lighter.clone().merge(graver.clone()), graver);
            }
        }
    }

    #[test]
    fn opportunities_add_up_and_the_first_failure_is_kept() {
        let passed = |exercised| Verdict::Passed { exercised };
        assert_eq!(passed(2).merge(passed(3)), passed(5));
        assert_eq!(passed(u32::MAX).merge(passed(1)), passed(u32::MAX));
        let (first, second) = (Verdict::Failed(evidence(7)), Verdict::Failed(evidence(3)));
        assert_eq!(first.clone().merge(second), first);
    }

    #[test]
    fn a_rule_is_judged_by_its_earliest_evidence_and_without_opportunity_not_at_all() {
        assert_eq!(Verdict::on(vec![evidence(9), evidence(4), evidence(5)], 3), Verdict::Failed(evidence(4)));
        assert_eq!(Verdict::on(Vec::new(), 3), Verdict::Passed { exercised: 3 });
        assert_eq!(Verdict::on(Vec::new(), 0), Verdict::NotExercised);
    }
}
