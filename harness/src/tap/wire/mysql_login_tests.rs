//! MySQL's handshake and authentication.

use mysql_common::constants::{CapabilityFlags as Can, Command, MariadbCapabilities as Maria};

use super::cutting_tests::Turn::{Client, Server};
use super::mysql_tests::{
    IDLE, able, after_login, command, common, err, full_authentication, greeting, last, names, ok, owed, owed_after_login,
    packet, packets, query, response, states,
};
use super::{Wire, WireState};
use crate::pool::Database;

#[test]
fn the_server_owes_its_greeting_and_then_whatever_it_was_asked() {
    assert!(Wire::new(Database::MySql).state().owed);
    // Greeting; response, switch; answer, request for the full exchange; answer, key; password, OK.
    assert_eq!(owed(&full_authentication()), [false, true, false, true, false, true, false, true, false]);
    let names = names(&full_authentication());
    assert_eq!(names, ["HandshakeResponse", "AuthSwitchResponse", "AuthSwitchResponse", "AuthSwitchResponse"]);
    let ready: Vec<_> = states(&full_authentication()).iter().map(|state| state.ready).collect();
    assert_eq!(ready, [false, false, false, false, false, false, false, false, true]);
    // The fast way: the server goes on by itself.
    let fast = [&full_authentication()[..2], &[Server(packet(2, &[1, 3])), Server(packet(3, &ok(IDLE)))]].concat();
    assert_eq!(owed(&fast), [false, true, true, false]);
}

#[test]
fn a_refusal_pays_what_the_server_owes() {
    assert_eq!(last(&[Server(packet(0, b"\xff\x10\x04Too many connections"))]), WireState::default());
    let refused = [&full_authentication()[..2], &[Server(packet(2, &err(1045)))]].concat();
    assert_eq!(last(&refused), WireState { told: last(&refused).told, ..WireState::default() });
}

#[test]
fn a_change_of_user_is_an_authentication() {
    let change = command(Command::COM_CHANGE_USER, "app\0\0\0");
    let switch = || Server(packets([b"\xfemysql_native_password\x0012345678901234567890\0"]));
    let turns = after_login([Client(change.clone()), switch(), Client(packets([b"scrambled"])), Server(packets([&ok(IDLE)]))]);
    assert_eq!(owed_after_login(&turns), [true, false, true, false]);
    // What another process has already written is taken for the password.
    let turns = after_login([Client(change), Client(query("x")), switch(), Server(packets([&err(1045)]))]);
    assert_eq!(owed_after_login(&turns), [true, true, true, false]);
}

#[test]
fn a_handshake_that_is_not_understood_ends_the_reading() {
    let greeting = || Server(greeting(common(), Maria::empty()));
    // The first byte behind the header is the version of the protocol.
    let Server(mut ninth) = greeting() else { unreachable!() };
    ninth[4] = 9;
    let old = response(Can::CLIENT_TRANSACTIONS, Maria::empty());
    for turns in [
        vec![Server(ninth)],
        vec![Server(packet(0, b"\x0a5.0\x00123"))],
        vec![greeting(), Client(packet(1, b"short"))],
        vec![greeting(), Client(old)],
        vec![Client(response(common(), Maria::empty())), greeting()],
    ] {
        assert!(last(&turns).desynchronised && !last(&turns).ready);
    }
}

#[test]
fn encryption_begins_with_the_request_and_compression_after_the_login() {
    let can = common() | Can::CLIENT_SSL;
    let request = packet(1, &response(can, Maria::empty())[4..36]);
    let turns = [
        Server(greeting(can, Maria::empty())),
        Client([request, response(can, Maria::empty())].concat()),
        Server(packets([&ok(IDLE)])),
    ];
    assert_eq!(names(&turns), ["SSLRequest"]);
    assert!(last(&turns).encrypted && !last(&turns).desynchronised && !last(&turns).ready);
    for can in [Can::CLIENT_COMPRESS, Can::CLIENT_ZSTD_COMPRESSION_ALGORITHM] {
        let turns = able(can, Maria::empty(), [Client(query("x"))]);
        assert_eq!(names(&turns), ["HandshakeResponse"]);
        assert!(last(&turns).desynchronised && last(&turns).ready);
        // Offered by the server alone it is not used.
        let both = able(Can::empty(), Maria::empty(), [Client(query("x"))]);
        let offered = [&[Server(greeting(common() | can, Maria::empty()))], &both[1..]].concat();
        assert_eq!(names(&offered), ["HandshakeResponse", "COM_QUERY"]);
    }
}
