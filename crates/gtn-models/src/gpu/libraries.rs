//! CUDA's libraries, loaded when a GPU is first asked for, so that the program starts on machines that have none.
//!
//! Candle's bindings name the functions of these libraries as any foreign function, which would have the system load the
//! libraries before `main`, and refuse to start the program without them. So each function that is called has a place here
//! under its own name: a jump to where [`load`] found it. (The linker takes the names from here and drops the libraries. One that is not
//! listed would come from its library again; `readelf -d` shows whether libcuda is NEEDED.)
#![allow(unsafe_code, reason = "functions of foreign libraries are found by their names, and jumped to")]

use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

/// A library and the functions of it that are called.
struct Functions {
    library: &'static str,
    names: &'static [&'static str],
}

#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    ($name:literal) => {
        concat!("    jmp qword ptr [rip + gtn_place_of_", $name, "]\n")
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    ($name:literal) => {
        concat!(
            "    adrp x16, gtn_place_of_",
            $name,
            "\n    ldr x16, [x16, :lo12:gtn_place_of_",
            $name,
            "]\n    br x16\n"
        )
    };
}

/// Makes a place for each function, in this order, and a jump to it under its name. Until it is found that is `abort`: nobody
/// calls a function before `load` has succeeded.
macro_rules! functions {
    ($($library:literal: $($name:literal)+;)+) => {
        std::arch::global_asm!(
            ".pushsection .data.gtn_places, \"aw\"\n",
            ".balign 8\n",
            ".globl gtn_places\n",
            ".hidden gtn_places\n",
            "gtn_places:\n",
            ".popsection\n",
            $($(
                concat!(".pushsection .data.gtn_places, \"aw\"\n", "gtn_place_of_", $name, ":\n"),
                "    .quad {abort}\n",
                ".popsection\n",
                ".pushsection .text.gtn_jumps, \"ax\"\n",
                ".balign 16\n",
                concat!(".globl ", $name, "\n", ".hidden ", $name, "\n"),
                concat!(".type ", $name, ", @function\n", $name, ":\n"),
                jump!($name),
                concat!(".size ", $name, ", . - ", $name, "\n"),
                ".popsection\n",
            )+)+
            abort = sym called_too_early,
        );

        const FUNCTIONS: &[Functions] = &[$(Functions { library: $library, names: &[$($name),+] }),+];
    };
}

unsafe extern "C" {
    /// The places, in the order of [`FUNCTIONS`].
    static mut gtn_places: [*mut c_void; 0];
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
    // Before libcublas, which looks for it only where the system does.
    "libcublasLt.so.{}":
        "cublasLtCreate";
    "libcublas.so.{}":
        "cublasCreate_v2" "cublasDestroy_v2" "cublasDgemmStridedBatched" "cublasGemmEx" "cublasGemmStridedBatchedEx"
        "cublasSetStream_v2";
    // Its version is not CUDA's.
    "libcurand.so.10":
        "curandCreateGenerator" "curandDestroyGenerator" "curandSetPseudoRandomGeneratorSeed" "curandSetStream";
}

/// What is not there.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    /// A sentence that says it.
    pub(super) reason: String,
    /// Whether the driver is there, and so probably a GPU.
    pub(super) has_driver: bool,
}

const DRIVER: &str = "libcuda.so.1";

/// Finds all functions, once.
///
/// # Errors
///
/// [`Missing`] if a library is not there, or lacks a function.
pub(super) fn load() -> Result<(), Missing> {
    static LOADED: OnceLock<Result<(), Missing>> = OnceLock::new();
    LOADED.get_or_init(find_all).clone()
}

fn find_all() -> Result<(), Missing> {
    let mut found = Vec::new();
    for Functions { library, names } in FUNCTIONS {
        let file = library.replace("{}", env!("GTN_CUDA_MAJOR"));
        let missing = |reason| Missing { reason, has_driver: file != DRIVER };
        let library = open(&file).map_err(missing)?;
        for name in *names {
            // SAFETY: it is only kept as an address; whoever calls it through its place knows its type.
            let function = unsafe { library.get::<*mut c_void>(name.as_bytes()) };
            let function = function
                .map_err(|error| missing(format!("{file} is another version than this program needs: {error}")))?;
            found.push(function.into_raw());
        }
        // Its functions may be called until the process ends.
        std::mem::forget(library);
    }
    let places = (&raw mut gtn_places).cast::<*mut c_void>();
    for (index, function) in found.into_iter().enumerate() {
        // SAFETY: there is a place for each name; nobody reads one before this function, which runs once, has returned.
        unsafe { places.add(index).write(function) };
    }
    Ok(())
}

/// Opens a library where the system looks for it, or where CUDA is usually installed.
fn open(file: &str) -> Result<Library, String> {
    let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let folders =
        homes.chain([PathBuf::from("/usr/local/cuda")]).flat_map(|home| [home.join("lib64"), home.join("lib")]);
    // SAFETY: these libraries' initializers ask nothing of their caller.
    let open = |path: PathBuf| unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let first = match open(file.into()) {
        Ok(library) => return Ok(library),
        Err(error) => std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
    };
    // The driver's library belongs to the driver; one elsewhere is a stand-in for linking.
    let folders = folders.filter(|_| file != DRIVER);
    if let Some(library) =
        folders.map(|folder| folder.join(file)).filter(|path| path.exists()).find_map(|path| open(path).ok())
    {
        return Ok(library);
    }
    Err(if file == DRIVER {
        format!("this machine has no NVIDIA driver ({first})")
    } else {
        let major = env!("GTN_CUDA_MAJOR");
        format!("install the libraries of CUDA {major}, or put their folder in LD_LIBRARY_PATH ({first})")
    })
}
