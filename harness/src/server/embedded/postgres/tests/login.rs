use super::{Server, hello, message, read};

const ME: &[(&str, &str)] = &[("user", "me"), ("database", "home")];

#[test]
fn a_client_is_told_what_postgresql_15_tells_it() {
    let mut server = Server::new();
    let number = server.0.connect();
    let said = server.log_in(number, &[ME, &[("application_name", "a"), ("options", "-c poolproof.mark=m")]].concat(), "secret");
    let names: Vec<_> = said.iter().map(|said| said.split('=').next().unwrap()).collect();
    let expected = "R 12,R 0,S application_name,S client_encoding,S DateStyle,S default_transaction_read_only,S in_hot_standby,\
                    S integer_datetimes,S IntervalStyle,S is_superuser,S server_encoding,S server_version,S session_authorization,\
                    S standard_conforming_strings,S TimeZone,K,Z I";
    assert_eq!(names.join(","), expected);
    assert!(said.contains(&"S server_version=15.0 (poolproof)".to_owned()));
    assert!(said.contains(&"S application_name=a".to_owned()));
    assert_eq!(server.value(number, "SHOW poolproof.mark"), "m");
}

#[test]
fn who_may_not_come_in_is_told_as_postgresql_tells_it() {
    for (parameters, password, expected) in [
        (ME, "wrong", "E FATAL 28P01 password authentication failed for user \"me\""),
        (&[("user", "you"), ("database", "home")], "secret", "E FATAL 28P01 password authentication failed for user \"you\""),
        (&[("user", "me"), ("database", "away")], "secret", "E FATAL 3D000 database \"away\" does not exist"),
        (&[("user", "me")], "secret", "E FATAL 3D000 database \"me\" does not exist"),
        (&[("database", "home")], "secret", "E FATAL 28000 no PostgreSQL user name specified in startup packet"),
        (&[ME[0], ME[1], ("nonsense", "1")], "secret", "E FATAL 42704 unrecognized configuration parameter \"nonsense\""),
    ] {
        let mut server = Server::new();
        let number = server.0.connect();
        let said = server.log_in(number, parameters, password);
        assert_eq!(said[said.len() - 2..], [expected, "over"], "{said:?}");
    }
}

#[test]
fn encryption_is_refused_and_a_newer_protocol_negotiated() {
    let mut server = Server::new();
    let number = server.0.connect();
    for code in [80_877_104u32, 80_877_103] {
        server.0.received(number, &[&8u32.to_be_bytes()[..], &code.to_be_bytes()].concat());
        assert_eq!(server.0.output(number).map(std::mem::take).unwrap(), b"N");
    }
    let said = server.send(number, &hello((3 << 16) + 2, &[("user", "me"), ("_pq_.x", "1")]));
    assert_eq!((said[0].starts_with('v'), said[1].as_str()), (true, "R 10"));
    let number = server.0.connect();
    let said = server.send(number, &hello(4 << 16, ME));
    assert_eq!(said, ["E FATAL 0A000 unsupported frontend protocol 4.0: server supports 3.0 to 3.0", "over"]);
}

#[test]
fn what_is_no_beginning_ends_the_session() {
    let long = [0, 0, 0x4e, 0x20];
    for bytes in [&b"GET / HTTP/1.0\r\n"[..], &[0, 0, 0, 7], &long, &[0xff; 8]] {
        let mut server = Server::new();
        let number = server.0.connect();
        assert_eq!(server.send(number, bytes), ["over"], "{bytes:?}");
    }
    let mut server = Server::new();
    let number = server.0.connect();
    server.send(number, &hello(3 << 16, ME));
    let said = server.send(number, &message(b'Q', b"SELECT 1\0"));
    assert_eq!(said, ["E FATAL 08P01 expected SASL response, got message type 81", "over"]);
}

#[test]
fn bytes_may_be_cut_anywhere() {
    let mut server = Server::new();
    let number = server.0.connect();
    let mut output = Vec::new();
    for byte in hello(3 << 16, ME) {
        server.0.received(number, &[byte]);
        output.append(server.0.output(number).unwrap());
    }
    assert_eq!(read(&output), ["R 10"]);
    let number = server.client();
    for byte in message(b'Q', b"SELECT 1; SELECT 2\0") {
        assert!(server.said(number).is_empty());
        server.0.received(number, &[byte]);
    }
    assert_eq!(server.said(number).len(), 7);
}
