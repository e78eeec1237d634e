//! Linear equations with all of their numbers, in f64.

use ndarray::Array2;

/// X of A X = B, by Gauss's elimination with a pivot from each column.
pub fn solve(mut a: Array2<f64>, mut b: Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    for k in 0..n {
        let largest = (k..n).max_by(|&i, &j| a[(i, k)].abs().total_cmp(&a[(j, k)].abs())).unwrap_or(k);
        for matrix in [&mut a, &mut b] {
            (0..matrix.ncols()).for_each(|j| matrix.swap((k, j), (largest, j)));
        }
        for i in (0..n).filter(|&i| i != k) {
            let part = a[(i, k)] / a[(k, k)];
            for matrix in [&mut a, &mut b] {
                (0..matrix.ncols()).for_each(|j| matrix[(i, j)] -= part * matrix[(k, j)]);
            }
        }
    }
    for ((i, _), number) in b.indexed_iter_mut() {
        *number /= a[(i, i)];
    }
    b
}

/// The matrix that convolves a plane of this shape, whose pixels are numbered row by row, with a kernel given on a torus that is
/// no smaller.
pub fn convolution(shape: (usize, usize), kernel: &Array2<f64>) -> Array2<f64> {
    let (rows, cols) = kernel.dim();
    let n = shape.0 * shape.1;
    Array2::from_shape_fn((n, n), |(p, q)| {
        let (y, x) = (p / shape.1 + rows - q / shape.1, p % shape.1 + cols - q % shape.1);
        kernel[(y % rows, x % cols)]
    })
}
