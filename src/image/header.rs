//! The cards of a FITS header: reading their values, making new ones.

use super::checksum;

/// Characters of a card.
pub const CARD: usize = 80;

/// Characters of text that a HISTORY or COMMENT card takes.
const TEXT: usize = 72;

/// The cards of one header, in order, without END.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    cards: Vec<String>,
}

impl Header {
    /// A header of these cards. Bytes that FITS does not allow in a header become blanks.
    pub fn new(cards: Vec<String>) -> Header {
        let printable = |c: char| if (' '..='~').contains(&c) { c } else { ' ' };
        Header { cards: cards.iter().map(|card| card.chars().take(CARD).map(printable).collect()).collect() }
    }

    /// All cards.
    pub fn cards(&self) -> &[String] {
        &self.cards
    }

    /// The value of a keyword that holds a text, without blanks around it.
    pub fn text(&self, keyword: &str) -> Option<String> {
        let value = self.value(keyword)?;
        let mut rest = value.strip_prefix('\'')?;
        let mut text = String::new();
        // A quote within the text is written twice.
        while let Some(end) = rest.find('\'') {
            text.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    rest = more;
                }
                None => break,
            }
        }
        Some(text.trim().to_string())
    }

    /// The value of a keyword that holds a number.
    pub fn number(&self, keyword: &str) -> Option<f64> {
        let value = self.value(keyword)?;
        // Some writers put numbers in quotes.
        let number = value.trim_start_matches('\'').split(['/', '\'']).next()?.trim();
        number.replace(['D', 'd'], "E").parse().ok()
    }

    /// The value of a keyword as it stands there, without its comment; for one that holds no text.
    pub fn plain(&self, keyword: &str) -> Option<&str> {
        self.value(keyword)?.split('/').next().map(str::trim)
    }

    /// Does a keyword hold true?
    pub fn is_true(&self, keyword: &str) -> bool {
        self.plain(keyword) == Some("T")
    }

    /// What follows `KEYWORD = ` on the first card of that name.
    fn value(&self, name: &str) -> Option<&str> {
        let card = self.cards.iter().find(|card| keyword(card) == name && card.get(8..9) == Some("="))?;
        Some(card[9..].trim_start())
    }
}

/// The keyword of a card: its first eight characters.
pub fn keyword(card: &str) -> &str {
    card.get(..8).unwrap_or(card).trim_end()
}

/// A card with a text.
pub fn text_card(keyword: &str, text: &str, comment: &str) -> String {
    let quoted = format!("'{:<8}'", text.replace('\'', "''"));
    finish(format!("{keyword:<8}= {quoted:<20}"), comment)
}

/// A card with an integer.
pub fn integer_card(keyword: &str, number: i64, comment: &str) -> String {
    finish(format!("{keyword:<8}= {number:>20}"), comment)
}

/// A card with a real number, which reads back to the bit.
pub fn real_card(keyword: &str, number: f64, comment: &str) -> String {
    finish(format!("{keyword:<8}= {:>20}", format!("{number:E}")), comment)
}

/// A card that says true.
pub fn true_card(keyword: &str, comment: &str) -> String {
    finish(format!("{keyword:<8}= {:>20}", "T"), comment)
}

/// The comment after a value, cut off where the card ends.
fn finish(mut card: String, comment: &str) -> String {
    if !comment.is_empty() {
        card.push_str(" / ");
        card.push_str(comment);
    }
    card.truncate(CARD);
    card
}

/// As many HISTORY or COMMENT cards as a line of text needs.
pub fn text_cards(keyword: &str, line: &str) -> Vec<String> {
    // FITS headers are ASCII; what is not becomes a question mark rather than vanish.
    let ascii: Vec<char> = line.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect();
    let card = |piece: &[char]| format!("{keyword:<8}{}", piece.iter().collect::<String>());
    if ascii.is_empty() { vec![card(&[])] } else { ascii.chunks(TEXT).map(card).collect() }
}

/// The bytes of a header: cards, blanks, DATASUM, CHECKSUM and END, filling `bytes` (a multiple of 2880) exactly.
///
/// `datasum` is the sum of the data that follow. The cards must leave room: see [`room`].
pub fn sealed(mut cards: Vec<String>, bytes: usize, datasum: u32) -> Vec<u8> {
    // The value of a card starts after `KEYWORD = '`.
    let place = cards.len() * CARD + 11;
    cards.push(text_card("CHECKSUM", ZEROS, "HDU checksum"));
    cards.push(text_card("DATASUM", &datasum.to_string(), "data unit checksum"));
    // END belongs into the last block; the cards in between stay blank.
    let end = cards.len().max((bytes - super::BLOCK) / CARD);
    cards.resize(end, String::new());
    cards.push("END".into());
    let mut header: Vec<u8> = cards.iter().flat_map(|card| format!("{card:<CARD$}").into_bytes()).collect();
    assert!(header.len() <= bytes, "a header does not fit the space kept for it");
    header.resize(bytes, b' ');
    let sum = checksum::add(checksum::of_bytes(&header), datasum);
    header[place..place + ZEROS.len()].copy_from_slice(checksum::spell(sum).as_bytes());
    header
}

/// How many cards fit a header of so many bytes beside those that [`sealed`] adds.
pub fn room(bytes: usize) -> usize {
    (bytes / CARD).saturating_sub(3)
}

/// What CHECKSUM reads while the sum is made.
const ZEROS: &str = "0000000000000000";

#[cfg(test)]
mod tests {
    use super::*;

    fn header(cards: &[&str]) -> Header {
        Header::new(cards.iter().map(|card| (*card).to_string()).collect())
    }

    #[test]
    fn values_are_read() {
        let header =
            header(&["OBJECT  = 'it''s / it '  / name", "A       =  1.5D-3 / c", "B       = '2.0'", "A       = 7"]);
        assert_eq!(header.text("OBJECT").as_deref(), Some("it's / it"));
        assert_eq!(header.number("A"), Some(1.5e-3));
        assert_eq!(header.number("B"), Some(2.0));
        assert_eq!(header.text("A"), None);
        assert_eq!(header.number("NONE"), None);
    }

    #[test]
    fn cards_read_back() {
        let number = -0.123_456_789_012_345_68;
        let cards =
            vec![real_card("BMAJ", number, "[deg]"), text_card("BUNIT", "it's", ""), integer_card("N", -3, "x")];
        assert!(cards.iter().all(|card| card.len() <= CARD));
        let header = Header::new(cards);
        assert_eq!(header.number("BMAJ"), Some(number));
        assert_eq!(header.text("BUNIT").as_deref(), Some("it's"));
        assert_eq!(header.number("N"), Some(-3.0));
    }

    #[test]
    fn long_lines_are_wrapped() {
        let cards = text_cards("HISTORY", &"é".repeat(100));
        assert_eq!(cards.len(), 2);
        assert_eq!(cards[0].len(), CARD);
        assert_eq!(text_cards("HISTORY", ""), vec!["HISTORY ".to_string()]);
    }
}
