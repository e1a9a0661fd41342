//! The functions that drivers and steps call.

use super::context::Context;
use super::error::{Problem, Stop};
use super::settings::no_such;
use super::statement::Name;
use super::types::{Datum, Type};
use crate::server::embedded::Request;
use crate::server::embedded::locks::Wish;

/// A function: its name, the types of its arguments, the type of its value.
type Signature = (&'static str, &'static [Type], Type);

/// `pg_advisory_lock(key)` and `pg_advisory_lock(key, key)`.
const ONE_KEY: &[Type] = &[Type::Int8];
const TWO_KEYS: &[Type] = &[Type::Int4, Type::Int4];

const KNOWN: &[Signature] = &[
    ("current_setting", &[Type::Text], Type::Text),
    ("current_setting", &[Type::Text, Type::Bool], Type::Text),
    ("set_config", &[Type::Text, Type::Text, Type::Bool], Type::Text),
    ("pg_backend_pid", &[], Type::Int4),
    ("version", &[], Type::Text),
    ("current_database", &[], Type::Name),
    ("current_catalog", &[], Type::Name),
    ("current_schema", &[], Type::Name),
    ("current_user", &[], Type::Name),
    ("current_role", &[], Type::Name),
    ("session_user", &[], Type::Name),
    ("user", &[], Type::Name),
    ("pg_client_encoding", &[], Type::Name),
    ("pg_is_in_recovery", &[], Type::Bool),
    ("length", &[Type::Text], Type::Int4),
    ("lower", &[Type::Text], Type::Text),
    ("upper", &[Type::Text], Type::Text),
    ("pg_cancel_backend", &[Type::Int4], Type::Bool),
    ("pg_terminate_backend", &[Type::Int4], Type::Bool),
    ("pg_advisory_lock", ONE_KEY, Type::Void),
    ("pg_advisory_lock", TWO_KEYS, Type::Void),
    ("pg_advisory_xact_lock", ONE_KEY, Type::Void),
    ("pg_advisory_xact_lock", TWO_KEYS, Type::Void),
    ("pg_try_advisory_lock", ONE_KEY, Type::Bool),
    ("pg_try_advisory_lock", TWO_KEYS, Type::Bool),
    ("pg_try_advisory_xact_lock", ONE_KEY, Type::Bool),
    ("pg_try_advisory_xact_lock", TWO_KEYS, Type::Bool),
    ("pg_advisory_unlock", ONE_KEY, Type::Bool),
    ("pg_advisory_unlock", TWO_KEYS, Type::Bool),
    ("pg_advisory_unlock_all", &[], Type::Void),
];

/// The types that a function wants of its arguments, and the type of its value.
pub(super) fn signature(function: &Name, given: &[Type]) -> Result<(Vec<Type>, Type), Stop> {
    if function.name == "coalesce" && !given.is_empty() {
        let kind = given.iter().copied().find(|kind| *kind != Type::Unknown).unwrap_or(Type::Text);
        if given.iter().all(|given| fits(*given, kind)) {
            return Ok((vec![kind; given.len()], kind));
        }
    }
    let fitting = |(name, wanted, _): &&Signature| {
        *name == function.name
            && wanted.len() == given.len()
            && given.iter().zip(*wanted).all(|(given, wanted)| fits(*given, *wanted))
    };
    if let Some((_, wanted, value)) = KNOWN.iter().find(fitting) {
        return Ok((wanted.to_vec(), *value));
    }
    let given: Vec<_> = given.iter().map(|kind| kind.name()).collect();
    let message = format!("function {}({}) does not exist", function.name, given.join(", "));
    Err(Stop::Unknown(Problem::error("42883", message).at(function.offset)))
}

/// Whether a value of one type may be given where another is wanted.
fn fits(given: Type, wanted: Type) -> bool {
    let size = |kind: Type| if kind == Type::Oid { 4 } else { kind.size() };
    given == Type::Unknown
        || given == wanted
        || (given.is_text() && wanted.is_text())
        || (given.is_integer() && wanted.is_integer() && size(given) <= size(wanted))
}

