//! The page of a certificate in a real browser: its text is there without scripts, nothing is fetched, nothing that a pool says is markup,
//! and it fits a desk, a phone and paper. The pictures of it are left in the directory for temporary files of the build.

mod devtools;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::lab::{Outcome, ensure, is_required_by_name, says, scratch, tool};
use devtools::{Browser, CHROMIUM};

type Test = fn() -> Outcome;

pub(crate) fn trials() -> Vec<Trial> {
    let is_there = Path::new(CHROMIUM).exists() || is_required_by_name("browser");
    let tests: [(&str, Test); 3] = [
        ("a certificate is text without scripts, and fetches nothing", text),
        ("a certificate fits a desk, a phone and paper", sizes),
        ("nothing that a pool says is markup in a browser", hostile),
    ];
    tests.map(|(name, test)| Trial::test(name, test).with_ignored_flag(!is_there)).into()
}

/// The pages of a pool with a planted defect: of its certificate, and of a matrix with it.
fn pages() -> Result<(tempfile::TempDir, PathBuf, PathBuf), libtest_mimic::Failed> {
    let (directory, path) = scratch();
    let mut certify = tool();
    certify.args(["certify", "mutant-goodbye", "--promise", "child-drops,threads-only", "--cases", "40", "--seed", "3", "--out"]);
    says(certify.arg(&path), 1, &["certificate.html"])?;
    let matrix = path.join("matrix.html");
    let status =
        tool().args(["matrix", "--html"]).arg(&path).stdout(std::fs::File::create(&matrix)?).stderr(Stdio::null()).status()?;
    ensure(status.success(), || status.to_string())?;
    Ok((directory, path.join("mutant-goodbye/certificate.html"), matrix))
}

fn url(page: &Path) -> String {
    format!("file://{}", page.display())
}

/// What is seen is the text that is laid out, and not what stands in the file.
fn text() -> Outcome {
    let (_directory, certificate, matrix) = pages()?;
    let mut browser = Browser::start()?;
    browser.ask("Emulation.setScriptExecutionDisabled", json!({ "value": true }))?;
    let certificate_says =
        ["Not safe", "May it be deployed like this?", "What was not looked at", "OWN-1", "p1 ▸ Terminate on c0", "--seed 3"];
    let matrix_says = ["Pools, databases and promises", "mutant-goodbye", "✗ OWN-1", "What to do to be safe"];
    for (page, words) in [(certificate, certificate_says.as_slice()), (matrix, &matrix_says)] {
        browser.visit(&url(&page))?;
        let seen = browser.value("document.body.innerText")?;
        let seen = seen.as_str().unwrap_or_default();
        let missing = words.iter().find(|word| !seen.contains(**word));
        ensure(missing.is_none(), || format!("{missing:?} is not seen in {seen}"))?;
        let asked = browser.told("Network.requestWillBeSent");
        let addresses: Vec<&Value> = asked.iter().map(|request| &request["request"]["url"]).collect();
        ensure(addresses == [&json!(url(&page))], || format!("{addresses:?}"))?;
        let complaints = browser.told("Log.entryAdded");
        ensure(complaints.is_empty(), || format!("{complaints:?}"))?;
    }
    Ok(())
}

/// Nothing is cut off at the side but tables that can be moved, no letter is smaller than ten pixels, and paper has what is folded.
fn sizes() -> Outcome {
    let (_directory, certificate, matrix) = pages()?;
    let mut browser = Browser::start()?;
    for (name, width, height, media) in
        [("desk", 1280, 900, "screen"), ("phone", 390, 844, "screen"), ("paper", 794, 1123, "print")]
    {
        let phone = name == "phone";
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        browser.ask("Emulation.setDeviceMetricsOverride", metrics)?;
        browser.ask("Emulation.setEmulatedMedia", json!({ "media": media }))?;
        for (page, what) in [(&certificate, "certificate"), (&matrix, "matrix")] {
            browser.visit(&url(page))?;
            let wide = browser.value(TOO_WIDE)?;
            ensure(wide == json!([]), || format!("wider than the {name}, in the {what}: {wide}"))?;
            let small = browser.value(TOO_SMALL)?;
            ensure(small == json!([]), || format!("too small on the {name}, in the {what}: {small}"))?;
            save(&mut browser, &format!("{what}-{name}"))?;
        }
        browser.visit(&url(&certificate))?;
        let folded = browser.value("document.body.innerText.includes('checkout (own, idle)')")?;
        ensure(folded == json!(name == "paper"), || format!("what is folded is seen on the {name}: {folded}"))?;
    }
    Ok(())
}

/// What sticks out of the page at the side, but for what lies in something that can be moved.
const TOO_WIDE: &str = "[...document.querySelectorAll('body *')]
    .filter(e => !e.closest('.wide, pre') && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(e => e.outerHTML.slice(0, 80))
    .concat(document.documentElement.scrollWidth > document.documentElement.clientWidth + 1 ? ['the page'] : [])";

const TOO_SMALL: &str = "[...document.querySelectorAll('body *')]
    .filter(e => e.innerText && parseFloat(getComputedStyle(e).fontSize) < 10).map(e => e.outerHTML.slice(0, 80))";

/// The whole page as a picture.
fn save(browser: &mut Browser, name: &str) -> Outcome {
    let shot = browser.ask("Page.captureScreenshot", json!({ "captureBeyondViewport": true }))?;
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&directory)?;
    let decoded = Command::new("base64")
        .arg("-d")
        .stdin(Stdio::piped())
        .stdout(std::fs::File::create(directory.join(format!("{name}.png")))?)
        .spawn();
    let mut decoded = decoded?;
    let text = shot["data"].as_str().unwrap_or_default();
    std::io::Write::write_all(&mut decoded.stdin.take().ok_or("a pipe")?, text.as_bytes())?;
    ensure(decoded.wait()?.success() && !text.is_empty(), || format!("no picture of {name}"))
}

/// What a pool says stands in the certificate as data; here each text of it would be a script, an image or the end of an attribute.
fn hostile() -> Outcome {
    let (_directory, certificate, _) = pages()?;
    let nasty =
        "</td></pre></style><script>window.caught=1</script><img src=x onerror=\"window.caught=2\">' onload='window.caught=3";
    let mut document = poolproof::corpus::certificate(&certificate.with_extension("json"))?;
    for word in [&mut document.pool.about, &mut document.server.product, &mut document.again, &mut document.made.system] {
        nasty.clone_into(word);
    }
    document.pool.versions.push(nasty.to_owned());
    for failure in document.promises.iter_mut().flat_map(|chapter| &mut chapter.failures) {
        failure.source.push(nasty.to_owned());
        failure.interleaving.push_str(nasty);
        failure.evidence.iter_mut().flat_map(|told| &mut told.lines).for_each(|line| line.push_str(nasty));
        for beat in &mut failure.timeline.beats {
            beat.text.push_str(nasty);
            beat.wire.iter_mut().for_each(|passed| passed.text.push_str(nasty));
        }
    }
    std::fs::write(&certificate, document.to_html())?;
    let mut browser = Browser::start()?;
    browser.visit(&url(&certificate))?;
    let made = browser.value("[window.caught ?? null, document.querySelectorAll('script, img, [onload], [onerror]').length]")?;
    ensure(made == json!([null, 0]), || format!("{made}"))?;
    let seen = browser.value("document.body.innerText.includes('<script>window.caught=1</script>')")?;
    ensure(seen == json!(true), || "what the pool says is not seen as it is".to_owned())?;
    let asked = browser.told("Network.requestWillBeSent");
    ensure(asked.len() == 1, || format!("{asked:?}"))
}
