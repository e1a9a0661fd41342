//! Certificates: what a run leaves, parts of one, and whether one holds.

use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use poolproof::certificate::{Certificate, Made};
use poolproof::corpus;

use crate::lab::{Outcome, ensure, says, scratch, tool};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("parts of a search make the certificate of the whole", parts),
        Trial::test("a certificate holds until somebody edits it", verified),
        crate::python::with_module("jsonschema", "a certificate keeps to its schema, and an edited one does not", schema),
        crate::python::with_module("xml.etree", "JUnit's XML is read by a parser that is not ours", junit),
        Trial::test("a job's page and its annotations tell what was broken", continuous_integration),
        Trial::test("four questions lead to a promise and to the pools that keep it", questions),
        Trial::test("certificates are shown side by side", matrix),
        Trial::test("what is no certificate is a usage error", nonsense),
    ]
}

/// The certificate of a pool with a planted defect, and how the command that makes it ends.
const POOL: &str = "mutant-goodbye";
const WORDS: [&str; 6] = ["--promise", "child-drops,threads-only", "--cases", "40", "--seed", "3"];

fn certified(out: &Path, more: &[&str]) -> Result<PathBuf, libtest_mimic::Failed> {
    let mut command = tool();
    command.args(["certify", POOL]).args(WORDS).args(more).arg("--out").arg(out);
    says(&mut command, 1, &["certificate: ", "certificate.html"])?;
    Ok(out.join(POOL).join("certificate.json"))
}

/// Without what differs between two runs: when they were, and how many steps were skipped. Whether a checkout that may succeed or fail
/// gives up is for the clock to say, and the steps on what it would have got are skipped then.
fn read(path: &Path) -> Result<Certificate, libtest_mimic::Failed> {
    let mut certificate = Certificate { made: Made::default(), ..corpus::certificate(path)? };
    certificate.promises.iter_mut().for_each(|chapter| chapter.skipped = 0);
    Ok(certificate)
}

fn same(one: &Certificate, other: &Certificate) -> Outcome {
    let (left, right) = (one.to_json(), other.to_json());
    let differs = left.lines().zip(right.lines()).enumerate().find(|(_, (one, other))| one != other);
    let what = || format!("{differs:?}, of {} and {} lines", left.lines().count(), right.lines().count());
    ensure(one == other, || format!("{}\n{left}\n---\n{right}", what()))
}

fn parts() -> Outcome {
    let (_directory, path) = scratch();
    let out = |name: &str| path.join(name);
    let whole = read(&certified(&out("whole"), &[])?)?;
    let again = read(&certified(&out("again"), &["--workers", "1"])?)?;
    same(&whole, &again)?;
    let one = certified(&out("one"), &["--shard", "1/2"])?;
    let two = certified(&out("two"), &["--shard", "2/2"])?;
    let merge = |files: &[&Path]| {
        let mut command = tool();
        command.arg("merge").args(files).arg("--out").arg(out("merged"));
        command
    };
    says(&mut merge(&[&two]), 0, &["it has the parts 2/2 and is not whole"])?;
    says(&mut merge(&[&two, &two]), 2, &["part 2/2 is there twice"])?;
    says(&mut merge(&[&two, &one]), 0, &["under 2 promises"])?;
    let merged = read(&out("merged").join(POOL).join("certificate.json"))?;
    same(&whole, &merged)?;
    let page = std::fs::read_to_string(out("merged").join(POOL).join("certificate.html"))?;
    ensure(page.contains("OWN-1 is broken under child-drops"), || page.clone())?;
    let markdown = std::fs::read_to_string(out("merged").join(POOL).join("certificate.md"))?;
    ensure(markdown.contains("## OWN-1 under child-drops"), || markdown)
}

fn verified() -> Outcome {
    let (_directory, path) = scratch();
    let file = certified(&path, &[])?;
    let verify = |more: &[&str]| {
        let mut command = tool();
        command.arg("verify").arg(&file).args(more);
        command
    };
    says(&mut verify(&[]), 0, &["child-drops  OWN-1: holds", "the certificate holds"])?;
    says(&mut verify(&["--sample", "5"]), 0, &["the certificate holds"])?;
    let honest = corpus::certificate(&file)?;
    // Somebody makes a verdict better.
    let text = honest.to_json().replacen("\"verdict\": \"broken\"", "\"verdict\": \"refused\"", 1);
    std::fs::write(&file, text)?;
    says(&mut verify(&[]), 1, &["it contradicts itself", "OWN-1 is said to be 'refused'"])?;
    // And takes the evidence away as well.
    let mut edited = honest;
    for chapter in &mut edited.promises {
        let passed = chapter.verdicts.iter().find(|line| line.verdict == "passed").cloned().ok_or("a rule that passed")?;
        for failure in chapter.failures.drain(..) {
            let line = chapter.verdicts.iter_mut().find(|line| line.rule == failure.rule).ok_or("a verdict")?;
            *line = poolproof::certificate::Line { rule: failure.rule, ..passed.clone() };
        }
    }
    std::fs::write(&file, edited.to_json())?;
    says(&mut verify(&[]), 1, &["does not hold: OWN-1 breaks", "the certificate does not hold"])
}

