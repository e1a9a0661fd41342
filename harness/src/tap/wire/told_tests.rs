//! What single frames tell, however they are written.

use super::told::{Aim, Name, aim_of_kill, number_and_secret, random_of_scram};

fn aim(number: u32, ends: bool) -> Option<Aim> {
    Some(Aim { name: Name { number, secret: None }, ends })
}

#[test]
fn a_kill_is_read_however_it_is_written() {
    for text in ["KILL 5", "kill connection 5", "KILL\tHARD\n5;", "/* a */ /*b*/ KILL 5 -- c"] {
        assert_eq!(aim_of_kill(text.as_bytes()), aim(5, true), "{text}");
    }
    for text in ["KILL QUERY 5", "Kill Soft Query Id 5"] {
        assert_eq!(aim_of_kill(text.as_bytes()), aim(5, false), "{text}");
    }
    for text in ["", "KILL", "KILL QUERY", "KILL ?", "KILL x", "KILL 99999999999", "/* KILL 5", "SELECT 1 -- KILL 5", "KILLER 5"]
    {
        assert_eq!(aim_of_kill(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_name_is_a_number_and_a_secret_of_any_length() {
    let names = [&b"\0\0\0\x05"[..], b"\0\0\0\x05\0\0\0\0", b"\0\0\0\x05\0\0\0\x01"].map(|body| number_and_secret(body).unwrap());
    assert!(names.iter().all(|name| name.number == 5));
    assert!(names[0] != names[1] && names[1] != names[2]);
    assert_eq!(number_and_secret(b"\0\0\0"), None);
}

#[test]
fn only_the_first_message_of_scram_tells_what_was_drawn() {
    let drawn = |rest: &[u8]| random_of_scram(&[b"SCRAM-SHA-256\0", rest].concat());
    assert!(drawn(b"\0\0\0\x0fn,,n=,r=abc").is_some());
    // The same value, whatever stands around it.
    assert_eq!(drawn(b"\0\0\0\x0fn,,n=,r=abc"), drawn(b"\0\0\0\x1fp=tls-server-end-point,,n=me,r=abc,x"));
    assert_ne!(drawn(b"\0\0\0\x0fn,,n=,r=abc"), drawn(b"\0\0\0\x0fn,,n=,r=abd"));
    for rest in [&b""[..], b"\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x08n,,n=,r="] {
        assert_eq!(drawn(rest), None);
    }
    assert_eq!(random_of_scram(b"c=biws,r=abc,p=proof"), None);
}
