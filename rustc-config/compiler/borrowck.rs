//! What the checkpoint `after_borrowck` calls a body.

heap_walk::when_enabled! {
    use rustc_hir::definitions::DefPathDataName;
    use rustc_middle::ty::TyCtxt;
    use rustc_span::def_id::LocalDefId;

    /// The path of `def`, as `module::function::closure#0`, from the names of its
    /// parents: no query runs, no path is printed, nothing is noted as a dependency.
    /// Its number where another thread is adding a definition or a name: nothing is waited for.
    pub(crate) fn path(tcx: TyCtxt<'_>, def: LocalDefId) -> String {
        try_path(tcx, def).unwrap_or_else(|| format!("#{}", def.local_def_index.as_u32()))
    }

    fn try_path(tcx: TyCtxt<'_>, def: LocalDefId) -> Option<String> {
        let definitions = tcx.untracked().definitions.try_read()?;
        let mut names = Vec::new();
        let mut at = def;
        loop {
            let key = definitions.def_key(at);
            let Some(parent) = key.parent else { break };
            names.push(match key.disambiguated_data.data.name() {
                DefPathDataName::Named(name) => name.try_as_str()?.to_owned(),
                DefPathDataName::Anon { namespace } => {
                    format!("{}#{}", namespace.try_as_str()?, key.disambiguated_data.disambiguator)
                }
            });
            at = LocalDefId { local_def_index: parent };
        }
        names.reverse();
        Some(names.join("::"))
    }
}
