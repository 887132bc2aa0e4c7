//! What `run` is told, as flags or environment variables.

mod namespace_labels;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, FromArgMatches as _};

pub use self::namespace_labels::{NamespaceLabels, NamespaceLabelsError};

/// Which namespaces are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// Every one.
    All,
    /// These.
    Namespaces(Vec<String>),
}

impl Watched {
    /// Whether a namespace is among them.
    pub fn contains(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Namespaces(names) => names.iter().any(|name| name == namespace),
        }
    }
}

/// The settings of `run`.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Namespaces to watch, separated by commas; `*` for all; by default the operator's own.
    #[arg(long, env = "WATCH_NAMESPACES", value_name = "NAMES")]
    pub watch_namespaces: Option<String>,
    /// Only resources of this project with these labels.
    #[arg(long, env = "SELECTOR", value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// The operator's own namespace.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default", value_name = "NAME")]
    pub pod_namespace: String,
    /// The operator's own pod.
    #[arg(long, env = "POD_NAME", default_value = "topic-encryption-operator", value_name = "NAME")]
    pub pod_name: String,
    /// The image of proxies.
    #[arg(long, env = "PROXY_IMAGE", value_name = "IMAGE")]
    pub proxy_image: String,
    /// When nodes pull it: `Always`, `IfNotPresent` or `Never`.
    #[arg(long, env = "PROXY_IMAGE_PULL_POLICY", value_name = "POLICY")]
    pub proxy_image_pull_policy: Option<String>,
    /// Secrets to pull it with, separated by commas.
    #[arg(long, env = "PROXY_IMAGE_PULL_SECRETS", value_delimiter = ',', value_name = "NAMES")]
    pub proxy_image_pull_secrets: Vec<String>,
    /// The domain of Services.
    #[arg(long, env = "CLUSTER_DOMAIN", default_value = "cluster.local", value_name = "DOMAIN")]
    pub cluster_domain: String,
    /// Whether fleets get NetworkPolicies.
    #[arg(long, env = "NETWORK_POLICIES", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub network_policies: bool,
    /// Labels of the namespaces from which these let metrics be read, as `name=value,…`; empty is none.
    #[arg(
        long,
        env = "METRICS_NAMESPACE_LABELS",
        default_value = "encryption.strimzi.io/scrape=true",
        value_name = "LABELS"
    )]
    pub metrics_namespace_labels: NamespaceLabels,
    /// Whether fleets get PodDisruptionBudgets.
    #[arg(long, env = "POD_DISRUPTION_BUDGETS", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub pod_disruption_budgets: bool,
    /// How often everything is looked at without any change. Secrets that pods mount are not watched, which would need the
    /// right to list them: a change of one is seen by then. More than 30 counts as 30.
    #[arg(long, env = "RESYNC_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=3600), value_name = "SECONDS")]
    pub resync_seconds: u64,
    /// How long a new authority is only published before certificates are issued by it.
    #[arg(long, env = "CA_OVERLAP_SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=1_296_000), value_name = "SECONDS")]
    pub ca_overlap_seconds: u64,
    /// Whether only the holder of a Lease works.
    #[arg(long, env = "LEADER_ELECTION", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub leader_election: bool,
    /// The Lease, in the operator's own namespace.
    #[arg(long, env = "LEASE_NAME", default_value = "topic-encryption-operator", value_name = "NAME")]
    pub lease_name: String,
    /// Features to switch, as `+Name,-Name`.
    #[arg(long, env = "FEATURE_GATES", default_value = "", value_name = "GATES")]
    pub feature_gates: String,
    /// Address and port of health and metrics.
    #[arg(long, env = "ADMIN_BIND", default_value = "[::]:8080", value_name = "ADDRESS")]
    pub admin_bind: SocketAddr,
    /// What is logged: a level, or directives of `tracing`.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
    /// A file with the same, which counts whenever it changes.
    #[arg(long, env = "LOG_LEVEL_FILE", value_name = "FILE")]
    pub log_level_file: Option<PathBuf>,
}

