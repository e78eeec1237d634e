//! The FITS checksum: a ones'-complement sum of 32-bit words, and its spelling in a header.
//!
//! The sum does not depend on the order of the words, so tasks sum what they write and the sums are added at the end.

/// Folds a sum of 32-bit words into 32 bits, adding carries back in.
fn fold(mut sum: u64) -> u32 {
    while sum >> 32 != 0 {
        sum = (sum & 0xffff_ffff) + (sum >> 32);
    }
    sum as u32
}

/// The ones'-complement sum of two sums.
pub fn add(a: u32, b: u32) -> u32 {
    fold(u64::from(a) + u64::from(b))
}

/// The ones'-complement sum of big-endian 32-bit words; a piece at the end that is shorter counts as filled with zeros.
pub fn of_bytes(bytes: &[u8]) -> u32 {
    // 2^32 words fit a u64 without overflow; nobody hands over more than that at once.
    let words = bytes.chunks_exact(4);
    let mut last = [0; 4];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    let whole: u64 = words.map(|w| u64::from(u32::from_be_bytes([w[0], w[1], w[2], w[3]]))).sum();
    fold(whole + u64::from(u32::from_be_bytes(last)))
}

/// The 16 letters and digits of a CHECKSUM card that make the sum of its header and data all ones.
///
/// `sum` is the sum of both while the card reads `'0000000000000000'`. The algorithm is that of the FITS standard,
/// appendix J.
pub fn spell(sum: u32) -> String {
    let mut letters = [0u8; 16];
    for (i, byte) in (!sum).to_be_bytes().into_iter().enumerate() {
        for (j, letter) in spell_byte(byte).into_iter().enumerate() {
            letters[4 * j + i] = letter;
        }
    }
    // The value starts in column 12, one byte short of a whole word: hence the rotation.
    letters.rotate_right(1);
    letters.into_iter().map(char::from).collect()
}

/// Four letters or digits whose excess over `0` adds up to the byte.
fn spell_byte(byte: u8) -> [u8; 4] {
    let mut letters = [b'0' + byte / 4; 4];
    letters[0] += byte % 4;
    // Punctuation is avoided by moving one from a letter to its neighbour, which keeps the sum.
    while letters.iter().any(|letter| !letter.is_ascii_alphanumeric()) {
        for pair in letters.chunks_exact_mut(2) {
            if pair.iter().any(|letter| !letter.is_ascii_alphanumeric()) {
                pair[0] += 1;
                pair[1] -= 1;
            }
        }
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_wraps_around() {
        assert_eq!(add(0xffff_ffff, 1), 1);
        assert_eq!(of_bytes(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]), 1);
        assert_eq!(of_bytes(&[1, 2, 3, 4, 5]), 0x0602_0304);
    }

    #[test]
    fn every_byte_can_be_spelled() {
        for byte in 0..=255u8 {
            let letters = spell_byte(byte);
            assert!(letters.iter().all(u8::is_ascii_alphanumeric), "{byte}: {letters:?}");
            assert_eq!(letters.iter().map(|&l| u32::from(l - b'0')).sum::<u32>(), u32::from(byte));
        }
    }

    #[test]
    fn the_standard_s_example() {
        // FITS standard, appendix J.5.
        assert_eq!(spell(868_229_149), "hcHjjc9ghcEghc9g");
    }
}
