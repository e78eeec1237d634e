//! A device by itself: its memory, what is carried there and back, and what it says when it fails.
#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::device::{AdapterFacts, Facts, Sort};
use deconv::error::Kind;
use support::bits;
use support::gpu::{gpu, gpu_with};

#[test]
fn gpu_bytes_come_back_as_they_went() {
    let Some(gpu) = gpu() else { return };
    const PIECE: usize = 8 << 20;
    for count in [1, 3, 4, 1000, PIECE - 4, PIECE, PIECE + 4, 2 * PIECE + 13, 3 * PIECE] {
        let bytes: Vec<u8> = (0..count).map(|i| (bits(1, i / 8) >> (i % 8 * 8)) as u8).collect();
        let chunk = gpu.chunk(count).unwrap();
        gpu.upload(&bytes, &chunk).unwrap();
        let mut back = vec![0; count];
        gpu.download(&chunk, &mut back).unwrap();
        assert!(back == bytes, "{count} bytes");
    }
}

#[test]
fn gpu_memory_is_used_again_and_ends_at_its_budget() {
    const BUDGET: u64 = 4 << 20;
    let Some(gpu) = gpu_with(Some(BUDGET)) else { return };
    for _ in 0..10 {
        let chunks: Vec<_> = (0..3).map(|_| gpu.chunk(1 << 20).unwrap()).collect();
        assert_eq!(gpu.used_bytes().0, 3 << 20);
        drop(chunks);
    }
    assert_eq!(gpu.used_bytes(), (0, 3 << 20));
    // Idle buffers of another size make room.
    let whole = gpu.chunk(BUDGET as usize).unwrap();
    let error = gpu.chunk(1).unwrap_err();
    assert_eq!(error.kind, Kind::Device);
    assert!(error.message.contains("memory left") && error.remedy.is_some(), "{error}");
    drop(whole);
    assert!(gpu.chunk(1).is_ok() && gpu.used_bytes().1 == BUDGET);
}

#[test]
fn gpu_what_has_failed_says_so_from_then_on() {
    let Some(gpu) = gpu() else { return };
    let chunk = gpu.chunk(64).unwrap();
    gpu.starve();
    assert_eq!(gpu.chunk(64).unwrap_err().kind, Kind::Device);
    assert!(gpu.upload(&[1; 64], &chunk).is_ok(), "what it has it keeps");
    gpu.lose();
    for error in [
        gpu.upload(&[1; 64], &chunk).unwrap_err(),
        gpu.download(&chunk, &mut [0; 64]).unwrap_err(),
        gpu.wait(None).unwrap_err(),
        gpu.recorder().submit().unwrap_err(),
    ] {
        assert!(error.kind == Kind::Device && error.message.ends_with("was lost"), "{error}");
    }
}

#[test]
fn gpu_a_software_device_has_no_more_memory_than_the_machine() {
    let Some(gpu) = gpu() else { return };
    let AdapterFacts { sort, memory_bytes, .. } = gpu.adapter();
    let memory = memory_bytes.expect("Vulkan tells the memory of a device");
    let machine = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total = machine.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10;
    let most = if *sort == Sort::Software { total } else { 1 << 44 };
    assert!((64 << 20..=most).contains(&memory), "{memory} of {total}");
}

#[test]
fn gpu_a_share_of_the_memory_may_be_used_and_what_is_asked_for() {
    let adapter = |sort, memory_bytes| AdapterFacts {
        name: "X".into(),
        sort,
        interface: "vulkan".into(),
        driver: String::new(),
        memory_bytes,
        buffer_bytes: 1 << 31,
        binding_bytes: 1 << 27,
        workgroup_bytes: 32 << 10,
        workgroup_invocations: 1024,
        lacks: None,
    };
    let room = |sort, bytes, asked| adapter(sort, bytes).facts(asked).room;
    assert_eq!(room(Sort::Discrete, Some(10 << 30), None), 9 << 30);
    assert_eq!(room(Sort::Integrated, Some(16 << 30), None), 4 << 30);
    assert_eq!(room(Sort::Discrete, Some(10 << 30), Some(1 << 30)), 1 << 30);
    assert_eq!(room(Sort::Other, None, None), 2 << 30);
    let Facts { largest, .. } = adapter(Sort::Discrete, None).facts(None);
    assert_eq!(largest, 1 << 27, "what a shader sees of a buffer");
}
