//! Compiles the kernels: by nvcc to PTX for the feature `cuda`, by a C++ compiler for the feature `emulated-gpu`.

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
        compile_for_gpus();
    }
    #[cfg(feature = "emulated-gpu")]
    compile_for_the_host();
}

fn compile_for_gpus() {
    println!("cargo::rerun-if-env-changed=CUDA_COMPUTE_CAP");
    println!("cargo::rerun-if-env-changed=PATH");
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    let capability = capability();
    let made = Command::new("nvcc")
        .args(["--ptx", "-O3", "-std=c++17", "--Werror", "all-warnings"])
        .arg(format!("-arch=compute_{capability}"))
        .arg("-o")
        .arg(Path::new(&out).join("kernels.ptx"))
        .arg(KERNELS)
        .status();
    match made {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("nvcc did not compile {KERNELS}: {status}"),
        Err(error) => panic!(
            "nvcc, CUDA's compiler, could not be started ({error}): install CUDA 12 or 13 and put its bin folder in PATH, \
             or build without the feature `cuda`"
        ),
    }
    println!("cargo::rustc-env=GTN_CUDA_MAJOR={}", major());
    println!("cargo::rustc-env=GTN_CUDA_CAPABILITY={capability}");
}

/// The compute capability to compile for, times ten: what `CUDA_COMPUTE_CAP` says, or else that of this machine's GPU. Candle compiles
/// its kernels for the same; from 90 on, for that architecture alone.
fn capability() -> u32 {
    let given = std::env::var("CUDA_COMPUTE_CAP").unwrap_or_else(|_| {
        let asked = Command::new("nvidia-smi").args(["--query-gpu=compute_cap", "--format=csv,noheader"]).output();
        let said = asked.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default();
        said.lines().next().unwrap_or_default().replace('.', "")
    });
    let digits = given.trim().trim_start_matches("sm_").trim_end_matches(['a', 'f']);
    match digits.parse() {
        Ok(capability) if capability >= 50 => capability,
        _ => panic!(
            "which GPU is this for? Set CUDA_COMPUTE_CAP to ten times its compute capability, such as 75, 89 or 90; it is \
             `{given}`"
        ),
    }
}

/// The major version of CUDA, which its libraries carry in their names.
fn major() -> u32 {
    let said = Command::new("nvcc").arg("--version").output().expect("it ran before");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let release = said.split("release ").nth(1).and_then(|rest| rest.split('.').next());
    release.and_then(|major| major.parse().ok()).unwrap_or_else(|| panic!("nvcc --version told no release: {said}"))
}

#[cfg(feature = "emulated-gpu")]
fn compile_for_the_host() {
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
