//! Compiles the GPU kernels: with nvcc to PTX for the feature `cuda`, and with a C++ compiler for the feature
//! `emulated-gpu`.

use std::path::Path;
use std::process::Command;

const KERNELS: &str = "src/gpu/kernels.cu";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(gpu)");
    println!("cargo::rerun-if-changed=build.rs");
    let has = |feature: &str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if has("CUDA") || has("EMULATED_GPU") {
        println!("cargo::rustc-cfg=gpu");
        println!("cargo::rerun-if-changed={KERNELS}");
    }
    if has("CUDA") {
        compile_ptx();
    }
    #[cfg(feature = "emulated-gpu")]
    compile_for_host();
}

fn compile_ptx() {
    println!("cargo::rerun-if-env-changed=CUDA_COMPUTE_CAP");
    println!("cargo::rerun-if-env-changed=PATH");
    let out = std::env::var("OUT_DIR").expect("Cargo sets OUT_DIR");
    let capability = compute_capability();
    let status = Command::new("nvcc")
        .args(["--ptx", "-O3", "-std=c++17", "--Werror", "all-warnings"])
        .arg(format!("-arch=compute_{capability}"))
        .arg("-o")
        .arg(Path::new(&out).join("kernels.ptx"))
        .arg(KERNELS)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("nvcc failed to compile {KERNELS} ({status}); see its messages above"),
        Err(error) => panic!(
            "cannot run nvcc, CUDA's compiler ({error}): install CUDA 12 or 13 and add its bin folder to PATH, or build without \
             the feature `cuda`"
        ),
    }
    println!("cargo::rustc-env=GTN_CUDA_MAJOR={}", cuda_major_version());
    println!("cargo::rustc-env=GTN_CUDA_CAPABILITY={capability}");
}

/// Ten times the compute capability to compile for: `CUDA_COMPUTE_CAP`, or else that of this machine's GPU. Candle
/// compiles its kernels for the same one; from 90 on, they run on no other architecture.
fn compute_capability() -> u32 {
    let value = std::env::var("CUDA_COMPUTE_CAP").unwrap_or_else(|_| {
        let output = Command::new("nvidia-smi").args(["--query-gpu=compute_cap", "--format=csv,noheader"]).output();
        let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        output.lines().next().unwrap_or_default().replace('.', "")
    });
    let digits = value.trim().trim_start_matches("sm_").trim_end_matches(['a', 'f']);
    match digits.parse() {
        Ok(capability) if capability >= 50 => capability,
        _ => panic!(
            "cannot tell which GPU to compile for: CUDA_COMPUTE_CAP (or nvidia-smi, if it is not set) gives `{value}`; set \
             CUDA_COMPUTE_CAP to ten times the compute capability of the GPU, such as 75, 89 or 90"
        ),
    }
}

/// The major version of CUDA, which is part of the file names of its libraries.
fn cuda_major_version() -> u32 {
    let output = Command::new("nvcc").arg("--version").output().expect("nvcc has just compiled the kernels");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let release = output.split("release ").nth(1).and_then(|rest| rest.split('.').next());
    release
        .and_then(|major| major.parse().ok())
        .unwrap_or_else(|| panic!("cannot read the release of CUDA in the output of `nvcc --version`: {output}"))
}

#[cfg(feature = "emulated-gpu")]
fn compile_for_host() {
    for file in ["emulated.cpp", "emulated.h"] {
        println!("cargo::rerun-if-changed=src/gpu/{file}");
    }
    cc::Build::new()
        .cpp(true)
        .std("c++20")
        .flag("-U_FORTIFY_SOURCE")
        .opt_level(2)
        .debug(true)
        .file("src/gpu/emulated.cpp")
        .compile("gtn_emulated_gpu");
}
