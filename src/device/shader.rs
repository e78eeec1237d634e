//! A compute shader as it is declared: its text, and what it is bound to.

/// How a shader uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It reads it.
    Read,
    /// It reads and writes it.
    Write,
}

/// A compute shader of `shaders/`, with the entry point `main`.
///
/// Binding 0 of group 0 holds its parameters, a struct of 32-bit numbers that is read; bindings 1, 2 … are its buffers.
#[derive(Debug)]
pub struct Shader {
    /// Its name: that of its file.
    pub name: &'static str,
    /// Its text, in WGSL.
    pub source: &'static str,
    /// Bytes of its parameters.
    pub parameters: usize,
    /// Its buffers, from binding 1 on.
    pub buffers: &'static [Access],
}

impl Shader {
    /// Invocations of a workgroup of every shader.
    pub const INVOCATIONS: u32 = 256;

    /// Bytes that the invocations of a workgroup share at most, in any shader.
    pub const WORKGROUP_BYTES: u32 = 32 << 10;

    /// The most workgroups in one direction.
    pub const MOST_GROUPS: u32 = 65535;

    /// The workgroups of a shader with one invocation an item; they go on in a second direction where one does not hold them.
    pub fn groups(items: usize) -> [u32; 3] {
        let groups = items.div_ceil(Shader::INVOCATIONS as usize).max(1) as u32;
        [groups.min(Shader::MOST_GROUPS), groups.div_ceil(Shader::MOST_GROUPS), 1]
    }
}
