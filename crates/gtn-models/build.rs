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

/// The lowest capability that CUDA 13 knows.
const LOWEST: u32 = 75;

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

/// The oldest GPU that the program runs on: what `CUDA_COMPUTE_CAP` says, or else the GPU of this machine. Candle's kernels are
/// compiled by the same rule.
fn capability() -> u32 {
    let number = |text: &str| text.trim().replace('.', "").parse().ok();
    if let Ok(given) = std::env::var("CUDA_COMPUTE_CAP") {
        return number(&given).unwrap_or_else(|| panic!("CUDA_COMPUTE_CAP={given}: a number such as 90 is expected"));
    }
    let asked = Command::new("nvidia-smi").args(["--query-gpu=compute_cap", "--format=csv,noheader"]).output();
    let of_machine = asked.ok().and_then(|said| number(String::from_utf8_lossy(&said.stdout).lines().next()?));
    of_machine.unwrap_or(LOWEST)
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
        .opt_level(2)
        .debug(true)
        .file("src/gpu/emulated.cpp")
        .compile("gtn_emulated_gpu");
}