/// Calls a function. All but `coalesce` give NULL if an argument is NULL.
pub(super) fn call(name: &str, arguments: Vec<Datum>, context: &mut Context<'_>) -> Result<Datum, Stop> {
    if name == "coalesce" {
        return Ok(arguments.into_iter().find(|argument| *argument != Datum::Null).unwrap_or(Datum::Null));
    }
    if arguments.contains(&Datum::Null) {
        return Ok(Datum::Null);
    }
    let text = |index: usize| arguments.get(index).and_then(Datum::text).unwrap_or_default();
    let truth = |index: usize| arguments.get(index) == Some(&Datum::Bool(true));
    let is_user = matches!(name, "current_user" | "current_role" | "session_user" | "user");
    Ok(match name {
        "current_setting" => match context.state.settings.get(&text(0)) {
            Some(value) => Datum::Text(value.to_owned()),
            None if truth(1) => Datum::Null,
            None => return Err(no_such(&text(0)).into()),
        },
        "set_config" => Datum::Text(context.state.settings.set(&text(0), &text(1), truth(2))?),
        "pg_backend_pid" => Datum::Int(context.number.into()),
        "version" => Datum::Text(format!(
            "PostgreSQL {} in this process",
            context.state.settings.get("server_version").unwrap_or_default()
        )),
        "current_database" | "current_catalog" => Datum::Text(context.world.account.name.clone()),
        "current_schema" => Datum::Text("public".to_owned()),
        _ if is_user => Datum::Text(context.world.account.user.clone()),
        "pg_client_encoding" => Datum::Text(context.state.settings.get("client_encoding").unwrap_or_default().to_owned()),
        "pg_is_in_recovery" => Datum::Bool(false),
        "length" => Datum::Int(i64::try_from(text(0).chars().count()).unwrap_or(i64::MAX)),
        "lower" => Datum::Text(text(0).to_lowercase()),
        "upper" => Datum::Text(text(0).to_uppercase()),
        "pg_cancel_backend" | "pg_terminate_backend" => signal(name == "pg_cancel_backend", &arguments, context)?,
        // The two ways to say a key never mean the same lock.
        _ => lock(name, &arguments.iter().filter_map(Datum::text).collect::<Vec<_>>().join(","), context)?,
    })
}

/// Cancels a statement or ends a session, perhaps this one.
fn signal(cancel: bool, arguments: &[Datum], context: &mut Context<'_>) -> Result<Datum, Stop> {
    let Some(Datum::Int(wanted)) = arguments.first() else { return Ok(Datum::Null) };
    let number = u32::try_from(*wanted).unwrap_or(0);
    if number == context.number {
        context.interrupt = Some(if cancel { Problem::error("57014", CANCELLED).into() } else { Stop::End });
        return Ok(Datum::Bool(true));
    }
    let there = context.world.alive.contains(&number);
    if !there {
        context.notices.push(Problem::warning("01000", format!("PID {wanted} is not a PostgreSQL backend process")));
    } else if cancel {
        context.world.requests.push(Request::Cancel { number, secret: None });
    } else {
        context.world.requests.push(Request::End { number });
    }
    Ok(Datum::Bool(there))
}

/// What a statement says that was broken off.
pub(super) const CANCELLED: &str = "canceling statement due to user request";

/// Advisory locks. A statement that waited begins again from its start; what it did to locks before, it does not do again.
fn lock(name: &str, key: &str, context: &mut Context<'_>) -> Result<Datum, Stop> {
    let locks = &mut context.state.locks;
    let value = match locks.done_before() {
        Some(done) => done,
        None => {
            let for_transaction = name.contains("_xact_");
            let done = match name {
                "pg_advisory_unlock_all" => {
                    locks.release_session(context.number, &mut context.world.locks);
                    true
                }
                "pg_advisory_unlock" => {
                    let released = locks.release(key, context.number, &mut context.world.locks);
                    if !released {
                        context.notices.push(Problem::warning("01000", "you don't own a lock of type ExclusiveLock"));
                    }
                    released
                }
                _ => {
                    let wait = !name.starts_with("pg_try_");
                    match locks.take(key, for_transaction, wait, context.number, &mut context.world.locks) {
                        Wish::Taken => true,
                        Wish::Busy if wait => return Err(Stop::Wait),
                        Wish::Busy => false,
                        Wish::Deadlock => return Err(Problem::error("40P01", "deadlock detected").into()),
                        Wish::Full => return Err(Problem::error("53200", "out of shared memory").into()),
                    }
                }
            };
            context.state.locks.did(done);
            done
        }
    };
    let is_void = matches!(name, "pg_advisory_lock" | "pg_advisory_xact_lock" | "pg_advisory_unlock_all");
    Ok(if is_void { Datum::Void } else { Datum::Bool(value) })
}
