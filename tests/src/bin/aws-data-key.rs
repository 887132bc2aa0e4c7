//! Fetches a data key from AWS KMS with the credentials that the SDK finds where this runs, and says how that ended. A process
//! of its own, since these come by environment variables.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a program of the tests, which read what it says"
)]

use anyhow::Context as _;
use proxy_crypto::{ClusterName, KeyName, KeyProvider as _, KmsContext, ProviderError, ProviderName};
use proxy_kms::{AwsCredentials, AwsKms, AwsSettings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let endpoint = words.next().context("usage: aws-data-key ENDPOINT CA_FILE")?;
    let authority = words.next().context("usage: aws-data-key ENDPOINT CA_FILE")?;
    let settings = AwsSettings {
        region: tests::kms::AWS_REGION.to_owned(),
        endpoint: Some(endpoint),
        fips: false,
        credentials: AwsCredentials::Default,
        role: None,
        ca: Some(authority.into()),
    };
    let provider = ProviderName::new("default")?;
    let context = KmsContext {
        cluster: ClusterName::new("cluster")?,
        provider: provider.clone(),
        key: KeyName::new("a")?,
    };
    match AwsKms::new(provider, settings).generate(&context).await {
        Ok(_) => eprintln!("said: a data key"),
        Err(ProviderError::Refused { cause, .. }) => eprintln!("said: refused: {cause}"),
        Err(ProviderError::Unavailable { cause, .. }) => eprintln!("said: unavailable: {cause}"),
        Err(error) => anyhow::bail!("{error}"),
    }
    Ok(())
}
