//! `crd`: prints the definitions of the resources.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use operator_api::manifests;

/// Nothing to choose.
#[derive(Debug, Clone, Args)]
pub struct CrdArgs {}

/// Prints both `CustomResourceDefinition`s as one file, as `kubectl apply` takes it.
pub fn run(_: &CrdArgs) -> ExitCode {
    let printed = text().and_then(|text| Ok(std::io::stdout().lock().write_all(text.as_bytes())?));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "failed to print the definitions: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn text() -> anyhow::Result<String> {
    let documents: Vec<_> = manifests::crds()?.into_iter().map(|(_, text)| text).collect();
    Ok(format!("---\n{}", documents.join("---\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_both_definitions() {
        let text = text().unwrap();
        assert_eq!(text.matches("---\napiVersion: apiextensions.k8s.io/v1\n").count(), 2);
        assert!(text.contains("name: encryptionproxies.encryption.strimzi.io"));
        assert!(text.contains("name: topicencryptionpolicies.encryption.strimzi.io"));
    }
}
