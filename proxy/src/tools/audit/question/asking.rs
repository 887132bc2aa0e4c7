//! How a question is written, and what it says of versions.

use super::{Asked, Question, QuestionError, Version};
use crate::tools::audit::providers::{Kind, Providers};
use std::fmt;
use std::str::FromStr;

impl FromStr for Question {
    type Err = String;

    /// A version has neither '/' nor ':', so the names of keys that have both are taken whole; one that ends in ':' and the
    /// like is written with one more ':' behind it.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be PROVIDER/KEY or PROVIDER/KEY:VERSION".to_owned();
        let (provider, rest) = text.split_once('/').ok_or_else(wrong)?;
        let (key, version) = match rest.rsplit_once(':') {
            Some((key, version)) if !version.contains('/') => (key, Some(version)),
            _ => (rest, None),
        };
        if provider.is_empty() || key.is_empty() {
            return Err(wrong());
        }
        let version = version.filter(|version| !version.is_empty()).map(str::to_owned);
        Ok(Self { provider: provider.to_owned(), key: key.to_owned(), version })
    }
}

impl Question {
    /// The question with the version as records would have it.
    pub(crate) fn ask(self, providers: &Providers) -> Result<Asked, QuestionError> {
        let kind = providers.kind(&self.provider);
        let others = providers.others_at(&self.provider);
        let version = match &self.version {
            None => None,
            Some(version) => Some(match kind {
                Some(Kind::Local | Kind::Gcp) => Version::Number(self.number(version)?),
                Some(Kind::Vault) => Version::UpTo(self.number(version)?),
                Some(Kind::Pkcs11) => Version::Id(self.id(version)?),
                Some(Kind::Azure | Kind::Kmip) => Version::Id(version.to_ascii_lowercase()),
                Some(Kind::Aws | Kind::Ibm) | None => Version::Untold,
            }),
        };
        Ok(Asked { question: self, kind, others, version })
    }

    /// People write `3`, `v3` and `03`.
    fn number(&self, version: &str) -> Result<u64, QuestionError> {
        let digits = version.strip_prefix(['v', 'V']).unwrap_or(version);
        let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .and_then(|digits| digits.parse().ok())
            .filter(|number| *number > 0)
            .ok_or_else(|| QuestionError::Number(self.provider.clone(), version.to_owned()))
    }

    fn id(&self, version: &str) -> Result<String, QuestionError> {
        let id = version.strip_prefix("0x").unwrap_or(version).to_ascii_lowercase();
        let is_hex = id.len().is_multiple_of(2) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex && !id.is_empty() {
            return Ok(id);
        }
        Err(QuestionError::Id(self.provider.clone(), version.to_owned()))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Question { provider, key, .. } = &self.question;
        write!(f, "{provider}/{key}")?;
        match (&self.version, &self.question.version) {
            (Some(Version::Number(number) | Version::UpTo(number)), _) => write!(f, ":{number}"),
            (Some(Version::Id(id)), _) => write!(f, ":{id}"),
            (Some(Version::Untold), Some(version)) => write!(f, ":{version}"),
            _ => Ok(()),
        }
    }
}
