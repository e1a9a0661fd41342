//! Labels of containers, and the removal of those whose run is over.
//!
//! A container is labelled with the directory of its run, whose lock says whether that run goes on, and with the view of files in which
//! that directory was made: who sees other files cannot know.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::models::{ContainerSummary, ContainerSummaryStateEnum as State};
use testcontainers::bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};

use crate::supervisor::is_over;

const RUN: &str = "poolproof.run";
const VIEW: &str = "poolproof.view";
/// Seconds after which a container that does not run is nobody's, whoever made it.
const FORGOTTEN: i64 = 3600;

/// The labels of a container of this run.
pub(super) fn labels(run: &Path) -> [(String, String); 2] {
    [(RUN.to_owned(), run.display().to_string()), (VIEW.to_owned(), view())]
}

/// This boot of the machine and this process's view of its files.
fn view() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mounts = fs::metadata("/proc/self/ns/mnt").map(|found| found.ino()).unwrap_or_default();
    format!("{} {mounts}", boot.trim())
}

/// Removes the containers whose runs are over.
pub(super) async fn sweep(engine: &Docker) -> Result<(), Error> {
    let view = view();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().cast_signed();
    for container in listed(engine, RUN).await? {
        if is_left(&container, &view, now) {
            remove(engine, &container).await?;
        }
    }
    Ok(())
}

/// Removes every container of this run and of no other.
pub(super) async fn sweep_run(engine: &Docker, run: &Path) -> Result<(), Error> {
    let label = format!("{RUN}={}", run.display());
    for container in listed(engine, &label).await?.iter().filter(|container| label_of(container, VIEW) == Some(&view())) {
        remove(engine, container).await?;
    }
    Ok(())
}

fn is_left(container: &ContainerSummary, view: &str, now: i64) -> bool {
    if label_of(container, VIEW) == Some(view) {
        return label_of(container, RUN).is_some_and(|run| is_over(Path::new(run)));
    }
    let runs = matches!(container.state, Some(State::RUNNING | State::PAUSED | State::RESTARTING) | None);
    !runs && container.created.is_some_and(|created| now - created > FORGOTTEN)
}

fn label_of<'a>(container: &'a ContainerSummary, name: &str) -> Option<&'a str> {
    container.labels.as_ref()?.get(name).map(String::as_str)
}

async fn listed(engine: &Docker, label: &str) -> Result<Vec<ContainerSummary>, Error> {
    let filters = HashMap::from([("label", vec![label])]);
    engine.list_containers(Some(ListContainersOptionsBuilder::new().all(true).filters(&filters).build())).await
}

async fn remove(engine: &Docker, container: &ContainerSummary) -> Result<(), Error> {
    let Some(id) = &container.id else { return Ok(()) };
    let with_data = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match engine.remove_container(id, Some(with_data)).await {
        // Somebody else is at it, or was.
        Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_from_what_runs() {
        let now = 1_000_000;
        let container = |run: &str, view: &str, state, age| ContainerSummary {
            labels: Some(HashMap::from([(RUN, run), (VIEW, view)].map(|(name, value)| (name.to_owned(), value.to_owned())))),
            state: Some(state),
            created: Some(now - age),
            ..ContainerSummary::default()
        };
        let directory = std::env::temp_dir().join(format!("sweep-{}", crate::supervisor::random_name(8)));
        fs::create_dir(&directory).expect("a directory");
        let lock = fs::File::create(directory.join("lock")).expect("a lock");
        let run = directory.display().to_string();
        let ours = container(&run, "here", State::RUNNING, 0);
        assert!(is_left(&ours, "here", now), "nobody holds the lock of its run");
        lock.lock().expect("it is free");
        assert!(!is_left(&ours, "here", now), "its run goes on");
        assert!(!is_left(&container("/gone", "there", State::RUNNING, 9999), "here", now), "its run's directory is elsewhere");
        assert!(is_left(&container("/gone", "there", State::EXITED, 9999), "here", now), "it does not even run");
        assert!(!is_left(&container("/gone", "there", State::CREATED, 5), "here", now), "it is being started");
        assert!(is_left(&container("/gone", "here", State::CREATED, 0), "here", now), "its run's directory is gone");
        fs::remove_dir_all(directory).expect("it is there");
    }
}
