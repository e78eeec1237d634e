//! The 2-D real Fourier transform of a plane that is stored in strips.
//!
//! Forward: [`RowForward`] transforms the rows of one strip of the image and hands out one block per column strip,
//! already transposed; [`ColumnForward`] gathers the blocks of its column strip and transforms the columns. Inverse:
//! [`ColumnInverse`] and [`RowInverse`] go the same way back.
//!
//! ```text
//! pixels           RowForward    blocks              ColumnForward   spectrum
//! rows × cols     ───────────►   columns × rows     ──────────────►  columns × Ly
//! (row strips)    ◄───────────   rows × columns     ◄──────────────  (column strips)
//!                  RowInverse                        ColumnInverse
//! ```
//!
//! Conventions:
//!
//! * A plane of `Ly` × `Lx` samples holds the image at a place of one's choice (`first`), wrapped around its edges,
//!   and zeros elsewhere. A convolution in it is linear as long as what the PSF reaches out of the image stays zero.
//! * Forward transforms have the kernel e<sup>−2πi(ux/Lx + vy/Ly)</sup> and no factor; the inverse has the factor
//!   that `RowInverse::scale` says: 1/(Lx·Ly) gives the image back.
//! * Of the `Lx` horizontal frequencies, `Lx/2 + 1` (rounded down) are stored: the others are their conjugates.
//! * Spectra stay transposed: a line is one column (one horizontal frequency), its numbers are the `Ly` vertical
//!   frequencies in the order 0, 1 … −1.
//! * The result has the same bits however the plane is cut into strips: every line is transformed alone.

mod columns;
pub(super) mod plan;
mod rows;
mod transpose;

pub use columns::{ColumnForward, ColumnInverse};
pub use rows::{RowForward, RowInverse};

use std::ops::Range;

/// Number of horizontal frequencies that are stored for rows of `length` samples.
pub fn half_length(length: usize) -> usize {
    length / 2 + 1
}

/// The smallest even length of at least `minimum` samples that is fast to transform.
///
/// Products of 2, 3, 5 and 7 with at most two fives and two sevens; multiples of 8 and, from 256 on, of 16, because
/// rustfft's vector code works on several columns at a time and real rows are transformed at half their length. What
/// this leaves out (1500, 1764, 2000, 2058 …) takes as long as the next length that it does not, or longer.
pub fn fast_length(minimum: usize) -> usize {
    let step = match minimum {
        0..=48 => 2,
        49..=256 => 8,
        _ => 16,
    };
    let mut length = minimum.max(2).next_multiple_of(step);
    while !is_fast(length) {
        length += step;
    }
    length
}

fn is_fast(length: usize) -> bool {
    let mut rest = length;
    for (prime, most) in [(2, u32::MAX), (3, u32::MAX), (5, 2), (7, 2)] {
        let mut times = 0;
        while rest.is_multiple_of(prime) && times < most {
            rest /= prime;
            times += 1;
        }
    }
    rest == 1
}

/// Rows of each strip when an array of `rows` rows of `bytes_per_row` bytes is cut for the transform, in strips of at most
/// `most` bytes if they can be cut so fine; the last strip may have fewer.
///
/// A sixteenth of the array, but no less than 2 MiB, a large page; of large arrays 4 MiB or a sixty-fourth, whichever is more: few
/// enough that the pieces that change hands are long, many enough that every thread has work. A multiple of 16, so that
/// blocks are cut at whole cache lines. For column strips, `rows` is the number of columns and `bytes_per_row` the
/// bytes of one column.
pub fn strip_rows(rows: usize, bytes_per_row: usize, most: usize) -> usize {
    const LEAST: usize = 2 << 20;
    const MOST: usize = 4 << 20;
    let all = rows * bytes_per_row;
    strip_rows_of((all / 16).clamp(LEAST, MOST.max(all / 64)), (rows, bytes_per_row), most)
}

/// [`strip_rows`] of strips of about so many `bytes` instead.
pub fn strip_rows_of(bytes: usize, (rows, bytes_per_row): (usize, usize), most: usize) -> usize {
    let bytes = bytes.min(most);
    // Whole groups of rows below `most`, whole groups above what is wanted.
    let count = bytes / bytes_per_row.max(1);
    let count = if count < most / bytes_per_row.max(1) { count.next_multiple_of(16) } else { count / 16 * 16 };
    count.max(16).min(rows.max(1))
}

