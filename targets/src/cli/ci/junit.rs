//! The results of `certify` for machines that know tests: JUnit's XML, a suite for each pool, a case for each promise.

use std::path::Path;

use poolproof::certificate::{Certificate, Chapter, Conclusion};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::cli::exit::Stop;

/// Writes what the certificates say.
pub(super) fn save(file: &Path, certificates: &[Certificate]) -> Result<(), Stop> {
    let text = text(certificates).map_err(Stop::bug)?;
    std::fs::write(file, text).map_err(|error| Stop::unwritable(file, &error))
}

pub(super) fn text(certificates: &[Certificate]) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("poolproof");
    for certificate in certificates {
        let mut suite = TestSuite::new(certificate.pool.name.as_str());
        suite.add_test_cases(certificate.promises.iter().map(|chapter| case(certificate, chapter)));
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn case(certificate: &Certificate, chapter: &Chapter) -> TestCase {
    let conclusion = chapter.conclusion();
    let status = match &conclusion {
        Conclusion::Passed | Conclusion::Broken(_, false) => TestCaseStatus::success(),
        Conclusion::NotOffered => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message("the pool has nothing with which this promise could be kept");
            skipped
        }
        Conclusion::Broken(rules, true) => {
            let mut failed = TestCaseStatus::non_success(NonSuccessKind::Failure);
            failed.set_type(rules.join(" ")).set_message(format!("not safe: {} broken", rules.join(", ")));
            failed.set_description(failures(chapter));
            failed
        }
        undecided => {
            let mut failed = TestCaseStatus::non_success(NonSuccessKind::Error);
            failed.set_message(undecided.words());
            failed
        }
    };
    let mut case = TestCase::new(chapter.promise.as_str(), status);
    case.set_classname(format!("{}.{}", certificate.pool.name, certificate.server.database));
    case
}

/// Each failure as its interleaving, what it shows, and what to do.
fn failures(chapter: &Chapter) -> String {
    let told = chapter.failures.iter().filter(|failure| failure.certain).map(|failure| {
        let evidence: Vec<String> =
            failure.evidence.iter().map(|told| format!("{}: {}", told.rule, told.lines.join("; "))).collect();
        format!("{}\n{}\n{}\nWhat to do: {}\n", failure.rule, failure.interleaving, evidence.join("\n"), failure.remedy)
    });
    told.collect::<Vec<_>>().join("\n")
}
