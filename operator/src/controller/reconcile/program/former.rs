//! Authorities that issued before others took over stay trusted for a while: proxies take a new certificate, and clients a new
//! bundle, each at its own time.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

use crate::names::FORMER_UNTIL_ANNOTATION;

const END: &str = "-----END CERTIFICATE-----\n";
/// However often they change.
const MOST: usize = 8;

/// Whom clients trust.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trusted {
    /// Certificates, those in force first.
    pub(super) text: String,
    /// Until when the former ones among them stay.
    pub(super) former_until: Option<Timestamp>,
}

/// These, and for the time of an overlap those that the bundle had before. What has left without anything new in its place
/// was taken away on purpose.
pub(super) fn with_former(
    text: &str,
    before: Option<&ConfigMap>,
    now: Timestamp,
    overlap: SignedDuration,
) -> Trusted {
    let told = before.and_then(|map| map.data.as_ref()?.get("ca.crt")).map_or("", String::as_str);
    let former: Vec<_> = certificates(told).filter(|each| !text.contains(*each)).take(MOST).collect();
    let comes = certificates(text).any(|each| !told.contains(each));
    let noted = || before?.annotations().get(FORMER_UNTIL_ANNOTATION)?.parse::<Timestamp>().ok();
    let until = if comes { now.checked_add(overlap).ok() } else { noted() };
    match until.filter(|until| now < *until && !former.is_empty()) {
        Some(until) => Trusted { text: format!("{text}{}", former.concat()), former_until: Some(until) },
        None => Trusted { text: text.to_owned(), former_until: None },
    }
}

fn certificates(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(END).filter(|each| each.ends_with(END))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(name: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{name}\n{END}")
    }

    fn bundle(Trusted { text, former_until }: &Trusted) -> ConfigMap {
        let mut map =
            ConfigMap { data: Some([("ca.crt".to_owned(), text.clone())].into()), ..ConfigMap::default() };
        map.metadata.annotations =
            former_until.map(|until| [(FORMER_UNTIL_ANNOTATION.to_owned(), until.to_string())].into());
        map
    }

    fn after(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    /// What follows when this is in force, with an overlap of a day.
    fn next(before: &Trusted, text: &str, hours: i64) -> Trusted {
        with_former(text, Some(&bundle(before)), after(hours), SignedDuration::from_hours(24))
    }

    #[test]
    fn a_former_authority_is_trusted_for_an_overlap_and_no_longer() {
        let (old, new) = (pem("old"), pem("new"));
        let first = with_former(&old, None, after(0), SignedDuration::from_hours(24));
        assert_eq!(first, Trusted { text: old.clone(), former_until: None });
        let both = Trusted { text: format!("{new}{old}"), former_until: Some(after(25)) };
        assert_eq!(next(&first, &new, 1), both);
        assert_eq!(next(&both, &new, 2), both, "the time runs");
        assert_eq!(next(&both, &new, 25), Trusted { text: new.clone(), former_until: None });
        assert_eq!(next(&both, &old, 2).text, format!("{old}{new}"), "and back");
    }

    #[test]
    fn a_third_one_has_an_overlap_of_its_own() {
        let [old, second, third] = ["old", "second", "third"].map(pem);
        let both = Trusted { text: format!("{second}{old}"), former_until: Some(after(25)) };
        let all = Trusted { text: format!("{third}{second}{old}"), former_until: Some(after(44)) };
        assert_eq!(next(&both, &third, 20), all);
    }

    #[test]
    fn whoever_is_taken_away_on_purpose_goes_at_once() {
        let [old, new] = ["old", "new"].map(pem);
        let both = Trusted { text: format!("{new}{old}"), former_until: None };
        assert_eq!(next(&both, &new, 1), Trusted { text: new, former_until: None });
    }
}
