//! The vendor's own templates, from a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use licentia_domain::mail::Templates;

use super::MailSetupError;

const KEY: &str = "mail.templates_dir";

/// Ours, and in their place whatever lies in the folder. Other files that end like templates are mistakes; what does not
/// end so (a README) is left alone.
pub(super) fn read(folder: Option<&Path>) -> Result<Templates, MailSetupError> {
    let own = folder.map(read_folder).transpose()?.unwrap_or_default();
    Ok(Templates::read(|name| own.get(name).cloned())?)
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, MailSetupError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| MailSetupError::Unreadable { key: KEY, path, source }
    };
    let mut own = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !path.extension().is_some_and(|end| end == "txt" || end == "html") {
            continue;
        }
        if !Templates::is_known(&name) {
            return Err(MailSetupError::UnknownTemplate { name });
        }
        own.insert(name, fs::read_to_string(&path).map_err(unreadable(&path))?);
    }
    Ok(own)
}
