//! Messages without what differs from one to the next: quotes, case, numbers, addresses.

/// The numbers that are names of errors: MySQL's.
const NAMES: [&str; 7] = ["1040", "1203", "1243", "2006", "2013", "2014", "2055"];

/// Words in small letters with one blank between them. A word with a digit in it is `#`, unless it is the name of an error.
pub(super) fn plain(text: &str) -> String {
    let text = text.to_lowercase().replace(['\'', '’', '‘', '`'], "");
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut plain: Vec<&str> = words.map(|word| if is_number(word) { "#" } else { word }).collect();
    plain.dedup_by(|one, two| one == two && *one == "#");
    plain.join(" ")
}

fn is_number(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit()) && !NAMES.contains(&word)
}

/// How much of a text a sign explains: the letters of its parts, if all of them stand there as whole words and in order.
pub(super) fn weight(sign: &str, text: &str) -> Option<usize> {
    let text = format!(" {text} ");
    let (mut rest, mut weight) = (text.as_str(), 0);
    for part in sign.split('*').map(plain).filter(|part| !part.is_empty()) {
        let at = rest.find(&format!(" {part} "))?;
        // The blank behind it may stand before the next one too.
        rest = &rest[at + 1 + part.len()..];
        weight += part.len();
    }
    (weight > 0).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_one_message_to_the_next_is_gone() {
        assert_eq!(plain("(2014, \"Commands out of sync; you can't run\")"), "2014 commands out of sync you cant run");
        assert_eq!(plain("pid 4711 at 0x7fff_a0b1: 'x1' \u{2018}y\u{2019}"), "pid # at # y");
        assert_eq!(plain("max_client_conn"), "max client conn");
    }

    #[test]
    fn a_sign_is_whole_words_in_their_order() {
        let text = plain("prepared statement \"s1\" already exists");
        assert_eq!(weight("prepared statement * already exists", &text), Some("prepared statementalready exists".len()));
        assert_eq!(weight("already exists * prepared statement", &text), None);
        assert_eq!(weight("pared statement", &text), None, "a part of a word");
        assert_eq!(weight("prepared * statement", &text), Some("preparedstatement".len()), "nothing in between");
        assert_eq!(weight("", &text), None);
    }
}