/// Python's own parser reads it.
fn junit() -> Outcome {
    let (_directory, path) = scratch();
    let file = path.join("junit.xml");
    certified(&path, &["--junit", &file.to_string_lossy()])?;
    let read = "import sys, xml.etree.ElementTree as tree\n\
                for case in tree.parse(sys.argv[1]).getroot().iter('testcase'):\n    \
                    print(case.get('classname'), case.get('name'), [(child.tag, child.get('type')) for child in case])\n";
    let mut python = std::process::Command::new(crate::python::PYTHON);
    let words = ["mutant-goodbye.postgres child-drops [('failure', 'OWN-1')]", "mutant-goodbye.postgres threads-only [("];
    says(python.args(["-c", read]).arg(&file), 0, &words)
}

/// What stands in the file from the steps before stays, and an annotation leads to the saved failure.
fn continuous_integration() -> Outcome {
    let (_directory, path) = scratch();
    let (summary, saved) = (path.join("summary.md"), path.join("failures/mutant-goodbye/child-drops.OWN-1.interleaving"));
    std::fs::write(&summary, "# Before\n")?;
    let mut certify = tool();
    certify.args(["certify", POOL]).args(WORDS).arg("--out").arg(&path).arg("--annotations").arg("--summary").arg(&summary);
    let annotation = format!("\n::error title={POOL} breaks OWN-1 under child-drops,file={}::Every byte on", saved.display());
    says(&mut certify, 1, &[&annotation, "%0Ap1 wrote Terminate", "%0AReplayed: 20 of 20.%0AWhat to do: "])?;
    let page = std::fs::read_to_string(&summary)?;
    let whole = page.starts_with("# Before\n## Pools across fork\n\n| pool |")
        && page.contains("\n### mutant-goodbye breaks OWN-1 under");
    ensure(whole, || page.clone())?;
    let mut merge = tool();
    merge.arg("merge").arg(path.join(POOL).join("certificate.json")).arg("--out").arg(&path).arg("--annotations");
    says(&mut merge, 0, &[&annotation])
}

/// A validator that is not ours; and each field of it is one that the schema knows.
fn schema() -> Outcome {
    let (_directory, path) = scratch();
    let file = certified(&path, &[])?;
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/certificate.schema.json");
    let check = "import json, sys, jsonschema\n\
                 schema, document = (json.load(open(name)) for name in sys.argv[1:])\n\
                 jsonschema.Draft202012Validator.check_schema(schema)\n\
                 errors = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]\n\
                 print(len(errors), 'errors', errors[:3])\nsys.exit(len(errors) > 0)\n";
    let validate = || {
        let mut python = std::process::Command::new(crate::python::PYTHON);
        python.args(["-c", check, schema]).arg(&file);
        python
    };
    says(&mut validate(), 0, &["0 errors"])?;
    let honest = std::fs::read_to_string(&file)?;
    for (from, to) in
        [("\"format\": 1", "\"format\": 2"), ("\"verdict\": \"broken\"", "\"verdict\": \"fine\""), ("\"steps\"", "\"stops\"")]
    {
        ensure(honest.contains(from), || format!("no {from}"))?;
        std::fs::write(&file, honest.replacen(from, to, 1))?;
        says(&mut validate(), 1, &["errors"])?;
    }
    Ok(())
}

fn questions() -> Outcome {
    let (_directory, path) = scratch();
    certified(&path, &[])?;
    let which = |answers: &str| {
        let mut command = tool();
        command.args(["which-promise", "--answers", answers, "--out"]).arg(&path);
        command
    };
    says(&mut which("ynnn"), 0, &["promises child-drops", "Not safe:\n  mutant-goodbye on"])?;
    says(&mut which("n"), 0, &["promises exec-only", "No certificate in", "certify POOL --promise exec-only"])?;
    says(&mut which("ynx"), 2, &["one letter for each question"])?;
    says(tool().arg("which-promise"), 2, &["there was no answer"])
}

fn matrix() -> Outcome {
    let (_directory, path) = scratch();
    let mut matrix = tool();
    matrix.arg("matrix").arg(&path);
    says(&mut matrix, 2, &["there is no certificate in these directories"])?;
    certified(&path, &[])?;
    let words = [
        "| pool | server | `child-drops` | `threads-only` |",
        "| `mutant-goodbye` | the embedded PostgreSQL server | ✗ OWN-1 | ",
        "p1 wrote Terminate",
        "| 20 of 20 | *unexplained* |",
        "| `poolproof certify mutant-goodbye --promise child-drops,threads-only --cases 40 --seed 3` |",
    ];
    says(&mut matrix, 0, &words)
}

fn nonsense() -> Outcome {
    let (_directory, path) = scratch();
    let file = path.join("certificate.json");
    std::fs::write(&file, "{}")?;
    says(tool().arg("verify").arg(&file), 2, &["it is no certificate"])?;
    says(tool().arg("merge").arg(&file), 2, &["it is no certificate"])?;
    says(tool().arg("verify").arg(path.join("none")), 2, &["none"])?;
    std::fs::write(&file, [0xff, 0, 0x1b])?;
    says(tool().arg("verify").arg(&file), 2, &["it is no certificate"])?;
    says(tool().arg("merge").arg(&path), 2, &["name the certificate.json in it"])?;
    says(tool().arg("matrix").arg(&file), 2, &["there is no such directory"])?;
    says(tool().args(["certify", POOL, "--shard", "3/2"]), 2, &["such as 2/8"])
}
