//! What `/proc` says of the processes of a run. The tests and the benches use it.

/// Kilobytes that belong to a process alone.
pub(crate) fn private_memory(pid: u32) -> std::io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let kilobytes = |line: &str| line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
    Ok(text.lines().filter(|line| line.starts_with("Private_")).filter_map(kilobytes).sum())
}

/// The agent of a coordinator that runs one worker.
pub(crate) fn zygote_of(coordinator: u32) -> Option<u32> {
    let supervisor = all_processes().find(|pid| parent(*pid) == Some(coordinator))?;
    zygote(&all_processes().filter(|pid| parent(*pid) == Some(supervisor)).collect::<Vec<_>>())
}

pub(crate) fn all_processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").expect("a Linux system").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
}

/// The agent whose parent is no agent: its children have the same environment.
pub(crate) fn zygote(processes: &[u32]) -> Option<u32> {
    let is_agent = |pid: &&u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == b"POOLPROOF_ROLE=agent")
    };
    let agents: Vec<u32> = processes.iter().filter(is_agent).copied().collect();
    agents.iter().copied().find(|pid| parent(*pid).is_some_and(|parent| !agents.contains(&parent)))
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
