//! Transposing a group of lines in tiles of one cache line a side.

use num_complex::Complex32;

/// Complex numbers in a cache line.
const TILE: usize = 8;

/// Writes `rows` × `cols` numbers transposed: `to[c * to_stride + r] = from[r * from_stride + c]`.
pub fn transpose(
    from: &[Complex32],
    from_stride: usize,
    (rows, cols): (usize, usize),
    to: &mut [Complex32],
    to_stride: usize,
) {
    for left in (0..cols).step_by(TILE) {
        for top in (0..rows).step_by(TILE) {
            let from = &from[top * from_stride + left..];
            let to = &mut to[left * to_stride + top..];
            let (tall, wide) = (TILE.min(rows - top), TILE.min(cols - left));
            if tall == TILE && wide == TILE {
                tile(from, from_stride, to, to_stride);
            } else {
                edge(from, from_stride, (tall, wide), to, to_stride);
            }
        }
    }
}

/// A full tile: all sizes are known, so that the compiler unrolls it into vector moves.
fn tile(from: &[Complex32], from_stride: usize, to: &mut [Complex32], to_stride: usize) {
    let rows: [&[Complex32; TILE]; TILE] = std::array::from_fn(|r| first_tile(&from[r * from_stride..]));
    for c in 0..TILE {
        let line: [_; TILE] = std::array::from_fn(|r| rows[r][c]);
        to[c * to_stride..][..TILE].copy_from_slice(&line);
    }
}

fn first_tile(numbers: &[Complex32]) -> &[Complex32; TILE] {
    numbers.first_chunk().expect("a full tile has eight numbers in each row")
}

/// A tile at the right or lower edge.
fn edge(from: &[Complex32], from_stride: usize, (rows, cols): (usize, usize), to: &mut [Complex32], to_stride: usize) {
    for c in 0..cols {
        for r in 0..rows {
            to[c * to_stride + r] = from[r * from_stride + c];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_changes_places_and_nothing_else_is_touched() {
        for (rows, cols) in [(8, 8), (16, 24), (1, 1), (7, 9), (17, 8), (8, 3), (0, 5), (5, 0)] {
            let (from_stride, to_stride) = (cols + 3, rows + 2);
            let number = |r: usize, c: usize| Complex32::new(r as f32, c as f32);
            let from: Vec<_> = (0..rows * from_stride).map(|i| number(i / from_stride, i % from_stride)).collect();
            let untouched = Complex32::new(-1.0, -1.0);
            let mut to = vec![untouched; cols * to_stride];
            transpose(&from, from_stride, (rows, cols), &mut to, to_stride);
            for (i, &got) in to.iter().enumerate() {
                let (c, r) = (i / to_stride, i % to_stride);
                assert_eq!(got, if r < rows { number(r, c) } else { untouched });
            }
        }
    }
}