impl Settings {
    /// Those of an operator that was told nothing, whatever the environment says.
    #[expect(clippy::missing_panics_doc, reason = "it never does")]
    pub fn defaults() -> Self {
        let command = Self::augment_args(clap::Command::new("run")).mut_args(|argument| argument.env(None));
        let matches = command.get_matches_from(["run", "--proxy-image", "the-proxy"]);
        Self::from_arg_matches(&matches).expect("every other setting has a default")
    }

    /// Which namespaces are watched.
    pub fn watched(&self) -> Watched {
        let text = self.watch_namespaces.as_deref().unwrap_or("").trim();
        if text == "*" {
            return Watched::All;
        }
        let mut names: Vec<String> =
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.is_empty() {
            names.push(self.pod_namespace.clone());
        }
        names.sort();
        names.dedup();
        Watched::Namespaces(names)
    }

    /// How often everything is looked at without any change.
    pub fn resync(&self) -> Duration {
        // Whoever says more gets this all the same: Secrets that pods mount are looked at no less often.
        Duration::from_secs(self.resync_seconds.min(30))
    }

    /// Refuses what is no feature gate. There are none yet.
    pub fn check_feature_gates(&self) -> Result<(), UnknownFeatureGate> {
        match self.feature_gates.split(',').map(str::trim).find(|gate| !gate.is_empty()) {
            None => Ok(()),
            Some(gate) => Err(UnknownFeatureGate(gate.to_owned())),
        }
    }
}

/// A name in `FEATURE_GATES` that means nothing to this version.
#[derive(Debug, thiserror::Error)]
#[error("FEATURE_GATES: {0} is not known to this version, which has no feature gates; remove it")]
pub struct UnknownFeatureGate(String);

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings(arguments: &[&str]) -> Settings {
        let fixed = ["operator", "--proxy-image", "proxy:1", "--pod-namespace", "own"];
        Cli::try_parse_from(fixed.iter().chain(arguments)).expect("these are arguments").settings
    }

    #[test]
    fn watches_its_own_namespace_unless_told() {
        assert_eq!(settings(&[]).watched(), Watched::Namespaces(vec!["own".to_owned()]));
        assert_eq!(settings(&["--watch-namespaces", "*"]).watched(), Watched::All);
        let two = settings(&["--watch-namespaces", "b, a,b"]).watched();
        assert_eq!(two, Watched::Namespaces(vec!["a".to_owned(), "b".to_owned()]));
        assert!(two.contains("a") && !two.contains("own"));
    }

    #[test]
    fn looks_at_everything_as_often_as_it_says() {
        assert_eq!(settings(&[]).resync(), Duration::from_secs(30));
        assert_eq!(settings(&["--resync-seconds", "5"]).resync(), Duration::from_secs(5));
        assert_eq!(settings(&["--resync-seconds", "120"]).resync(), Duration::from_secs(30));
        for seconds in ["4", "3601"] {
            let arguments = ["operator", "--proxy-image", "proxy:1", "--resync-seconds", seconds];
            assert!(Cli::try_parse_from(arguments).is_err(), "{seconds}");
        }
    }

    #[test]
    fn refuses_labels_of_which_it_would_leave_something_out() {
        let arguments = ["operator", "--proxy-image", "proxy:1", "--metrics-namespace-labels", "a=b,c"];
        let error = Cli::try_parse_from(arguments).unwrap_err().to_string();
        assert!(error.contains("METRICS_NAMESPACE_LABELS") && error.contains("'c'"), "{error}");
    }

    #[test]
    fn refuses_feature_gates_that_it_does_not_know() {
        settings(&[]).check_feature_gates().unwrap();
        let error = settings(&["--feature-gates", "+Wings"]).check_feature_gates().unwrap_err();
        assert!(error.to_string().contains("+Wings"), "{error}");
    }
}
