//! What is declared of the shaders against their texts, without any device.
#![cfg(feature = "gpu")]

use deconv::device::{Access, Shader};
use deconv::kernel::twin::SHADERS;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable, Module, ShaderStage, StorageAccess, TypeInner};
use std::collections::BTreeSet;
use std::path::Path;

/// Looks whether a text is that of a shader with so many bytes of parameters and these buffers.
fn check(source: &str, parameters: usize, buffers: &[Access]) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let valid = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
    valid.map_err(|error| error.emit_to_string(source))?;
    match &module.entry_points[..] {
        [entry] if entry.name != "main" || entry.stage != ShaderStage::Compute => {
            return Err(format!("the entry point is {}", entry.name));
        }
        [entry] if entry.workgroup_size != [Shader::INVOCATIONS, 1, 1] => {
            return Err(format!("workgroups are {:?}", entry.workgroup_size));
        }
        [_] => {}
        others => return Err(format!("there are {} entry points", others.len())),
    }
    check_bindings(&module, parameters, buffers)?;
    let of_workgroups = module.global_variables.iter().map(|(_, variable)| variable);
    let of_workgroups = of_workgroups.filter(|variable| variable.space == AddressSpace::WorkGroup);
    let shared: u32 = of_workgroups.map(|variable| size(&module, variable)).sum();
    if shared > Shader::WORKGROUP_BYTES {
        return Err(format!("workgroups share {shared} bytes"));
    }
    Ok(())
}

fn check_bindings(module: &Module, parameters: usize, buffers: &[Access]) -> Result<(), String> {
    let variables = module.global_variables.iter().map(|(_, variable)| variable);
    let mut bound: Vec<_> = variables.filter_map(|variable| Some((variable.binding?, variable))).collect();
    bound.sort_by_key(|(binding, _)| *binding);
    let expected = std::iter::once(&Access::Read).chain(buffers);
    if bound.len() != 1 + buffers.len() {
        return Err(format!("{} bindings for {} buffers and the parameters", bound.len(), buffers.len()));
    }
    for ((number, (binding, variable)), access) in (0..).zip(&bound).zip(expected) {
        if (binding.group, binding.binding) != (0, number) {
            return Err(format!("binding {number} of group 0 is missing"));
        }
        let access = match access {
            Access::Read => StorageAccess::LOAD,
            Access::Write => StorageAccess::LOAD | StorageAccess::STORE,
        };
        if variable.space != (AddressSpace::Storage { access }) {
            return Err(format!("binding {number} is {:?}, not {access:?}", variable.space));
        }
    }
    let first = bound[0].1;
    if !matches!(module.types[first.ty].inner, TypeInner::Struct { .. }) {
        return Err("the parameters are no struct".into());
    }
    match size(module, first) as usize {
        bytes if bytes != parameters => Err(format!("the parameters have {bytes} bytes, not {parameters}")),
        _ => Ok(()),
    }
}

/// Bytes of a variable.
fn size(module: &Module, variable: &GlobalVariable) -> u32 {
    module.types[variable.ty].inner.size(module.to_ctx())
}

#[test]
fn gpu_shaders_are_what_is_declared_of_them() {
    for shader in SHADERS {
        check(shader.source, shader.parameters, shader.buffers).unwrap_or_else(|why| panic!("{}: {why}", shader.name));
    }
}

/// The texts of a folder's shaders, by their names.
fn texts(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = folder.read_dir().expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"));
    let stem = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    paths.map(|path| (stem(&path), std::fs::read_to_string(&path).expect("a text"))).collect()
}

#[test]
fn gpu_every_text_is_declared_once_and_every_part_is_used() {
    let names: BTreeSet<String> = SHADERS.iter().map(|shader| shader.name.to_string()).collect();
    assert_eq!(names.len(), SHADERS.len(), "two shaders have one name");
    let texts_of_shaders = texts("shaders");
    assert_eq!(texts_of_shaders.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), names);
    for (name, text) in texts_of_shaders {
        let shader = SHADERS.iter().find(|shader| shader.name == name).expect("it is declared");
        assert!(shader.source.ends_with(&text), "{name} has the text of another file");
    }
    for (part, text) in texts("shaders/parts") {
        assert!(SHADERS.iter().any(|shader| shader.source.contains(&text)), "no shader has the part {part}");
    }
}

/// A shader of two parameters and two buffers.
const RIGHT: &str = "
struct Parameters { count: u32, factor: f32 }
@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
var<workgroup> shared_numbers: array<f32, 8192>;
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) i: u32) {
    shared_numbers[i] = parameters.factor * b[i];
    workgroupBarrier();
    a[i] = shared_numbers[255u - i];
}
";

#[test]
fn gpu_wrong_declarations_are_found_out() {
    let buffers = [Access::Write, Access::Read];
    check(RIGHT, 8, &buffers).expect("the shader is right");
    assert!(check(RIGHT, 12, &buffers).is_err());
    for wrong in [&[Access::Write][..], &[Access::Read, Access::Read], &[Access::Write; 2], &[Access::Write; 3]] {
        assert!(check(RIGHT, 8, wrong).is_err(), "{wrong:?}");
    }
    let changes = [
        ("fn main", "fn first"),
        ("size(256)", "size(128)"),
        ("size(256)", "size(128, 2)"),
        ("var<storage, read> parameters", "var<uniform> parameters"),
        ("parameters: Parameters", "parameters: array<f32, 2>"),
        ("var<storage, read_write>", "var<storage, read>"),
        ("var<storage, read> b", "var<storage, read_write> b"),
        ("group(0) @binding(2)", "group(1) @binding(2)"),
        ("group(0) @binding(2)", "group(0) @binding(3)"),
        ("count: u32,", "count: u32, more: u32,"),
        ("array<f32, 8192>", "array<f32, 8193>"),
        ("* b[i]", "* b"),
        ("* b[i]", "* i"),
        ("b[i];", "b[i]"),
    ];
    for (right, wrong) in changes {
        let changed = RIGHT.replacen(right, wrong, 1);
        assert_ne!(changed, RIGHT);
        assert!(check(&changed, 8, &buffers).is_err(), "{wrong}");
    }
    let second = format!("{RIGHT}\n@compute @workgroup_size(256) fn other() {{}}");
    assert!(check(&second, 8, &buffers).is_err());
}
