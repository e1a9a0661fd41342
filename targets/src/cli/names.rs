//! Finds pools and rules by name, and the names that somebody may have meant.

use poolproof::Target;

use super::exit::Stop;

/// The pools of these names, in their order, each once. Where there are no names, each pool once: what runs the code of another one
/// is left out. `all` names every one.
pub(crate) fn pools(names: &[String]) -> Result<Vec<Target>, Stop> {
    let mut pools = poolproof_targets::pools();
    if names.is_empty() {
        pools.retain(|pool| pool.shared().is_none());
        return Ok(pools);
    }
    if names == ["all"] {
        return Ok(pools);
    }
    let mut chosen: Vec<Target> = Vec::new();
    for name in names {
        let target = pool(name)?;
        if chosen.iter().all(|other| other.name() != target.name()) {
            chosen.push(target);
        }
    }
    Ok(chosen)
}

/// The pool of that name.
pub(crate) fn pool(name: &str) -> Result<Target, Stop> {
    let known = poolproof_targets::all();
    let names: Vec<&str> = known.iter().map(Target::name).collect();
    let found = known.iter().find(|target| target.name() == name);
    found.copied().ok_or_else(|| {
        let python = poolproof_targets::python::known();
        let names: Vec<&str> = names.into_iter().chain(python.iter().map(|known| known.name.as_str())).collect();
        unknown("pool", name, &names, "`poolproof pools` lists them")
    })
}

/// The words for a name that nobody has.
pub(crate) fn unknown(what: &str, name: &str, names: &[&str], list: &str) -> Stop {
    let near = near(name, names);
    let hint = match near.as_slice() {
        [] => list.to_owned(),
        near => format!("did you mean {}? {list}", near.join(" or ")),
    };
    Stop::usage(format!("there is no {what} '{name}'")).hint(hint)
}

/// At most three names that are like it, the likest first.
fn near<'a>(name: &str, names: &[&'a str]) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let part = !wanted.is_empty() && (known.contains(&wanted) || wanted.contains(&known));
        strsim::jaro_winkler(&wanted, &known).max(if part { 0.9 } else { 0.0 })
    };
    let mut scored: Vec<(f64, &str)> =
        names.iter().map(|known| (likeness(known), *known)).filter(|(score, _)| *score > 0.75).collect();
    scored.sort_by(|one, two| two.0.total_cmp(&one.0));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_is_understood() {
        let rules = ["OWN-1", "OWN-2", "TXN-1", "CAP-1"];
        assert_eq!(near("own1", &rules).first(), Some(&"OWN-1"));
        assert_eq!(near("TNX-1", &rules).first(), Some(&"TXN-1"));
        assert_eq!(near("mysq", &["r2d2-mysql", "mysql"]), ["mysql", "r2d2-mysql"]);
        assert_eq!(near("r2d2", &["r2d2-postgres", "mysql"]), ["r2d2-postgres"]);
        assert!(near("zebra", &rules).is_empty());
        assert!(near("", &rules).is_empty());
    }

    #[test]
    fn pools_come_once_and_in_the_order_of_their_names() {
        let names = |names: &[&str]| {
            let wanted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            pools(&wanted).map(|targets| targets.iter().map(Target::name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["mysql", "r2d2-postgres", "mysql"]).expect("known"), ["mysql", "r2d2-postgres"]);
        assert!(names(&["mysql", "nothing"]).is_err());
        assert_eq!(names(&["all"]).expect("known").len(), poolproof_targets::pools().len());
        let each_once = names(&[]).expect("known");
        assert!(each_once.contains(&"r2d2-postgres") && !each_once.contains(&"r2d2-mysql"), "{each_once:?}");
    }
}
