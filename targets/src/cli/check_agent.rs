//! `poolproof check-agent`: takes an agent through a fixed course of orders, and says what it does wrong.

use poolproof::Target;
use poolproof::bench::{Bench, ServerChoice};
use poolproof::certify;
use poolproof::interleaving::parse;
use poolproof::trouble::Trouble;

use super::args::{CheckAgent, Foreign};
use super::benches;
use super::course::{COURSE, Lesson};
use super::exit::{Code, Stop};
use super::progress::Teller;
use super::screen::Screen;

/// Checks an agent on the embedded server, one line for each thing that it must be able to do.
pub(crate) fn run(wanted: &CheckAgent, screen: &mut Screen) -> Result<Code, Stop> {
    let foreign = Foreign::of_agent(&wanted.command, wanted.database);
    let target = foreign.pool(wanted.pool.as_deref(), &mut Teller::new())?;
    let mut bench = benches::bench()?;
    bench.add_server(&ServerChoice::Embedded, target.database())?;
    let mut wrong = 0;
    let whole = examine(&bench, &target, COURSE)?;
    for (place, lesson) in COURSE.iter().enumerate() {
        // One that breaks the protocol is started anew for each lesson.
        let found = match &whole {
            Ok(faults) => faults[place].clone(),
            Err(_) => match examine(&bench, &target, std::slice::from_ref(lesson))? {
                Ok(mut faults) => faults.remove(0),
                Err(breach) => Some(breach),
            },
        };
        screen.say(&line(lesson, found.as_deref()))?;
        wrong += u32::from(found.is_some());
        if found.is_some() && lesson.decides {
            screen.say("        the rest cannot be checked before this is right\n")?;
            break;
        }
    }
    bench.finish()?;
    screen.say(&match wrong {
        0 => "\nthe agent keeps to the protocol\n".to_owned(),
        wrong => format!("\nwrong: {wrong}; docs/agent-protocol.md says how it should be\n"),
    })?;
    Ok(if wrong == 0 { Code::Passed } else { Code::Broken })
}

/// What the agent does wrong in each of some lessons; or how it breaks the protocol in one of them.
fn examine(bench: &Bench, target: &Target, lessons: &[Lesson]) -> Result<Result<Vec<Option<String>>, String>, Stop> {
    let mut stories = Vec::new();
    for lesson in lessons {
        let story = parse(&format!("pool max_size=2\npromise anything\n{}", lesson.story));
        let story = story.map_err(|error| Stop::bug(format!("'{}': {error}", lesson.about)))?;
        // Twice, so that an agent that is upset by the first case is seen to be.
        stories.extend([story.clone(), story]);
    }
    match certify::execute(bench, target, &stories) {
        Ok(histories) => {
            let faults = lessons.iter().zip(histories.chunks(2));
            Ok(Ok(faults.map(|(lesson, pair)| pair.iter().find_map(|history| lesson.fault(history))).collect()))
        }
        Err(Trouble::Agent(breach)) => Ok(Err(breach)),
        Err(other) => Err(other.into()),
    }
}

fn line(lesson: &Lesson, fault: Option<&str>) -> String {
    match fault {
        None => format!("  ok    {}\n", lesson.about),
        Some(fault) => format!("  wrong {}\n        {}\n", lesson.about, fault.replace('\n', "\n        ")),
    }
}
