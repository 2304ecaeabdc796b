//! What the launcher of MPI programs says of this process in its environment, before MPI is initialized.

use std::env;

/// The variables of launchers: the rank, the number of processes, and the number of those on this machine.
const VARIABLES: [[&str; 3]; 3] = [
    // Open MPI.
    ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"],
    // MPICH, Intel MPI, and SLURM with `--mpi=pmi2`.
    ["PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"],
    // SLURM with `--mpi=pmix`.
    ["PMIX_RANK", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_TASKS_PER_NODE"],
];

/// How a launcher has started this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// The number of this process.
    pub rank: usize,
    /// The number of processes.
    pub size: usize,
    /// The number of those on this machine, if the launcher says it.
    pub local_size: Option<usize>,
}

impl Launch {
    /// What the environment says; `None` if no launcher has started this process.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        // SLURM writes `4(x2)` for 4 tasks on each of 2 machines.
        let number = |name: &str| {
            let text = variable(name)?;
            let digits = text.trim().split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<usize>().ok()
        };
        VARIABLES.iter().find_map(|[rank, size, local_size]| {
            let (rank, size) = (number(rank)?, number(size)?);
            (rank < size).then(|| Self { rank, size, local_size: number(local_size).filter(|&local| local > 0) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(variables: &[(&str, &str)]) -> Option<Launch> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Launch::from_variables(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn launchers_are_recognized_by_their_variables() {
        let open_mpi =
            [("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "4"), ("OMPI_COMM_WORLD_LOCAL_SIZE", "2")];
        assert_eq!(launch(&open_mpi), Some(Launch { rank: 1, size: 4, local_size: Some(2) }));
        assert_eq!(
            launch(&[("PMI_RANK", "0"), ("PMI_SIZE", "8")]),
            Some(Launch { rank: 0, size: 8, local_size: None })
        );
        let slurm = [("PMIX_RANK", "7"), ("SLURM_STEP_NUM_TASKS", "8"), ("SLURM_STEP_TASKS_PER_NODE", "4(x2)")];
        assert_eq!(launch(&slurm), Some(Launch { rank: 7, size: 8, local_size: Some(4) }));
    }

    #[test]
    fn other_processes_are_not_launched() {
        // Those of a batch script have this variable too.
        assert_eq!(launch(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8")]), None);
        assert_eq!(launch(&[("OMPI_COMM_WORLD_RANK", "x"), ("OMPI_COMM_WORLD_SIZE", "4")]), None);
        assert_eq!(launch(&[("PMI_RANK", "8"), ("PMI_SIZE", "8")]), None);
        assert_eq!(launch(&[]), None);
    }
}
