//! What a pool did under one promise, in a word.

use crate::rules::{Level, Rule};
use crate::verdict::Verdict;

/// What a pool did under one promise, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Every MUST held.
    Passed,
    /// These rules were broken; whether a MUST is among them.
    Broken(Vec<&'static str>, bool),
    /// The evidence does not decide on these rules.
    NoVerdict(Vec<&'static str>),
    /// The pool has nothing with which this promise could be kept.
    NotOffered,
    /// Nothing could be broken.
    NothingExercised,
    /// These MUST had no opportunity to be broken.
    NotExercised(Vec<&'static str>),
    /// Every MUST held that can be seen on this transport; these cannot.
    Unseen(Vec<&'static str>),
    /// Every MUST held, and so many situations did not occur that should have.
    Unreached(usize),
}

impl Conclusion {
    /// From the rules of which a failure is certain, the verdicts, and the number of situations that should have occurred.
    pub(crate) fn new(broken: &[&'static Rule], verdicts: &[(&'static Rule, Verdict)], missing: usize) -> Self {
        match Self::of_rules(broken, verdicts) {
            Self::Passed | Self::Broken(_, false) if missing > 0 => Self::Unreached(missing),
            other => other,
        }
    }

    fn of_rules(broken: &[&'static Rule], verdicts: &[(&'static Rule, Verdict)]) -> Self {
        let is_must = |rule: &Rule| rule.level == Level::Must;
        if broken.iter().any(|rule| is_must(rule)) {
            return Self::Broken(broken.iter().map(|rule| rule.id).collect(), true);
        }
        let musts = || verdicts.iter().filter(|(rule, _)| is_must(rule));
        let that = |kind: fn(&Verdict) -> bool| {
            musts().filter(|(_, verdict)| kind(verdict)).map(|(rule, _)| rule.id).collect::<Vec<_>>()
        };
        let undecided = that(|verdict| matches!(verdict, Verdict::NoVerdict(_)));
        let idle = that(|verdict| matches!(verdict, Verdict::NotExercised));
        let busy = that(|verdict| matches!(verdict, Verdict::Passed { .. } | Verdict::Refused));
        if musts().all(|(_, verdict)| *verdict == Verdict::NotOffered) {
            return Self::NotOffered;
        }
        let hidden = that(|verdict| matches!(verdict, Verdict::NotVisible));
        match (undecided.is_empty(), idle.is_empty(), busy.is_empty()) {
            (false, ..) => Self::NoVerdict(undecided),
            (true, _, true) => Self::NothingExercised,
            (true, false, false) => Self::NotExercised(idle),
            (true, true, false) if !hidden.is_empty() => Self::Unseen(hidden),
            (true, true, false) if broken.is_empty() => Self::Passed,
            (true, true, false) => Self::Broken(broken.iter().map(|rule| rule.id).collect(), false),
        }
    }

    /// Every MUST held, and all was exercised.
    pub fn is_safe(&self) -> bool {
        matches!(self, Self::Passed | Self::Broken(_, false))
    }

    /// A MUST was broken.
    pub fn is_unsafe(&self) -> bool {
        matches!(self, Self::Broken(_, true))
    }

    /// What stands in a table.
    pub fn words(&self) -> String {
        match self {
            Self::Passed => "ok".to_owned(),
            Self::Broken(rules, true) => rules.join(" "),
            Self::Broken(rules, false) => format!("ok, but {}", rules.join(" ")),
            Self::NoVerdict(_) => "no verdict".to_owned(),
            Self::NotOffered => "not offered".to_owned(),
            Self::NothingExercised => "nothing exercised".to_owned(),
            Self::NotExercised(rules) => format!("not exercised: {}", rules.join(" ")),
            Self::Unseen(rules) => format!("ok, but not visible: {}", rules.join(" ")),
            Self::Unreached(1) => "not exercised: 1 situation".to_owned(),
            Self::Unreached(missing) => format!("not exercised: {missing} situations"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ALL;

    #[test]
    fn a_promise_is_kept_only_if_every_must_was_exercised_and_held() {
        let passed = || Verdict::Passed { exercised: 3 };
        let short = |broken: &[&'static Rule], kinds: &[Verdict], missing| {
            let verdicts: Vec<_> = ALL.iter().zip(kinds.iter().cloned()).collect();
            Conclusion::new(broken, &verdicts, missing)
        };
        assert_eq!(short(&[], &[passed(), Verdict::NotApplicable], 0), Conclusion::Passed);
        assert_eq!(short(&[], &[passed(), Verdict::NotApplicable], 2), Conclusion::Unreached(2));
        assert_eq!(short(&[], &[passed(), Verdict::NotExercised], 0), Conclusion::NotExercised(vec![ALL[1].id]));
        assert_eq!(short(&[], &[Verdict::NotExercised, Verdict::NotApplicable], 0), Conclusion::NothingExercised);
        assert_eq!(
            short(&[], &[Verdict::NotExercised, passed(), Verdict::NoVerdict("why".into())], 1),
            Conclusion::NoVerdict(vec![ALL[2].id])
        );
        assert_eq!(
            short(&[&ALL[0]], &[passed(), Verdict::NoVerdict("why".into())], 1),
            Conclusion::Broken(vec![ALL[0].id], true)
        );
        assert_eq!(short(&[], &[Verdict::NotOffered, Verdict::NotOffered], 0), Conclusion::NotOffered);
        assert_eq!(short(&[], &[passed(), Verdict::NotOffered], 0), Conclusion::Passed);
        // What cannot be seen never counts as passed.
        assert_eq!(short(&[], &[Verdict::NotVisible, passed()], 0), Conclusion::Unseen(vec![ALL[0].id]));
        assert!(!short(&[], &[Verdict::NotVisible, passed()], 0).is_safe());
        assert!(short(&[&ALL[0]], &[passed()], 0).is_unsafe());
        assert!(short(&[], &[passed()], 0).is_safe());
    }
}
