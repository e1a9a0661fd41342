//! The tap where one side has ended: what was on its way arrives all the same.

use std::net::Shutdown;

use super::sockets::Lab;
use crate::pool::Database;

#[test]
fn who_has_written_all_still_gets_a_long_answer() {
    let mut lab = Lab::new(Database::Postgres);
    let (near, far) = lab.connect();
    near.shutdown(Shutdown::Write).unwrap();
    assert!(lab.carry_end(&far));
    let answer = vec![b'a'; 3_000_000];
    assert_eq!(lab.write(&far, &answer), answer.len());
    assert!(lab.carry(&far, b"", &near) == answer);
}

#[test]
fn what_is_on_its_way_arrives_though_both_have_ended() {
    for closes_first in [true, false] {
        let mut lab = Lab::new(Database::Postgres);
        let (near, far) = lab.connect();
        let much = vec![b'a'; 3_000_000];
        assert_eq!((lab.write(&near, &much), lab.write(&far, &much)), (much.len(), much.len()));
        for side in if closes_first { [&near, &far] } else { [&far, &near] } {
            side.shutdown(Shutdown::Write).unwrap();
            lab.drain();
        }
        assert!(lab.carry(&near, b"", &far) == much && lab.carry(&far, b"", &near) == much);
        assert!(lab.carry_end(&far) && lab.carry_end(&near) && lab.is_empty());
    }
}

#[test]
fn what_is_on_its_way_to_nobody_is_not_kept() {
    let mut lab = Lab::new(Database::Postgres);
    let (near, far) = lab.connect();
    let much = vec![b'a'; 3_000_000];
    assert_eq!((lab.write(&near, &much), lab.write(&far, &much)), (much.len(), much.len()));
    drop((near, far));
    lab.until(Lab::is_empty);
}

/// Who waits for that is not stuck, however slow the server is.
#[test]
fn the_answer_to_a_cancel_request_is_the_servers_end() {
    let mut lab = Lab::new(Database::Postgres);
    let (near, far) = lab.connect();
    let cancel = [&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &[0; 8]].concat();
    assert!(lab.carry(&near, &cancel, &far) == cancel);
    assert!(lab.tap.is_busy(), "the server has yet to close");
    drop(far);
    assert!(lab.carry_end(&near) && !lab.tap.is_busy());
}
