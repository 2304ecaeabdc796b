use std::fmt;

/// The type of a tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dtype {
    /// Its name in PyTorch.
    name: &'static str,
    /// Bytes of a value.
    pub(super) size: usize,
}

impl Dtype {
    pub(super) const F32: Self = Self::new("float32", 4);

    /// A type of other values than those of networks, whose size is not needed.
    pub(super) const OTHER: Self = Self::new("another dtype", 1);

    const fn new(name: &'static str, size: usize) -> Self {
        Self { name, size }
    }

    /// The type of the values of a storage, by the name of its class in the module `torch`.
    pub(super) fn of_storage(class: &str) -> Option<Self> {
        Some(match class {
            "FloatStorage" => Self::F32,
            "DoubleStorage" => Self::new("float64", 8),
            "HalfStorage" => Self::new("float16", 2),
            "BFloat16Storage" => Self::new("bfloat16", 2),
            "LongStorage" => Self::new("int64", 8),
            "IntStorage" => Self::new("int32", 4),
            "ShortStorage" => Self::new("int16", 2),
            "CharStorage" => Self::new("int8", 1),
            "ByteStorage" => Self::new("uint8", 1),
            "BoolStorage" => Self::new("bool", 1),
            "ComplexFloatStorage" => Self::new("complex64", 8),
            "ComplexDoubleStorage" => Self::new("complex128", 16),
            _ => return None,
        })
    }

    /// The type of the values of a tensor in a safetensors file.
    pub(super) fn of_safetensors(dtype: safetensors::Dtype) -> Self {
        use safetensors::Dtype as D;
        match dtype {
            D::F32 => Self::F32,
            D::F64 => Self::new("float64", 8),
            D::F16 => Self::new("float16", 2),
            D::BF16 => Self::new("bfloat16", 2),
            D::I64 => Self::new("int64", 8),
            D::I32 => Self::new("int32", 4),
            D::U8 => Self::new("uint8", 1),
            D::BOOL => Self::new("bool", 1),
            _ => Self::OTHER,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
