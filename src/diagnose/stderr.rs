//! Standard error taken for a terminal, for those who ask for a live line where there is none.

use indicatif::TermLike;
use std::io::{Result, Write, stderr};

/// Standard error, written to with the escape sequences of ECMA-48. That nobody reads it any more is no failure.
#[derive(Debug)]
pub struct Stderr;

impl Stderr {
    fn write(&self, text: &str) -> Result<()> {
        let _ = stderr().write_all(text.as_bytes());
        Ok(())
    }

    /// Moves the cursor; a count of 0 would mean 1.
    fn step(&self, count: usize, direction: char) -> Result<()> {
        if count == 0 { Ok(()) } else { self.write(&format!("\x1b[{count}{direction}")) }
    }
}

impl TermLike for Stderr {
    fn width(&self) -> u16 {
        120
    }

    fn move_cursor_up(&self, n: usize) -> Result<()> {
        self.step(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> Result<()> {
        self.step(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> Result<()> {
        self.step(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> Result<()> {
        self.step(n, 'D')
    }

    fn write_line(&self, s: &str) -> Result<()> {
        self.write(&format!("{s}\n"))
    }

    fn write_str(&self, s: &str) -> Result<()> {
        self.write(s)
    }

    fn clear_line(&self) -> Result<()> {
        self.write("\r\x1b[2K")
    }

    fn flush(&self) -> Result<()> {
        let _ = stderr().flush();
        Ok(())
    }
}
