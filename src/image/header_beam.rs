//! The beam that a header tells: BMAJ, BMIN and BPA, or what AIPS wrote into HISTORY.

use super::beam::Beam;
use super::header::{Header, keyword};

/// The beam of a header, if it makes sense, and those that do not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeaderBeam {
    /// The one to take, in degrees.
    pub beam: Option<Beam>,
    /// What was passed over before it was found, or instead of it.
    pub passed_over: Vec<String>,
}

impl HeaderBeam {
    /// The keywords go before HISTORY.
    pub fn of(header: &Header) -> HeaderBeam {
        let mut passed_over = Vec::new();
        let sources = [keywords(header), history(header)];
        let beam = sources.into_iter().flatten().find_map(|(beam, text)| {
            if beam.is_none() {
                passed_over.push(text);
            }
            beam
        });
        HeaderBeam { beam, passed_over }
    }
}

/// A beam that a header claims, and its claim as text.
type Claim = (Option<Beam>, String);

fn keywords(header: &Header) -> Option<Claim> {
    let stated = ["BMAJ", "BMIN", "BPA"].map(|name| header.plain(name).map(|value| format!("{name}={value}")));
    if stated[..2].iter().all(Option::is_none) {
        return None;
    }
    let angle = if stated[2].is_some() { header.number("BPA") } else { Some(0.0) };
    let numbers = header.number("BMAJ").zip(header.number("BMIN")).zip(angle);
    let beam = numbers.and_then(|((major, minor), pa)| Beam::sensible(major, minor, pa));
    Some((beam, format!("header beam {}", stated.into_iter().flatten().collect::<Vec<_>>().join(" "))))
}

/// The last of AIPS's lines `AIPS   CLEAN BMAJ=  1.6E-03 BMIN=  1.2E-03 BPA=  20.0`.
fn history(header: &Header) -> Option<Claim> {
    let is_it = |card: &&String| {
        let words: Vec<&str> = card.split_whitespace().take(3).collect();
        keyword(card) == "HISTORY" && words == ["HISTORY", "AIPS", "CLEAN"] && card.contains("BMAJ=")
    };
    let card = header.cards().iter().rev().find(is_it)?;
    let number = |name: &str| -> Option<f64> {
        let text = card.split_once(&format!("{name}="))?.1;
        text.split_whitespace().next()?.replace(['D', 'd'], "E").parse().ok()
    };
    let numbers = number("BMAJ").zip(number("BMIN")).zip(number("BPA"));
    let beam = numbers.and_then(|((major, minor), pa)| Beam::sensible(major, minor, pa));
    let text = card[8..].split_whitespace().collect::<Vec<_>>().join(" ");
    Some((beam, format!("beam in its HISTORY \"{text}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cards: &[&str]) -> HeaderBeam {
        HeaderBeam::of(&Header::new(cards.iter().map(|card| (*card).to_string()).collect()))
    }

    const AIPS: [&str; 3] = [
        "HISTORY AIPS   CLEAN BMAJ=  9.0000E-03 BMIN=  1.2000E-03 BPA=  10.00",
        "HISTORY AIPS   CLEAN NITER=        0 PRODUCT=1   / NORMAL",
        "HISTORY AIPS   CLEAN BMAJ=  1.6000E-03 BMIN=  1.2000E-03 BPA=  20.00",
    ];

    #[test]
    fn from_keywords_and_from_aips() {
        let beam = |major, minor, pa| Some(Beam { major, minor, pa });
        assert_eq!(of(&["BMAJ    = 2.0", "BMIN    = 1.0"]).beam, beam(2.0, 1.0, 0.0));
        assert_eq!(of(&AIPS), HeaderBeam { beam: beam(1.6e-3, 1.2e-3, 20.0), passed_over: vec![] });
        let all: Vec<&str> = AIPS.into_iter().chain(["BMAJ    = 2.0", "BMIN    = 1.0", "BPA     = 5D0"]).collect();
        assert_eq!(of(&all).beam, beam(2.0, 1.0, 5.0));
        assert_eq!(of(&["OBJECT  = 'x'", AIPS[1]]), HeaderBeam::default());
    }

    #[test]
    fn nonsense_is_passed_over_and_said() {
        let both: Vec<&str> = AIPS.into_iter().chain(["BMAJ    = 0.0 / deg", "BMIN    = 0.0"]).collect();
        assert_eq!(of(&both).beam.map(|beam| beam.pa), Some(20.0));
        assert_eq!(of(&both).passed_over, ["header beam BMAJ=0.0 BMIN=0.0"]);
        for cards in [
            ["BMAJ    = 1.0", "BMIN    = 2.0", "BPA     = 0"],
            ["BMAJ    = NaN", "BMIN    = 2.0", "BPA     = 0"],
            ["BMAJ    = 3.0", "BMIN    = 2.0", "BPA     = 'north'"],
            ["BMAJ    = 3.0", "BUNIT   = 'K'", "BPA     = 0"],
        ] {
            assert_eq!((of(&cards).beam, of(&cards).passed_over.len()), (None, 1), "{cards:?}");
        }
        assert_eq!(of(&["HISTORY AIPS   CLEAN BMAJ=  *******"]).passed_over.len(), 1);
    }
}
