use super::dtype::Dtype;

/// A Python object that a pickle may name. Every other one is refused, since calling it could do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    /// `_rebuild_tensor(storage, offset, size, stride, ...)`, also in its second version.
    RebuildTensor,
    /// `_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, ...)`, of untyped storages.
    RebuildUntypedTensor,
    /// `_rebuild_parameter(tensor, ...)`
    RebuildParameter,
    /// `_rebuild_from_type_v2(function, type, arguments, state)`
    RebuildFromType,
    Storage(Dtype),
    /// The class of a tensor, or a dtype: an argument of the others, which is not called.
    Inert,
}

impl Global {
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v3") => Global::RebuildUntypedTensor,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::RebuildParameter,
            ("torch._tensor", "_rebuild_from_type_v2") => Global::RebuildFromType,
            ("torch.nn.parameter", "Parameter" | "Buffer") => Global::Inert,
            ("torch.storage", "UntypedStorage") => Global::Storage(Dtype::OTHER),
            ("torch", "Tensor" | "float32" | "float64" | "float16" | "bfloat16" | "uint16" | "uint32" | "uint64") => {
                Global::Inert
            }
            ("torch", class) => Global::Storage(Dtype::of_storage(class)?),
            _ => return None,
        })
    }
}
