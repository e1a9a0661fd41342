//! `poolproof doctor`: what this machine allows, and what each missing thing costs.

use poolproof::Database;
use poolproof::bench::Bench;
use poolproof::choice::ServerChoice;
use poolproof::report::{Style, wrapped};
use poolproof::trouble::Trouble;

use super::args::Doctor;
use super::benches::bench;
use super::exit::{Code, Stop};
use super::progress::Teller;
use super::screen::Screen;
use super::{machine, pools};

/// Columns of the state and of the name.
const STATE: usize = 9;
const NAME: usize = 18;

/// Looks at everything, and passes if pools for at least one database can be judged.
pub(crate) fn run(wanted: &Doctor, screen: &mut Screen) -> Result<Code, Stop> {
    let both = [Database::Postgres, Database::MySql];
    let places = wanted.servers.of(&both)?;
    let style = screen.style;
    for check in machine::checks() {
        screen.say(&line(check.name, &check.found, check.cost, style))?;
    }
    let mut teller = Teller::new();
    let (mut judged, mut missed) = (Vec::new(), false);
    // Where nothing was named, real servers are looked for as well: they confirm what the embedded ones show.
    let looked_at = places.into_iter().flat_map(|(database, place)| {
        let real = (place == ServerChoice::Embedded).then_some(ServerChoice::Local);
        std::iter::once(place).chain(real).map(move |place| (database, place))
    });
    for (database, place) in looked_at {
        teller.begins(&format!("trying {}, {}", pools::protocol(database), origin(&place)));
        let mut bench = bench()?;
        bench.take(wanted.servers.transport());
        let tried = try_server(bench, database, &place);
        teller.clear();
        match tried {
            Err(Trouble::Interrupted) => return Err(Trouble::Interrupted.into()),
            Ok(product) => {
                if !judged.contains(&database.name()) {
                    judged.push(database.name());
                }
                let told = match wanted.servers.transport().shows_writers() {
                    true => "writers are told apart",
                    false => "writers are not told apart over this transport",
                };
                let found = format!("{product}, {}: {told}, the canary was caught", origin(&place));
                screen.say(&line(pools::protocol(database), &Ok(found), "", style))?;
            }
            Err(trouble) => {
                missed |= matches!(place, ServerChoice::Url(..));
                let cost = match place {
                    ServerChoice::Local if judged.contains(&database.name()) => {
                        "no real server confirms what the embedded one shows"
                    }
                    _ => "pools for this database cannot be judged",
                };
                screen.say(&line(pools::protocol(database), &Err(trouble.to_string()), cost, style))?;
            }
        }
    }
    let (verdict, code) = match judged.as_slice() {
        [] => ("\nNothing can be judged here.\n".to_owned(), Code::Environment),
        judged => {
            let words = format!("\nPools can be judged here on: {}.\n", judged.join(", "));
            // Whoever names a server asks for that one.
            (words, if missed { Code::Environment } else { Code::Passed })
        }
    };
    screen.say(&verdict)?;
    Ok(code)
}

/// Starts or asks the server and runs the canary on it.
fn try_server(mut bench: Bench, database: Database, place: &ServerChoice) -> Result<String, Trouble> {
    bench.add_server(place, database)?;
    let product = bench.product(database).unwrap_or("a server that does not say what it is").to_owned();
    bench.finish()?;
    Ok(product)
}

fn origin(place: &ServerChoice) -> &'static str {
    match place {
        ServerChoice::Embedded => "inside poolproof",
        ServerChoice::Local => "from installed programs",
        ServerChoice::Container => "in a container",
        ServerChoice::PgBouncer(_) => "from installed programs, behind PgBouncer",
        ServerChoice::Url(..) => "by its URL",
    }
}

/// What was found, and if it is missing what that costs.
fn line(name: &str, found: &Result<String, String>, cost: &str, style: Style) -> String {
    let room = style.width.saturating_sub(STATE + NAME).max(30);
    let (state, words) = match found {
        Ok(words) => (style.good("ok"), words),
        Err(words) => (style.alarm("missing"), words),
    };
    let blanks = STATE - if found.is_ok() { "ok".len() } else { "missing".len() };
    let so = wrapped(&format!("so: {cost}"), room);
    let lines = wrapped(&words.replace('\n', " "), room).into_iter().chain(so.into_iter().filter(|_| found.is_err()));
    let mut text = String::new();
    for (nth, line) in lines.enumerate() {
        match nth {
            0 => text.push_str(&format!("{state}{}{name:<NAME$}{line}\n", " ".repeat(blanks))),
            _ => text.push_str(&format!("{}{line}\n", " ".repeat(STATE + NAME))),
        }
    }
    text
}
