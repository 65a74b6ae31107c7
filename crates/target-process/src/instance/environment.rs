//! Everything that a process of a service is told, with the files that it is told of.

use std::collections::BTreeMap;

use bascule_instances::surroundings::Who;
use bascule_model::release::{Configuration, Service};

use crate::error::ProcessError;
use crate::shared::Shared;

/// Its variables. What it gets as files is written before this returns; what else its folder has is left.
pub(crate) fn environment(
    shared: &Shared,
    who: &Who<'_>,
    service: &Service,
    configuration: &Configuration,
) -> Result<BTreeMap<String, String>, ProcessError> {
    let nothing = BTreeMap::new();
    let configured = configuration.env.get(&service.name).unwrap_or(&nothing);
    let files = who.files(configured, &service.secret_files);
    if files.is_empty() {
        return Ok(who.environment(&shared.environment, configured));
    }
    let folder = shared.secret_files.write(who.instance.as_str(), &files);
    let folder =
        folder.map_err(|detail| ProcessError::NoSecretPlace { service: service.name.to_string(), detail })?;
    Ok(who.environment_beside_files(&shared.environment, configured, &service.secret_files, &folder))
}