/// Where `count` numbers go when they are laid into a line of `length` from position `first` on, around its end: two
/// pieces, each with its place among the numbers and its place in the line. The second is empty unless they wrap.
fn wrapped(first: usize, count: usize, length: usize) -> [(Range<usize>, Range<usize>); 2] {
    assert!(count <= length, "{count} numbers do not fit a line of {length}");
    let first = first % length;
    let before = count.min(length - first);
    [(0..before, first..first + before), (before..count, 0..count - before)]
}

/// Fills with `value` what [`wrapped`] leaves of a line.
fn fill_rest<T: Copy>(line: &mut [T], first: usize, count: usize, value: T) {
    let length = line.len();
    for (_, place) in wrapped(first + count, length - count, length) {
        line[place].fill(value);
    }
}

/// Lines that are transformed together before they are transposed, so that whole cache lines are written, several in
/// a row: as many as stay in half of the second-level cache, from 8 (one cache line of complex numbers) to 32.
fn group_lines(bytes_per_line: usize) -> usize {
    const CACHE: usize = 512 << 10;
    [32, 16].into_iter().find(|lines| lines * bytes_per_line <= CACHE).unwrap_or(8)
}

/// The sizes of the strips when `total` is cut into strips of `each`.
fn strips(total: usize, each: usize) -> impl Iterator<Item = usize> {
    let each = each.max(1);
    (0..total).step_by(each).map(move |start| each.min(total - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_lengths_are_even_close_and_smooth() {
        for (minimum, length) in [(0, 2), (1, 2), (7, 8), (383, 384), (384, 384), (511, 512), (1535, 1536)] {
            assert_eq!(fast_length(minimum), length);
        }
        for length in [1024, 2048, 3072, 4096, 6144, 8192, 12288, 16384] {
            assert_eq!(fast_length(length), length);
        }
        for minimum in 0..20_000 {
            let length = fast_length(minimum);
            assert!(length >= minimum && length.is_multiple_of(2) && is_fast(length));
            assert!(minimum < 2 || length <= minimum + minimum / 6 + 2, "{minimum} {length}");
            assert_eq!(fast_length(length), length);
        }
    }

    #[test]
    fn strips_cover_the_array() {
        let strip_rows_of_any_size = |rows, bytes| strip_rows(rows, bytes, usize::MAX);
        assert_eq!(strip_rows_of_any_size(1024, 4096), 512);
        assert_eq!(strip_rows_of_any_size(8192, 32768), 128);
        assert_eq!(strip_rows_of_any_size(32768, 4 * 32768), 512);
        assert_eq!(strip_rows_of_any_size(5, 100), 5);
        assert_eq!(strip_rows_of_any_size(0, 0), 1);
        assert_eq!(strip_rows(32768, 4 * 32768, 10 << 20), 80);
        assert_eq!(strip_rows(32768, 4 * 32768, 1), 16);
        assert_eq!(strip_rows_of(33 << 15, (8192, 32768), usize::MAX), 48);
        assert_eq!(strip_rows_of(1 << 20, (8192, 32768), 1 << 20), 32);
        assert_eq!(strip_rows_of(usize::MAX, (8192, 32768), usize::MAX), 8192);
        assert_eq!(strip_rows_of(1, (100, 8), usize::MAX), 16);
        assert_eq!(strips(10, 4).collect::<Vec<_>>(), [4, 4, 2]);
    }

    #[test]
    fn wrapped_pieces_cover_the_line_once() {
        for (first, count, length) in [(0, 5, 5), (3, 4, 5), (2, 0, 5), (9, 3, 4), (4, 1, 5)] {
            let mut line = vec![None; length];
            for (from, to) in wrapped(first, count, length) {
                for (i, at) in from.zip(to) {
                    assert_eq!((at, line[at]), ((first + i) % length, None));
                    line[at] = Some(i);
                }
            }
            assert_eq!(line.iter().flatten().count(), count);
            fill_rest(&mut line, first, count, Some(99));
            assert!(
                line.iter().all(Option::is_some) && line.iter().filter(|&&n| n == Some(99)).count() == length - count
            );
        }
    }
}
