//! Chunks as users write them.

/// The chunks that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// Of so many rows and columns.
    Given(usize, usize),
    /// Those that are fastest.
    Auto,
}

impl Chunk {
    /// Rows and columns, if they are given.
    pub fn given(self) -> Option<(usize, usize)> {
        if let Chunk::Given(rows, cols) = self { Some((rows, cols)) } else { None }
    }
}

/// `N`, `ROWSxCOLUMNS` or `auto`.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_chunk(text: &str) -> Result<Chunk, String> {
    let number = |part: &str| part.trim().parse::<usize>().map_err(|e| format!("{part}: {e}"));
    match text.split_once(['x', 'X']) {
        _ if text == "auto" => Ok(Chunk::Auto),
        Some((rows, cols)) => Ok(Chunk::Given(number(rows)?, number(cols)?)),
        None => number(text).map(|n| Chunk::Given(n, n)),
    }
}
