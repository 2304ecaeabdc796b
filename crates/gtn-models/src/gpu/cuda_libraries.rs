//! Loads CUDA's libraries when a GPU is first opened, so that the program also starts on machines that have none.
//!
//! Candle's bindings declare the functions of these libraries as ordinary foreign functions. The system would therefore
//! load the libraries before `main`, and would refuse to start the program without them. This module defines each
//! function that the program calls, under its own name, as a jump through a function pointer that [`load`] fills in.
//! (The linker resolves the names here and drops the libraries. A function that is not listed would make its library
//! necessary again; `readelf -d` shows whether libcuda is NEEDED.)
#![allow(unsafe_code, reason = "functions of foreign libraries are looked up by name and called through pointers")]

use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

/// A library, and its functions that the program calls.
struct LibraryFunctions {
    library: &'static str,
    names: &'static [&'static str],
}

#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    ($name:literal) => {
        concat!("    jmp qword ptr [rip + gtn_function_pointer_", $name, "]\n")
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    ($name:literal) => {
        concat!(
            "    adrp x16, gtn_function_pointer_",
            $name,
            "\n    ldr x16, [x16, :lo12:gtn_function_pointer_",
            $name,
            "]\n    br x16\n"
        )
    };
}

/// Defines a function pointer for each function, in this order, and a jump through it under the name of the function.
/// Until [`load`] succeeds, the pointers lead to an abort.
macro_rules! functions {
    ($($library:literal: $($name:literal)+;)+) => {
        std::arch::global_asm!(
            ".pushsection .data.gtn_function_pointers, \"aw\"\n",
            ".balign 8\n",
            ".globl gtn_function_pointers\n",
            ".hidden gtn_function_pointers\n",
            "gtn_function_pointers:\n",
            ".popsection\n",
            $($(
                concat!(".pushsection .data.gtn_function_pointers, \"aw\"\n", "gtn_function_pointer_", $name, ":\n"),
                "    .quad {abort}\n",
                ".popsection\n",
                ".pushsection .text.gtn_trampolines, \"ax\"\n",
                ".balign 16\n",
                concat!(".globl ", $name, "\n", ".hidden ", $name, "\n"),
                concat!(".type ", $name, ", @function\n", $name, ":\n"),
                jump!($name),
                concat!(".size ", $name, ", . - ", $name, "\n"),
                ".popsection\n",
            )+)+
            abort = sym called_too_early,
        );

        const FUNCTIONS: &[LibraryFunctions] = &[$(LibraryFunctions { library: $library, names: &[$($name),+] }),+];
    };
}

unsafe extern "C" {
    /// The function pointers, in the order of [`FUNCTIONS`].
    static mut gtn_function_pointers: [*mut c_void; 0];
}

extern "C" fn called_too_early() -> ! {
    // Unwinding through foreign frames is not possible.
    std::process::abort()
}

functions! {
    "libcuda.so.1":
        "cuCtxDestroy_v2" "cuCtxGetCurrent" "cuCtxSetCurrent" "cuCtxSynchronize" "cuDeviceGet" "cuDeviceGetAttribute"
        "cuDeviceGetCount" "cuDeviceGetName" "cuDeviceGetDefaultMemPool" "cuDevicePrimaryCtxRelease_v2" "cuDevicePrimaryCtxRetain" "cuEventCreate"
        "cuEventDestroy_v2" "cuEventRecord" "cuGetErrorString" "cuInit" "cuLaunchKernel" "cuMemAllocAsync" "cuMemAlloc_v2"
        "cuMemFreeAsync" "cuMemFree_v2" "cuMemcpyDtoDAsync_v2" "cuMemcpyDtoHAsync_v2" "cuMemcpyHtoDAsync_v2"
        "cuMemPoolSetAttribute" "cuMemcpyPeerAsync" "cuMemsetD8Async" "cuModuleGetFunction" "cuModuleLoad" "cuModuleLoadData" "cuModuleUnload"
        "cuStreamCreate" "cuStreamDestroy_v2" "cuStreamIsCapturing" "cuStreamSynchronize" "cuStreamWaitEvent";
    // Must come before libcublas, which depends on it and would search only the system's folders.
    "libcublasLt.so.{}":
        "cublasLtCreate";
    "libcublas.so.{}":
        "cublasCreate_v2" "cublasDestroy_v2" "cublasDgemmStridedBatched" "cublasGemmEx" "cublasGemmStridedBatchedEx"
        "cublasSetStream_v2";
    // Its version number differs from CUDA's.
    "libcurand.so.10":
        "curandCreateGenerator" "curandDestroyGenerator" "curandSetPseudoRandomGeneratorSeed" "curandSetStream";
}

/// A library that could not be loaded, or that lacks a function.
#[derive(Debug, Clone)]
pub(super) struct LoadError {
    /// The message for the user.
    pub(super) reason: String,
    /// Whether the NVIDIA driver is installed, which suggests that there is a GPU.
    pub(super) has_driver: bool,
}

const DRIVER: &str = "libcuda.so.1";

/// Loads all libraries and looks up all functions. Later calls return the same result.
///
/// # Errors
///
/// [`LoadError`] if a library cannot be loaded or lacks a function.
pub(super) fn load() -> Result<(), LoadError> {
    static LOADED: OnceLock<Result<(), LoadError>> = OnceLock::new();
    LOADED.get_or_init(load_all).clone()
}

fn load_all() -> Result<(), LoadError> {
    let mut functions = Vec::new();
    for LibraryFunctions { library, names } in FUNCTIONS {
        let file = library.replace("{}", env!("GTN_CUDA_MAJOR"));
        let load_error = |reason| LoadError { reason, has_driver: file != DRIVER };
        let library = open(&file).map_err(load_error)?;
        for name in *names {
            // SAFETY: this only stores the address; Candle's bindings, which call it, declare its type.
            let function = unsafe { library.get::<*mut c_void>(name.as_bytes()) };
            let function = function
                .map_err(|error| load_error(format!("{file} is not the version that this program needs: {error}")))?;
            functions.push(function.into_raw());
        }
        // The library stays loaded until the process ends.
        std::mem::forget(library);
    }
    let pointers = (&raw mut gtn_function_pointers).cast::<*mut c_void>();
    for (index, function) in functions.into_iter().enumerate() {
        // SAFETY: there is a pointer for each name, and nothing uses the pointers before this function, which runs
        // once, returns.
        unsafe { pointers.add(index).write(function) };
    }
    Ok(())
}

/// Loads a library from where the system searches, or from where CUDA is usually installed.
fn open(file: &str) -> Result<Library, String> {
    let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let folders =
        homes.chain([PathBuf::from("/usr/local/cuda")]).flat_map(|home| [home.join("lib64"), home.join("lib")]);
    // SAFETY: the initializers of these libraries have no preconditions.
    let open = |path: PathBuf| unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let system_error = match open(file.into()) {
        Ok(library) => return Ok(library),
        Err(error) => std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
    };
    // A libcuda in CUDA's folders is only a stub for linking; the real one comes with the driver.
    let folders = folders.filter(|_| file != DRIVER);
    if let Some(library) =
        folders.map(|folder| folder.join(file)).filter(|path| path.exists()).find_map(|path| open(path).ok())
    {
        return Ok(library);
    }
    Err(if file == DRIVER {
        format!("the NVIDIA driver is not installed ({system_error})")
    } else {
        let major = env!("GTN_CUDA_MAJOR");
        format!(
            "cannot load {file} ({system_error}): install the libraries of CUDA {major}, or add their folder to LD_LIBRARY_PATH"
        )
    })
}
