pub(super) fn load() -> Result<(), String> {
    Ok(())
}
